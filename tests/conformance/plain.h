/* The plain calls that tests make beside the twins: as the oracle, or where dure is to know nothing of
   it. A simulation's descriptors are numbers that no plain call knows: there the twin is called,
   shielded from the scopes around, as a plain call would be. */
#ifndef PLAIN_H
#define PLAIN_H

#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

int plain_socket(int domain, int type, int protocol);
int plain_socketpair(int domain, int type, int protocol, int fds[2]);
int plain_connect(int fd, const struct sockaddr *addr, socklen_t addr_len);
int plain_accept(int fd, struct sockaddr *addr, socklen_t *addr_len);
ssize_t plain_send(int fd, const void *buf, size_t len, int flags);
ssize_t plain_recv(int fd, void *buf, size_t len, int flags);
ssize_t plain_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t plain_read(int fd, void *buf, size_t len);
ssize_t plain_readv(int fd, const struct iovec *iov, int iov_len);
ssize_t plain_write(int fd, const void *buf, size_t len);
ssize_t plain_sendfile(int fd, int file_fd, off_t *offset, size_t len);
int plain_pipe(int fds[2]);
int plain_close(int fd);
int plain_fcntl(int fd, int command, ...);
int plain_poll(struct pollfd *fds, nfds_t fds_len, int timeout_ms);

/* In a run on the simulation: nothing is foreign, plain threads have no part, the seed chooses the
   order, and urgent data, ttys, signals and processes do not exist. */
bool simulated(void);
/* Leaves out the rest of a test there, aloud. */
#define NOT_SIMULATED(why)                  \
    do {                                    \
        if (simulated_skips(__func__, why)) \
            return;                         \
    } while (0)
bool simulated_skips(const char *what, const char *why);

#endif
