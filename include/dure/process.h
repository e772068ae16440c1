/* Processes: waiting for children; and waiting for threads.

   A child is reaped once. Whoever waits by dure's calls for a certain child
   gets it, though others wait for any child meanwhile. What a plain wait(2) of the program's takes away, or a SIGCHLD that is ignored, is
   lost to dure as it is to every other waiter: ECHILD. SIGCHLD itself stays the
   program's. */
#ifndef DURE_PROCESS_H
#define DURE_PROCESS_H

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

/* Waits for a child to end, to stop or to go on.
   With WNOHANG it is not cancelled. A wait for any child, for a group, or with WUNTRACED or
   WCONTINUED holds a thread of the pool; __WNOTHREAD there is EINVAL in a task.
   Cancellation: exact; no child was reaped. Source: POSIX.1-2017 waitpid. */
DURE_API pid_t dure_waitpid(pid_t pid, int *status, int options);
#ifdef WEXITED /* not where the C library offers strict C alone */
/* The same as siginfo_t tells it. idtype may be P_PIDFD; closing that descriptor by dure_close ends
   the wait with EBADF.
   Cancellation: exact; no child was reaped. Source: POSIX.1-2017 waitid; Linux for P_PIDFD. */
DURE_API int dure_waitid(idtype_t idtype, id_t id, siginfo_t *info, int options);
#endif

/* Waits until a thread ends, and gives its result.
   Returns: 0 or an error number, as pthread_join; and
     ECANCELED  a scope around the caller ended: the thread was not joined.
   Cancellation: exact. Source: POSIX.1-2017 pthread_join. */
DURE_API int dure_pthread_join(pthread_t thread, void **result);

DURE_END_DECLS

#endif
