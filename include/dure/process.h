/* Processes: waiting for children, running programs; and waiting for threads.

   A child is reaped once. Whoever waits by dure's calls for a certain child
   gets it, though others wait for any child meanwhile; children of dure_command,
   dure_popen and dure_system belong to those and are shown to nobody else. What
   a plain wait(2) of the program's takes away, or a SIGCHLD that is ignored, is
   lost to dure as it is to every other waiter: ECHILD. SIGCHLD itself stays the
   program's. */
#ifndef DURE_PROCESS_H
#define DURE_PROCESS_H

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <dure/base.h>
#include <dure/scope.h>

DURE_BEGIN_DECLS

/* Waits for a child to end, to stop or to go on.
   With WNOHANG it is not cancelled. A wait for any child, for a group, or with WUNTRACED or
   WCONTINUED holds one of the 256 threads that the pool has for waits; when they are all taken, it
   and others of the kind (dure_flock, dure_pthread_join, the open of a FIFO) wait for one.
   __WNOTHREAD there is EINVAL in a task.
   Cancellation: exact; no child was reaped. Source: POSIX.1-2017 waitpid. */
DURE_API pid_t dure_waitpid(pid_t pid, int *status, int options);
#ifdef WEXITED /* not where the C library offers strict C alone */
/* The same as siginfo_t tells it. idtype may be P_PIDFD; closing that descriptor by dure_close ends
   the wait with EBADF.
   Cancellation: exact; no child was reaped. Source: POSIX.1-2017 waitid; Linux for P_PIDFD. */
DURE_API int dure_waitid(idtype_t idtype, id_t id, siginfo_t *info, int options);
#endif

/* Runs a command by the shell and waits for it. Unlike system it leaves SIGINT,
   SIGQUIT and SIGCHLD alone in a task: they belong to all of the process. The
   command shares the process group, so that a key at the terminal reaches both.
   command: for /bin/sh; NULL asks whether there is a shell.
   Returns: the shell's status as waitpid gives it, 127 exited if there is no
   shell; or -1 with errno
     ECANCELED  a scope ended: the shell had not been started; or it was sent
                SIGTERM, five seconds later SIGKILL, and has been reaped.
     ECHILD     the program itself reaped it, or ignores SIGCHLD.
     EAGAIN, ENOMEM, EMFILE  no process, memory or descriptor.
   Blocks: the task. Cancellation: stops the shell, not what that has started.
   Threads: any; outside a task and scopes it is system.
   Source: POSIX.1-2017 system. */
DURE_API int dure_system(const char *command);

/* Starts a command by the shell with a pipe to or from it, as popen does, but
   gives a descriptor: a FILE would block the loop.
   mode: "r" to read what it writes, "w" to write what it reads; an "e" after it
     changes nothing, the descriptor is always close-on-exec.
   Returns: the descriptor, for dure_pclose; or -1 with errno
     EINVAL     the mode is another.
     ECANCELED  nothing was started.
     EAGAIN, ENOMEM, EMFILE  no process, memory or descriptor.
   Blocks: the task, until the shell runs. Cancellation: must finish.
   Threads: any. Source: POSIX.1-2017 popen. */
DURE_API int dure_popen(const char *command, const char *mode);

/* Closes a descriptor of dure_popen and waits until its shell has ended. What
   may not end by itself belongs into dure_command instead.
   Returns: the shell's status as waitpid gives it, or -1 with errno
     EINVAL  fd is not dure_popen's; nothing was closed.
     ECHILD  the program itself reaped it, or ignores SIGCHLD.
   Blocks: the task, and is never cancelled. Threads: any.
   Source: POSIX.1-2017 pclose. */
DURE_API int dure_pclose(int fd);

/* What a program's standard stream is to be, where no descriptor (greater than 0) is given. */
#define DURE_INHERIT 0 /* what this process has there */
#define DURE_NULL (-2) /* /dev/null */
#define DURE_PIPE (-3) /* a pipe, whose other end the command's in, out or err is */
#define DURE_JOIN (-4) /* standard error: wherever standard output goes */

/* The program gets this process's descriptors above 2 that are not close-on-exec. */
#define DURE_KEEP_DESCRIPTORS 0x1u

typedef struct dure_command_options {
    char *const *argv;     /* the arguments, with the name first, NULL last */
    const char *path;      /* the program; NULL: argv[0]. Looked for in PATH without a slash */
    char *const *env;      /* its environment, NULL last; NULL: this process's */
    const char *directory; /* where it runs, relative paths included; NULL: here */
    int in, out, err;      /* its streams: a descriptor, DURE_INHERIT, DURE_NULL, ... */
    int64_t grace_ns;      /* between SIGTERM and SIGKILL when its scope ends;
                              0: five seconds; negative: SIGKILL at once */
    uint32_t flags;        /* DURE_KEEP_DESCRIPTORS */
} dure_command_options;

/* A program that runs, in the memory of whoever starts it. */
typedef struct dure_command {
    pid_t pid;        /* also of its process group */
    int in, out, err; /* our ends of its pipes, -1 where there is none; the caller's to close */
    uint64_t reserved[4];
} dure_command;

/* Starts a program in a process group of its own, with the signal mask from
   before the run, SIGPIPE at its default, and no descriptors but its streams.
   It belongs to a scope: when that ends, its group gets SIGTERM, after the
   grace SIGKILL; and the scope's close waits until it is reaped.
   scope: as dure_spawn; the program counts as one of its tasks.
   command: the caller's memory, the runtime's until a dure_command_wait has
     succeeded or the scope's close has returned.
   Returns: 0, or -1 with errno and nothing started; dure_why says more:
     ECANCELED  the caller's scopes or this one have ended.
     ENOENT, EACCES, ENOEXEC, ...  the program cannot be run, or the directory
                cannot be entered.
     EBADF      a stream's descriptor is not open.
     EINVAL     argv is empty, or an option is out of range.
     EAGAIN, ENOMEM, EMFILE  no process, memory or descriptor.
     EPERM      no dure_run is active.
   Blocks: the task, until the program runs. Cancellation: must finish.
   Threads: any. A program that asks for a signal at its parent's death gets it
   when a thread of the pool ends. */
DURE_API int dure_command_start(dure_scope *scope, dure_command *command,
                                const dure_command_options *options);

/* Waits until a program has ended; as often and by as many as want to. What it
   has left behind, holding its pipes maybe, is not waited for.
   status: if not NULL, gets its status as waitpid gives it.
   Returns: 0, or -1 with errno
     ECANCELED  a scope around the caller ended, and the program goes on. After
                the close of its own scope its status is told all the same.
     ECHILD     it has ended, but the program itself reaped it, or ignores
                SIGCHLD.
   Blocks: the task. Cancellation: exact. Threads: any, as long as the memory
   stays. */
DURE_API int dure_command_wait(dure_command *command, int *status);

/* Stops a program: SIGTERM to its group, after a grace SIGKILL; waits until it
   has ended. What is left of its group then gets SIGKILL. One that has ended
   already is left alone, and so is what it left behind.
   grace_ns: nanoseconds between the two; 0 or less: SIGKILL at once.
   Blocks: the task, and is never cancelled. Threads: as dure_command_wait. */
DURE_API void dure_command_stop(dure_command *command, int64_t grace_ns);

/* Sends a signal to a program's group, and to no other process that may have
   got its number since.
   Returns: 0, or -1 with errno
     ESRCH   it has ended.
     EINVAL  there is no such signal.
   Blocks: never. Threads: as dure_command_wait. */
DURE_API int dure_command_signal(dure_command *command, int number);

/* Waits until a thread ends, and gives its result.
   Returns: 0 or an error number, as pthread_join; and
     ECANCELED  a scope around the caller ended: the thread was not joined.
   Cancellation: exact. Source: POSIX.1-2017 pthread_join. */
DURE_API int dure_pthread_join(pthread_t thread, void **result);

DURE_END_DECLS

#endif
