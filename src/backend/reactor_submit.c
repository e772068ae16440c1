/* How operations begin on a reactor, and how they end before their time. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/reactor.h"
#include "base/descriptors.h"

static int flags_of(const struct op *op)
{
    if (op_is_one_of(op, OPS_OF_FLAGS))
        return op->u.io.flags;
    return op_is_one_of(op, OPS_OF_MESSAGE) ? op->u.msg.flags : 0;
}

/* A transfer whose result says something about the next one. */
static bool is_plain(const struct op *op)
{
    return op_is_one_of(op, OPS_OF_TRANSFER) && (flags_of(op) & ~MSG_NOSIGNAL) == 0;
}

/* Does the operation wait when it cannot go on? */
static bool waits(struct entry *entry, const struct op *op)
{
    if (unlikely(op->flags & OP_DONT_WAIT) ||
        unlikely(flags_of(op) & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)))
        return false;
    return op->code == OP_POLL || !entry_nonblocking(entry);
}

/* Learns from a result whether the next one would wait. Only with a lasting registration: what
   comes later then makes an edge. */
static void learn(struct reactor *r, struct entry *entry, const struct op *op, int64_t result)
{
    uint8_t flag = op_side(op) == WAIT_READ ? ENTRY_DRAINED : ENTRY_FULL;
    size_t max = r->config.transfer_max, len;

    if (!(entry->flags & ENTRY_REGISTERED) || !is_plain(op))
        return;
    if (result == -EAGAIN) {
        entry->flags |= flag;
        return;
    }
    if (result <= 0 || (entry->flags & ENTRY_TRY_FIRST) ||
        (entry->kind != FD_TCP && entry->kind != FD_PIPE))
        return;
    if (likely(op_is_one_of(op, OPS_OF_BUFFER)))
        len = max && max < op->u.io.len ? max : op->u.io.len;
    else if (max)
        return; /* a cut vector is cut at its pieces too */
    else
        len = attempt_len(op);
    if ((size_t)result < len)
        entry->flags |= flag;
}

/* What a server does nearly all the time: one buffer over TCP. */
static bool is_tcp_transfer(const struct reactor *r, const struct entry *entry, const struct op *op)
{
    if (entry->kind != FD_TCP || r->config.transfer_max || !op_is_one_of(op, OPS_OF_BUFFER))
        return false;
    return op_is_one_of(op, OPS_OF_FLAGS) || (op->u.io.offset == -1 && op->u.io.len > 0);
}

/* attempt and learn in one for those, for half of the instructions. */
static int64_t tcp_transfer(struct entry *entry, struct op *op)
{
    bool reads = op_side(op) == WAIT_READ;
    int flags = op_is_one_of(op, OPS_OF_FLAGS) ? op->u.io.flags : 0;
    size_t len = op->u.io.len;
    /* Not recv and send: they are cancellation points, for which glibc pays two locked
       instructions a call in a process with threads. */
    ssize_t n =
        reads ? syscall(SYS_recvfrom, op->fd, op->u.io.buf, len, flags | MSG_DONTWAIT, NULL, NULL)
              : syscall(SYS_sendto, op->fd, op->u.io.buf, len, flags | MSG_DONTWAIT | MSG_NOSIGNAL,
                        NULL, 0);

    if (n < 0 && errno != EAGAIN)
        return -errno;
    if ((n < 0 || (n > 0 && (size_t)n < len && !(entry->flags & ENTRY_TRY_FIRST))) &&
        (entry->flags & ENTRY_REGISTERED) && (flags & ~MSG_NOSIGNAL) == 0)
        entry->flags |= reads ? ENTRY_DRAINED : ENTRY_FULL;
    return n < 0 ? -EAGAIN : n;
}

int64_t reactor_attempt(struct reactor *r, struct entry *entry, struct op *op)
{
    int64_t result;

    if (likely(is_tcp_transfer(r, entry, op)))
        return tcp_transfer(entry, op);
    result = attempt(op, (enum fd_kind)entry->kind, r->config.transfer_max);
    learn(r, entry, op, result);
    return result;
}

/* Asks what kind of thing the number is when that is not known or can no longer be true. */
static int64_t try(struct reactor *r, struct entry *entry, struct op *op)
{
    int64_t result = -ENOTSUP;
    int kind;

    /* A cut transfer shows a kind that is no longer true too late. */
    if (unlikely(r->config.transfer_max) && attempt_kind(op->fd) != entry->kind)
        ;
    else if (likely(entry->kind != FD_UNKNOWN))
        result = reactor_attempt(r, entry, op);
    if (likely(!reactor_is_suspicious(result)))
        return result;
    kind = attempt_kind(op->fd);
    if (kind < 0)
        return kind == -EBADF && op->code == OP_POLL ? POLLNVAL : kind;
    if (kind == entry->kind)
        return result;
    entry_void(r, entry);
    entry->kind = (uint8_t)kind;
    return reactor_attempt(r, entry, op);
}

static enum submitted done(struct op *op, int64_t result)
{
    op->result = result;
    return SUBMIT_DONE;
}

static int watch(struct reactor *r, struct entry *entry, const struct op *op)
{
    int error;

    if (unlikely(!(entry->flags & ENTRY_MARKED))) {
        error = descriptors_mark(entry->fd, r->config.loop);
        if (error)
            return error;
        entry->flags |= ENTRY_MARKED;
    }
    if (!r->mechanism->lasting) {
        if (!entry_has_waiters(entry))
            entry_identify(entry);
        return r->mechanism->interest(r, entry, entry_events(entry) | attempt_events(op) | POLLERR);
    }
    if (likely(entry->flags & ENTRY_REGISTERED)) {
        if (likely(!r->embedded)) {
            entry_trust(r, entry);
            return 0;
        }
        /* Whoever owns the thread does not come back in time to verify it. */
        if (!entry_changed(r, entry))
            return 0;
        error = attempt_kind(entry->fd);
        if (error < 0)
            return error;
        entry->kind = (uint8_t)error;
        entry->flags &= ENTRY_MARKED;
    }
    error = r->mechanism->interest(r, entry, POLLIN | POLLOUT);
    if (!error)
        entry->flags |= ENTRY_REGISTERED;
    return error;
}

static enum submitted queue(struct reactor *r, struct entry *entry, struct op *op)
{
    int error = watch(r, entry, op);

    if (unlikely(error))
        return error == -EPERM ? SUBMIT_OFFLOAD : done(op, error);
    op->state = STATE_WAITING;
    list_push_back(&entry->waiting[op_side(op)], &op->link);
    return SUBMIT_PENDING;
}

/* Somebody waits for the same already, or the last result said so: for an operation that waits an
   attempt would be vain. */
static bool looks_vain(struct entry *entry, const struct op *op)
{
    int side = op_side(op);
    const struct list *first = entry->waiting[side].next;

    if (op->code == OP_POLL)
        return false;
    if (first != &entry->waiting[side] && container_of(first, struct op, link)->code != OP_POLL)
        return true;
    if (!(entry->flags & (side == WAIT_READ ? ENTRY_DRAINED : ENTRY_FULL)) || !is_plain(op))
        return false;
    return likely(op_is_one_of(op, OPS_OF_BUFFER)) ? op->u.io.len > 0 : attempt_len(op) > 0;
}

static enum submitted submit_io(struct reactor *r, struct op *op)
{
    struct entry *entry;
    int64_t result;

    if (unlikely(op->fd < 0))
        return done(op, -EBADF);
    entry = entry_find(r, op->fd);
    if (unlikely(!entry) && !(entry = entry_make(r, op->fd)))
        return done(op, fcntl(op->fd, F_GETFD) < 0 ? -errno : -ENOMEM);
    if (op->code != OP_SENDFILE)
        op->scratch = 0;
    for (;;) {
        if (!looks_vain(entry, op) || !waits(entry, op)) {
            result = try(r, entry, op);
            if (result == -ENOTSUP)
                return SUBMIT_OFFLOAD;
            if (!r->mechanism->lasting) /* nothing verifies it later */
                entry->flags &= (uint8_t)~ENTRY_FLAGS_KNOWN;
            if (result != -EAGAIN || !waits(entry, op))
                return done(op, result);
        }
        if (likely(!entry_has_waiters(entry)) || !entry_changed(r, entry))
            return queue(r, entry, op);
        entry_void(r, entry); /* and no waiters any more: the loop ends */
    }
}

static bool close_may_wait(int fd, enum fd_kind kind)
{
    struct linger linger = { 0 };
    socklen_t len = sizeof linger;
    struct stat st;

    switch (kind) {
    case FD_TCP:
        return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 && linger.l_onoff &&
               linger.l_linger > 0;
    case FD_FILE: /* what was written may be flushed, over a network too */
        return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    case FD_EVENT: /* a serial line waits until all is sent */
        return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
    default:
        return false;
    }
}

static void forget(struct reactor *r, int fd)
{
    struct entry *entry = entry_find(r, fd);
    struct list *node, *next;

    r->forgotten_fd = -1;
    if (entry) {
        r->forgotten_fd = fd;
        r->forgotten_kind = entry->kind;
        entry_end_waiters(r, entry, -EBADF);
        if (entry->flags & ENTRY_REGISTERED)
            r->mechanism->interest(r, entry, 0);
        if (entry->flags & ENTRY_MARKED)
            descriptors_unmark(fd, r->config.loop);
        entry_void(r, entry);
        entry->flags = 0;
    }
    for (node = r->orphans.next; node != &r->orphans; node = next) {
        struct op *op = container_of(node, struct op, link);

        next = node->next;
        if (op->fd == fd) {
            list_remove(node);
            reactor_finish(r, op, -EBADF);
        }
    }
}

static enum submitted submit_close(struct reactor *r, struct op *op)
{
    int kind = r->forgotten_fd == op->fd ? r->forgotten_kind : FD_UNKNOWN;

    if (r->forgotten_fd != op->fd)
        forget(r, op->fd);
    r->forgotten_fd = -1;
    if (kind == FD_UNKNOWN)
        kind = attempt_kind(op->fd);
    if (kind < 0)
        return done(op, kind);
    return close_may_wait(op->fd, (enum fd_kind)kind) ? SUBMIT_OFFLOAD : done(op, perform(op));
}

enum submitted reactor_submit(struct backend *backend, struct op *op)
{
    struct reactor *r = container_of(backend, struct reactor, base);

    op->state = STATE_IDLE;
    switch (op->code) {
    case OP_FORGET:
        forget(r, op->fd);
        return done(op, 0);
    case OP_CLOSE:
        return submit_close(r, op);
    case OP_OPENAT:
    case OP_FSYNC:
    case OP_STAT:
    case OP_LOCK:
        return SUBMIT_OFFLOAD;
    default:
        return submit_io(r, op);
    }
}

void reactor_waiter_left(struct reactor *r, struct entry *entry)
{
    if (!r->mechanism->lasting)
        r->mechanism->interest(r, entry, entry_events(entry));
    else if (!entry_has_waiters(entry))
        entry_untrust(entry);
}

static int64_t cancel_connect(struct reactor *r, struct entry *entry, struct op *op)
{
    int64_t result;

    if (entry_changed(r, entry))
        return -ECANCELED; /* somebody else's socket has the number now */
    result = attempt_abort_connect(op);
    /* The abort made events that are not the next connection's. */
    if (result == -ECANCELED && !entry_has_waiters(entry) && r->mechanism->lasting) {
        r->mechanism->interest(r, entry, 0);
        entry_void(r, entry);
    }
    return result;
}

static bool is_orphan(struct reactor *r, const struct op *op)
{
    for (const struct list *node = r->orphans.next; node != &r->orphans; node = node->next)
        if (node == &op->link)
            return true;
    return false;
}

void reactor_cancel(struct backend *backend, struct op *op)
{
    struct reactor *r = container_of(backend, struct reactor, base);
    struct entry *entry = entry_find(r, op->fd);
    int64_t result = -ECANCELED;

    if (op->state != STATE_WAITING)
        return; /* it will be told how it ended */
    if (unlikely(!list_empty(&r->orphans)) && is_orphan(r, op)) {
        list_remove(&op->link);
        reactor_finish(r, op, -ECANCELED);
        return;
    }
    list_remove(&op->link);
    if (op->code == OP_CONNECT)
        result = cancel_connect(r, entry, op);
    reactor_waiter_left(r, entry);
    reactor_finish(r, op, result);
}
