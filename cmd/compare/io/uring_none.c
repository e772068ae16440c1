/* In place of the io_uring mechanisms, in a build without liburing. */
#include "cmd/compare/io.h"

static int refuse(struct io_waiter *waiter)
{
    return io_refuse(waiter, "this dure was built without liburing");
}

const struct io_mechanism io_uring_one = { .name = "io_uring (single)", .open = refuse };
const struct io_mechanism io_uring_batch = { .name = "io_uring (batched)", .open = refuse };
const struct io_mechanism io_uring_buffers = { .name = "io_uring (buffers)", .open = refuse };
const struct io_mechanism io_uring_sqpoll = { .name = "io_uring (SQPOLL)", .open = refuse };
