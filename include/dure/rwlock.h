/* Read-write locks: many readers, or one writer. */
#ifndef DURE_RWLOCK_H
#define DURE_RWLOCK_H

#include <dure/base.h>
#include <dure/scope.h>
#include <dure/time.h>

DURE_BEGIN_DECLS

/* A read-write lock, in the caller's memory, between tasks of any loop and plain
   threads. First come, first served: whoever comes while others wait queues
   behind them, and readers who stand one behind another go on together. So
   neither readers nor writers starve; and a reader that locks it again while a
   writer waits would wait for itself. A writer that gives up lets the readers
   behind it go on at once. */
typedef struct dure_rwlock {
    uint64_t reserved[8];
} dure_rwlock;

/* Zeroed memory is one too. */
/* clang-format off */
#define DURE_RWLOCK_INIT { { 0 } }
/* clang-format on */

/* Initialises a read-write lock.
   flags: DURE_SAME_LOOP as for dure_mutex_init, or 0.
   Returns: 0, or -1 with errno EINVAL or EPERM as dure_mutex_init.
   Blocks: never. Threads: any, before others use it. Ownership: nothing is
   allocated; the memory may go once nobody has the lock or waits for it. */
DURE_API int dure_rwlock_init(dure_rwlock *lock, unsigned flags);

/* Locks for reading: rdlock; or for writing: wrlock.
   Returns: 0, or -1 with errno
     EDEADLK   the caller has it for writing; or it would have to wait in a
               callback, which must not. (That the caller reads is not known.)
     EAGAIN    too many read.
   Blocks: the task (the thread outside one) until it gets the lock; it is never
   cancelled. Threads: any. */
DURE_API int dure_rwlock_rdlock(dure_rwlock *lock);
DURE_API int dure_rwlock_wrlock(dure_rwlock *lock);

/* The same, unless the scopes around the caller end first.
   Returns: as dure_rwlock_rdlock, and
     ECANCELED   a scope has ended; the caller has not got the lock.
   Blocks: as dure_rwlock_rdlock. Cancellation: exact. */
DURE_API int dure_rwlock_rdlock_cancelable(dure_rwlock *lock);
DURE_API int dure_rwlock_wrlock_cancelable(dure_rwlock *lock);

/* The same, until a time at the latest.
   deadline: when to give up; {0} is never.
   Returns: as dure_rwlock_rdlock_cancelable, and
     ETIMEDOUT   the time came; the caller has not got the lock. One that can be
                 had at once is, at any time.
   Blocks: as dure_rwlock_rdlock. Cancellation: exact. Source: as
   pthread_rwlock_timedrdlock and pthread_rwlock_timedwrlock. */
DURE_API int dure_rwlock_timedrdlock(dure_rwlock *lock, dure_deadline deadline);
DURE_API int dure_rwlock_timedwrlock(dure_rwlock *lock, dure_deadline deadline);

/* Locks for reading or writing if that needs no waiting.
   Returns: 0, or -1 with errno
     EBUSY     somebody is in the way, or waits.
     EDEADLK   the caller has it for writing.
   Blocks: never. Threads: any. */
DURE_API int dure_rwlock_tryrdlock(dure_rwlock *lock);
DURE_API int dure_rwlock_trywrlock(dure_rwlock *lock);

/* Unlocks what the caller has locked, for reading or for writing.
   Returns: 0, or -1 with errno
     EPERM   nobody has it, or somebody else has it for writing. (Who reads is
             not known.)
   Blocks: never, and is never cancelled. Threads: who locked it. */
DURE_API int dure_rwlock_unlock(dure_rwlock *lock);

DURE_END_DECLS

#endif
