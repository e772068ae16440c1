/* Semaphores: a number that is waited for and posted. */
#ifndef DURE_SEMAPHORE_H
#define DURE_SEMAPHORE_H

#include <dure/base.h>
#include <dure/scope.h>
#include <dure/time.h>

DURE_BEGIN_DECLS

/* A semaphore, in the caller's memory, between tasks of any loop and plain
   threads. Who waits gets what is posted first come, first served. */
typedef struct dure_sem {
    uint64_t reserved[6];
} dure_sem;

/* One of value 0; zeroed memory is one too. */
/* clang-format off */
#define DURE_SEM_INIT { { 0 } }
/* clang-format on */

/* The greatest value. */
#define DURE_SEM_MAX 0x7fffffffu

/* Initialises a semaphore.
   value: how many waits go on at once. flags: DURE_SAME_LOOP as for
   dure_mutex_init, or 0.
   Returns: 0, or -1 with errno
     EINVAL   a flag is unknown, or the value above DURE_SEM_MAX.
     EPERM    DURE_SAME_LOOP, and the caller is on no loop.
   Blocks: never. Threads: any, before others use it. Ownership: nothing is
   allocated; the memory may go once nobody waits for it or is going to post,
   which may be as soon as the last wait has returned. */
DURE_API int dure_sem_init(dure_sem *sem, unsigned value, unsigned flags);

/* Takes one off the value, and waits as long as it is 0. Unlike a lock, which
   its owner gives back, nobody owes a post: so it can be cancelled.
   Returns: 0, or -1 with errno
     ECANCELED   a scope has ended; nothing was taken.
     EDEADLK     it would have to wait in a callback, which must not.
   Blocks: the task (the thread outside one). Cancellation: exact. Threads: any.
   Source: as sem_wait. */
DURE_API int dure_sem_wait(dure_sem *sem);

/* As dure_sem_wait, until a time at the latest.
   deadline: when to give up; {0} is never.
   Returns: as dure_sem_wait, and
     ETIMEDOUT   the time came; nothing was taken. If the value is not 0 one is
                 taken, at any time.
   Source: as sem_timedwait. */
DURE_API int dure_sem_timedwait(dure_sem *sem, dure_deadline deadline);

/* Takes one off the value if that needs no waiting.
   Returns: 0, or -1 with errno
     EAGAIN   the value is 0.
   Blocks: never. Threads: any. */
DURE_API int dure_sem_trywait(dure_sem *sem);

/* Adds one to the value, or lets the first who waits go on.
   Returns: 0, or -1 with errno
     EOVERFLOW   the value is DURE_SEM_MAX.
   Blocks: never, and is never cancelled. Threads: any; but not a signal's
   handler, unlike sem_post. */
DURE_API int dure_sem_post(dure_sem *sem);

/* Asks for the value, which may have changed since.
   Returns: the value; 0 if somebody waits.
   Blocks: never. Threads: any. */
DURE_API unsigned dure_sem_value(const dure_sem *sem);

DURE_END_DECLS

#endif
