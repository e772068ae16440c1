/* The calls that do not wait but make a descriptor, change one or ask about it, and those on files
   (world_files.h). A backend says whose they are: the kernel's, where each entry is the plain call, or
   the simulation's. Above it nobody makes such a call in any other way, or a simulated program
   would reach into the machine.

   Each is called, and answers, as its namesake: -1 and errno. */
#ifndef DURE_SRC_BACKEND_WORLD_H
#define DURE_SRC_BACKEND_WORLD_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "backend/world_files.h"

struct addrinfo;

struct world {
    /* The backend itself keeps the waits on each descriptor, and its close ends them; what the
       loops know of numbers is the kernel's world's alone. */
    bool simulated;

    int (*socket)(int domain, int type, int protocol);
    int (*socketpair)(int domain, int type, int protocol, int fds[2]);
    int (*bind)(int fd, const struct sockaddr *addr, socklen_t addr_len);
    int (*listen)(int fd, int backlog);
    int (*shutdown)(int fd, int how);
    int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t value_len);
    int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *value_len);
    int (*getsockname)(int fd, struct sockaddr *addr, socklen_t *addr_len);
    int (*getpeername)(int fd, struct sockaddr *addr, socklen_t *addr_len);
    int (*sendmmsg)(int fd, struct mmsghdr *messages, unsigned messages_len, int flags);
    int (*recvmmsg)(int fd, struct mmsghdr *messages, unsigned messages_len, int flags,
                    struct timespec *timeout);

    int (*eventfd)(unsigned count, int flags);
    int (*timerfd_create)(int clock, int flags);
    int (*timerfd_settime)(int fd, int flags, const struct itimerspec *to, struct itimerspec *old);
    int (*timerfd_gettime)(int fd, struct itimerspec *out);

    int (*close)(int fd);
    int (*dup)(int fd);
    int (*dup3)(int fd, int to, int flags);
    int (*fcntl)(int fd, int command, void *arg); /* no command that waits */
    int (*pipe2)(int fds[2], int flags);
    int (*numbers_end)(void); /* no descriptor is as high, or INT_MAX */
    /* Transfers of nothing, which say whether the descriptor could. */
    ssize_t (*readv)(int fd, const struct iovec *iov, int iov_len);
    ssize_t (*writev)(int fd, const struct iovec *iov, int iov_len);
    ssize_t (*preadv)(int fd, const struct iovec *iov, int iov_len, off_t offset);
    ssize_t (*pwritev)(int fd, const struct iovec *iov, int iov_len, off_t offset);
    int (*clock_gettime)(clockid_t clock, struct timespec *out);

    /* Names: EAI_... and, with EAI_SYSTEM, errno. The kernel's world asks the C library, which may
       take its time; the simulation answers at once, and the caller waits as it would. */
    int (*getaddrinfo)(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **results);
    int (*getnameinfo)(const struct sockaddr *addr, socklen_t addr_len, char *host,
                       socklen_t host_len, char *service, socklen_t service_len, int flags);

    const struct world_files *files;
};

extern const struct world world_kernel; /* kernel.c */
extern const struct world world_sim;    /* sim/world.c */

#endif
