/* The simulation's calls on sockets. */
#include "backend/sim/world.h"

#include <netinet/tcp.h>
#include <stdlib.h>
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
    int error;
    struct sim_file *file = socket_at(fd, &error);

    return traced(fd, file ? file->kind->bind(file, addr, addr_len) : error);
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

static struct sim_option *option_of(const struct sim_file *file, int level, int name)
{
    for (unsigned i = 0; i < file->options_len; i++)
        if (file->options[i].level == level && file->options[i].name == name)
            return &file->options[i];
    return NULL;
}

/* A close never waits here: what counts is whether it resets. */
static int keep_linger(struct sim_file *file, const void *value, socklen_t len)
{
    struct linger linger;

    if (len < sizeof linger)
        return -EINVAL;
    memcpy(&linger, value, sizeof linger);
    file->resets = linger.l_onoff && linger.l_linger == 0;
    return 0;
}

/* No option of a socket itself is as high: Linux has some eighty. */
#define OPTION_LAST 200

/* Numbers are kept; what is longer has no effect, and is not told. */
static int keep_option(struct sim_file *file, int level, int name, const void *value, socklen_t len)
{
    struct sim_option *option = option_of(file, level, name), *more;
    int number;

    if (!value || len < sizeof number)
        return -EINVAL;
    if (level == SOL_SOCKET && name > OPTION_LAST)
        return -ENOPROTOOPT;
    if (level == SOL_SOCKET && name == SO_LINGER)
        return keep_linger(file, value, len);
    if (len != sizeof number)
        return 0;
    memcpy(&number, value, sizeof number);
    if (!option) {
        more = realloc(file->options, (file->options_len + 1) * sizeof *more);
        if (!more)
            return -ENOBUFS;
        file->options = more;
        option = &more[file->options_len++];
    }
    *option = (struct sim_option){ level, name, number };
    return 0;
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
    if (level != SOL_SOCKET && level != IPPROTO_TCP && level != IPPROTO_IPV6 && level != IPPROTO_IP)
        return answer(-ENOPROTOOPT);
    if (level != SOL_SOCKET || (name != SO_RCVTIMEO && name != SO_SNDTIMEO))
        return answer(keep_option(file, level, name, value, value_len));
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

/* What a socket is; of the rest, what was set. */
static int number_of(struct sim_file *file, int level, int name)
{
    const struct sim_option *option = option_of(file, level, name);

    switch (level == SOL_SOCKET ? name : -1) {
    case SO_ERROR:
        return take_error(file);
    case SO_TYPE:
        return file->kind->type;
    case SO_DOMAIN:
        return file->family;
    case SO_ACCEPTCONN:
        return file->kind->listens && file->kind->listens(file);
    default:
        return option ? option->value : 0;
    }
}

int sim_getsockopt(int fd, int level, int name, void *value, socklen_t *value_len)
{
    int error, number;
    struct sim_file *file = socket_at(fd, &error);

    if (!file)
        return answer(error);
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        return put_limit(value, value_len,
                         name == SO_RCVTIMEO ? file->receive_limit_ns : file->send_limit_ns);
    if (level == SOL_SOCKET && name > OPTION_LAST)
        return answer(-ENOPROTOOPT);
    number = number_of(file, level, name);
    return put(value, value_len, &number, sizeof number);
}

static int tell_name(int fd, struct sockaddr *addr, socklen_t *addr_len, bool peer)
{
    int error;
    struct sim_file *file = socket_at(fd, &error);

    return answer(file ? file->kind->name(file, peer, addr, addr_len) : error);
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

/* A stream took only a part: what follows is the rest of it, and no other message. */
static bool is_part(const struct mmsghdr *message)
{
    const struct msghdr *header = &message->msg_hdr;

    return message->msg_len < op_vector_len(header->msg_iov, header->msg_iovlen);
}

static int move_messages(int fd, struct mmsghdr *messages, unsigned len, int flags,
                         enum op_code code)
{
    struct op op = { .code = (uint8_t)code, .fd = fd };
    int error;
    struct sim_file *file = socket_at(fd, &error);
    int64_t n = file ? 0 : error;
    bool short_one = false;
    unsigned i;

    for (i = 0; file && i < len && !short_one; i++) {
        op.u.msg.header = &messages[i].msg_hdr;
        op.u.msg.flags = flags;
        n = sim_try(file, &op);
        if (n < 0)
            break;
        messages[i].msg_len = (unsigned)n;
        if (n == 0 && code == OP_RECVMSG && file->kind->type == SOCK_STREAM)
            break;
        short_one = code == OP_SENDMSG && is_part(&messages[i]);
    }
    return traced(fd, i > 0 || n >= 0 ? (int64_t)i : n);
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
