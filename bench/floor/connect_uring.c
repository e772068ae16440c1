/* The floor of a connection a message on io_uring: a multishot accept, a receive, and a send with
   the close linked to it; one system call a turn. */
#include <liburing.h>
#include <unistd.h>

#include "bench.h"

#define ENTRIES 1024
#define COMPLETIONS 8192
#define BUFFER_SIZE 4096
#define FDS_MAX 20000
#define BATCH_MAX 512

enum kind { ACCEPT, RECV, SEND, CLOSE };

static struct io_uring ring;
static char (*buffers)[BUFFER_SIZE];

/* Room for two, or a link would be cut by the submission between them. */
static struct io_uring_sqe *entry(enum kind kind, int fd)
{
    struct io_uring_sqe *sqe;

    if (io_uring_sq_space_left(&ring) < 2)
        io_uring_submit(&ring);
    sqe = io_uring_get_sqe(&ring);
    /* Before it is prepared, which leaves the user data alone. */
    sqe->user_data = (uint64_t)kind << 56 | (uint32_t)fd;
    return sqe;
}

static void start_accept(int listen_fd)
{
    io_uring_prep_multishot_accept(entry(ACCEPT, listen_fd), listen_fd, NULL, NULL, SOCK_CLOEXEC);
}

static void start_recv(int fd)
{
    if (fd >= FDS_MAX)
        bench_die("more connections than expected");
    io_uring_prep_recv(entry(RECV, fd), fd, buffers[fd], BUFFER_SIZE, 0);
}

static void start_answer(int fd, int len)
{
    struct io_uring_sqe *sqe = entry(SEND, fd);

    io_uring_prep_send(sqe, fd, buffers[fd], (size_t)len, MSG_NOSIGNAL | MSG_WAITALL);
    /* A send that fails breaks the link: its completion closes then. */
    sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_close(sqe, fd);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = (uint64_t)CLOSE << 56 | (uint32_t)fd;
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
        if (cqe->res > 0)
            start_answer(fd, cqe->res);
        else
            close(fd);
        break;
    case SEND:
        close(fd);
        break;
    case CLOSE:
        break;
    }
}

int main(void)
{
    static struct io_uring_cqe *cqes[BATCH_MAX];
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    unsigned n, i;

    errno = -io_uring_queue_init_params(ENTRIES, &ring, &params);
    if (errno)
        bench_die("io_uring_setup");
    buffers = aligned_alloc(4096, FDS_MAX * sizeof *buffers);
    if (!buffers)
        bench_die("aligned_alloc");
    start_accept(bench_listen(0));
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        n = io_uring_peek_batch_cqe(&ring, cqes, BATCH_MAX);
        for (i = 0; i < n; i++)
            complete(cqes[i]);
        io_uring_cq_advance(&ring, n);
    }
}
