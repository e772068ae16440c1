/* Twins on sockets. */
#include "posix/transfer.h"

#include <dure/io.h>
#include <dure/socket.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/descriptors.h"

int dure_socket(int domain, int type, int protocol)
{
    return descriptor_born(
        simulated_words(world_here()->socket(domain, type, protocol), "such a socket"));
}

int dure_socketpair(int domain, int type, int protocol, int fds[2])
{
    if (world_here()->socketpair(domain, type, protocol, fds) < 0)
        return -1;
    descriptor_born(fds[0]);
    descriptor_born(fds[1]);
    return 0;
}

int dure_bind(int fd, const struct sockaddr *addr, socklen_t addr_len)
{
    return world_here()->bind(fd, addr, addr_len);
}

int dure_listen(int fd, int backlog)
{
    return world_here()->listen(fd, backlog);
}

static bool is_time_limit(int name)
{
    return name == SO_RCVTIMEO || name == SO_SNDTIMEO || name == SO_RCVTIMEO_NEW ||
           name == SO_SNDTIMEO_NEW;
}

int dure_setsockopt(int fd, int level, int name, const void *value, socklen_t value_len)
{
    /* Before it: whoever sees the limit looks for it. */
    if (level == SOL_SOCKET && is_time_limit(name))
        atomic_store_explicit(&socket_limits_used, true, memory_order_relaxed);
    return world_here()->setsockopt(fd, level, name, value, value_len);
}

int dure_getsockopt(int fd, int level, int name, void *value, socklen_t *value_len)
{
    return world_here()->getsockopt(fd, level, name, value, value_len);
}

int dure_getsockname(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return world_here()->getsockname(fd, addr, addr_len);
}

int dure_getpeername(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return world_here()->getpeername(fd, addr, addr_len);
}

int dure_shutdown(int fd, int how)
{
    return world_here()->shutdown(fd, how);
}

/* Whether the number is a descriptor for anything but its path. */
static bool is_open(int fd)
{
    int flags = world_here()->fcntl(fd, F_GETFL, NULL);

    return flags >= 0 && !(flags & O_PATH);
}

int dure_accept4(int fd, struct sockaddr *addr, socklen_t *addr_len, int flags)
{
    struct io io;
    int64_t connection;

    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return (int)io_result(is_open(fd) ? -EINVAL : -EBADF);
    io_init(&io, OP_ACCEPT, fd);
    io.op.u.accept.addr = addr;
    io.op.u.accept.addr_len = addr_len;
    io.op.u.accept.flags = flags;
    connection = io_run(&io);
    if (unlikely(connection < 0))
        return (int)io_result(connection);
    return descriptor_born((int)connection);
}

int dure_accept(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return dure_accept4(fd, addr, addr_len, 0);
}

int dure_connect(int fd, const struct sockaddr *addr, socklen_t addr_len)
{
    struct io io;

    io_init(&io, OP_CONNECT, fd);
    io.op.u.connect.addr = addr;
    io.op.u.connect.addr_len = addr_len;
    return (int)io_result(io_run(&io));
}

static int64_t receive_bytes(int fd, void *buf, size_t len, int flags)
{
    struct io io;

    io_init(&io, OP_RECV, fd);
    if (unlikely(flags & RECEIVE_NEVER_WAITS))
        io.op.flags = OP_DONT_WAIT;
    io.op.u.io.buf = buf;
    io.op.u.io.len = len;
    io.op.u.io.flags = flags;
    return io_run(&io);
}

static int64_t send_bytes(int fd, const void *buf, size_t len, int flags)
{
    struct io io;

    io_init(&io, OP_SEND, fd);
    if (unlikely(flags & MSG_DONTWAIT))
        io.op.flags = OP_DONT_WAIT;
    io.op.u.io.buf = (void *)(uintptr_t)buf;
    io.op.u.io.len = len;
    io.op.u.io.flags = flags | MSG_NOSIGNAL;
    return io_run(&io);
}

static void message_init(struct io *io, enum op_code code, int fd, struct msghdr *header, int flags)
{
    const int never = code == OP_RECVMSG ? RECEIVE_NEVER_WAITS : MSG_DONTWAIT;

    io_init(io, code, fd);
    if (unlikely(flags & never))
        io->op.flags = OP_DONT_WAIT;
    io->op.u.msg.header = header;
    io->op.u.msg.flags = flags;
}

static int64_t transfer_message(enum op_code code, int fd, struct msghdr *header, int flags)
{
    struct io io;

    message_init(&io, code, fd, header, flags);
    return io_run(&io);
}

/* --- receiving, with MSG_WAITALL --- */

/* Takes off what has been received. */
static void advance(struct msghdr *header, size_t len)
{
    while (header->msg_iovlen > 0 && len >= header->msg_iov->iov_len) {
        len -= header->msg_iov->iov_len;
        header->msg_iov++;
        header->msg_iovlen--;
    }
    if (header->msg_iovlen > 0) {
        header->msg_iov->iov_base = (char *)header->msg_iov->iov_base + len;
        header->msg_iov->iov_len -= len;
    }
}

/* Goes on until all is there, the end, or an error; as the kernel, also until control data come.
   The vector is consumed. */
static int64_t receive_rest(int fd, struct msghdr *user, struct iovec *iov, int flags)
{
    struct msghdr header = *user;
    int64_t moved = 0, n;

    header.msg_iov = iov;
    for (;;) {
        struct msghdr piece = header;

        n = transfer_message(OP_RECVMSG, fd, &piece, flags & ~MSG_WAITALL);
        if (n < 0)
            return moved ? moved : n;
        moved += n;
        user->msg_namelen = piece.msg_namelen;
        user->msg_controllen = piece.msg_controllen;
        user->msg_flags = piece.msg_flags;
        advance(&header, (size_t)n);
        if (n == 0 || header.msg_iovlen == 0 || piece.msg_controllen > 0)
            return moved;
    }
}

/* To look at all without taking it, a blocking call must wait: whoever is told that something is
   there does not hear of more. */
static int64_t peek_all(int fd, struct msghdr *header, int flags)
{
    struct io io;

    message_init(&io, OP_RECVMSG, fd, header, flags);
    return io_run_on_thread(&io);
}

bool transfer_receives_all(int fd, int flags)
{
    int type = 0;
    socklen_t len = sizeof type;

    return (flags & MSG_WAITALL) && !(flags & RECEIVE_NEVER_WAITS) &&
           world_here()->getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           type == SOCK_STREAM;
}

/* Not on the task's stack: a vector may have 1,024 parts. */
static int64_t receive_all(int fd, struct msghdr *header, int flags)
{
    struct iovec *iov;
    int64_t n;

    if (flags & MSG_PEEK)
        return peek_all(fd, header, flags);
    if (header->msg_iovlen > IOV_MAX)
        return -EMSGSIZE;
    iov = malloc((header->msg_iovlen + 1) * sizeof *iov);
    if (!iov)
        return -ENOMEM;
    memcpy(iov, header->msg_iov, header->msg_iovlen * sizeof *iov);
    n = receive_rest(fd, header, iov, flags);
    free(iov);
    return n;
}

static int64_t receive(int fd, struct msghdr *header, int flags)
{
    if (unlikely(flags & MSG_WAITALL) && transfer_receives_all(fd, flags))
        return receive_all(fd, header, flags);
    /* Without it: io_uring takes it for packets too, where plain calls have no use for it. */
    return transfer_message(OP_RECVMSG, fd, header, flags & ~MSG_WAITALL);
}

ssize_t dure_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
                      socklen_t *addr_len)
{
    struct iovec iov = { .iov_base = buf, .iov_len = len };
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
    int64_t n;

    if (addr) {
        header.msg_name = addr;
        header.msg_namelen = *addr_len;
    }
    n = receive(fd, &header, flags);
    if (n >= 0 && addr)
        *addr_len = header.msg_namelen;
    return io_result(n);
}

ssize_t dure_recv(int fd, void *buf, size_t len, int flags)
{
    if (unlikely(flags & MSG_WAITALL))
        return dure_recvfrom(fd, buf, len, flags, NULL, NULL);
    return io_result(receive_bytes(fd, buf, len, flags));
}

ssize_t dure_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return io_result(receive(fd, msg, flags));
}

/* --- sending --- */

ssize_t dure_send(int fd, const void *buf, size_t len, int flags)
{
    int64_t n = send_bytes(fd, buf, len, flags);
    struct iovec iov = { (void *)(uintptr_t)buf, len };

    if (likely(n <= 0 || (size_t)n == len || (flags & MSG_DONTWAIT)))
        return io_result(n);
    return (ssize_t)transfer_rest(fd, &iov, 1, (size_t)n, true, flags);
}

ssize_t dure_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
                    socklen_t addr_len)
{
    struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
    struct msghdr header = {
        .msg_name = (void *)(uintptr_t)addr,
        .msg_namelen = addr_len,
        .msg_iov = &iov,
        .msg_iovlen = 1,
    };

    if (!addr)
        return dure_send(fd, buf, len, flags);
    return dure_sendmsg(fd, &header, flags);
}

ssize_t dure_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct msghdr header = *msg;
    int64_t n = transfer_message(OP_SENDMSG, fd, &header, flags | MSG_NOSIGNAL);

    if (likely(n <= 0 || (flags & MSG_DONTWAIT) ||
               (size_t)n == transfer_len(msg->msg_iov, msg->msg_iovlen)))
        return io_result(n);
    /* A datagram is never sent in part: this is a stream, and the control data are gone. */
    return transfer_rest(fd, msg->msg_iov, msg->msg_iovlen, (size_t)n, true, flags);
}
