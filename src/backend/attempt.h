/* Operations as plain system calls: one attempt that never waits, for the
   readiness backends and for plain threads with a scope open; and the blocking
   call itself, for pool threads and plain threads without one. */
#ifndef DURE_SRC_BACKEND_ATTEMPT_H
#define DURE_SRC_BACKEND_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/op.h"

/* What kind of thing a descriptor is decides how to try without waiting. */
enum fd_kind {
    FD_UNKNOWN,
    FD_TCP,      /* MSG_DONTWAIT; a short read means drained, a short write means full */
    FD_STREAM,   /* any other stream socket: MSG_DONTWAIT; on those of AF_UNIX a read also ends
                    where descriptors were passed, so a short one means nothing */
    FD_DATAGRAM, /* any other socket: MSG_DONTWAIT */
    FD_PIPE,     /* pipe or FIFO: RWF_NOWAIT */
    FD_EVENT,    /* eventfd, timerfd, signalfd, inotify, tty...: RWF_NOWAIT where the driver has it,
                    else only a thread: to poll first would wait when another reader is faster */
    FD_FILE,     /* regular file, directory, block device: only a thread */
};

/* Asks the kernel. Returns a kind, or -errno (EBADF). */
int attempt_kind(int fd);

/* Tries the operation once without waiting. kind: of op->fd; transfer_max: 0, or the most bytes
   to move on what carries streams. Returns 0 or more, -EAGAIN when it would wait, another -errno,
   or -ENOTSUP when it cannot be tried without the danger of waiting.

   op->scratch must be 0 before the first attempt; it remembers a connect that is under way and
   a cold piece of a file that sendfile met. */
int64_t attempt(struct op *op, enum fd_kind kind, size_t transfer_max);

/* What to poll for (POLLIN, POLLOUT; OP_POLL: what it asks) when the attempt says -EAGAIN. */
unsigned attempt_events(const struct op *op);

/* How many bytes the operation asks for, 0 if that is not what it does. */
size_t attempt_len(const struct op *op);

/* Ends a connect that is under way, so that the socket can be used again. Returns 0 or more when
   it had already ended: its result then, otherwise -ECANCELED. */
int64_t attempt_abort_connect(struct op *op);

/* Makes the plain, blocking system call; EINTR is passed through as -EINTR. Returns -ERESTART when
   it has only removed what stood in the way (a sendfile whose cold piece is now in memory: the
   socket's slowness must not hold a thread): submit or attempt the operation again. */
int64_t perform(struct op *op);

#endif
