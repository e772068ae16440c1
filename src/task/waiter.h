/* Somebody, task or thread, who waits for one signal that may come from any thread. */
#ifndef DURE_SRC_TASK_WAITER_H
#define DURE_SRC_TASK_WAITER_H

#include "task/task.h"

struct thread_flow;

struct waiter {
    struct message message;
    struct sched *sched;        /* its loop, which hears the signal; NULL: a thread without one */
    struct task *task;          /* NULL: a thread, maybe between the turns of its loop */
    struct thread_flow *thread; /* a thread's, as the next */
    /* How it sleeps until a nudge or a time (INT64_MAX: none); NULL: thread_doze. Set after
       waiter_init for a thread without a loop, it calls thread_doze_polling. */
    void (*sleep)(struct waiter *waiter, int64_t until_ns);
    _Atomic uint32_t signaled;
};

/* What follows is in line as far as it is about tasks of the calling thread's loop: locks and
   channels are made of it, and a call and its return cost as much as half of them. */

void waiter_deliver(struct message *message);
void waiter_init_thread(struct waiter *waiter);

/* Who waits is the calling task or thread. */
static inline void waiter_init(struct waiter *waiter)
{
    struct sched *sched = sched_here;

    waiter->message.deliver = waiter_deliver;
    waiter->sched = sched;
    waiter->task = sched ? sched->current : NULL;
    atomic_store_explicit(&waiter->signaled, 0, memory_order_relaxed);
    if (unlikely(!waiter->task))
        waiter_init_thread(waiter);
}

static inline bool waiter_is_signaled(struct waiter *waiter)
{
    /* Sequentially consistent: a thread says that it dozes and then looks, a signaler signals and
       then asks. Also acquire: what the signaler wrote before. */
    return atomic_load_explicit(&waiter->signaled, memory_order_seq_cst);
}

bool waiter_wait_otherwise(struct waiter *waiter, struct wait *wait);

/* Waits for the signal. wait: what for, and how to make it end. When the caller's scopes end, or the
   clock reaches wait->until_ns (0: never), wait->cancel is called, at most once, on the waiter's
   thread; it sees to it that the signal comes, if it is not under way. Without a cancel it is not ended
   by anything else. Returns true if the time was what ended it. */
static inline bool waiter_wait(struct waiter *waiter, struct wait *wait)
{
    if (unlikely(!waiter->task) || unlikely(wait->until_ns && wait->cancel))
        return waiter_wait_otherwise(waiter, wait);
    while (!waiter_is_signaled(waiter))
        task_park(wait);
    return false;
}

void waiter_signal_otherwise(struct waiter *waiter);

/* The signal. Any thread, once; the waiter's memory may be gone after it. */
static inline void waiter_signal(struct waiter *waiter)
{
    struct task *task = waiter->task;

    if (likely(task && waiter->sched == sched_here && task->state == TASK_PARKED &&
               waiter->sched->current)) {
        atomic_store_explicit(&waiter->signaled, 1, memory_order_relaxed);
        task_ready(task);
    } else {
        waiter_signal_otherwise(waiter);
    }
}

#endif
