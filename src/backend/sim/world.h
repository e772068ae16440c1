/* The calls of the simulated world, between world.c and world_socket.c. */
#ifndef DURE_SRC_BACKEND_SIM_WORLD_H
#define DURE_SRC_BACKEND_SIM_WORLD_H

#include "backend/sim/inside.h"

struct addrinfo;

/* As POSIX answers. */
static inline int answer(int64_t result)
{
    if (result >= 0)
        return (int)result;
    errno = (int)-result;
    return -1;
}

static inline int64_t answer_long(int64_t result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* The same of what changes the world. */
static inline int traced(int fd, int64_t result)
{
    sim_trace(TRACE_CALL, fd, result);
    return answer(result);
}

int sim_bind(int fd, const struct sockaddr *addr, socklen_t addr_len);
int sim_listen(int fd, int backlog);
int sim_shutdown(int fd, int how);
int sim_setsockopt(int fd, int level, int name, const void *value, socklen_t value_len);
int sim_getsockopt(int fd, int level, int name, void *value, socklen_t *value_len);
int sim_getsockname(int fd, struct sockaddr *addr, socklen_t *addr_len);
int sim_getpeername(int fd, struct sockaddr *addr, socklen_t *addr_len);
int sim_sendmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags);
int sim_recvmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags,
                 struct timespec *timeout);
int sim_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                    struct addrinfo **results);
int sim_getnameinfo(const struct sockaddr *addr, socklen_t addr_len, char *host, socklen_t host_len,
                    char *service, socklen_t service_len, int flags);

#endif
