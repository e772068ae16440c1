/* What the programs of bench/ share. They are measured, so it is as little as possible. */
#ifndef DURE_BENCH_H
#define DURE_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static inline void bench_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static inline int64_t bench_clock_ns(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) < 0)
        bench_die("clock_gettime");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The runner reads this line to learn where to connect. */
static inline void bench_print_port(int listen_fd)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;

    if (getsockname(listen_fd, (struct sockaddr *)&addr, &len) < 0)
        bench_die("getsockname");
    printf("port %u\n", ntohs(addr.sin_port));
    fflush(stdout);
}

/* Listens on 127.0.0.1, on a port that the kernel chooses, and prints it. */
static inline int bench_listen(int socket_flags)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    int fd;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);
    if (fd < 0)
        bench_die("socket");
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        bench_die("bind");
    if (listen(fd, 4096) < 0)
        bench_die("listen");
    bench_print_port(fd);
    return fd;
}

/* Computation that no compiler shortens: so many steps of a random number generator. */
static inline uint64_t bench_compute(long steps)
{
    uint64_t x = 88172645463325252u;

    while (steps-- > 0) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

/* The value of an argument "key=value", else the default. */
static inline const char *bench_text(char **argv, const char *key, const char *otherwise)
{
    size_t len = strlen(key);

    for (argv++; *argv; argv++)
        if (strncmp(*argv, key, len) == 0 && (*argv)[len] == '=')
            return *argv + len + 1;
    return otherwise;
}

static inline long bench_number(char **argv, const char *key, long otherwise)
{
    const char *text = bench_text(argv, key, NULL);

    return text ? atol(text) : otherwise;
}

#endif
