/* io_uring: a read under way for each descriptor. One completion a call; all that there are a call;
   or with a thread of the kernel that takes the entries, and a call only to sleep. */
#include "cmd/compare/io/uring.h"

#include <errno.h>
#include <stdlib.h>

enum { ONE, BATCH, SQPOLL };

struct reads {
    struct io_uring ring;
    uint64_t values[];
};

static void start(struct io_waiter *waiter, unsigned index)
{
    struct reads *reads = waiter->state;
    struct io_uring_sqe *sqe = uring_entry(&reads->ring);

    io_uring_prep_read(sqe, waiter->fds[index], &reads->values[index], sizeof reads->values[index],
                       0);
    sqe->user_data = index;
}

static int open_reads(struct io_waiter *waiter)
{
    struct reads *reads = calloc(1, sizeof *reads + (size_t)waiter->len * sizeof reads->values[0]);
    unsigned i;

    if (reads == NULL)
        return io_refuse(waiter, "no memory");
    if (uring_open(waiter, &reads->ring, waiter->mechanism->options == SQPOLL) < 0) {
        free(reads);
        return -1;
    }
    waiter->state = reads;
    for (i = 0; i < waiter->len; i++)
        start(waiter, i);
    (void)io_uring_submit(&reads->ring);
    return 0;
}

static void finish(struct io_waiter *waiter, struct io_uring_cqe *cqe)
{
    struct reads *reads = waiter->state;
    unsigned index = (unsigned)cqe->user_data;

    io_took(waiter, index, cqe->res == (int)sizeof reads->values[0] ? reads->values[index] : 0);
    io_uring_cqe_seen(&reads->ring, cqe);
    start(waiter, index);
}

static void take_one(struct io_waiter *waiter)
{
    struct reads *reads = waiter->state;
    struct io_uring_cqe *cqe;

    (void)io_uring_submit_and_wait(&reads->ring, 1);
    io_called(waiter, 1);
    if (io_uring_peek_cqe(&reads->ring, &cqe) == 0)
        finish(waiter, cqe);
}

static void take_all(struct io_waiter *waiter)
{
    struct reads *reads = waiter->state;
    struct io_uring_cqe *cqe;

    (void)io_uring_submit_and_wait(&reads->ring, 1);
    io_called(waiter, 1);
    while (io_uring_peek_cqe(&reads->ring, &cqe) == 0)
        finish(waiter, cqe);
}

static void take_polled(struct io_waiter *waiter)
{
    struct reads *reads = waiter->state;
    struct io_uring_cqe *cqe;

    if (IO_URING_READ_ONCE(*reads->ring.sq.kflags) & IORING_SQ_NEED_WAKEUP)
        io_called(waiter, 1);
    (void)io_uring_submit(&reads->ring);
    if (io_uring_cq_ready(&reads->ring) == 0) {
        io_called(waiter, 1);
        (void)io_uring_wait_cqe(&reads->ring, &cqe);
    }
    while (io_uring_peek_cqe(&reads->ring, &cqe) == 0)
        finish(waiter, cqe);
}

const struct io_mechanism io_uring_one = {
    .name = "io_uring (single)",
    .options = ONE,
    .open = open_reads,
    .take = take_one,
};

const struct io_mechanism io_uring_batch = {
    .name = "io_uring (batched)",
    .options = BATCH,
    .open = open_reads,
    .take = take_all,
};

const struct io_mechanism io_uring_sqpoll = {
    .name = "io_uring (SQPOLL)",
    .restless = true,
    .options = SQPOLL,
    .note = "the kernel's thread, whose time is counted, never sleeps",
    .open = open_reads,
    .take = take_polled,
};
