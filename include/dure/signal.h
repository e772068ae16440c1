/* Waiting for signals, as a task.

   A signal that tasks wait for must be blocked on every thread of the program:
   those of the run are when the run's options name it (wait_signals), or when
   the thread that starts the run had it blocked. One that is not is refused
   with EINVAL, and dure_why names it: it could be delivered elsewhere and be
   lost to who waits. Refused likewise are the signals that the run takes itself
   (SIGINT and SIGTERM, SIGUSR1 where it dumps) and those that a fault raises.

   Signals sent to the process go to any one of the tasks that wait for them, on
   whatever loop. Signals sent to a thread (pthread_kill, tgkill, raise) can be
   taken on that thread alone: one sent to a loop's thread goes to a task of that
   loop, as raise in a task does; sent elsewhere it stays pending there. (With
   DURE_SQPOLL a waiting task does not learn of those; a call finds them.)

   Each instance goes to exactly one waiter. Real-time signals queue, with their
   values and in order; the others merge while they are pending, as POSIX says.
   What nobody has taken when the run ends is delivered then. */
#ifndef DURE_SIGNAL_H
#define DURE_SIGNAL_H

#include <signal.h>
#include <sys/select.h> /* sigset_t, in strict C99 too */

#include <dure/base.h>

DURE_BEGIN_DECLS

struct timespec;

#ifdef SI_USER /* where the C library shows siginfo_t */
/* Waits until a signal of a set is pending and takes it.
   info: if not NULL, gets who sent it and with what value.
   Returns: the signal's number, or -1 with errno
     ECANCELED  a scope around the caller ended; no signal was taken.
     EINVAL     a signal of the set cannot be waited for; dure_why says which and why.
     EMFILE, ENFILE, ENOMEM  the loop's first wait for a signal lacks a descriptor or memory.
     EINTR      on a plain thread only: a handler has run.
   Blocks: the task. Cancellation: exact. Source: POSIX.1-2017 sigwaitinfo. */
DURE_API int dure_sigwaitinfo(const sigset_t *set, siginfo_t *info);

/* The same, for a limited time.
   timeout: how long; {0, 0} takes what is pending and does not wait; NULL: no limit.
   Returns: as dure_sigwaitinfo, and -1 with errno
     EAGAIN  the time has passed and no signal of the set is pending.
     EINVAL  tv_nsec is outside 0 to 999,999,999, or tv_sec is negative.
   Blocks: the task. Cancellation: exact. Source: POSIX.1-2017 sigtimedwait. */
DURE_API int dure_sigtimedwait(const sigset_t *set, siginfo_t *info,
                               const struct timespec *timeout);
#endif

/* Waits until a signal of a set is pending and takes it.
   number: gets the signal's number.
   Returns: 0, or an error number as dure_sigwaitinfo sets errno to; never EINTR.
   Blocks: the task. Cancellation: exact. Source: POSIX.1-2017 sigwait. */
DURE_API int dure_sigwait(const sigset_t *set, int *number);

DURE_END_DECLS

#endif
