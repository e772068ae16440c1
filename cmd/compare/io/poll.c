/* poll: an array of descriptors, read by the kernel at each call. */
#include <poll.h>
#include <stdlib.h>

#include "cmd/compare/io.h"

static int open_array(struct io_waiter *waiter)
{
    struct pollfd *polls = calloc(waiter->len, sizeof *polls);
    unsigned i;

    if (polls == NULL)
        return io_refuse(waiter, "no memory");
    for (i = 0; i < waiter->len; i++)
        polls[i] = (struct pollfd){ .fd = waiter->fds[i], .events = POLLIN };
    waiter->state = polls;
    return 0;
}

static void take(struct io_waiter *waiter)
{
    struct pollfd *polls = waiter->state;
    int left = poll(polls, waiter->len, -1);
    unsigned i;

    io_called(waiter, 1);
    for (i = 0; i < waiter->len && left > 0; i++)
        if (polls[i].revents != 0) {
            left--;
            (void)io_read(waiter, i);
        }
}

const struct io_mechanism io_poll = {
    .name = "poll",
    .open = open_array,
    .take = take,
};
