/* The simulation's calls on sockets. */
#include "backend/sim/world.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

/* The caller's socket, or NULL with the error. */
static struct sim_file *socket_at(int fd, int *error)
{
    struct sim_file *file = sim_file_of(fd);

    *error = file ? -ENOTSOCK : -EBADF;
    return file && file->kind->type ? file : NULL;
}

int sim_bind(int fd, const struct sockaddr *addr, socklen_t addr_len)
{
    struct sim_address address;
    int error;
    struct sim_file *file = socket_at(fd, &error);

    if (!file)
        return traced(fd, error);
    error = sim_address_read(addr, addr_len, &address);
    if (error == 0 && (!file->kind->bind || address.v4 != (file->family == AF_INET)))
        error = -EINVAL;
    return traced(fd, error < 0 ? error : file->kind->bind(file, &address));
}

int sim_listen(int fd, int backlog)
{
    int error;
    struct sim_file *file = socket_at(fd, &error);

    if (!file)
        return traced(fd, error);
    return traced(fd, file->kind->listen ? file->kind->listen(file, backlog) : -EOPNOTSUPP);
}

int sim_shutdown(int fd, int how)
{
    int error;
    struct sim_file *file = socket_at(fd, &error);

    return traced(fd, file ? file->kind->shutdown(file, how) : error);
}

static int64_t span_of(const struct timeval *time)
{
    return time->tv_sec * INT64_C(1000000000) + time->tv_usec * 1000;
}

/* What is set has no effect here, but for the time limits: the world's chance does more than any
   size or delay asked for. */
int sim_setsockopt(int fd, int level, int name, const void *value, socklen_t value_len)
{
    struct timeval time;
    int error;
    struct sim_file *file = socket_at(fd, &error);

    if (!file)
        return traced(fd, error);
    if (level != SOL_SOCKET)
        return level == IPPROTO_TCP || level == IPPROTO_IPV6 || level == IPPROTO_IP
                   ? 0
                   : answer(-ENOPROTOOPT);
    if (name != SO_RCVTIMEO && name != SO_SNDTIMEO)
        return 0;
    if (!value || value_len < sizeof time)
        return answer(-EINVAL);
    memcpy(&time, value, sizeof time);
    *(name == SO_RCVTIMEO ? &file->receive_limit_ns : &file->send_limit_ns) = span_of(&time);
    return 0;
}

static int put(void *value, socklen_t *value_len, const void *from, socklen_t len)
{
    if (*value_len > len)
        *value_len = len;
    memcpy(value, from, *value_len);
    return 0;
}

static int put_limit(void *value, socklen_t *value_len, int64_t ns)
{
    struct timeval time = { .tv_sec = ns / 1000000000, .tv_usec = ns % 1000000000 / 1000 };

    return put(value, value_len, &time, sizeof time);
}

static int take_error(struct sim_file *file)
{
    int error = file->error;

    file->error = 0;
    return error;
}

int sim_getsockopt(int fd, int level, int name, void *value, socklen_t *value_len)
{
    int error, number = 0;
    struct sim_file *file = socket_at(fd, &error);

    if (!file)
        return answer(error);
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        return put_limit(value, value_len,
                         name == SO_RCVTIMEO ? file->receive_limit_ns : file->send_limit_ns);
    if (level == SOL_SOCKET) {
        switch (name) {
        case SO_ERROR:
            number = take_error(file);
            break;
        case SO_TYPE:
            number = file->kind->type;
            break;
        case SO_DOMAIN:
            number = file->family;
            break;
        default:
            number = sim_stream_option(file, name);
        }
    }
    return put(value, value_len, &number, sizeof number);
}

static int tell_name(int fd, struct sockaddr *addr, socklen_t *addr_len, bool peer)
{
    struct sim_address address = { 0 };
    struct sockaddr_storage none = { .ss_family = AF_UNIX };
    int error;
    struct sim_file *file = socket_at(fd, &error);

    if (file)
        error = file->kind->names(file, peer ? NULL : &address, peer ? &address : NULL);
    if (error < 0)
        return answer(error);
    if (file->family == AF_UNIX)
        return put(addr, addr_len, &none, sizeof none.ss_family);
    sim_address_write(&address, addr, addr_len);
    return 0;
}

int sim_getsockname(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return tell_name(fd, addr, addr_len, false);
}

int sim_getpeername(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return tell_name(fd, addr, addr_len, true);
}

/* --- several messages --- */

static int move_messages(int fd, struct mmsghdr *messages, unsigned len, int flags,
                         enum op_code code)
{
    struct op op = { .code = (uint8_t)code, .fd = fd };
    int error;
    struct sim_file *file = socket_at(fd, &error);
    int64_t n = error;
    unsigned i;

    for (i = 0; file && i < len; i++) {
        op.u.msg.header = &messages[i].msg_hdr;
        op.u.msg.flags = flags;
        n = sim_try(file, &op);
        if (n < 0)
            break;
        messages[i].msg_len = (unsigned)n;
        if (n == 0 && code == OP_RECVMSG && file->kind->type == SOCK_STREAM)
            break;
    }
    return traced(fd, file && (i > 0 || n >= 0) ? (int64_t)i : n);
}

int sim_sendmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags)
{
    return move_messages(fd, messages, messages_len, flags, OP_SENDMSG);
}

int sim_recvmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags,
                 struct timespec *timeout)
{
    (void)timeout; /* the twin keeps it */
    return move_messages(fd, messages, messages_len, flags, OP_RECVMSG);
}
