/* Barriers: nobody goes on before all have come. */
#ifndef DURE_BARRIER_H
#define DURE_BARRIER_H

#include <dure/base.h>
#include <dure/scope.h>

DURE_BEGIN_DECLS

/* A barrier, in the caller's memory, between tasks of any loop and plain
   threads. */
typedef struct dure_barrier {
    uint64_t reserved[6];
} dure_barrier;

/* One for so many. */
/* clang-format off */
#define DURE_BARRIER_INIT(count) { { (count) } }
/* clang-format on */

/* What dure_barrier_wait returns to one of those who go on together. */
#define DURE_BARRIER_SERIAL_TASK 1

/* Initialises a barrier.
   count: how many go on together. flags: DURE_SAME_LOOP as for dure_mutex_init,
   or 0.
   Returns: 0, or -1 with errno
     EINVAL   a flag is unknown, or the count is 0.
     EPERM    DURE_SAME_LOOP, and the caller is on no loop.
   Blocks: never. Threads: any, before others use it. Ownership: nothing is
   allocated; the memory may go once all who waited have returned. */
DURE_API int dure_barrier_init(dure_barrier *barrier, unsigned count, unsigned flags);

/* Waits until as many have come as the barrier is for. Then they go on, and the
   next round begins.
   Returns: 0, to the one who came last DURE_BARRIER_SERIAL_TASK; or -1 with errno
     ECANCELED   a scope has ended; the caller counts as not having come.
     EINVAL      the barrier has no count: it was zeroed memory.
     EDEADLK     it would have to wait in a callback, which must not.
   Blocks: the task (the thread outside one). Cancellation: exact. Threads: any.
   Source: as pthread_barrier_wait. */
DURE_API int dure_barrier_wait(dure_barrier *barrier);

DURE_END_DECLS

#endif
