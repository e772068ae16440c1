/* Waiting for one signal, as a task or as a thread. */
#include "task/task.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A waiting task's waiter is signaled by its message's arrival on the task's loop; a task that has
   not parked yet finds the signal. */
static void deliver(struct message *message)
{
    struct waiter *waiter = container_of(message, struct waiter, message);

    atomic_store_explicit(&waiter->signaled, 1, memory_order_relaxed);
    if (waiter->task->state == TASK_PARKED)
        task_ready(waiter->task);
}

void waiter_init(struct waiter *waiter)
{
    waiter->message.deliver = deliver;
    waiter->task = task_current();
    atomic_store_explicit(&waiter->signaled, 0, memory_order_relaxed);
}

void waiter_wait(struct waiter *waiter, struct wait *wait)
{
    /* Acquire: what the signaler wrote before. (A task's signal comes on its own thread.) */
    while (atomic_load_explicit(&waiter->signaled, memory_order_acquire) == 0) {
        if (waiter->task)
            task_park(wait);
        else
            syscall(SYS_futex, &waiter->signaled, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

void waiter_signal(struct waiter *waiter)
{
    struct task *task = waiter->task;

    if (!task) {
        _Atomic uint32_t *at = &waiter->signaled;

        /* Release: see waiter_wait. After it the memory may be gone: the wake needs its address
           alone, and one that meets nobody is harmless. */
        atomic_store_explicit(at, 1, memory_order_release);
        syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    } else if (task->sched == sched_here) {
        deliver(&waiter->message);
    } else {
        sched_post(task->sched, &waiter->message);
    }
}
