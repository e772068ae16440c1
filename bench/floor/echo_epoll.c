/* The floor of an echo server on epoll: one recv and one send a message, no more than that.
   Registered edge-triggered, once; with the argument "level" level-triggered, which is what
   most people write and costs the kernel another look at each descriptor. */
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

/* More than 512 a turn measured worse with thousands of connections: what the turn's first
   messages brought into the cache is gone when their answers are due. */
#define EVENTS_MAX 512

static char buf[4096];

static void accept_one(int epoll_fd, int listen_fd, uint32_t trigger)
{
    struct epoll_event event = { .events = EPOLLIN | trigger };

    event.data.fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (event.data.fd < 0)
        return;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
        bench_die("epoll_ctl");
}

/* A read that filled the buffer may have left something, of which an edge would not tell again. */
static void echo(int fd)
{
    ssize_t n;

    do {
        n = recv(fd, buf, sizeof buf, 0);
        if (n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        close(fd);
        return;
    } while (n == sizeof buf);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS_MAX];
    uint32_t trigger = argc > 1 && strcmp(argv[1], "level") == 0 ? 0 : EPOLLET;
    int listen_fd = bench_listen(SOCK_NONBLOCK);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listen_fd };
    int n, i;

    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        bench_die("epoll");
    for (;;) {
        n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (i = 0; i < n; i++) {
            if (events[i].data.fd == listen_fd)
                accept_one(epoll_fd, listen_fd, trigger);
            else
                echo(events[i].data.fd);
        }
    }
}
