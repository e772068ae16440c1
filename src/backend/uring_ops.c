/* The life of an operation on io_uring: started, cancelled, settled.

   Ways an operation is held, exactly one at a time:

     unsent ----> the number's circle <----> cancels_unsent
        |                  |                       |
        +---> ended        +----> done <-----------+

   A cancel names its operation by address. Submission is in order, so that it can never meet a
   later operation at the same address; and an operation whose cancel is under way is not told
   before the cancel's answer is in, so that a cancel that came at a bad moment (-ENOENT, yet no
   completion) is sent again rather than lost. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backend/attempt.h"
#include "backend/uring.h"
#include "base/assert.h"

void uring_end(struct uring *u, struct op *op, int64_t result)
{
    op->result = result;
    op->state = OP_ENDED;
    list_push_back(&u->ended, &op->link);
}

/* Messages and counters have no part that could be moved alone. */
static size_t cap_of(const struct uring *u, const struct op *op)
{
    int kind;

    if (likely(!u->config.transfer_max))
        return 0;
    kind = attempt_kind(op->fd);
    return kind == FD_DATAGRAM || kind == FD_EVENT ? 0 : u->config.transfer_max;
}

/* The socket's own calls skip what files need: 7 % less CPU time for an echo server. A read of
   nothing is over at once, a recv of nothing waits. */
static bool as_socket(const struct number *number, const struct op *op)
{
    return number && (number->flags & NUMBER_SOCKET) && uring_is_one_of(op, OPS_OF_BUFFER) &&
           op->u.io.len > 0;
}

static uint64_t user_data_of(const struct op *op)
{
    return (uintptr_t)op | (unlikely(op->state & OP_EDGES) ? TAG_EDGES : 0);
}

static void prep_readiness(struct io_uring_sqe *sqe, const struct op *op)
{
    if (op->state & OP_EDGES)
        io_uring_prep_poll_multishot(sqe, op->fd, uring_poll_events(op));
    else
        io_uring_prep_poll_add(sqe, op->fd, uring_poll_events(op));
}

void uring_start(struct uring *u, struct op *op, struct number *number)
{
    struct io_uring_sqe *sqe = uring_entry(u);

    if (unlikely(!sqe)) {
        op->state |= OP_UNSENT;
        list_push_back(&u->unsent, &op->link);
        return;
    }
    if (unlikely(op->state & OP_POLLS))
        prep_readiness(sqe, op);
    else if (likely(as_socket(number, op)))
        uring_prep_socket(sqe, op, cap_of(u, op));
    else
        uring_prep(sqe, op, cap_of(u, op));
    sqe->user_data = user_data_of(op);
    if (likely(number)) {
        number_link(number, op);
        number->in_flight++;
        if (unlikely((number->flags & (NUMBER_UNCHECKED | NUMBER_SEEN)) != NUMBER_UNCHECKED)) {
            u->unchecked += !(number->flags & NUMBER_UNCHECKED);
            number->flags |= NUMBER_UNCHECKED;
            number->flags &= (uint16_t)~NUMBER_SEEN;
        }
    }
}

void uring_send_cancel(struct uring *u, struct op *op)
{
    struct io_uring_sqe *sqe = uring_entry(u);

    if (unlikely(!sqe)) {
        if (!uring_is_one_of(op, OPS_UNTRACKED))
            number_unlink(numbers_find(u, op->fd), op);
        op->state |= OP_CANCEL_UNSENT;
        list_push_back(&u->cancels_unsent, &op->link);
        return;
    }
    io_uring_prep_cancel64(sqe, user_data_of(op), 0);
    sqe->user_data = (uintptr_t)op | TAG_CANCEL;
    op->state |= OP_CANCEL_SENT;
}

void uring_cancel(struct backend *backend, struct op *op)
{
    struct uring *u = container_of(backend, struct uring, base);

    if (op->code == OP_FORGET ||
        (op->state & (OP_ENDED | OP_HELD | OP_CANCEL_SENT | OP_CANCEL_UNSENT)))
        return;
    if (unlikely(u->polled))
        uring_nudge(u);
    if (op->state & OP_UNSENT) {
        list_remove(&op->link);
        uring_end(u, op, -ECANCELED);
        return;
    }
    uring_send_cancel(u, op);
}

/* After a cancelled connect the kernel goes on connecting. */
static void abort_connect(int fd)
{
    struct sockaddr nowhere;
    socklen_t len = sizeof(int);
    int error;

    memset(&nowhere, 0, sizeof nowhere);
    nowhere.sa_family = AF_UNSPEC;
    (void)connect(fd, &nowhere, sizeof nowhere);
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

/* A poll tells of a peer that has shut down its side (POLLRDHUP) whether or not that was asked, and one
   for urgent data of any data; it would do so again at once. From then on the wait is for changes,
   each of which is looked at. */
static void wait_for_edges(struct op *op, int64_t *result)
{
    op->state |= OP_POLLS | OP_EDGES;
    *result = -EINTR;
}

static void refine_poll(struct uring *u, struct op *op, int64_t *result)
{
    if (*result == -EINVAL)
        *result = 0; /* there is nothing to wait on, in a file for one: it is never ready */
    /* The kernel passes on what woke the wait; a socket's data wakes for urgent data too. */
    if (*result > 0 && (*result & POLLPRI))
        *result = uring_try_now(u, op);
    if (*result == -EAGAIN)
        wait_for_edges(op, result);
    if (*result <= 0)
        return;
    *result &= op->u.poll.events | POLLERR | POLLHUP | POLLNVAL;
    if (*result == 0)
        wait_for_edges(op, result);
}

/* The entry waited for readiness only. */
static void refine_readiness(struct uring *u, struct op *op, int64_t *result)
{
    op->state &= (uint8_t)~OP_EDGES;
    *result = uring_try_now(u, op);
    if (*result == -ENOTSUP)
        *result = -ERESTART; /* as perform says it: submit it again, it wants a thread now */
    if (*result == -EAGAIN)
        wait_for_edges(op, result);
}

/* Whether -ECANCELED is the answer to uring_edge's own cancel. */
static bool edge_came(const struct op *op, const struct number *number)
{
    return (op->state & OP_EDGES) && !(op->state & OP_REFUSES) && !(op->flags & OP_CANCEL_ASKED) &&
           !(number && (number->flags & NUMBER_FORGETTING));
}

/* Makes of a completion's result what the caller shall see. Returns whether it is final; if not,
   the operation was started again. */
static bool refine(struct uring *u, struct op *op, struct number *number, int64_t *result)
{
    if (*result == -ECANCELED && edge_came(op, number))
        *result = 0;
    if ((op->state & OP_POLLS) && *result >= 0)
        refine_readiness(u, op, result);
    else if (op->code == OP_POLL)
        refine_poll(u, op, result);
    if (*result == -ENOTSOCK && as_socket(number, op)) {
        number->flags &= (uint16_t)~NUMBER_KIND; /* foreign code gave the number away */
        *result = -ERESTART;
    }
    if (*result != -EINTR && *result != -ECANCELED)
        return true;
    if (op->code == OP_CLOSE) {
        *result = 0; /* the number is free all the same */
        return true;
    }
    if (op->flags & OP_CANCEL_ASKED) {
        *result = -ECANCELED;
        if (op->code == OP_CONNECT)
            abort_connect(op->fd);
        return true;
    }
    if (number && (number->flags & NUMBER_FORGETTING)) {
        *result = -EBADF;
        return true;
    }
    if (op->state & OP_REFUSES) {
        *result = -EAGAIN;
        return true;
    }
    uring_start(u, op, number);
    return false;
}

static void conclude(struct uring *u, struct op *op, int64_t result)
{
    struct number *number = NULL;

    if (unlikely(op->state & OP_CANCEL_UNSENT))
        list_remove(&op->link);
    if (likely(!uring_is_one_of(op, OPS_UNTRACKED))) {
        number = numbers_find(u, op->fd);
        if (likely(!(op->state & OP_CANCEL_UNSENT)))
            number_unlink(number, op);
        ASSERT(number->in_flight > 0);
        number->in_flight--;
    }
    op->state &= OP_POLLS | OP_EDGES | OP_REFUSES;
    if (unlikely(op->state) || unlikely(op->code == OP_POLL) || unlikely(result == -EINTR) ||
        unlikely(result == -ECANCELED) || unlikely(result == -ENOTSOCK))
        if (!refine(u, op, number, &result))
            return;
    op->result = result;
    op->done(op);
    if (number && unlikely(number->flags & NUMBER_FORGETTING) && number->in_flight == 0)
        number_end_forgets(u, number);
}

void uring_settle(struct uring *u, struct op *op, int64_t result)
{
    if (unlikely(op->state & OP_CANCEL_SENT)) {
        op->result = result;
        op->state |= OP_HELD;
        return;
    }
    conclude(u, op, result);
}

void uring_edge(struct uring *u, struct op *op)
{
    struct pollfd pollfd = { .fd = op->fd, .events = (short)attempt_events(op) };

    if (!(op->state & (OP_CANCEL_SENT | OP_CANCEL_UNSENT)) && poll(&pollfd, 1, 0) != 0)
        uring_send_cancel(u, op);
}

void uring_cancel_answered(struct uring *u, struct op *op, int result)
{
    ASSERT(op->state & OP_CANCEL_SENT);
    op->state &= (uint8_t)~OP_CANCEL_SENT;
    if (op->state & OP_HELD)
        conclude(u, op, op->result);
    else if (result == -ENOENT)
        uring_send_cancel(u, op);
    /* -EALREADY: a kernel thread is at it, and must finish. */
}

bool uring_retry(struct uring *u)
{
    struct number *number;
    struct op *op;

    while (!list_empty(&u->cancels_unsent)) {
        if (!uring_room(u))
            return true;
        op = container_of(list_pop_front(&u->cancels_unsent), struct op, link);
        op->state &= (uint8_t)~OP_CANCEL_UNSENT;
        if (!uring_is_one_of(op, OPS_UNTRACKED))
            number_link(numbers_find(u, op->fd), op);
        uring_send_cancel(u, op);
    }
    while (!list_empty(&u->unsent)) {
        if (!uring_room(u))
            return true;
        op = container_of(list_pop_front(&u->unsent), struct op, link);
        op->state &= (uint8_t)~OP_UNSENT;
        number = uring_is_one_of(op, OPS_UNTRACKED) ? NULL : numbers_find(u, op->fd);
        uring_start(u, op, number);
    }
    return false;
}

void uring_tell_ended(struct uring *u)
{
    struct list batch;
    struct list *node;
    struct op *op;

    if (likely(list_empty(&u->ended)))
        return;
    /* What ends meanwhile is for the next turn, or two operations could keep this one going. */
    list_push_back(&u->ended, &batch);
    list_remove(&u->ended);
    list_init(&u->ended);
    while ((node = list_pop_front(&batch))) {
        op = container_of(node, struct op, link);
        op->done(op);
    }
}
