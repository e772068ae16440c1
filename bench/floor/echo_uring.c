/* The floor of an echo server on io_uring: a multishot accept, a multishot receive into provided
   buffers for each connection, one send entry a message, one system call a turn. With the argument
   "single", one receive entry a message into the connection's own buffer instead.

   A connection's answers go out in order because a send that finds room completes while it is
   submitted; the load keeps so little in flight that there is always room. */
#include <liburing.h>
#include <unistd.h>

#include "bench.h"

#define ENTRIES 512
#define COMPLETIONS 32768
#define BUFFERS 4096
#define BUFFER_SIZE 4096
#define GROUP 1
#define FDS_MAX 20000
/* As in the epoll floor: a turn takes in at most so many. */
#define BATCH_MAX 512

enum kind { ACCEPT, RECV, SEND };

static struct io_uring ring;
static struct io_uring_buf_ring *buf_ring;
static char (*buffers)[BUFFER_SIZE];
static int multishot = 1;

static uint64_t pack(enum kind kind, int fd, unsigned buffer)
{
    return (uint64_t)kind << 56 | (uint64_t)buffer << 32 | (uint32_t)fd;
}

static struct io_uring_sqe *entry(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    while (!sqe) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
}

static void start_accept(int listen_fd)
{
    struct io_uring_sqe *sqe = entry();

    io_uring_prep_multishot_accept(sqe, listen_fd, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = pack(ACCEPT, listen_fd, 0);
}

static void start_recv(int fd)
{
    struct io_uring_sqe *sqe = entry();

    if (multishot) {
        io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP;
    } else {
        io_uring_prep_recv(sqe, fd, buffers[fd], BUFFER_SIZE, 0);
    }
    sqe->user_data = pack(RECV, fd, 0);
}

static void start_send(int fd, unsigned buffer, int len)
{
    struct io_uring_sqe *sqe = entry();

    io_uring_prep_send(sqe, fd, buffers[multishot ? (int)buffer : fd], (size_t)len,
                       MSG_NOSIGNAL | MSG_WAITALL);
    sqe->user_data = pack(SEND, fd, buffer);
}

static void give_buffer(unsigned buffer)
{
    io_uring_buf_ring_add(buf_ring, buffers[buffer], BUFFER_SIZE, (unsigned short)buffer,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buf_ring, 1);
}

static void received(int fd, const struct io_uring_cqe *cqe)
{
    if (cqe->res > 0) {
        start_send(fd, cqe->flags >> IORING_CQE_BUFFER_SHIFT, cqe->res);
        if (multishot && !(cqe->flags & IORING_CQE_F_MORE))
            start_recv(fd);
    } else if (cqe->res == -ENOBUFS) {
        start_recv(fd);
    } else {
        close(fd);
    }
}

static void complete(const struct io_uring_cqe *cqe)
{
    int fd = (int)(uint32_t)cqe->user_data;

    switch ((enum kind)(cqe->user_data >> 56)) {
    case ACCEPT:
        if (cqe->res >= 0)
            start_recv(cqe->res);
        if (!(cqe->flags & IORING_CQE_F_MORE))
            start_accept(fd);
        break;
    case RECV:
        received(fd, cqe);
        break;
    case SEND:
        if (multishot)
            give_buffer(cqe->user_data >> 32 & 0xffffff);
        else if (cqe->res > 0)
            start_recv(fd);
        break;
    }
}

static void setup(void)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = GROUP };
    size_t count = multishot ? BUFFERS : FDS_MAX;
    unsigned i;

    errno = -io_uring_queue_init_params(ENTRIES, &ring, &params);
    if (errno)
        bench_die("io_uring_setup");
    buffers = aligned_alloc(4096, count * BUFFER_SIZE);
    if (!buffers)
        bench_die("aligned_alloc");
    if (!multishot)
        return;
    buf_ring = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
    if (!buf_ring)
        bench_die("aligned_alloc");
    reg.ring_addr = (uintptr_t)buf_ring;
    errno = -io_uring_register_buf_ring(&ring, &reg, 0);
    if (errno)
        bench_die("io_uring_register_buf_ring");
    io_uring_buf_ring_init(buf_ring);
    for (i = 0; i < BUFFERS; i++)
        give_buffer(i);
}

int main(int argc, char **argv)
{
    static struct io_uring_cqe *cqes[BATCH_MAX];
    unsigned n, i;

    if (argc > 1 && strcmp(argv[1], "single") == 0)
        multishot = 0;
    setup();
    start_accept(bench_listen(0));
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        n = io_uring_peek_batch_cqe(&ring, cqes, BATCH_MAX);
        for (i = 0; i < n; i++)
            complete(cqes[i]);
        io_uring_cq_advance(&ring, n);
    }
}
