/* One attempt at an operation that never waits. */
#include "backend/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/attempt_parts.h"
#include "backend/attempt_scratch.h"
#include "base/assert.h"
#include "base/descriptors.h"

static int kind_of_file(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    switch (st.st_mode & S_IFMT) {
    case S_IFIFO:
        return FD_PIPE;
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK:
    case S_IFLNK: /* O_PATH */
        return FD_FILE;
    default:
        return FD_EVENT;
    }
}

/* One system call for a TCP socket: a server asks once for each connection. */
int attempt_kind(int fd)
{
    int value = 0;
    socklen_t len = sizeof value;

    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len) < 0)
        return errno == ENOTSOCK || errno == EBADF ? kind_of_file(fd) : -errno;
    if (value == IPPROTO_TCP)
        return FD_TCP;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0)
        return -errno;
    return value == SOCK_STREAM ? FD_STREAM : FD_DATAGRAM;
}

/* A vector cut to transfer_max: its first piece that holds anything, cut. */
static void cut_vector(struct msghdr *header, struct iovec *one, enum fd_kind kind,
                       size_t transfer_max)
{
    if (cut(SIZE_MAX, kind, transfer_max) == SIZE_MAX)
        return;
    while (header->msg_iovlen > 0 && header->msg_iov->iov_len == 0) {
        header->msg_iov++;
        header->msg_iovlen--;
    }
    if (header->msg_iovlen == 0)
        return;
    *one = *header->msg_iov;
    one->iov_len = cut(one->iov_len, kind, transfer_max);
    header->msg_iov = one;
    header->msg_iovlen = 1;
}

static size_t vector_len(const struct iovec *iov, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += iov[i].iov_len;
    return sum;
}

size_t attempt_len(const struct op *op)
{
    switch (op->code) {
    case OP_READ:
    case OP_WRITE:
    case OP_RECV:
    case OP_SEND:
        return op->u.io.len;
    case OP_READV:
    case OP_WRITEV:
        return op->u.vec.len < 0 ? 0 : vector_len(op->u.vec.iov, (size_t)op->u.vec.len);
    case OP_RECVMSG:
    case OP_SENDMSG:
        return vector_len(op->u.msg.header->msg_iov, op->u.msg.header->msg_iovlen);
    default:
        return 0;
    }
}

/* Returns the revents. A pending signal ends even a poll that does not wait. */
static int64_t poll_now(int fd, unsigned events)
{
    struct pollfd pollfd = { .fd = fd, .events = (short)events };
    int n;

    do
        n = poll(&pollfd, 1, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int64_t)(unsigned short)pollfd.revents;
}

/* A datagram socket that was shut down for reading has come to its end: a call that waits says so; one
   that does not says EAGAIN, as if something could still come, while every poll says that it is
   readable. */
static int64_t received(const struct op *op, enum fd_kind kind, int flags, int64_t n)
{
    if (n != -EAGAIN || kind != FD_DATAGRAM || (op->flags & OP_DONT_WAIT) ||
        (flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)) ||
        !(poll_now(op->fd, POLLRDHUP) & POLLRDHUP))
        return n;
    flags = descriptors_get_flags(op->fd);
    return flags < 0 || (flags & O_NONBLOCK) ? n : 0;
}

static int64_t message(struct op *op, enum fd_kind kind, size_t transfer_max)
{
    struct msghdr *user = op->u.msg.header, header = *user;
    struct iovec one;
    int64_t n;

    cut_vector(&header, &one, kind, transfer_max);
    if (op->code == OP_SENDMSG)
        return result_of(sendmsg(op->fd, &header, op->u.msg.flags | MSG_DONTWAIT));
    n = result_of(recvmsg(op->fd, &header, op->u.msg.flags | MSG_DONTWAIT));
    n = received(op, kind, op->u.msg.flags, n);
    if (n >= 0) {
        user->msg_namelen = header.msg_namelen;
        user->msg_controllen = header.msg_controllen;
        user->msg_flags = header.msg_flags;
    }
    return n;
}

static int64_t socket_read_write(struct op *op, enum fd_kind kind, size_t transfer_max)
{
    size_t len = cut(op->u.io.len, kind, transfer_max);

    if (op->u.io.offset != -1)
        return -ESPIPE;
    if (op->code == OP_WRITE)
        return result_of(send(op->fd, op->u.io.buf, len, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (len == 0) /* read of nothing is 0 at once, recv of nothing may wait */
        return 0;
    return received(op, kind, 0, result_of(recv(op->fd, op->u.io.buf, len, MSG_DONTWAIT)));
}

static int64_t socket_vector(struct op *op, enum fd_kind kind, size_t transfer_max)
{
    struct msghdr header = { .msg_iov = (struct iovec *)(uintptr_t)op->u.vec.iov,
                             .msg_iovlen = (size_t)op->u.vec.len };
    struct iovec one;

    if (op->u.vec.len < 0 || op->u.vec.len > IOV_MAX)
        return -EINVAL;
    if (op->u.vec.offset != -1)
        return -ESPIPE;
    cut_vector(&header, &one, kind, transfer_max);
    if (op->code == OP_WRITEV)
        return result_of(sendmsg(op->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (vector_len(header.msg_iov, header.msg_iovlen) == 0)
        return 0;
    return received(op, kind, 0, result_of(recvmsg(op->fd, &header, MSG_DONTWAIT)));
}

/* Reads or writes what is no socket. What does not know RWF_NOWAIT can be tried only when its user
   has made it O_NONBLOCK. */
static int64_t nowait_vector(bool write, int fd, const struct iovec *iov, int len, int64_t offset)
{
    int flags = RWF_NOWAIT;

    for (;;) {
        int64_t n =
            write ? pwritev2(fd, iov, len, offset, flags) : preadv2(fd, iov, len, offset, flags);

        if (n >= 0 || errno != EOPNOTSUPP || flags == 0)
            return result_of(n);
        flags = descriptors_get_flags(fd);
        if (flags < 0)
            return flags;
        if (!(flags & O_NONBLOCK))
            return -ENOTSUP;
        flags = 0;
    }
}

static int64_t nowait_read_write(struct op *op, enum fd_kind kind, size_t transfer_max)
{
    struct iovec one = { op->u.io.buf, cut(op->u.io.len, kind, transfer_max) };

    return nowait_vector(op->code == OP_WRITE, op->fd, &one, 1, op->u.io.offset);
}

static int64_t nowait_readv_writev(struct op *op, enum fd_kind kind, size_t transfer_max)
{
    struct msghdr header = { .msg_iov = (struct iovec *)(uintptr_t)op->u.vec.iov,
                             .msg_iovlen = (size_t)op->u.vec.len };
    struct iovec one;

    if (op->u.vec.len < 0 || op->u.vec.len > IOV_MAX)
        return -EINVAL;
    cut_vector(&header, &one, kind, transfer_max);
    return nowait_vector(op->code == OP_WRITEV, op->fd, header.msg_iov, (int)header.msg_iovlen,
                         op->u.vec.offset);
}

/* What does not listen fails at once; to wait until it is readable would be for ever. */
static bool listens(int fd)
{
    int value = 0;
    socklen_t len = sizeof value;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value;
}

/* Looks before it flips: three system calls are saved when nobody is there. Another acceptor may
   be faster in between, so that looking alone is not enough. */
static int64_t attempt_accept(struct op *op)
{
    int64_t fd;
    int flip;

    if (poll_now(op->fd, POLLIN) == 0)
        return listens(op->fd) ? -EAGAIN : result_of(accept4(op->fd, NULL, NULL, 0));
    flip = descriptors_flip_on(op->fd);
    if (flip < 0)
        return flip;
    fd = result_of(accept4(op->fd, op->u.accept.addr, op->u.accept.addr_len, op->u.accept.flags));
    if (flip == 0)
        descriptors_flip_off(op->fd);
    return fd;
}

/* Leaves the socket as a call that waited and failed would have. */
static void disconnect(int fd)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };

    (void)connect(fd, &none, sizeof none);
}

/* Once the socket is writable the attempt is over; of one that succeeded the kernel hears by a
   second connect. One that failed, or was shut down meanwhile, must not be connected again: that
   would be a new attempt, and wait. */
static int64_t connect_outcome(struct op *op)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer, error_len = sizeof(int);
    int error = 0;

    if (poll_now(op->fd, POLLOUT) == 0)
        return -EAGAIN;
    op->scratch &= (uint8_t)~SCRATCH_CONNECTING;
    if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
        return -errno;
    if (error == 0 && getpeername(op->fd, (struct sockaddr *)&peer, &len) < 0)
        error = ECONNABORTED;
    if (error == 0)
        return result_of(connect(op->fd, op->u.connect.addr, op->u.connect.addr_len));
    disconnect(op->fd);
    return -error;
}

/* Datagram sockets only note the address: their connect never waits. */
static bool connects_at_once(int fd, enum fd_kind kind)
{
    int type = 0;
    socklen_t len = sizeof type;

    return kind == FD_DATAGRAM && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           (type == SOCK_DGRAM || type == SOCK_RAW);
}

static int64_t attempt_connect(struct op *op, enum fd_kind kind)
{
    int64_t result;
    int flip;

    if (op->scratch & SCRATCH_CONNECTING)
        return connect_outcome(op);
    if (connects_at_once(op->fd, kind))
        return result_of(connect(op->fd, op->u.connect.addr, op->u.connect.addr_len));
    flip = descriptors_flip_on(op->fd);
    if (flip < 0)
        return flip;
    result = result_of(connect(op->fd, op->u.connect.addr, op->u.connect.addr_len));
    if (flip == 1)
        return result; /* the user's own O_NONBLOCK: EINPROGRESS is the answer */
    descriptors_flip_off(op->fd);
    if (result == -EINPROGRESS || result == -EALREADY) {
        op->scratch |= SCRATCH_CONNECTING;
        return -EAGAIN;
    }
    /* A full backlog of AF_UNIX: nothing tells when there is room, only a waiting thread is. */
    return result == -EAGAIN ? -ENOTSUP : result;
}

int64_t attempt_abort_connect(struct op *op)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };
    int64_t result;
    int error;
    socklen_t len = sizeof error;

    if (!(op->scratch & SCRATCH_CONNECTING))
        return -ECANCELED;
    result = connect_outcome(op);
    if (result != -EAGAIN)
        return result;
    op->scratch &= (uint8_t)~SCRATCH_CONNECTING;
    /* The kernel would go on connecting otherwise, and report its end to the next user. */
    if (connect(op->fd, &none, sizeof none) == 0)
        getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return -ECANCELED;
}

static int64_t attempt_poll(struct op *op)
{
    int64_t revents = poll_now(op->fd, op->u.poll.events);

    return revents == 0 ? -EAGAIN : revents;
}

/* A file's pages may be in memory: then nothing waits. Only at a given offset, and only if all of it
   was there, as a part would be a short read that a plain call does not make. */
static int64_t read_cached(struct op *op, size_t transfer_max)
{
    struct iovec one = { op->u.io.buf, cut(op->u.io.len, FD_FILE, transfer_max) };
    ssize_t n;

    if (op->code != OP_READ || op->u.io.offset < 0)
        return -ENOTSUP;
    n = preadv2(op->fd, &one, 1, op->u.io.offset, RWF_NOWAIT);
    return n >= 0 && (size_t)n == one.iov_len ? n : -ENOTSUP;
}

int64_t attempt(struct op *op, enum fd_kind kind, size_t transfer_max)
{
    switch (op->code) {
    case OP_READ:
    case OP_WRITE:
        if (is_socket(kind))
            return socket_read_write(op, kind, transfer_max);
        return kind == FD_FILE ? read_cached(op, transfer_max)
                               : nowait_read_write(op, kind, transfer_max);
    case OP_READV:
    case OP_WRITEV:
        if (is_socket(kind))
            return socket_vector(op, kind, transfer_max);
        return kind == FD_FILE ? -ENOTSUP : nowait_readv_writev(op, kind, transfer_max);
    case OP_RECV:
        return received(op, kind, op->u.io.flags,
                        result_of(recv(op->fd, op->u.io.buf, cut(op->u.io.len, kind, transfer_max),
                                       op->u.io.flags | MSG_DONTWAIT)));
    case OP_SEND:
        return result_of(send(op->fd, op->u.io.buf, cut(op->u.io.len, kind, transfer_max),
                              op->u.io.flags | MSG_DONTWAIT));
    case OP_RECVMSG:
    case OP_SENDMSG:
        return message(op, kind, transfer_max);
    case OP_ACCEPT:
        return attempt_accept(op);
    case OP_CONNECT:
        return attempt_connect(op, kind);
    case OP_POLL:
        return attempt_poll(op);
    case OP_SENDFILE:
        return attempt_sendfile(op, kind, transfer_max);
    default:
        return -ENOTSUP;
    }
}

unsigned attempt_events(const struct op *op)
{
    switch (op->code) {
    case OP_READ:
    case OP_READV:
    case OP_RECV:
    case OP_RECVMSG:
    case OP_ACCEPT:
        return POLLIN;
    case OP_POLL:
        return op->u.poll.events;
    default:
        return POLLOUT;
    }
}
