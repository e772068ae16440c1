/* io_uring with provided buffers: one receive for each socket for all time (multishot), which takes
   a buffer from a ring of them for each datagram. Eventfds cannot: receive is for sockets. */
#include "cmd/compare/io/uring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUP 1
#define BUFFERS 256
#define BUFFER_LEN 64
#define PAGE 4096

struct receives {
    struct io_uring ring;
    struct io_uring_buf_ring *free;
    char buffers[BUFFERS][BUFFER_LEN];
};

static void start(struct io_waiter *waiter, unsigned index)
{
    struct receives *receives = waiter->state;
    struct io_uring_sqe *sqe = uring_entry(&receives->ring);

    io_uring_prep_recv_multishot(sqe, waiter->fds[index], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    sqe->user_data = index;
}

static void give_back(struct receives *receives, unsigned buffer)
{
    io_uring_buf_ring_add(receives->free, receives->buffers[buffer], BUFFER_LEN,
                          (unsigned short)buffer, io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(receives->free, 1);
}

static int provide(struct io_waiter *waiter, struct receives *receives)
{
    struct io_uring_buf_reg registration = { .ring_entries = BUFFERS, .bgid = GROUP };
    void *memory = NULL;
    unsigned i;
    int result;

    if (posix_memalign(&memory, PAGE, BUFFERS * sizeof(struct io_uring_buf)) != 0)
        return io_refuse(waiter, "no memory");
    registration.ring_addr = (uintptr_t)memory;
    result = io_uring_register_buf_ring(&receives->ring, &registration, 0);
    if (result < 0)
        return io_refuse(waiter, "provided buffers are not to be had here: %s", strerror(-result));
    receives->free = memory;
    io_uring_buf_ring_init(receives->free);
    for (i = 0; i < BUFFERS; i++)
        give_back(receives, i);
    return 0;
}

static int open_receives(struct io_waiter *waiter)
{
    struct receives *receives = calloc(1, sizeof *receives);
    unsigned i;

    if (receives == NULL)
        return io_refuse(waiter, "no memory");
    if (uring_open(waiter, &receives->ring, false) < 0) {
        free(receives);
        return -1;
    }
    waiter->state = receives;
    if (provide(waiter, receives) < 0)
        return -1;
    for (i = 0; i < waiter->len; i++)
        start(waiter, i);
    (void)io_uring_submit(&receives->ring);
    return 0;
}

/* A receive that has ended, for want of buffers perhaps, is started again. */
static void finish(struct io_waiter *waiter, struct io_uring_cqe *cqe)
{
    struct receives *receives = waiter->state;
    unsigned index = (unsigned)cqe->user_data, flags = cqe->flags;

    if (flags & IORING_CQE_F_BUFFER)
        give_back(receives, flags >> IORING_CQE_BUFFER_SHIFT);
    if (cqe->res != -ENOBUFS)
        io_took(waiter, index, cqe->res > 0 ? 1 : 0);
    io_uring_cqe_seen(&receives->ring, cqe);
    if (!(flags & IORING_CQE_F_MORE))
        start(waiter, index);
}

static void take(struct io_waiter *waiter)
{
    struct receives *receives = waiter->state;
    struct io_uring_cqe *cqe;

    (void)io_uring_submit_and_wait(&receives->ring, 1);
    io_called(waiter, 1);
    while (io_uring_peek_cqe(&receives->ring, &cqe) == 0)
        finish(waiter, cqe);
}

const struct io_mechanism io_uring_buffers = {
    .name = "io_uring (buffers)",
    .kind = IO_DATAGRAMS,
    .note =
        "Unix datagram sockets, one receive each for all time: eventfds cannot be received from",
    .open = open_receives,
    .take = take,
};
