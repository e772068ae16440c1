/* Running: the loops start, the first task runs, everything has ended. */
#ifndef DURE_RUN_H
#define DURE_RUN_H

#include <signal.h>
#include <sys/select.h> /* sigset_t, in strict C99 too */

#include <dure/base.h>
#include <dure/task.h>

DURE_BEGIN_DECLS

/* SIGINT and SIGTERM keep their meaning: they do not end the root scope. */
#define DURE_NO_STOP_SIGNALS 0x1u
/* SIGUSR1 writes dure_dump's report to standard error. */
#define DURE_DUMP_ON_SIGUSR1 0x2u
/* Stacks without guards, where the kernel could not guard as many as wanted.
   An overflow then destroys memory unseen. */
#define DURE_NO_GUARDS 0x4u
/* io_uring with a kernel thread that polls for submissions (SQPOLL). */
#define DURE_SQPOLL 0x8u

typedef struct dure_run_options {
    unsigned loops;            /* event loops; 0: $DURE_LOOPS, else as many as this process may
                                  use processors (affinity and cgroup quota) */
    const char *backend;       /* "io_uring", "epoll", "poll", "select", "sim" (see
                                  dure/sim.h); NULL: $DURE_BACKEND, else the best that works */
    size_t stack_size;         /* bytes a task's stack; 0: 256 KiB */
    unsigned blocking_threads; /* at most so many threads for what can only block; 0: 16 */
    unsigned queue_entries; /* the backend's queues; 0: $DURE_QUEUE_ENTRIES, else its own choice */
    int64_t grace_ns;       /* what a stop signal leaves the tasks of dure_go; 0: nothing */
    uint32_t flags;         /* DURE_NO_STOP_SIGNALS | ... */
    const sigset_t *wait_signals; /* the signals that tasks wait for (dure_sigwait): blocked on
                                     every thread of the run, before the first is made; NULL: none */
} dure_run_options;

/* Runs fn as the first task, in the root scope, until it and every task of
   dure_go have ended. The calling thread becomes loop 0.
   SIGINT and SIGTERM cancel the root scope; a second one ends the process as
   if dure were not there.
   Returns: what fn returned; an fn that failed with ECANCELED after a stop
   signal counts as 0. If the run could not start, -1 with errno
     EBUSY    a run is active in this process.
     EINVAL   an option or environment variable is out of range; dure_why says which.
     ENOSYS   the backend asked for does not work here; dure_why says why.
     EAGAIN, ENOMEM, EMFILE  no thread, memory or descriptor.
   Blocks: the thread. Threads: any that is not in a run. */
DURE_API int dure_run(dure_fn *fn, void *arg);

/* Runs with options; NULL options are dure_run. Otherwise as dure_run. */
DURE_API int dure_run_with(const dure_run_options *options, dure_fn *fn, void *arg);

/* Runs on a thread that another event loop owns: open, then take a
   turn whenever the descriptor polls readable or the wait is over, until a
   turn says that all is done; then close.

       dure_loop_open(NULL, fn, arg);
       while (dure_loop_turn())
           poll(dure_loop_fd() for POLLIN, dure_loop_wait_ns());
       result = dure_loop_close();

   Between the turns the thread is a plain one: it may spawn, cancel and use
   twins, and the descriptor polls readable if a turn has to follow. Only a
   dure_close under a waiting task takes turns itself, until the task knows.

   options: as dure_run_with; its loops counts the other loops too, and 0 is 1 here.
   Returns: 0, or -1 with errno as dure_run, and
     ENOTSUP  the backend has no descriptor to poll (poll, select).
   Blocks: never. Threads: any that is not in a run; the next four belong to the same one. */
DURE_API int dure_loop_open(const dure_run_options *options, dure_fn *fn, void *arg);
/* Runs what is ready, without sleeping.
   Returns: 1 while the run goes on, 0 when done.
   Blocks: never. Threads: the one that opened. */
DURE_API int dure_loop_turn(void);
/* Tells where to poll.
   Returns: the descriptor that polls readable when a turn is due. It is the runtime's.
   Blocks: never. Threads: the one that opened. */
DURE_API int dure_loop_fd(void);
/* Tells how long to poll.
   Returns: the nanoseconds until a turn is due without any event, 0 for at once, -1 for never.
   Blocks: never. Threads: the one that opened. */
DURE_API int64_t dure_loop_wait_ns(void);
/* Ends the run. Called before it is done, it cancels the root scope and turns until it is.
   Returns: the first task's result, as dure_run.
   Blocks: the thread, until all has ended. Threads: the one that opened. */
DURE_API int dure_loop_close(void);

/* Counts the loops.
   Returns: the number of loops of the active run, 0 if there is none.
   Blocks: never. Threads: any, while the run cannot end. */
DURE_API unsigned dure_loop_count(void);
/* Tells which loop runs the caller.
   Returns: the loop's number, from 0; -1 outside a task.
   Blocks: never. Threads: any. */
DURE_API int dure_loop_number(void);
/* Tells by what mechanism the loops wait.
   Returns: the name of the active run's backend, NULL if there is none.
   Blocks: never. Threads: any, while the run cannot end. */
DURE_API const char *dure_backend_name(void);

DURE_END_DECLS

#endif
