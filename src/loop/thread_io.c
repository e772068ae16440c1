/* Operations of plain threads: the plain call, or with a scope open, the plain call and a wait that
   honours it. */
#include "loop/loop.h"

#include "backend/attempt.h"
#include "backend/attempt_scratch.h"

#include <dure/time.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

int64_t thread_poll(struct pollfd *fds, nfds_t len, int64_t until_ns, const sigset_t *mask)
{
    struct thread_flow *thread = thread_flow_current();
    int64_t nearest_ns, now_ns;
    int ready;

    if (!sched_may_wait())
        return -EDEADLK;
    if (!thread || thread->wake_fd < 0)
        return -ENOMEM;
    for (;;) {
        now_ns = dure_now();
        flow_end_passed(&thread->flow, now_ns);
        if (atomic_load_explicit(&thread->flow.level, memory_order_relaxed) == LEVEL_ENDED) {
            flow_feel(&thread->flow);
            return -ECANCELED;
        }
        nearest_ns = flow_deadline(&thread->flow);
        if (until_ns && until_ns < nearest_ns)
            nearest_ns = until_ns;
        /* A deadline that a loop looks after may have passed without its word yet: it comes. */
        if (nearest_ns <= now_ns && !(until_ns && until_ns <= now_ns))
            nearest_ns = now_ns + DURE_MILLISECOND;
        ready = thread_doze_polling(thread, fds, len + 1, nearest_ns, mask);
        if (ready < 0)
            return -errno;
        if (ready > 0 || (until_ns && until_ns <= now_ns))
            return ready;
    }
}

int64_t thread_wait(int fd, unsigned events, int64_t until_ns)
{
    struct pollfd fds[2] = { [1] = { .fd = fd, .events = (short)events } };
    int64_t ready = thread_poll(fds, 1, until_ns, NULL);

    return ready > 0 ? (unsigned short)fds[1].revents : ready;
}

int64_t thread_ask(int64_t (*ask)(void *arg), void *arg)
{
    int64_t pause_ns = 100 * DURE_MICROSECOND, ready = thread_refused(), result;

    while (ready == 0) {
        result = ask(arg);
        if (result != -EAGAIN)
            return result;
        ready = thread_wait(-1, 0, dure_now() + pause_ns);
        if (pause_ns < 10 * DURE_MILLISECOND)
            pause_ns *= 2;
    }
    return ready;
}

bool thread_has_scope(void)
{
    struct thread_flow *thread;

    if (unlikely(!sched_may_wait()))
        return true;
    thread = thread_flow_current();
    return thread && (thread->flow.innermost || thread->flow.home);
}

static bool may_wait(const struct op *op)
{
    int flags = fcntl(op->fd, F_GETFL);

    return !(op->flags & OP_DONT_WAIT) && flags >= 0 && !(flags & O_NONBLOCK);
}

/* The deadlines of scopes that were lent to a thread of the pool are their loop's to watch, which says
   so in the thread's level; those of its own scopes it watches itself. */
static bool has_ended(const struct thread_flow *thread)
{
    if (thread && !thread->flow.innermost)
        return atomic_load_explicit(&thread->flow.level, memory_order_relaxed) == LEVEL_ENDED;
    return dure_canceled() || dure_deadline_left() <= 0;
}

int thread_refused(void)
{
    if (unlikely(!sched_may_wait()))
        return -EDEADLK;
    if (likely(!has_ended(thread_flow_current())))
        return 0;
    return (int)thread_wait(-1, 0, 1);
}

/* A connect on a descriptor whose O_NONBLOCK may not be touched: the socket's own time limit makes
   it come back while the kernel goes on connecting. */
static int64_t connect_briefly(struct op *op)
{
    struct timeval before, brief = { .tv_usec = 10000 };
    socklen_t len = sizeof before;
    int64_t result;

    if (getsockopt(op->fd, SOL_SOCKET, SO_SNDTIMEO, &before, &len) < 0 ||
        setsockopt(op->fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof brief) < 0)
        return -errno;
    result = perform(op);
    setsockopt(op->fd, SOL_SOCKET, SO_SNDTIMEO, &before, len);
    if (result != -EINPROGRESS && result != -EALREADY && result != -EINTR)
        return result; /* -EAGAIN: the queue of an AF_UNIX listener is full */
    op->scratch |= SCRATCH_CONNECTING;
    return -EAGAIN;
}

static int64_t thread_connect(struct op *op, enum fd_kind kind)
{
    int64_t result, ready;

    for (;;) {
        result = attempt(op, kind, 0);
        if (result == -ENOTSUP)
            result = connect_briefly(op);
        if (result != -EAGAIN || !may_wait(op))
            return result;
        ready =
            op->scratch & SCRATCH_CONNECTING ? thread_wait(op->fd, POLLOUT, 0) : thread_refused();
        if (ready == -EINTR || ready >= 0)
            continue; /* given back, an EINTR would leave the attempt under way */
        return attempt_abort_connect(op) >= 0 ? 0 : ready;
    }
}

/* For what could not be tried: whether the call itself cannot wait, so that there is nothing to wait
   for before it. */
static bool ends_at_once(const struct op *op)
{
    switch (op->code) {
    case OP_FSYNC:
    case OP_ACCEPT: /* somebody is there, or it does not listen */
        return true;
    case OP_SENDFILE:
        return (op->scratch & SCRATCH_COLD) || writev(op->fd, NULL, 0) < 0 ||
               fcntl(op->u.sendfile.in_fd, F_GETFD) < 0 ||
               (op->u.sendfile.offset && *op->u.sendfile.offset < 0);
    default: /* of a socket it is the kernel's own EOPNOTSUPP, which has the same number */
        return op->code == OP_RECV || op->code == OP_SEND || op->code == OP_RECVMSG ||
               op->code == OP_SENDMSG;
    }
}

/* Of files by their name, and by position: what has one does not wait for anybody, and what has
   none fails at once. */
static bool never_waits(const struct op *op)
{
    switch (op->code) {
    case OP_OPENAT:
    case OP_STAT:
    case OP_FSYNC:
        return true;
    case OP_READ:
    case OP_WRITE:
        return op->u.io.offset >= 0;
    case OP_READV:
    case OP_WRITEV:
        return op->u.vec.offset >= 0;
    default:
        return false;
    }
}

int64_t thread_io(struct io *io)
{
    struct op *op = &io->op;
    int64_t result, ready, until_ns;
    int kind;

    if (!thread_has_scope())
        return perform(op);
    ready = thread_refused();
    if (ready < 0)
        return ready;
    if (never_waits(op))
        return perform(op);
    kind = attempt_kind(op->fd);
    if (kind < 0 || kind == FD_FILE)
        return perform(op);
    if (op->code == OP_CONNECT)
        return thread_connect(op, (enum fd_kind)kind);
    until_ns = socket_limit_ns(op);
    if (until_ns)
        until_ns += dure_now();
    for (;;) {
        result = attempt(op, (enum fd_kind)kind, 0);
        if (result != -EAGAIN && result != -ENOTSUP)
            return result;
        if (result == -EAGAIN && !may_wait(op))
            return result;
        ready = 1;
        if (result == -EAGAIN || !ends_at_once(op))
            ready = thread_wait(op->fd, attempt_events(op), until_ns);
        if (ready <= 0)
            return ready < 0 ? ready : -EAGAIN;
        if (result == -ENOTSUP)
            result = perform(op); /* ready, so that it does not wait, unless somebody was faster */
        if (result != -EAGAIN && result != -ERESTART)
            return result;
    }
}
