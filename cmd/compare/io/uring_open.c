/* What the io_uring mechanisms share. */
#include "cmd/compare/io/uring.h"

#include <errno.h>
#include <string.h>

/* The kernel's thread sleeps when it had nothing to do for so long. */
#define SQPOLL_IDLE_MS 1000

int uring_open(struct io_waiter *waiter, struct io_uring *ring, bool sqpoll)
{
    struct io_uring_params params = { .cq_entries = URING_COMPLETIONS };
    int result;

    params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    if (!sqpoll) {
        params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN; /* 6.1 */
    } else {
        params.flags |= IORING_SETUP_SQPOLL;
        params.sq_thread_idle = SQPOLL_IDLE_MS;
        if (waiter->kernel_processor >= 0) {
            params.flags |= IORING_SETUP_SQ_AFF;
            params.sq_thread_cpu = (unsigned)waiter->kernel_processor;
        }
    }
    result = io_uring_queue_init_params(URING_ENTRIES, ring, &params);
    if (result == -EINVAL && !sqpoll)
        result = io_uring_queue_init(URING_ENTRIES, ring, 0);
    if (result < 0)
        return io_refuse(waiter, "not to be had here: %s", strerror(-result));
    return 0;
}

struct io_uring_sqe *uring_entry(struct io_uring *ring)
{
    struct io_uring_sqe *sqe;

    while ((sqe = io_uring_get_sqe(ring)) == NULL) {
        (void)io_uring_submit(ring);
        (void)io_uring_sqring_wait(ring);
    }
    return sqe;
}
