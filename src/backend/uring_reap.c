/* Taking in completions, each after what it leads to has been asked of memory.

   Among thousands of tasks nothing of one is in a cache when its operation completes: not the
   operation, not the frames below it in which the task goes on, not the task. To meet these one by
   one is most of what the library then costs, but the completion queue names the operations well
   before their turn. With 10,000 connections it takes a third off the time that an echo server
   spends outside the kernel; see docs/decisions/0006. */
#include "backend/uring.h"
#include "base/descriptors.h"

/* Completions that one turn takes in: at 5,000 connections a bounded batch was cheaper. */
#define BATCH_MAX 512

/* So few operations with all that belongs to them fit into a first-level cache. */
#define NEAR_MAX 64
/* How many completions ahead the operation is fetched, and then, by what it says, the task. */
#define OP_AHEAD 8
#define WAITER_AHEAD 4

#define LINE 64

static struct io_uring_cqe *completion(const struct uring *u, unsigned i)
{
    const struct io_uring_cq *queue = &u->ring.cq;

    return &queue->cqes[(*queue->khead + i) & queue->ring_mask];
}

/* NULL: it is a wake. */
static char *op_of(const struct io_uring_cqe *cqe)
{
    return (char *)(uintptr_t)(cqe->user_data & ~(TAG_CANCEL | TAG_WAKE | TAG_EDGES));
}

/* The operation and the wait behind it; below them, as it lies on a stack, the frames that its task
   has now and will have when it submits the next. In line always: GCC finds that such a function has
   no effect, and leaves the call out. */
static inline __attribute__((always_inline)) void fetch_op(const struct uring *u, unsigned i)
{
    const char *at = op_of(completion(u, i));

    if (unlikely(!at))
        return;
    __builtin_prefetch(at - 5 * LINE, 1);
    __builtin_prefetch(at - 4 * LINE, 1);
    __builtin_prefetch(at - 3 * LINE, 1);
    __builtin_prefetch(at - 2 * LINE, 1);
    __builtin_prefetch(at - 1 * LINE, 1);
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + 1 * LINE, 1);
    __builtin_prefetch(at + 2 * LINE, 1);
}

/* Nobody has been told of this operation yet, so that it may be looked at. */
static inline __attribute__((always_inline)) void fetch_waiter(const struct uring *u, unsigned i)
{
    const struct op *op = (const struct op *)(const void *)op_of(completion(u, i));

    if (unlikely(!op))
        return;
    if (op->waiter) {
        __builtin_prefetch(op->waiter, 1);
        __builtin_prefetch((const char *)op->waiter + LINE, 1);
    }
    __builtin_prefetch(numbers_find(u, op->fd), 1);
    descriptors_prefetch(op->fd);
}

static void take_in(struct uring *u, const struct io_uring_cqe *cqe)
{
    uint64_t data = cqe->user_data;

    if (likely(!(data & (TAG_CANCEL | TAG_WAKE | TAG_EDGES))))
        uring_settle(u, (struct op *)(uintptr_t)data, cqe->res);
    else if (data & TAG_CANCEL)
        uring_cancel_answered(u, (struct op *)(uintptr_t)(data - TAG_CANCEL), cqe->res);
    else if (data & TAG_WAKE)
        uring_woken(u, cqe);
    else if (cqe->flags & IORING_CQE_F_MORE)
        uring_edge(u, (struct op *)(uintptr_t)(data - TAG_EDGES));
    else
        uring_settle(u, (struct op *)(uintptr_t)(data - TAG_EDGES), cqe->res);
}

unsigned uring_reap(struct uring *u)
{
    unsigned count = io_uring_cq_ready(&u->ring);
    unsigned ahead, i;

    if (count > BATCH_MAX)
        count = BATCH_MAX;
    ahead = count > NEAR_MAX ? count : 0;
    for (i = 0; i < count; i++) {
        if (i + OP_AHEAD < ahead)
            fetch_op(u, i + OP_AHEAD);
        if (i + WAITER_AHEAD < ahead)
            fetch_waiter(u, i + WAITER_AHEAD);
        take_in(u, completion(u, i));
    }
    io_uring_cq_advance(&u->ring, count);
    return count;
}
