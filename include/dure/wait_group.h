/* Wait groups: waiting until all of something is done. For tasks alone a scope does that. */
#ifndef DURE_WAIT_GROUP_H
#define DURE_WAIT_GROUP_H

#include <dure/base.h>
#include <dure/scope.h>

DURE_BEGIN_DECLS

/* A count of what is yet to be done, in the caller's memory, between tasks of
   any loop and plain threads. */
typedef struct dure_wait_group {
    uint64_t reserved[6];
} dure_wait_group;

/* Zeroed memory is one too. */
/* clang-format off */
#define DURE_WAIT_GROUP_INIT { { 0 } }
/* clang-format on */

/* Initialises a wait group of count 0.
   flags: DURE_SAME_LOOP as for dure_mutex_init, or 0.
   Returns: 0, or -1 with errno EINVAL or EPERM as dure_mutex_init.
   Blocks: never. Threads: any, before others use it. Ownership: nothing is
   allocated; the memory may go once nobody waits or is going to say done, which
   may be as soon as the last wait has returned. */
DURE_API int dure_wait_group_init(dure_wait_group *group, unsigned flags);

/* Adds to the count: before who will say done can, and before the waits that are
   to see it.
   A count above 2,147,483,647 stops the program.
   Blocks: never. Threads: any. */
DURE_API void dure_wait_group_add(dure_wait_group *group, unsigned count);

/* Takes one off the count; all who wait go on when it is 0. Below 0 the program is
   stopped with the task's name.
   Blocks: never, and is never cancelled. Threads: any. */
DURE_API void dure_wait_group_done(dure_wait_group *group);

/* Waits until the count is 0.
   Returns: 0, or -1 with errno
     ECANCELED   a scope has ended first.
     EDEADLK     it would have to wait in a callback, which must not.
   Blocks: the task (the thread outside one). Cancellation: exact. Threads:
   any. */
DURE_API int dure_wait_group_wait(dure_wait_group *group);

DURE_END_DECLS

#endif
