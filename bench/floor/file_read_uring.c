/* The floor of random reads of a file: a bare io_uring loop; see bench/file_read.h. */
#include <liburing.h>

#include "file_read.h"

static struct file_read f;
static struct io_uring ring;

static void start(long slot)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    io_uring_prep_read(sqe, f.fd, f.buffers + slot * BLOCK, BLOCK, (uint64_t)file_read_offset(&f));
    io_uring_sqe_set_data64(sqe, (uint64_t)slot);
}

static void turn(long *started, long *done)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;

    if (io_uring_submit_and_wait(&ring, 1) < 0)
        bench_die("io_uring_submit_and_wait");
    io_uring_for_each_cqe(&ring, head, cqe)
    {
        if (cqe->res != BLOCK)
            bench_die("read");
        seen++;
        ++*done;
        if (*started < f.reads) {
            ++*started;
            start((long)cqe->user_data);
        }
    }
    io_uring_cq_advance(&ring, seen);
}

int main(int argc, char **argv)
{
    struct io_uring_params params = { .flags =
                                          IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
    long started = 0, done = 0;

    (void)argc;
    file_read_init(&f, argv);
    if (io_uring_queue_init_params((unsigned)f.depth * 2, &ring, &params) < 0)
        bench_die("io_uring_queue_init_params");
    for (; started < f.depth; started++)
        start(started);
    while (done < f.reads)
        turn(&started, &done);
    file_read_report(&f);
    return 0;
}
