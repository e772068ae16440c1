/* The floor of a connection a message on epoll: accept, one recv, one send, close. The request has
   mostly come when the connection is accepted, and is tried at once; only one that has not is
   registered. */
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

#define EVENTS_MAX 512

static char buf[4096];
static int epoll_fd, listen_fd;

/* Answers and closes; 0 if there is nothing to answer yet. */
static int answer(int fd)
{
    ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n > 0)
        send(fd, buf, (size_t)n, MSG_NOSIGNAL);
    close(fd);
    return 1;
}

static void wait_for(int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        bench_die("epoll_ctl");
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        if (!answer(fd))
            wait_for(fd);
}

int main(void)
{
    static struct epoll_event events[EVENTS_MAX];
    int n, i;

    listen_fd = bench_listen(SOCK_NONBLOCK);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        bench_die("epoll_create1");
    wait_for(listen_fd);
    for (;;) {
        n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (i = 0; i < n; i++) {
            if (events[i].data.fd == listen_fd)
                accept_all();
            else
                answer(events[i].data.fd);
        }
    }
}
