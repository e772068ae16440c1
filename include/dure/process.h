/* Threads: waiting for them. */
#ifndef DURE_PROCESS_H
#define DURE_PROCESS_H

#include <pthread.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

/* Waits until a thread ends, and gives its result.
   Returns: 0 or an error number, as pthread_join; and
     ECANCELED  a scope around the caller ended: the thread was not joined.
   Cancellation: exact. Source: POSIX.1-2017 pthread_join. */
DURE_API int dure_pthread_join(pthread_t thread, void **result);

DURE_END_DECLS

#endif
