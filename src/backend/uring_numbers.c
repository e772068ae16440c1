/* What the io_uring backend knows of each descriptor number, in chunks made on
   demand, and how a number is forgotten. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backend/attempt.h"
#include "backend/uring.h"
#include "base/assert.h"
#include "base/descriptors.h"

/* In 10 ms at most so many fcntl (0.27 us each), a thousandth of the time, and so many looks at a
   record, which is as much again if none is in the cache. */
#define ASKED_MAX 32
#define SEEN_MAX 1024

static int grow(struct uring *u, size_t chunk)
{
    size_t count = chunk + 1;
    struct number **chunks;

    if (count > u->chunk_count) {
        chunks = realloc(u->chunks, count * sizeof *chunks);
        if (!chunks)
            return -ENOMEM;
        memset(chunks + u->chunk_count, 0, (count - u->chunk_count) * sizeof *chunks);
        u->chunks = chunks;
        u->chunk_count = count;
    }
    u->chunks[chunk] = calloc(NUMBERS_CHUNK, sizeof **u->chunks);
    return u->chunks[chunk] ? 0 : -ENOMEM;
}

int numbers_take(struct uring *u, int fd, struct number **out)
{
    struct number *number = numbers_find(u, fd);
    int err;

    if (unlikely(!number)) {
        /* Only numbers in use get memory: the table is no larger than the descriptor table. */
        if (fd < 0 || fcntl(fd, F_GETFD) < 0)
            return -EBADF;
        err = grow(u, (size_t)(unsigned)fd / NUMBERS_CHUNK);
        if (err)
            return err;
        number = numbers_find(u, fd);
    }
    *out = number;
    return 0;
}

bool number_is_nonblocking(int fd)
{
    int flags = descriptors_get_flags(fd);

    return flags >= 0 && (flags & O_NONBLOCK);
}

static void reset(struct uring *u, struct number *number, int fd)
{
    if (number->flags & NUMBER_MARKED)
        descriptors_unmark(fd, u->config.loop);
    number->flags &= NUMBER_UNCHECKED;
}

static void end_unsent(struct uring *u, int fd)
{
    struct list *node, *next;
    struct op *op;

    for (node = u->unsent.next; node != &u->unsent; node = next) {
        next = node->next;
        op = container_of(node, struct op, link);
        if (op->fd != fd || uring_is_one_of(op, OPS_UNTRACKED))
            continue;
        list_remove(node);
        uring_end(u, op, -EBADF);
    }
}

/* Each operation on the number is cancelled for itself: the kernel's own cancel by descriptor goes
   by file, and would end those on a duplicate too. */
enum submitted number_forget(struct uring *u, struct op *op)
{
    struct number *number = numbers_find(u, op->fd);
    struct op *other, *next, *last;

    op->result = 0;
    end_unsent(u, op->fd);
    if (!number)
        return SUBMIT_DONE;
    if (number->in_flight == 0) {
        reset(u, number, op->fd);
        return SUBMIT_DONE;
    }
    number->flags |= NUMBER_FORGETTING;
    last = number->first ? container_of(number->first->link.prev, struct op, link) : NULL;
    for (other = number->first; other; other = other == last ? NULL : next) {
        next = container_of(other->link.next, struct op, link);
        if (other->code != OP_FORGET && !(other->state & OP_CANCEL_SENT))
            uring_send_cancel(u, other);
    }
    number_link(number, op);
    return SUBMIT_PENDING;
}

/* In the circle of a number with nothing in flight there are only forgets. */
void number_end_forgets(struct uring *u, struct number *number)
{
    struct op *op = number->first;

    ASSERT(op);
    reset(u, number, op->fd);
    while ((op = number->first)) {
        ASSERT(op->code == OP_FORGET);
        number_unlink(number, op);
        uring_end(u, op, 0);
    }
}

/* Foreign code has set O_NONBLOCK by a plain fcntl: what waits would not have waited. */
static void refuse_to_wait(struct uring *u, struct number *number)
{
    struct op *op, *next, *last = container_of(number->first->link.prev, struct op, link);

    number->flags |= NUMBER_NONBLOCK;
    for (op = number->first; op; op = op == last ? NULL : next) {
        next = container_of(op->link.next, struct op, link);
        if (!uring_is_one_of(op, OPS_MAY_WAIT) || op->code == OP_CONNECT ||
            (op->state & OP_CANCEL_SENT))
            continue;
        op->state |= OP_REFUSES;
        uring_send_cancel(u, op);
    }
}

void numbers_check(struct uring *u)
{
    size_t count = u->chunk_count * NUMBERS_CHUNK;
    size_t seen, asked = 0;
    struct number *number;
    int fd;

    for (seen = 0; seen < count && seen < SEEN_MAX && asked < ASKED_MAX; seen++) {
        u->check_hand = (u->check_hand + 1) % count;
        number = numbers_find(u, (int)u->check_hand);
        if (!number || !(number->flags & NUMBER_UNCHECKED))
            continue;
        if (number->first && !(number->flags & NUMBER_SEEN)) {
            number->flags |= NUMBER_SEEN;
            continue;
        }
        number->flags &= (uint16_t) ~(NUMBER_UNCHECKED | NUMBER_SEEN);
        u->unchecked--;
        if (!number->first || (number->flags & (NUMBER_NONBLOCK | NUMBER_FORGETTING)))
            continue;
        asked++;
        fd = (int)u->check_hand;
        if (number_is_nonblocking(fd) && attempt_kind(fd) != FD_FILE)
            refuse_to_wait(u, number);
    }
}

void numbers_fini(struct uring *u)
{
    size_t i;

    for (i = 0; i < u->chunk_count; i++)
        free(u->chunks[i]);
    free(u->chunks);
}
