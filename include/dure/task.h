/* Tasks: green threads, each with a stack of its own. A started task never
   changes its thread.

   One triple everywhere, (fn, arg, len): len bytes at arg are copied for the
   task, aligned for anything, and live as long as it does; with len 0 the
   pointer itself is handed through. */
#ifndef DURE_TASK_H
#define DURE_TASK_H

#include <dure/base.h>
#include <dure/scope.h>

DURE_BEGIN_DECLS

/* Where a task starts. Started, it stays there. */
#define DURE_ANYWHERE 0        /* here, unless an idle loop takes it before it starts */
#define DURE_THIS_LOOP (-1)    /* on the spawner's loop */
#define DURE_LEAST_LOADED (-2) /* on the loop with the fewest tasks */
#define DURE_LOOP(n) ((n) + 1) /* on loop n, counted from 0 */

/* Spawning into a scope that is at its limit fails with EAGAIN, not waits. */
#define DURE_NO_WAIT 0x1u

typedef struct dure_spawn_options {
    const char *name;  /* for dumps and failures; copied, cut at 31 bytes; NULL: the spawner's */
    size_t stack_size; /* bytes, rounded up; 0: as the run's options say */
    int place;         /* DURE_ANYWHERE, ... */
    uint32_t flags;    /* DURE_NO_WAIT */
} dure_spawn_options;

/* Spawns a task into the root scope, which keeps going when it fails.
   fn, arg, len: fn gets a copy of the len bytes at arg that lives as long as the
     task; with len 0 it gets arg itself.
   Returns: 0, or -1 with errno as dure_spawn; EPERM when no dure_run is active.
   Blocks: never. Threads: any. */
DURE_API int dure_go(dure_fn *fn, const void *arg, size_t len);

/* Spawns a task into a scope.
   scope: open, and the caller inside it or sure that it stays open meanwhile.
   fn, arg, len: as dure_go.
   Returns: 0: fn runs exactly once, even if it is cancelled before it starts
     (it owns what was copied in). Or -1 with errno, and arg is still the
     caller's:
     ECANCELED  the scope has ended.
     EAGAIN     no more stacks (see dure_why), or DURE_NO_WAIT at the limit.
     ENOMEM     no memory.
     EINVAL     len does not fit half the stack, or an option is out of range.
     EPERM      no dure_run is active, or this is a forked child.
   Blocks: only at the scope's limit on tasks; that wait is exact.
   Threads: any; a plain thread waits as a thread. */
DURE_API int dure_spawn(dure_scope *scope, dure_fn *fn, const void *arg, size_t len);

/* Spawns a task with options; NULL options are dure_spawn. Otherwise as dure_spawn. */
DURE_API int dure_spawn_with(dure_scope *scope, const dure_spawn_options *options, dure_fn *fn,
                             const void *arg, size_t len);

/* Lets the other ready tasks of this loop go first.
   Returns: 0, or -1 with errno ECANCELED (after yielding all the same).
   Blocks: the task, until it is its turn again. Threads: any; outside a task
   it is sched_yield. */
DURE_API int dure_yield(void);

/* Fails with words: `return dure_fail(EIO, "while reading %s", name);`
   err: the errno to fail with; format: printf's.
   Returns: -1 with errno err. The words stay with the task until its next
   failure; when it ends in failure, its scope's close has them for dure_why.
   Blocks: never. Threads: any. */
DURE_API int dure_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells the words of the last failure of the caller that had some: from dure_fail,
   from a scope's close ("task NAME: WORDS"), or from a call of dure's that could
   say more than errno does.
   Returns: a string, empty if there are none; valid until the caller's next
   call of dure's.
   Blocks: never. Threads: any. */
DURE_API const char *dure_why(void);

/* Tells the name of the running task.
   Returns: the name, "" outside a task.
   Blocks: never. Threads: any. */
DURE_API const char *dure_task_name(void);

/* Renames the running task; cut at 31 bytes.
   Blocks: never. Threads: a task. */
DURE_API void dure_task_set_name(const char *name);

DURE_END_DECLS

#endif
