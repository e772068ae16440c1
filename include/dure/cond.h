/* Condition variables: waiting until something that a mutex guards has changed. */
#ifndef DURE_COND_H
#define DURE_COND_H

#include <dure/base.h>
#include <dure/mutex.h>

DURE_BEGIN_DECLS

/* A condition variable, in the caller's memory, between tasks of any loop and
   plain threads. */
typedef struct dure_cond {
    uint64_t reserved[6];
} dure_cond;

/* Zeroed memory is one too. */
/* clang-format off */
#define DURE_COND_INIT { { 0 } }
/* clang-format on */

/* Initialises a condition variable.
   flags: DURE_SAME_LOOP as for dure_mutex_init, or 0.
   Returns: 0, or -1 with errno EINVAL or EPERM as dure_mutex_init.
   Blocks: never. Threads: any, before others use it. Ownership: nothing is
   allocated; the memory may go once nobody waits for it. */
DURE_API int dure_cond_init(dure_cond *cond, unsigned flags);

/* Unlocks the mutex and waits for a signal, at once as far as who signals with
   the mutex locked can tell; then locks the mutex again. It does not return
   without a signal of its own, but what was signaled may have changed again: look
   in a loop.
   Returns: 0 after a signal; or -1 with errno
     ECANCELED   a scope has ended and no signal was taken.
     EPERM       the caller does not have the mutex; nothing happened.
   The mutex is the caller's again in any case; a recursive one as often locked
   as before.
   Blocks: the task (the thread outside one). Cancellation: exact for the
   signal; locking again is never cancelled. Threads: the mutex's owner. */
DURE_API int dure_cond_wait(dure_cond *cond, dure_mutex *mutex);

/* As dure_cond_wait, until a time at the latest.
   deadline: when to give up; {0} is never.
   Returns: as dure_cond_wait, and
     ETIMEDOUT   the time came and no signal was taken.
   Source: as pthread_cond_timedwait. */
DURE_API int dure_cond_timedwait(dure_cond *cond, dure_mutex *mutex, dure_deadline deadline);

/* Signals whoever has waited longest; nobody, if none waits.
   Blocks: never. Threads: any, with the mutex or without it. */
DURE_API void dure_cond_signal(dure_cond *cond);

/* Signals all who wait.
   Blocks: never; its time grows with their number. Threads: any. */
DURE_API void dure_cond_broadcast(dure_cond *cond);

DURE_END_DECLS

#endif
