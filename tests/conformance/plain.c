/* The plain calls that tests make, and the twins instead in a simulation. */
#include "plain.h"

#include "conformance.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/sendfile.h>

bool simulated(void)
{
    const char *name = dure_backend_name(); /* none outside of a run */

    return name && strcmp(name, "sim") == 0;
}

bool simulated_skips(const char *what, const char *why)
{
    if (simulated())
        printf("# skipped in the simulation: %s: %s\n", what, why);
    return simulated();
}

#define PLAIN(type, name, parameters, arguments) \
    type plain_##name parameters                 \
    {                                            \
        type result = -1;                        \
                                                 \
        if (!simulated())                        \
            return name arguments;               \
        DURE_SHIELD(DURE_MINUTE)                 \
        result = dure_##name arguments;          \
        return result;                           \
    }

PLAIN(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
PLAIN(int, socketpair, (int domain, int type, int protocol, int fds[2]),
      (domain, type, protocol, fds))
PLAIN(int, connect, (int fd, const struct sockaddr *addr, socklen_t addr_len), (fd, addr, addr_len))
PLAIN(int, accept, (int fd, struct sockaddr *addr, socklen_t *addr_len), (fd, addr, addr_len))
PLAIN(ssize_t, send, (int fd, const void *buf, size_t len, int flags), (fd, buf, len, flags))
PLAIN(ssize_t, recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags))
PLAIN(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
PLAIN(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len))
PLAIN(ssize_t, readv, (int fd, const struct iovec *iov, int iov_len), (fd, iov, iov_len))
PLAIN(ssize_t, write, (int fd, const void *buf, size_t len), (fd, buf, len))
PLAIN(ssize_t, sendfile, (int fd, int file_fd, off_t *offset, size_t len),
      (fd, file_fd, offset, len))
PLAIN(int, close, (int fd), (fd))
PLAIN(int, poll, (struct pollfd * fds, nfds_t fds_len, int timeout_ms), (fds, fds_len, timeout_ms))

int plain_pipe(int fds[2])
{
    return simulated() ? dure_pipe2(fds, 0) : pipe(fds);
}

int plain_fcntl(int fd, int command, ...)
{
    va_list args;
    void *arg;

    /* As the C library's own: whatever the command takes fits a pointer. */
    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    return simulated() ? dure_fcntl(fd, command, arg) : fcntl(fd, command, arg);
}
