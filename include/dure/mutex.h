/* Mutual exclusion between tasks of any loop, and plain threads. */
#ifndef DURE_MUTEX_H
#define DURE_MUTEX_H

#include <dure/base.h>
#include <dure/scope.h>
#include <dure/time.h>

DURE_BEGIN_DECLS

/* A mutex, in the caller's memory. It belongs to the task or thread that locked
   it until that unlocks it. Who waits gets it in the order in which they came,
   but for one liberty: while the next one is being woken on another loop, who
   runs may take it, for at most about a millisecond, lest every change of
   owner cost a wake. Nobody starves. */
typedef struct dure_mutex {
    uint64_t reserved[8];
} dure_mutex;

/* A mutex of the plain kind; zeroed memory is one too. */
/* clang-format off */
#define DURE_MUTEX_INIT { { 0 } }
/* clang-format on */

/* Its owner may lock it again, and unlocks it as often. Beside it, for locks and
   channels alike, DURE_SAME_LOOP (dure/scope.h): only tasks of one loop use it,
   the loop of the caller of init, so that it needs no atomic instructions.
   Whoever uses it elsewhere is stopped with its name. */
#define DURE_RECURSIVE 0x10u

/* Initialises a mutex.
   flags: DURE_RECURSIVE | DURE_SAME_LOOP, or 0.
   Returns: 0, or -1 with errno
     EINVAL   a flag is unknown.
     EPERM    DURE_SAME_LOOP, and the caller is on no loop.
   Blocks: never. Threads: any, before others use it. Ownership: nothing is
   allocated; the memory may go once nobody holds the mutex or waits for it. */
DURE_API int dure_mutex_init(dure_mutex *mutex, unsigned flags);

/* Locks a mutex.
   Returns: 0, or -1 with errno
     EDEADLK   the caller has it locked and it is not recursive; or it would have
               to wait in a callback, which must not.
     EAGAIN    it is locked recursively too often.
   Blocks: the task (the thread outside one) until it gets the mutex; it is never
   cancelled. Threads: any. */
DURE_API int dure_mutex_lock(dure_mutex *mutex);

/* Locks a mutex, unless the scopes around the caller end first.
   Returns: as dure_mutex_lock, and
     ECANCELED   a scope has ended; the caller has not got the mutex.
   Blocks: as dure_mutex_lock. Cancellation: exact. */
DURE_API int dure_mutex_lock_cancelable(dure_mutex *mutex);

/* Locks a mutex until a time at the latest.
   deadline: when to give up; {0} is never.
   Returns: as dure_mutex_lock_cancelable, and
     ETIMEDOUT   the time came; the caller has not got the mutex. One that is
                 free is locked all the same, at any time.
   Blocks: as dure_mutex_lock. Cancellation: exact. Source: as
   pthread_mutex_timedlock. */
DURE_API int dure_mutex_timedlock(dure_mutex *mutex, dure_deadline deadline);

/* Locks a mutex if that needs no waiting.
   Returns: 0, or -1 with errno
     EBUSY    somebody has it.
     EDEADLK, EAGAIN   as dure_mutex_lock.
   Blocks: never. Threads: any. */
DURE_API int dure_mutex_trylock(dure_mutex *mutex);

/* Unlocks a mutex.
   Returns: 0, or -1 with errno
     EPERM   the caller does not have it.
   Blocks: never. Threads: its owner. */
DURE_API int dure_mutex_unlock(dure_mutex *mutex);

DURE_END_DECLS

#endif
