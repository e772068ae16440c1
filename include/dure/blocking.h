/* Offload: threads for what can only block. */
#ifndef DURE_BLOCKING_H
#define DURE_BLOCKING_H

#include <dure/base.h>

DURE_BEGIN_DECLS

/* Runs a function on a thread of the pool and waits for it.
   fn, arg, len: as dure_spawn; fn's errno becomes the caller's.
   Inside fn, twins block the thread and honour the scopes of the caller.
   Returns: what fn returned, or -1 with errno
     ECANCELED  a scope ended while the call still queued: fn did not run and
                will not. Once started it is waited for.
     EAGAIN     not even one thread could be made.
   Blocks: the task. At most options.blocking_threads run at once; others queue
   first come, first served. Cancellation: must finish.
   Threads: any; outside a task it calls fn. */
DURE_API int dure_blocking(dure_fn *fn, const void *arg, size_t len);

DURE_END_DECLS

#endif
