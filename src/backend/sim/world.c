/* The simulation's world: its calls that do not wait. */
#include "backend/sim/world.h"

#include <limits.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

/* --- making --- */

static int flags_of_type(int type)
{
    return (type & SOCK_CLOEXEC ? O_CLOEXEC : 0) | (type & SOCK_NONBLOCK ? O_NONBLOCK : 0);
}

static int64_t give(struct sim_file *file, int flags)
{
    if (file)
        file->flags |= flags & O_NONBLOCK;
    return sim_number_give(file, flags);
}

/* Both or none. */
static int64_t give_two(struct sim_file *files[2], int flags, int fds[2])
{
    int64_t first = give(files[0], flags), second = give(files[1], flags);

    if (first >= 0 && second >= 0) {
        fds[0] = (int)first;
        fds[1] = (int)second;
        return 0;
    }
    if (first >= 0)
        sim_number_close((int)first);
    if (second >= 0)
        sim_number_close((int)second);
    return first < 0 ? first : second;
}

/* Of one host. */
static bool is_local(int kind, int protocol)
{
    return (kind == SOCK_STREAM || kind == SOCK_DGRAM || kind == SOCK_SEQPACKET) && protocol == 0;
}

static int64_t make_local(struct sim_host *host, int type, int protocol)
{
    int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (!is_local(kind, protocol))
        return protocol ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
    return give(sim_local_create(host, kind), flags_of_type(type));
}

static int64_t make_socket(int domain, int type, int protocol)
{
    struct sim_host *host = sim_host_here();
    int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct sim_file *file = NULL;

    if (!host)
        return -ECANCELED;
    if (domain == AF_UNIX)
        return make_local(host, type, protocol);
    if (domain < 0 || domain >= AF_MAX)
        return -EAFNOSUPPORT;
    if (kind < 0 || kind > SOCK_PACKET)
        return -EINVAL;
    if (domain != AF_INET && domain != AF_INET6)
        return -ENOSYS;
    if (kind == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP))
        file = sim_stream_create(host, domain);
    else if (kind == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP))
        file = sim_datagram_create(host, domain);
    else
        return -ENOSYS;
    return give(file, flags_of_type(type));
}

static int sim_socket(int domain, int type, int protocol)
{
    return traced(-1, make_socket(domain, type, protocol));
}

static int64_t make_pair(int domain, int type, int protocol, int fds[2])
{
    struct sim_host *host = sim_host_here();
    int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK), error;
    struct sim_file *files[2];

    if (!host)
        return -ECANCELED;
    if (domain != AF_UNIX)
        return -EOPNOTSUPP;
    if (!is_local(kind, protocol))
        return protocol ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
    error = sim_local_pair(host, kind, files);
    return error < 0 ? error : give_two(files, flags_of_type(type), fds);
}

static int sim_socketpair(int domain, int type, int protocol, int fds[2])
{
    return traced(-1, make_pair(domain, type, protocol, fds));
}

static int sim_pipe2(int fds[2], int flags)
{
    struct sim_host *host = sim_host_here();
    struct sim_file *files[2];
    int64_t result = -ECANCELED;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        result = -EINVAL; /* packets are not simulated */
    else if (host)
        result = sim_pipe_create(host, files);
    if (result == 0)
        result = give_two(files, flags, fds);
    return traced(-1, result);
}

/* --- counters and timers --- */

static int sim_eventfd(unsigned count, int flags)
{
    struct sim_host *host = sim_host_here();

    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
        return traced(-1, -EINVAL);
    if (!host)
        return traced(-1, -ECANCELED);
    return traced(-1, give(sim_counter_create(host, count, flags & EFD_SEMAPHORE), flags));
}

/* All clocks are the simulation's own; those that would wake a machine need its permission. */
static int sim_timerfd_create(int clock, int flags)
{
    struct sim_host *host = sim_host_here();

    if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
        return traced(-1, -EINVAL);
    if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM)
        return traced(-1, -EPERM);
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME)
        return traced(-1, -EINVAL);
    if (!host)
        return traced(-1, -ECANCELED);
    return traced(-1, give(sim_timer_create(host), flags));
}

static int sim_timerfd_settime(int fd, int flags, const struct itimerspec *to,
                               struct itimerspec *old)
{
    struct sim_file *file = sim_file_of(fd);

    if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) /* nobody sets the clock */
        return traced(fd, -EINVAL);
    if (!file || !to)
        return traced(fd, to ? -EBADF : -EFAULT);
    return traced(fd, sim_timer_set(file, flags & TFD_TIMER_ABSTIME, to, old));
}

static int sim_timerfd_gettime(int fd, struct itimerspec *out)
{
    struct sim_file *file = sim_file_of(fd);

    return answer(file ? sim_timer_get(file, out) : -EBADF);
}

/* --- any descriptor --- */

static int sim_close(int fd)
{
    return traced(fd, sim_number_close(fd));
}

static int sim_dup(int fd)
{
    return traced(fd, sim_number_dup(fd, 0, false));
}

static int sim_dup3(int fd, int to, int flags)
{
    if (fd == to || (flags & ~O_CLOEXEC))
        return traced(fd, -EINVAL);
    return traced(fd, sim_number_dup_to(fd, to, flags));
}

static int64_t set_flags(struct sim_file *file, int flags)
{
    const int changeable = O_NONBLOCK | O_APPEND;

    file->flags = (file->flags & ~changeable) | (flags & changeable);
    return 0;
}

static int sim_fcntl(int fd, int command, void *arg)
{
    struct sim_file *file = sim_file_of(fd);
    int number = (int)(intptr_t)arg;

    if (!file)
        return traced(fd, -EBADF);
    switch (command) {
    case F_GETFL:
        return answer(file->flags);
    case F_SETFL:
        return traced(fd, set_flags(file, number));
    case F_GETFD:
        return answer(sim_number_flags(fd, -1));
    case F_SETFD:
        return answer(sim_number_flags(fd, number));
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return traced(fd, sim_number_dup(fd, number, command == F_DUPFD_CLOEXEC));
    case F_GETLK:
    case F_SETLK:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
        return traced(fd, sim_lock_range(file, command, arg));
    default:
        return traced(fd, -ENOSYS); /* sizes of pipes, owners: not simulated */
    }
}

/* Transfers of nothing. */
#define NO_OFFSET INT64_MIN

static ssize_t move_nothing(int fd, bool write, int iov_len, off_t offset)
{
    bool at = offset != NO_OFFSET;
    struct sim_file *file = sim_file_of(fd);

    if (!file || (file->flags & O_PATH) ||
        (!file->kind->type && (file->flags & O_ACCMODE) == (write ? O_RDONLY : O_WRONLY)))
        return answer(-EBADF);
    if (at && !S_ISREG(file->kind->mode) && !S_ISDIR(file->kind->mode))
        return answer(-ESPIPE);
    if (S_ISDIR(file->kind->mode))
        return answer(-EISDIR);
    return iov_len < 0 || iov_len > IOV_MAX || (at && offset < 0) ? answer(-EINVAL) : 0;
}

static ssize_t sim_readv(int fd, const struct iovec *iov, int iov_len)
{
    (void)iov;
    return move_nothing(fd, false, iov_len, NO_OFFSET);
}

static ssize_t sim_writev(int fd, const struct iovec *iov, int iov_len)
{
    (void)iov;
    return move_nothing(fd, true, iov_len, NO_OFFSET);
}

static ssize_t sim_preadv(int fd, const struct iovec *iov, int iov_len, off_t offset)
{
    (void)iov;
    return move_nothing(fd, false, iov_len, offset);
}

static ssize_t sim_pwritev(int fd, const struct iovec *iov, int iov_len, off_t offset)
{
    (void)iov;
    return move_nothing(fd, true, iov_len, offset);
}

static int sim_clock_gettime(clockid_t clock, struct timespec *out)
{
    int64_t ns = sim_now();

    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)
        sim_wall(out);
    else if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
             clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_BOOTTIME)
        *out = (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    else
        return answer(-ENOSYS); /* what a processor takes is not simulated */
    return 0;
}

const struct world world_sim = {
    .simulated = true,
    .socket = sim_socket,
    .socketpair = sim_socketpair,
    .bind = sim_bind,
    .listen = sim_listen,
    .shutdown = sim_shutdown,
    .setsockopt = sim_setsockopt,
    .getsockopt = sim_getsockopt,
    .getsockname = sim_getsockname,
    .getpeername = sim_getpeername,
    .sendmmsg = sim_sendmmsg,
    .recvmmsg = sim_recvmmsg,
    .eventfd = sim_eventfd,
    .timerfd_create = sim_timerfd_create,
    .timerfd_settime = sim_timerfd_settime,
    .timerfd_gettime = sim_timerfd_gettime,
    .close = sim_close,
    .dup = sim_dup,
    .dup3 = sim_dup3,
    .fcntl = sim_fcntl,
    .pipe2 = sim_pipe2,
    .numbers_end = sim_numbers_end,
    .readv = sim_readv,
    .writev = sim_writev,
    .preadv = sim_preadv,
    .pwritev = sim_pwritev,
    .clock_gettime = sim_clock_gettime,
    .getaddrinfo = sim_getaddrinfo,
    .getnameinfo = sim_getnameinfo,
    .files = &world_files_sim,
};
