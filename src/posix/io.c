/* Twins on any descriptor. */
#include "posix/transfer.h"

#include "backend/attempt.h"

#include <dure/io.h>
#include <errno.h>
#include <limits.h>

int64_t transfer_read(int fd, void *buf, size_t len, int64_t offset)
{
    struct io io;

    io_init(&io, OP_READ, fd);
    io.op.u.io.buf = buf;
    io.op.u.io.len = len;
    io.op.u.io.offset = offset;
    return io_run(&io);
}

int64_t transfer_write(int fd, const void *buf, size_t len, int64_t offset)
{
    struct io io;

    io_init(&io, OP_WRITE, fd);
    io.op.u.io.buf = (void *)(uintptr_t)buf;
    io.op.u.io.len = len;
    io.op.u.io.offset = offset;
    return io_run(&io);
}

int64_t transfer_vector(int fd, enum op_code code, const struct iovec *iov, int iov_len,
                        int64_t offset)
{
    struct io io;

    io_init(&io, code, fd);
    io.op.u.vec.iov = iov;
    io.op.u.vec.len = iov_len;
    io.op.u.vec.offset = offset;
    return io_run(&io);
}

/* An empty vector, which the kernel answers without waiting, whatever the descriptor is. To the
   mechanisms it would be a transfer like any other: io_uring waits on a FIFO for it, and an empty
   vector would become an empty message. */
static int64_t ask_nothing(int fd, bool write)
{
    struct iovec nothing = { NULL, 0 };
    ssize_t n =
        write ? world_here()->writev(fd, &nothing, 1) : world_here()->readv(fd, &nothing, 1);

    return n < 0 ? -errno : n;
}

static int64_t move_nothing(int fd, bool write)
{
    int refused = io_entry_refused();

    return refused < 0 ? refused : ask_nothing(fd, write);
}

int64_t transfer_nothing_simulated(int fd, bool write, int64_t offset)
{
    const struct world *world = world_here();
    ssize_t n;

    if (offset < 0)
        return ask_nothing(fd, write);
    n = write ? world->pwritev(fd, NULL, 0, offset) : world->preadv(fd, NULL, 0, offset);
    return n < 0 ? -errno : n;
}

int64_t transfer_nothing(int fd, bool write, int64_t offset)
{
    int refused = io_entry_refused(), kind;
    struct io io;

    if (refused < 0)
        return refused;
    if (unlikely(world_here()->simulated))
        return transfer_nothing_simulated(fd, write, offset);
    kind = attempt_kind(fd);
    io_init(&io, write ? OP_WRITE : OP_READ, fd);
    io.op.u.io.buf = &io;
    io.op.u.io.len = 0;
    io.op.u.io.offset = offset;
    return task_current() && (kind == FD_FILE || kind == FD_EVENT) ? io_run_on_thread(&io)
                                                                   : perform(&io.op);
}

/* Empty, and for a driver or a file to answer. */
static bool is_odd_write(int fd)
{
    bool asks = (task_current() || thread_has_scope()) && !world_here()->simulated;
    int kind = asks ? attempt_kind(fd) : FD_UNKNOWN;

    return kind == FD_FILE || kind == FD_EVENT;
}

ssize_t dure_read(int fd, void *buf, size_t len)
{
    if (unlikely(len == 0) && (task_current() || thread_has_scope()))
        return io_result(transfer_nothing(fd, false, -1));
    return io_result(transfer_read(fd, buf, len, -1));
}

ssize_t dure_readv(int fd, const struct iovec *iov, int iov_len)
{
    if (iov_len < 0 || iov_len > IOV_MAX)
        return world_here()->readv(fd, iov, iov_len); /* of two errors the system chooses */
    if (transfer_len(iov, (size_t)iov_len) == 0)
        return io_result(move_nothing(fd, false));
    return io_result(transfer_vector(fd, OP_READV, iov, iov_len, -1));
}

ssize_t dure_write(int fd, const void *buf, size_t len)
{
    int64_t n;

    if (unlikely(len == 0) && is_odd_write(fd))
        return io_result(transfer_nothing(fd, true, -1));
    n = transfer_write(fd, buf, len, -1);
    if (likely(n <= 0 || (size_t)n == len))
        return io_result(n);
    return (ssize_t)transfer_write_rest(fd, buf, len, -1, (size_t)n);
}

int64_t transfer_write_rest(int fd, const void *buf, size_t len, int64_t offset, size_t from)
{
    struct op_call call = { .code = OP_WRITE, .fd = fd };

    call.u.io.buf = (void *)(uintptr_t)buf;
    call.u.io.len = len;
    call.u.io.offset = offset;
    return op_call_rest(&call, from);
}

int64_t transfer_rest(int fd, const struct iovec *iov, size_t iov_len, size_t from, bool socket,
                      int flags)
{
    struct msghdr header = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = iov_len };
    struct op_call call = { .code = socket ? OP_SENDMSG : OP_WRITEV, .fd = fd };

    if (socket) {
        call.u.msg.header = &header;
        call.u.msg.flags = flags | MSG_NOSIGNAL;
    } else {
        call.u.vec.iov = iov;
        call.u.vec.len = (int)iov_len;
        call.u.vec.offset = -1;
    }
    return op_call_rest(&call, from);
}

ssize_t dure_writev(int fd, const struct iovec *iov, int iov_len)
{
    size_t len;
    int64_t n;

    if (iov_len < 0 || iov_len > IOV_MAX)
        return world_here()->writev(fd, iov, iov_len);
    len = transfer_len(iov, (size_t)iov_len);
    if (len == 0)
        return io_result(move_nothing(fd, true));
    n = transfer_vector(fd, OP_WRITEV, iov, iov_len, -1);
    if (n <= 0 || (size_t)n == len)
        return io_result(n);
    return transfer_rest(fd, iov, (size_t)iov_len, (size_t)n, false, 0);
}

int transfer_wait(int fd, short events)
{
    struct pollfd poll = { .fd = fd, .events = events };

    return dure_poll(&poll, 1, -1) < 0 ? -errno : 0;
}

ssize_t dure_read_full(int fd, void *buf, size_t len)
{
    size_t moved = 0;
    int64_t n = 0;

    while (moved < len) {
        n = transfer_read(fd, (char *)buf + moved, len - moved, -1);
        if (n == -EAGAIN)
            n = transfer_wait(fd, POLLIN);
        else if (n == 0)
            break;
        if (n == -EINTR)
            continue; /* of a plain thread: a signal is no reason to give half */
        if (n < 0)
            break;
        moved += (size_t)n;
    }
    return moved || n >= 0 ? (ssize_t)moved : io_result(n);
}

ssize_t dure_write_all(int fd, const void *buf, size_t len)
{
    size_t moved = 0;
    int64_t n;

    while (moved < len) {
        n = transfer_write(fd, (const char *)buf + moved, len - moved, -1);
        if (n == -EAGAIN)
            n = transfer_wait(fd, POLLOUT);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return io_result(n);
        moved += (size_t)n;
    }
    return (ssize_t)len;
}
