/* Making operations: the arguments of each call. */
#include "posix/op.h"
#include "posix/transfer.h"

#include <limits.h>

static struct op_call *make(dure_op *op, enum op_code code, int fd)
{
    struct operation *operation = &op_of(op)->operation;

    operation->state = OPERATION_IDLE;
    operation->call = (struct op_call){ .code = (uint8_t)code, .fd = fd, .kind = OP_CALL_IO };
    return &operation->call;
}

static void invalid(struct op_call *call)
{
    call->kind = OP_CALL_INVALID;
}

static void make_buffer(dure_op *op, enum op_code code, int fd, const void *buf, size_t len,
                        int64_t offset)
{
    struct op_call *call = make(op, code, fd);

    call->u.io.buf = (void *)(uintptr_t)buf;
    call->u.io.len = len;
    call->u.io.offset = offset;
}

static void make_vector(dure_op *op, enum op_code code, int fd, const struct iovec *iov, int len,
                        int64_t offset)
{
    struct op_call *call = make(op, code, fd);

    call->u.vec.iov = iov;
    call->u.vec.len = len;
    call->u.vec.offset = offset;
    if (len < 0 || len > IOV_MAX)
        invalid(call);
}

/* An offset of -1 means none inside; a user's is wrong. */
static void check_offset(dure_op *op, off_t offset)
{
    if (offset < 0)
        invalid(&op_of(op)->operation.call);
}

void dure_op_read(dure_op *op, int fd, void *buf, size_t len)
{
    make_buffer(op, OP_READ, fd, buf, len, -1);
}

void dure_op_write(dure_op *op, int fd, const void *buf, size_t len)
{
    make_buffer(op, OP_WRITE, fd, buf, len, -1);
}

void dure_op_readv(dure_op *op, int fd, const struct iovec *iov, int iov_len)
{
    make_vector(op, OP_READV, fd, iov, iov_len, -1);
}

void dure_op_writev(dure_op *op, int fd, const struct iovec *iov, int iov_len)
{
    make_vector(op, OP_WRITEV, fd, iov, iov_len, -1);
}

void dure_op_pread(dure_op *op, int fd, void *buf, size_t len, off_t offset)
{
    make_buffer(op, OP_READ, fd, buf, len, offset);
    check_offset(op, offset);
}

void dure_op_pwrite(dure_op *op, int fd, const void *buf, size_t len, off_t offset)
{
    make_buffer(op, OP_WRITE, fd, buf, len, offset);
    check_offset(op, offset);
}

void dure_op_preadv(dure_op *op, int fd, const struct iovec *iov, int iov_len, off_t offset)
{
    make_vector(op, OP_READV, fd, iov, iov_len, offset);
    check_offset(op, offset);
}

void dure_op_pwritev(dure_op *op, int fd, const struct iovec *iov, int iov_len, off_t offset)
{
    make_vector(op, OP_WRITEV, fd, iov, iov_len, offset);
    check_offset(op, offset);
}

static void set_receive_flags(struct op_call *call, int flags)
{
    if (flags & RECEIVE_NEVER_WAITS)
        call->flags = OP_DONT_WAIT;
    else if (flags & MSG_WAITALL)
        call->on_thread = true;
}

void dure_op_recv(dure_op *op, int fd, void *buf, size_t len, int flags)
{
    make_buffer(op, OP_RECV, fd, buf, len, 0);
    op_of(op)->operation.call.u.io.flags = flags;
    set_receive_flags(&op_of(op)->operation.call, flags);
}

void dure_op_send(dure_op *op, int fd, const void *buf, size_t len, int flags)
{
    make_buffer(op, OP_SEND, fd, buf, len, 0);
    op_of(op)->operation.call.u.io.flags = flags | MSG_NOSIGNAL;
    if (flags & MSG_DONTWAIT)
        op_of(op)->operation.call.flags = OP_DONT_WAIT;
}

void dure_op_recvmsg(dure_op *op, int fd, struct msghdr *msg, int flags)
{
    struct op_call *call = make(op, OP_RECVMSG, fd);

    call->u.msg.header = msg;
    call->u.msg.flags = flags;
    set_receive_flags(call, flags);
}

void dure_op_sendmsg(dure_op *op, int fd, const struct msghdr *msg, int flags)
{
    struct op_call *call = make(op, OP_SENDMSG, fd);

    call->u.msg.header = (struct msghdr *)(uintptr_t)msg;
    call->u.msg.flags = flags | MSG_NOSIGNAL;
    if (flags & MSG_DONTWAIT)
        call->flags = OP_DONT_WAIT;
}

void dure_op_accept(dure_op *op, int fd, struct sockaddr *addr, socklen_t *addr_len, int flags)
{
    struct op_call *call = make(op, OP_ACCEPT, fd);

    call->u.accept.addr = addr;
    call->u.accept.addr_len = addr_len;
    call->u.accept.flags = flags;
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        invalid(call);
}

void dure_op_connect(dure_op *op, int fd, const struct sockaddr *addr, socklen_t addr_len)
{
    struct op_call *call = make(op, OP_CONNECT, fd);

    call->u.connect.addr = addr;
    call->u.connect.addr_len = addr_len;
}

void dure_op_poll(dure_op *op, int fd, short events)
{
    make(op, OP_POLL, fd)->u.poll.events = (unsigned short)events;
}

void dure_op_openat(dure_op *op, int dir_fd, const char *path, int flags, mode_t mode)
{
    struct op_call *call = make(op, OP_OPENAT, dir_fd);

    call->u.open.path = path;
    call->u.open.flags = flags;
    call->u.open.mode = mode;
    call->u.open.how = NULL;
}

void dure_op_close(dure_op *op, int fd)
{
    make(op, OP_CLOSE, fd)->kind = OP_CALL_CLOSE;
}

void dure_op_fsync(dure_op *op, int fd)
{
    make(op, OP_FSYNC, fd);
}

void dure_op_fdatasync(dure_op *op, int fd)
{
    make(op, OP_FSYNC, fd)->u.sync.data_only = true;
}

void dure_op_statx(dure_op *op, int dir_fd, const char *path, int flags, struct statx *out)
{
    struct op_call *call = make(op, OP_STAT, dir_fd);

    call->u.stat.path = path;
    call->u.stat.flags = flags;
    call->u.stat.out = out;
}

void dure_op_sendfile(dure_op *op, int out_fd, int in_fd, off_t *offset, size_t len)
{
    struct op_call *call = make(op, OP_SENDFILE, out_fd);

    call->u.sendfile.in_fd = in_fd;
    call->u.sendfile.offset = offset;
    call->u.sendfile.len = len;
}

void dure_op_sleep_until(dure_op *op, dure_deadline deadline)
{
    struct op_call *call = make(op, OP_CODES, -1);

    call->kind = OP_CALL_SLEEP;
    call->until_ns = deadline.at_ns;
}
