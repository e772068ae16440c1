/* Futures: results that come later, of tasks, of operations, or set by hand.

       dure_future a, b;

       dure_scope_open(&scope);
       dure_async(&scope, &a, fetch, "/a", 0);
       dure_async(&scope, &b, fetch, "/b", 0);
       total = dure_await(&a) + dure_await(&b);
       dure_scope_close(&scope);

   A result is an intptr_t: a count, a descriptor or a pointer; -1 is a failure,
   of which errno says more, and dure_why if there were words (cut at 95 bytes).
   Whatever is larger goes where arg points. */
#ifndef DURE_FUTURE_H
#define DURE_FUTURE_H

#include <sys/types.h>

#include <dure/base.h>
#include <dure/scope.h>

DURE_BEGIN_DECLS

/* A future, in the caller's memory. That may go, or become another future, once
   it is done and all calls that await it have returned. A future of a task or
   an operation is done at the latest when that one's scope is closed: the scope
   has to be closed before the memory goes. Who breaks this rule is stopped, if
   the memory has changed by then. */
typedef struct dure_future {
    uint64_t reserved[32];
} dure_future;

/* What a future's task runs: its return is the future's result, -1 with errno a failure. */
typedef intptr_t dure_async_fn(void *arg);
/* The same after another future. value: that one's result; -1 with its errno if it failed. */
typedef intptr_t dure_then_fn(void *arg, intptr_t value);

/* Spawns a task whose result a future takes. A failure is the future's too, and
   told to who awaits it: the scope goes on.
   scope: as dure_spawn. The end of the scope ends the task's calls, and so the
     future, as a rule with ECANCELED.
   future: initialised by this call.
   fn, arg, len: as dure_spawn.
   Returns: as dure_spawn, and when it fails the future has failed with the same errno.
   Blocks: as dure_spawn. Threads: any. */
DURE_API int dure_async(dure_scope *scope, dure_future *future, dure_async_fn *fn, const void *arg,
                        size_t len);

/* Spawns a task that runs fn once another future is done, or awaiting it was
   cancelled by the end of the scope; fn hears of either. The task is there from
   now on, so that nothing is left that could fail later.
   scope, next, arg, len: as dure_async; future: the one that comes first.
   Returns: as dure_async.
   Blocks: as dure_spawn. Threads: any. */
DURE_API int dure_then(dure_scope *scope, dure_future *future, dure_future *next, dure_then_fn *fn,
                       const void *arg, size_t len);

/* Waits until a future is done; several may, from anywhere.
   Returns: the result; or -1 with errno
     ECANCELED  a scope around the caller ended: the future goes on, and
                dure_future_done says 0. Or the future's own task was cancelled:
                then it is done.
     EDEADLK    the caller is a callback, and the future is not done.
     other      what the future failed with.
   Blocks: the task (the thread outside one). Cancellation: exact. Threads: any. */
DURE_API intptr_t dure_await(dure_future *future);

/* As dure_await, until a time at the latest.
   deadline: when to give up; {0} is never.
   Returns: as dure_await, and
     ETIMEDOUT  the time came; the future goes on. */
DURE_API intptr_t dure_await_until(dure_future *future, dure_deadline deadline);

/* Waits until all futures of an array are done.
   futures: len pointers to them.
   Returns: 0 if all succeeded; -1 with the errno, and words, of the first in the
   array that failed; or -1 with errno
     ECANCELED  a scope around the caller ended, before all were done; or one of them was cancelled.
     EDEADLK    as dure_await.
   Blocks: as dure_await. Cancellation: exact. Threads: any. */
DURE_API int dure_all(dure_future *const futures[], size_t len);

/* Waits for the first success.
   futures: len pointers to them.
   Returns: the index of one that has succeeded; -1 with the errno, and words, of
   the last in the array if all have failed; or -1 with errno
     ECANCELED  a scope around the caller ended first.
     EDEADLK    as dure_await.
     EINVAL     len is 0.
     ENOMEM     no memory to wait for more than 8.
   Blocks: as dure_await. Cancellation: exact. Threads: any. */
DURE_API ssize_t dure_any(dure_future *const futures[], size_t len);

/* Waits for the first to be done, however it ended.
   futures: len pointers to them.
   Returns: the index of one that is done; or -1 with errno as dure_any.
   Blocks: as dure_await. Cancellation: exact. Threads: any. */
DURE_API ssize_t dure_race(dure_future *const futures[], size_t len);

/* Asks whether a future is done.
   Returns: 1 or 0. Blocks: never. Threads: any. */
DURE_API int dure_future_done(dure_future *future);

/* Initialises a future that is to be set by hand: a promise.
   Blocks: never. Threads: any, before others use it. Ownership: nothing is
   allocated. Whoever sets it may do so until then only: the memory's owner
   sees to that. */
DURE_API void dure_future_init(dure_future *future);

/* Sets a future's result, and with it ends all waits for it.
   value: anything but -1.
   Returns: 0, or -1 with errno
     EALREADY  it is done; nothing has changed.
     EINVAL    value is -1.
   Blocks: never. Threads: any, those that dure knows nothing of too. */
DURE_API int dure_future_set(dure_future *future, intptr_t value);

/* Ends a future with a failure.
   err: its errno; format: its words, printf's.
   Returns: as dure_future_set. Otherwise as dure_future_set. */
DURE_API int dure_future_fail(dure_future *future, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

DURE_END_DECLS

#endif
