/* How an operation enters the io_uring backend: most of them as an entry, the
   odd ones by a plain call at once, or by a thread. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "backend/attempt.h"
#include "backend/uring.h"
#include "base/assert.h"
#include "base/descriptors.h"

/* These never take the short way through submit. */
#define ODD (OP_BIT(OP_SENDFILE) | OP_BIT(OP_FORGET))

/* Learns what there is to know of a number before the first operation on it, and after its flags
   were set by a twin. */
static int learn(struct uring *u, struct number *number, int fd)
{
    uint16_t version =
        descriptors_version(fd); /* before the flags: at worst they are asked twice */
    int flags = descriptors_get_flags(fd);
    int err;

    if (flags < 0)
        return flags;
    if (!(number->flags & NUMBER_MARKED)) {
        err = descriptors_mark(fd, u->config.loop);
        if (err)
            return err;
    }
    number->version = version;
    number->flags &= (uint16_t)~NUMBER_NONBLOCK;
    number->flags |= NUMBER_KNOWN | NUMBER_MARKED;
    if (flags & O_NONBLOCK)
        number->flags |= NUMBER_NONBLOCK;
    return 0;
}

/* Reads or writes where the file's own position stands. The kernel takes that position for an entry
   without the lock that orders plain calls: two writers would write over each other. */
static bool moves_position(const struct op *op)
{
    if (uring_is_one_of(op, OPS_OF_BUFFER))
        return op->u.io.offset == -1;
    return uring_is_one_of(op, OPS_OF_VECTOR) && op->u.vec.offset == -1;
}

static bool is_device(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
}

/* Whether there is such a call for the descriptor. An epoll descriptor has neither, and the kernel
   would wait for it all the same. */
static bool is_possible(const struct op *op)
{
    bool reads = uring_is_one_of(op, OP_BIT(OP_READ) | OP_BIT(OP_READV));
    ssize_t nothing = reads ? readv(op->fd, NULL, 0) : writev(op->fd, NULL, 0);

    return nothing == 0 || errno != EINVAL;
}

/* True if the operation must be made by a thread for one of these reasons, or because it is a tty's:
   the kernel makes the call in place once the tty polls ready, and the tty's driver then waits in
   io_uring_enter for the rest of a write, or for another reader's bytes. Asks once a number. */
static bool needs_thread(struct number *number, const struct op *op)
{
    int kind;

    if (!moves_position(op) || (number->flags & NUMBER_STREAMS))
        return false;
    kind = attempt_kind(op->fd);
    if (kind == FD_FILE || (kind == FD_EVENT && (is_device(op->fd) || !is_possible(op))))
        return true;
    if (kind >= 0)
        number->flags |= NUMBER_STREAMS;
    if (kind == FD_TCP || kind == FD_STREAM)
        number->flags |= NUMBER_SOCKET;
    return false;
}

/* The short way: a number that is known, waits, and is not being forgotten. */
static bool is_plain(const struct uring *u, const struct number *number, const struct op *op)
{
    const unsigned state = NUMBER_KNOWN | NUMBER_NONBLOCK | NUMBER_FORGETTING;

    return likely(number) && likely((number->flags & state) == NUMBER_KNOWN) &&
           likely(number->version == descriptors_version(op->fd)) &&
           likely(!(op->flags & OP_DONT_WAIT)) && likely(!u->config.transfer_max) &&
           likely(!uring_is_one_of(op, ODD)) &&
           likely((number->flags & NUMBER_STREAMS) || !moves_position(op));
}

/* The plain system call, once, as far as it does not wait. */
int64_t uring_try_now(struct uring *u, struct op *op)
{
    int kind = attempt_kind(op->fd);

    return kind < 0 ? kind : attempt(op, (enum fd_kind)kind, u->config.transfer_max);
}

/* io_uring waits on a descriptor with O_NONBLOCK as on any other (recv, send, read, write, accept
   and connect alike, 6.18), so the call is made here. What was known of the number may be old: it
   is asked again first. Returns whether the operation has its result. */
static bool answer_at_once(struct uring *u, struct number *number, struct op *op)
{
    bool nonblock = !(op->flags & OP_DONT_WAIT);

    if (nonblock && !number_is_nonblocking(op->fd)) {
        number->flags &= (uint16_t)~NUMBER_NONBLOCK;
        return false;
    }
    if (nonblock && uring_is_one_of(op, OP_BIT(OP_ACCEPT) | OP_BIT(OP_CONNECT))) {
        op->result = perform(op);
        return true;
    }
    op->result = uring_try_now(u, op);
    if (op->result == -ENOTSUP && nonblock && attempt_kind(op->fd) != FD_FILE)
        op->result = perform(op); /* a tty, say: O_NONBLOCK itself keeps it from waiting */
    return op->result != -ENOTSUP;
}

/* Makes the call by hand and has the ring wait for readiness. */
static enum submitted by_hand(struct uring *u, struct number *number, struct op *op)
{
    op->result = uring_try_now(u, op);
    if (op->result == -ENOTSUP)
        return SUBMIT_OFFLOAD;
    if (op->result != -EAGAIN || (op->flags & OP_DONT_WAIT) || number_is_nonblocking(op->fd))
        return SUBMIT_DONE;
    op->state = OP_POLLS;
    uring_start(u, op, number);
    return SUBMIT_PENDING;
}

/* What is not the plain case. Returns whether that was all; if not, the entry is still to come. */
static bool submit_odd(struct uring *u, struct op *op, enum submitted *how)
{
    struct number *number;

    *how = SUBMIT_DONE;
    if (op->code == OP_FORGET) {
        *how = number_forget(u, op);
        return true;
    }
    op->result = numbers_take(u, op->fd, &number);
    if (op->result == 0 &&
        (!(number->flags & NUMBER_KNOWN) || number->version != descriptors_version(op->fd)))
        op->result = learn(u, number, op->fd);
    if (op->result < 0)
        return true;
    if (number->flags & NUMBER_FORGETTING) {
        op->result = -EBADF;
        return true;
    }
    if (unlikely(op->code == OP_POLL) && (op->flags & OP_DONT_WAIT)) {
        op->result = uring_try_now(u, op);
        return true;
    }
    if (((number->flags & NUMBER_NONBLOCK) || (op->flags & OP_DONT_WAIT)) &&
        uring_is_one_of(op, OPS_MAY_WAIT) && answer_at_once(u, number, op))
        return true;
    if (needs_thread(number, op)) {
        *how = SUBMIT_OFFLOAD;
        return true;
    }
    /* A message with a cap (in tests) has no entry: its header would have to outlive submit. */
    if (op->code == OP_SENDFILE ||
        (u->config.transfer_max && uring_is_one_of(op, OP_BIT(OP_RECVMSG) | OP_BIT(OP_SENDMSG)))) {
        *how = by_hand(u, number, op);
        return true;
    }
    return false;
}

/* io_uring first tries an open with O_NONBLOCK of its own, which a FIFO answers at once instead of
   waiting for its other end. True for whatever might be one. And openat2 is for threads. */
static bool opens_anything(const struct op *op)
{
    int flags = op->u.open.flags;

    if (op->u.open.how)
        return true;
    return !(flags & (O_NONBLOCK | O_DIRECTORY | O_PATH)) &&
           (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
}

enum submitted uring_submit(struct backend *backend, struct op *op)
{
    struct uring *u = container_of(backend, struct uring, base);
    struct number *number = NULL;
    enum submitted how;

    ASSERT(op->code < OP_CODES);
    op->state = 0;
    if (unlikely(u->polled))
        uring_nudge(u);
    if (unlikely(op->code == OP_LOCK || (op->code == OP_OPENAT && opens_anything(op))))
        return SUBMIT_OFFLOAD;
    if (likely(!uring_is_one_of(op, OPS_UNTRACKED))) {
        number = numbers_find(u, op->fd);
        if (unlikely(!is_plain(u, number, op))) {
            if (submit_odd(u, op, &how))
                return how;
            number = numbers_find(u, op->fd);
        }
    }
    uring_start(u, op, number);
    return SUBMIT_PENDING;
}
