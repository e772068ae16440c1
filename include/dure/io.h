/* Twins on any descriptor. Each takes the arguments of the POSIX call whose
   name it bears, returns what it returns and sets errno as it does, with these
   differences:
   - the task waits, not the thread; outside a task the thread does, and honours
     the scopes open on it; with none open a twin is the plain call;
   - ECANCELED  a scope around the caller ended; what was done by then is said
     by the call's class of cancellation;
   - EDEADLK    the caller is a callback (dure/op.h), which must not wait;
   - EBADF      also when dure_close closed the descriptor meanwhile;
   - a task never sees EINTR, and no SIGPIPE: EPIPE alone;
   - a descriptor with O_NONBLOCK answers EAGAIN as ever;
   - that a number which was a file has become a pipe, by calls that dure does
     not see, may be noticed by the calls with an offset (ESPIPE) only in the
     loop's next turn.

   The classes of cancellation, and what ECANCELED means in each:
   - exact: nothing happened; had it happened already, the result is returned and
     the next call is cancelled;
   - progress wins: nothing moved; once anything moved, its count is returned and
     the next call is cancelled;
   - must finish: it was still queued; once started, it is waited for and its
     result returned;
   - abandoned: the answer is dropped; nothing leaks. */
#ifndef DURE_IO_H
#define DURE_IO_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <dure/base.h>

struct timespec;
struct timeval;

DURE_BEGIN_DECLS

/* Reads from a descriptor.
   Cancellation: exact for sockets, pipes, ttys and eventfds; must finish for files.
   Source: POSIX.1-2017 read. */
DURE_API ssize_t dure_read(int fd, void *buf, size_t len);
/* Reads into several buffers. Cancellation: as dure_read. Source: POSIX.1-2017 readv. */
DURE_API ssize_t dure_readv(int fd, const struct iovec *iov, int iov_len);
/* Writes all of it, as a blocking write does, or less after an error.
   Cancellation: progress wins; must finish for files. Source: POSIX.1-2017 write. */
DURE_API ssize_t dure_write(int fd, const void *buf, size_t len);
/* Writes from several buffers. Cancellation: as dure_write. Source: POSIX.1-2017 writev. */
DURE_API ssize_t dure_writev(int fd, const struct iovec *iov, int iov_len);

/* Reads until len bytes, the end or an error.
   Returns: the bytes read, less than len only at the end of the file; -1 with
   errno if nothing was read before an error or cancel; what had been read if
   something was (the next call then meets the error again).
   Cancellation: progress wins. Threads: any. */
DURE_API ssize_t dure_read_full(int fd, void *buf, size_t len);
/* Writes len bytes, on a descriptor with O_NONBLOCK too: it waits.
   Returns: len, or -1 with errno if not all could be written (how much is
   unknown: the connection or file is of no further use).
   Cancellation: progress does not win here: -1 with ECANCELED. Threads: any. */
DURE_API ssize_t dure_write_all(int fd, const void *buf, size_t len);

/* Waits until one of several descriptors is ready.
   timeout_ms: milliseconds; negative: no limit. A descriptor that dure_close closes meanwhile
   becomes POLLNVAL.
   Cancellation: exact. Source: POSIX.1-2017 poll. */
DURE_API int dure_poll(struct pollfd *fds, nfds_t fds_len, int timeout_ms);
/* The same with a time limit in nanoseconds (NULL: none), and a signal mask for the wait.
   mask: NULL in a task, else ENOTSUP: a thread's signals are not one task's to choose.
   Cancellation: exact. Source: Linux ppoll. */
DURE_API int dure_ppoll(struct pollfd *fds, nfds_t fds_len, const struct timespec *timeout,
                        const sigset_t *mask);
/* Waits until one of the descriptors in three sets is ready.
   The sets may be longer than FD_SETSIZE, as fds_len says. A descriptor that is not open, or that
   dure_close closes meanwhile, is EBADF.
   timeout: NULL: no limit. dure_select leaves there what was left of it, as Linux does, whatever the
   result; dure_pselect does not.
   mask: as dure_ppoll.
   Cancellation: exact. Source: POSIX.1-2017 select, pselect. */
DURE_API int dure_select(int fds_len, fd_set *input, fd_set *output, fd_set *urgent,
                         struct timeval *timeout);
DURE_API int dure_pselect(int fds_len, fd_set *input, fd_set *output, fd_set *urgent,
                          const struct timespec *timeout, const sigset_t *mask);

/* Closes a descriptor: every task that waits on fd, on whatever loop, gets EBADF.
   Never cancelled, always effective; never EINTR. Source: POSIX.1-2017 close. */
DURE_API int dure_close(int fd);

/* Controls a descriptor. Commands that wait for a lock (F_SETLKW, F_OFD_SETLKW) go
   to a thread of the pool; the others never block.
   Cancellation: exact, where it waits. Source: POSIX.1-2017 fcntl. */
DURE_API int dure_fcntl(int fd, int command, ...);
/* Duplicates a descriptor. Never blocks. Source: POSIX.1-2017 dup. */
DURE_API int dure_dup(int fd);
/* Puts a description under a number of the caller's choice. What that number stood for is closed as
   by dure_close: every task that waits on it, on whatever loop, gets EBADF; who comes later finds the
   new description. Without an effect when both numbers are the same.
   Returns: to; -1 with errno: EBADF (fd is not open, or no number is as high as to), EBUSY
   (somebody else closes or opens to at the moment).
   Never cancelled, always effective; never EINTR. Source: POSIX.1-2017 dup2. */
DURE_API int dure_dup2(int fd, int to);
/* The same with flags: O_CLOEXEC. Returns also EINVAL: for other flags, and when both numbers are the
   same. Never cancelled, as dure_dup2. Source: Linux dup3. */
DURE_API int dure_dup3(int fd, int to, int flags);
/* Makes a pipe. Never blocks. Source: POSIX.1-2017 pipe; Linux pipe2. */
DURE_API int dure_pipe2(int fds[2], int flags);

DURE_END_DECLS

#endif
