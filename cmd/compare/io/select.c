/* select: a bit a descriptor, copied in and out at each call. */
#include <stdlib.h>
#include <sys/select.h>

#include "cmd/compare/format.h"
#include "cmd/compare/io.h"

struct sets {
    fd_set all;
    int fds_end; /* one above the highest */
};

static int open_sets(struct io_waiter *waiter)
{
    struct sets *sets = calloc(1, sizeof *sets);
    unsigned i;

    if (sets == NULL)
        return io_refuse(waiter, "no memory");
    for (i = 0; i < waiter->len; i++) {
        if (waiter->fds[i] >= FD_SETSIZE) {
            free(sets);
            return io_refuse(waiter, "at most %s descriptors (FD_SETSIZE)",
                             shown_count(FD_SETSIZE).text);
        }
        FD_SET(waiter->fds[i], &sets->all);
        if (sets->fds_end <= waiter->fds[i])
            sets->fds_end = waiter->fds[i] + 1;
    }
    waiter->state = sets;
    return 0;
}

static void take(struct io_waiter *waiter)
{
    const struct sets *sets = waiter->state;
    fd_set ready = sets->all;
    int left = select(sets->fds_end, &ready, NULL, NULL, NULL);
    unsigned i;

    io_called(waiter, 1);
    for (i = 0; i < waiter->len && left > 0; i++)
        if (FD_ISSET(waiter->fds[i], &ready)) {
            left--;
            (void)io_read(waiter, i);
        }
}

const struct io_mechanism io_select = {
    .name = "select",
    .open = open_sets,
    .take = take,
};
