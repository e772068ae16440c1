/* Non-blocking reads of all descriptors in turn, without a pause or with one after each round. */
#include <sys/prctl.h>
#include <time.h>

#include "cmd/compare/io.h"

static int open_nothing(struct io_waiter *waiter)
{
    (void)waiter;
    /* A pause is as long as it says: by default the kernel adds up to 50 µs. */
    prctl(PR_SET_TIMERSLACK, 1);
    return 0;
}

static void read_all(struct io_waiter *waiter)
{
    const struct timespec pause = { .tv_sec = waiter->mechanism->option_ns / 1000000000,
                                    .tv_nsec = waiter->mechanism->option_ns % 1000000000 };
    unsigned i;

    for (i = 0; i < waiter->len; i++)
        (void)io_read(waiter, i);
    if (waiter->mechanism->option_ns == 0)
        return;
    nanosleep(&pause, NULL);
    io_called(waiter, 1);
}

const struct io_mechanism io_polled = {
    .name = "polled",
    .nonblocking = true,
    .restless = true,
    .open = open_nothing,
    .take = read_all,
};

const struct io_mechanism io_polled_100us = {
    .name = "polled, pause 0.1 ms",
    .nonblocking = true,
    .option_ns = 100000,
    .open = open_nothing,
    .take = read_all,
};

const struct io_mechanism io_polled_1ms = {
    .name = "polled, pause 1 ms",
    .nonblocking = true,
    .option_ns = 1000000,
    .open = open_nothing,
    .take = read_all,
};

const struct io_mechanism io_polled_10ms = {
    .name = "polled, pause 10 ms",
    .nonblocking = true,
    .option_ns = 10000000,
    .open = open_nothing,
    .take = read_all,
};
