/* The kernel as a world: each entry is the plain call. */
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "backend/world.h"

/* sendmmsg, recvmmsg and bind take other types, or more arguments, in the headers of some C
   libraries than they do here. */
static int control(int fd, int command, void *arg)
{
    return fcntl(fd, command, arg);
}

static int send_messages(int fd, struct mmsghdr *messages, unsigned messages_len, int flags)
{
    return sendmmsg(fd, messages, messages_len, flags);
}

static int receive_messages(int fd, struct mmsghdr *messages, unsigned messages_len, int flags,
                            struct timespec *timeout)
{
    return recvmmsg(fd, messages, messages_len, flags, timeout);
}

static int bind_address(int fd, const struct sockaddr *addr, socklen_t addr_len)
{
    return bind(fd, addr, addr_len);
}

static int count_events(unsigned count, int flags)
{
    return eventfd(count, flags);
}

static int own_address(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return getsockname(fd, addr, addr_len);
}

static int peer_address(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return getpeername(fd, addr, addr_len);
}

static int name_info(const struct sockaddr *addr, socklen_t addr_len, char *host,
                     socklen_t host_len, char *service, socklen_t service_len, int flags)
{
    return getnameinfo(addr, addr_len, host, host_len, service, service_len, flags);
}

/* How many numbers the process's table has room for; INT_MAX if that is not told. */
static int numbers_end(void)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), len;
    char text[1024];
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    const char *line;

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    line = strstr(text, "FDSize:");
    len = line ? atoi(line + strlen("FDSize:")) : 0;
    return len > 0 ? len : INT_MAX;
}

const struct world world_kernel = {
    .socket = socket,
    .socketpair = socketpair,
    .bind = bind_address,
    .listen = listen,
    .shutdown = shutdown,
    .setsockopt = setsockopt,
    .getsockopt = getsockopt,
    .getsockname = own_address,
    .getpeername = peer_address,
    .sendmmsg = send_messages,
    .recvmmsg = receive_messages,
    .eventfd = count_events,
    .timerfd_create = timerfd_create,
    .timerfd_settime = timerfd_settime,
    .timerfd_gettime = timerfd_gettime,
    .close = close,
    .dup = dup,
    .dup3 = dup3,
    .fcntl = control,
    .pipe2 = pipe2,
    .numbers_end = numbers_end,
    .readv = readv,
    .writev = writev,
    .preadv = preadv,
    .pwritev = pwritev,
    .clock_gettime = clock_gettime,
    .getaddrinfo = getaddrinfo,
    .getnameinfo = name_info,
    .files = &world_files_kernel,
};
