/* One io_uring submission entry an operation code. */
#include <poll.h>
#include <sys/stat.h>

#include "backend/attempt.h"
#include "backend/uring.h"
#include "base/assert.h"

/* What one read or write moves at most (MAX_RW_COUNT); an entry's length has 32 bits. */
#define RW_COUNT_MAX 0x7ffff000u

static unsigned clip(size_t len, size_t transfer_max)
{
    if (unlikely(transfer_max) && len > transfer_max)
        len = transfer_max;
    return len < RW_COUNT_MAX ? (unsigned)len : RW_COUNT_MAX;
}

/* With a cap (in tests), only the first part of a vector that holds anything, as one buffer. */
static bool prep_capped(struct io_uring_sqe *sqe, const struct op *op, size_t transfer_max)
{
    const struct iovec *iov = op->u.vec.iov;
    int i;

    for (i = 0; i < op->u.vec.len && iov[i].iov_len == 0; i++)
        ;
    if (i == op->u.vec.len)
        return false;
    if (op->code == OP_READV)
        io_uring_prep_read(sqe, op->fd, iov[i].iov_base, clip(iov[i].iov_len, transfer_max),
                           (uint64_t)op->u.vec.offset);
    else
        io_uring_prep_write(sqe, op->fd, iov[i].iov_base, clip(iov[i].iov_len, transfer_max),
                            (uint64_t)op->u.vec.offset);
    return true;
}

static void prep_vector(struct io_uring_sqe *sqe, const struct op *op, size_t transfer_max)
{
    if (transfer_max && op->u.vec.len > 0 && prep_capped(sqe, op, transfer_max))
        return;
    if (op->code == OP_READV)
        io_uring_prep_readv(sqe, op->fd, op->u.vec.iov, (unsigned)op->u.vec.len,
                            (uint64_t)op->u.vec.offset);
    else
        io_uring_prep_writev(sqe, op->fd, op->u.vec.iov, (unsigned)op->u.vec.len,
                             (uint64_t)op->u.vec.offset);
}

static void prep_file(struct io_uring_sqe *sqe, const struct op *op)
{
    switch (op->code) {
    case OP_OPENAT:
        io_uring_prep_openat(sqe, op->fd, op->u.open.path, op->u.open.flags, op->u.open.mode);
        break;
    case OP_CLOSE:
        io_uring_prep_close(sqe, op->fd);
        break;
    case OP_FSYNC:
        io_uring_prep_fsync(sqe, op->fd, op->u.sync.data_only ? IORING_FSYNC_DATASYNC : 0);
        break;
    case OP_STAT:
        io_uring_prep_statx(sqe, op->fd, op->u.stat.path, op->u.stat.flags,
                            STATX_BASIC_STATS | STATX_BTIME, op->u.stat.out);
        break;
    default:
        die("io_uring: operation %d has no entry", op->code);
    }
}

/* A read or write of a stream socket. */
void uring_prep_socket(struct io_uring_sqe *sqe, const struct op *op, size_t transfer_max)
{
    unsigned len = clip(op->u.io.len, transfer_max);

    if (op->code == OP_READ)
        io_uring_prep_recv(sqe, op->fd, op->u.io.buf, len, 0);
    else
        io_uring_prep_send(sqe, op->fd, op->u.io.buf, len, MSG_NOSIGNAL | MSG_WAITALL);
}

/* io_uring masks POLLPRI out of what can wake a wait (IO_ASYNC_POLL_COMMON, 6.18): alone it would
   never be told. Urgent data wakes a socket's readers too. What is no socket does without: it may be
   always readable. */
unsigned uring_poll_events(const struct op *op)
{
    unsigned events = attempt_events(op);

    if (likely(!(events & POLLPRI)) || (events & POLLIN))
        return events;
    switch (attempt_kind(op->fd)) {
    case FD_TCP:
    case FD_STREAM:
    case FD_DATAGRAM:
        return events | POLLIN;
    default:
        return events;
    }
}

void uring_prep(struct io_uring_sqe *sqe, const struct op *op, size_t transfer_max)
{
    switch (op->code) {
    case OP_READ:
        io_uring_prep_read(sqe, op->fd, op->u.io.buf, clip(op->u.io.len, transfer_max),
                           (uint64_t)op->u.io.offset);
        break;
    case OP_WRITE:
        io_uring_prep_write(sqe, op->fd, op->u.io.buf, clip(op->u.io.len, transfer_max),
                            (uint64_t)op->u.io.offset);
        break;
    case OP_READV:
    case OP_WRITEV:
        prep_vector(sqe, op, transfer_max);
        break;
    case OP_RECV:
        io_uring_prep_recv(sqe, op->fd, op->u.io.buf, clip(op->u.io.len, transfer_max),
                           op->u.io.flags);
        break;
    /* A blocking send on a stream sends all of it: MSG_WAITALL has the kernel go on after a short
       one without coming back; cancelled in between, it answers with the count. */
    case OP_SEND:
        io_uring_prep_send(sqe, op->fd, op->u.io.buf, clip(op->u.io.len, transfer_max),
                           op->u.io.flags | MSG_WAITALL);
        break;
    case OP_RECVMSG:
        io_uring_prep_recvmsg(sqe, op->fd, op->u.msg.header, (unsigned)op->u.msg.flags);
        break;
    case OP_SENDMSG:
        io_uring_prep_sendmsg(sqe, op->fd, op->u.msg.header,
                              (unsigned)op->u.msg.flags | MSG_WAITALL);
        break;
    case OP_ACCEPT:
        io_uring_prep_accept(sqe, op->fd, op->u.accept.addr, op->u.accept.addr_len,
                             op->u.accept.flags);
        break;
    case OP_CONNECT:
        io_uring_prep_connect(sqe, op->fd, op->u.connect.addr, op->u.connect.addr_len);
        break;
    case OP_POLL:
        io_uring_prep_poll_add(sqe, op->fd, uring_poll_events(op));
        break;
    default:
        prep_file(sqe, op);
    }
}
