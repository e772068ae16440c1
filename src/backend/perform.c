/* Operations as plain, blocking system calls. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/attempt.h"
#include "backend/attempt_scratch.h"
#include "base/assert.h"

/* Reads the piece that sendfile is going to send, so that the kernel has it in memory. Errors show
   when it is sent. */
static int64_t read_in(struct op *op)
{
    int in_fd = op->u.sendfile.in_fd;
    int64_t offset = op->u.sendfile.offset ? *op->u.sendfile.offset : lseek(in_fd, 0, SEEK_CUR);
    size_t len = op->u.sendfile.len < SENDFILE_PIECE_MAX ? op->u.sendfile.len : SENDFILE_PIECE_MAX;
    char *buf = malloc(SENDFILE_COPY_MAX);
    ssize_t n = 1;

    for (size_t done = 0; buf && done < len && n > 0; done += (size_t)n)
        n = pread(in_fd, buf, SENDFILE_COPY_MAX, offset + (int64_t)done);
    free(buf);
    op->scratch = (uint8_t)((op->scratch & ~SCRATCH_COLD) | SCRATCH_WARM);
    return -ERESTART;
}

static int64_t perform_sendfile(struct op *op)
{
    if (op->scratch & SCRATCH_COLD)
        return read_in(op);
    return sendfile(op->fd, op->u.sendfile.in_fd, op->u.sendfile.offset, op->u.sendfile.len);
}

static int64_t perform_poll(struct op *op)
{
    struct pollfd pollfd = { .fd = op->fd, .events = (short)op->u.poll.events };
    int n = poll(&pollfd, 1, -1);

    return n < 0 ? n : (int64_t)(unsigned short)pollfd.revents;
}

/* Linux has given the number back even when it says EINTR: to say so would invite a second close
   of somebody else's descriptor. */
static int64_t perform_close(struct op *op)
{
    int n = close(op->fd);

    return n < 0 && errno == EINTR ? 0 : n;
}

static int64_t perform_read_write(struct op *op)
{
    void *buf = op->u.io.buf;
    size_t len = op->u.io.len;
    int64_t offset = op->u.io.offset;

    if (op->code == OP_READ)
        return offset == -1 ? read(op->fd, buf, len) : pread(op->fd, buf, len, offset);
    return offset == -1 ? write(op->fd, buf, len) : pwrite(op->fd, buf, len, offset);
}

static int64_t perform_vector(struct op *op)
{
    const struct iovec *iov = op->u.vec.iov;
    int len = op->u.vec.len;
    int64_t offset = op->u.vec.offset;

    if (op->code == OP_READV)
        return offset == -1 ? readv(op->fd, iov, len) : preadv(op->fd, iov, len, offset);
    return offset == -1 ? writev(op->fd, iov, len) : pwritev(op->fd, iov, len, offset);
}

/* openat2 has no function in the C library. */
static int64_t perform_open(struct op *op)
{
    if (op->u.open.how)
        return syscall(SYS_openat2, op->fd, op->u.open.path, op->u.open.how, op->u.open.how_size);
    return openat(op->fd, op->u.open.path, op->u.open.flags, op->u.open.mode);
}

static int64_t perform_raw(struct op *op)
{
    switch ((enum op_code)op->code) {
    case OP_READ:
    case OP_WRITE:
        return perform_read_write(op);
    case OP_READV:
    case OP_WRITEV:
        return perform_vector(op);
    case OP_RECV:
        return recv(op->fd, op->u.io.buf, op->u.io.len, op->u.io.flags);
    case OP_SEND:
        return send(op->fd, op->u.io.buf, op->u.io.len, op->u.io.flags);
    case OP_RECVMSG:
        return recvmsg(op->fd, op->u.msg.header, op->u.msg.flags);
    case OP_SENDMSG:
        return sendmsg(op->fd, op->u.msg.header, op->u.msg.flags);
    case OP_ACCEPT:
        return accept4(op->fd, op->u.accept.addr, op->u.accept.addr_len, op->u.accept.flags);
    case OP_CONNECT:
        return connect(op->fd, op->u.connect.addr, op->u.connect.addr_len);
    case OP_POLL:
        return perform_poll(op);
    case OP_OPENAT:
        return perform_open(op);
    case OP_CLOSE:
        return perform_close(op);
    case OP_FSYNC:
        return op->u.sync.data_only ? fdatasync(op->fd) : fsync(op->fd);
    case OP_STAT:
        return statx(op->fd, op->u.stat.path, op->u.stat.flags, STATX_BASIC_STATS | STATX_BTIME,
                     op->u.stat.out);
    case OP_SENDFILE:
        return perform_sendfile(op);
    case OP_LOCK:
        return op->u.lock.lock ? fcntl(op->fd, op->u.lock.command, op->u.lock.lock)
                               : flock(op->fd, op->u.lock.command);
    case OP_FORGET:
        return 0; /* nothing is known outside of a loop */
    case OP_CODES:
        break;
    }
    die("perform: no such operation: %d", op->code);
}

int64_t perform(struct op *op)
{
    int64_t result = perform_raw(op);

    /* read_in's answer is not a system call's. */
    return result == -1 ? -errno : result;
}
