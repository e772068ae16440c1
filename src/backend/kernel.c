/* The kernel as a world: each entry is the plain call. */
#include <fcntl.h>
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

static int own_address(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return getsockname(fd, addr, addr_len);
}

static int peer_address(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    return getpeername(fd, addr, addr_len);
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
    .close = close,
    .dup = dup,
    .fcntl = control,
    .pipe2 = pipe2,
    .readv = readv,
    .writev = writev,
    .preadv = preadv,
    .pwritev = pwritev,
    .clock_gettime = clock_gettime,
    .files = &world_files_kernel,
};
