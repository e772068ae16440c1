/* Somebody, task or thread, who waits for one signal that may come from any thread. */
#ifndef DURE_SRC_TASK_WAITER_H
#define DURE_SRC_TASK_WAITER_H

#include "task/task.h"

struct thread_flow;

struct waiter {
    struct message message;
    struct sched *sched;        /* its loop, which hears the signal; NULL: a thread without one */
    struct task *task;          /* NULL: a thread, maybe between the turns of its loop */
    struct thread_flow *thread; /* a thread's */
    _Atomic uint32_t signaled;
};

/* Who waits is the calling task or thread. */
void waiter_init(struct waiter *waiter);

/* Waits for the signal. wait: what for, and how to make it end. When the caller's scopes end, or the
   clock reaches wait->until_ns (0: never), wait->cancel is called, at most once, on the waiter's
   thread; it sees to it that the signal comes, if it is not under way. NULL, or without a cancel: is
   not ended by anything else. Returns true if the time was what ended it. */
bool waiter_wait(struct waiter *waiter, struct wait *wait);

/* The signal. Any thread, once; the waiter's memory may be gone after it. */
void waiter_signal(struct waiter *waiter);

#endif
