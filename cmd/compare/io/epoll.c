/* epoll: the kernel keeps the set, and tells of what is ready: as long as it is (level-triggered),
   or when it becomes so (edge-triggered). */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "cmd/compare/io.h"

#define EVENTS 64

/* The state is the epoll descriptor itself. */
static int epoll_of(const struct io_waiter *waiter)
{
    return (int)(intptr_t)waiter->state;
}

static int open_epoll(struct io_waiter *waiter)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    unsigned i;

    waiter->state = (void *)(intptr_t)fd;
    if (fd < 0)
        return io_refuse(waiter, "not to be had here: %s", strerror(errno));
    for (i = 0; i < waiter->len; i++) {
        struct epoll_event event = { .events = EPOLLIN | waiter->mechanism->options,
                                     .data.u32 = i };

        if (epoll_ctl(fd, EPOLL_CTL_ADD, waiter->fds[i], &event) < 0)
            return io_refuse(waiter, "descriptor %u: %s", i, strerror(errno));
    }
    return 0;
}

/* One read is enough with an edge too: it empties an eventfd, and what is written later is
   another edge. */
static void take(struct io_waiter *waiter)
{
    struct epoll_event events[EVENTS];
    int len = epoll_wait(epoll_of(waiter), events, EVENTS, -1), i;

    io_called(waiter, 1);
    for (i = 0; i < len; i++)
        (void)io_read(waiter, events[i].data.u32);
}

const struct io_mechanism io_epoll_level = {
    .name = "epoll (level-triggered)",
    .nonblocking = true,
    .open = open_epoll,
    .take = take,
};

const struct io_mechanism io_epoll_edge = {
    .name = "epoll (edge-triggered)",
    .nonblocking = true,
    .options = EPOLLET,
    .open = open_epoll,
    .take = take,
};
