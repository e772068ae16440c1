/* The twins of splice and tee. A pipe's end never makes the call wait (SPLICE_F_NONBLOCK): what it
   lacks is waited for by a poll. Of the other end it depends on what it is. */
#include "loop/loop.h"

#include "backend/attempt.h"
#include "base/descriptors.h"

#include <dure/file.h>
#include <dure/io.h>
#include <errno.h>
#include <fcntl.h>

/* How a piece is moved. */
enum manner {
    DIRECTLY, /* pipes alone */
    FLIPPED,  /* a socket on which O_NONBLOCK may be set for the call */
    READING,  /* a file: on a thread that may wait for the disk, once the pipe is ready */
    WAITING,  /* a tty, a foreign socket: on a thread, once both ends are ready; another reader or
                 writer may be faster */
    PLAINLY,  /* it fails at once, or moves nothing */
};

struct splicing {
    int in_fd, out_fd;
    off_t *in_offset, *out_offset;
    size_t len;
    unsigned flags;
    int64_t (*call)(void *arg);
    const char *what;
    int other_fd; /* the end that is no pipe, or -1 */
    enum manner manner;
    bool in_waits, out_waits; /* when it is not ready; else EAGAIN */
};

static int64_t call_splice(void *arg)
{
    const struct splicing *s = arg;

    return splice(s->in_fd, s->in_offset, s->out_fd, s->out_offset, s->len, s->flags);
}

static int64_t call_tee(void *arg)
{
    const struct splicing *s = arg;

    return tee(s->in_fd, s->out_fd, s->len, s->flags);
}

/* --- one piece --- */

static int64_t result_of(int64_t n)
{
    return n < 0 ? -errno : n;
}

static int64_t move_flipped(struct splicing *s)
{
    int flip = descriptors_flip_on(s->other_fd);
    int64_t n;

    if (flip == -ENOTSUP) {
        s->manner = WAITING;
        return -ERESTART;
    }
    if (flip < 0)
        return flip;
    n = result_of(s->call(s));
    if (flip == 0)
        descriptors_flip_off(s->other_fd);
    return n;
}

/* A plain thread with a scope makes the call itself: as much as whatever polls ready takes or gives
   without waiting. */
#define READY_MIN 2048

static int64_t move_waiting(struct splicing *s)
{
    struct splicing less = *s;

    if (task_current())
        return offload_call(POOL_WAITS, s->what, s->other_fd, s->call, s);
    if (less.len > READY_MIN)
        less.len = READY_MIN;
    return result_of(s->call(&less));
}

static int64_t move(struct splicing *s)
{
    switch (s->manner) {
    case READING:
        return offload_call(POOL_FILES, s->what, s->other_fd, s->call, s);
    case WAITING:
        return move_waiting(s);
    case FLIPPED:
        return move_flipped(s);
    default:
        return result_of(s->call(s));
    }
}

/* --- waiting --- */

static int64_t await(int fd, short events, bool waits)
{
    struct pollfd poll = { .fd = fd, .events = events };
    int n = dure_poll(&poll, 1, waits ? -1 : 0);

    if (n < 0)
        return -errno;
    if (n == 0)
        return -EAGAIN;
    return poll.revents & POLLNVAL ? -EBADF : 0; /* closed; the number may be another's by now */
}

static int64_t await_both(const struct splicing *s)
{
    int64_t error = await(s->in_fd, POLLIN, s->in_waits);

    return error < 0 ? error : await(s->out_fd, POLLOUT, s->out_waits);
}

/* A blocking socket takes all that the pipe holds, however little at once. */
static bool goes_on(const struct splicing *s, size_t moved, size_t len)
{
    return moved < len && s->other_fd == s->out_fd && s->out_waits &&
           (s->manner == FLIPPED || (s->manner == WAITING && !task_current())) &&
           await(s->in_fd, POLLIN, false) == 0;
}

/* Moves a piece, as soon as one can be moved. */
static int64_t move_piece(struct splicing *s)
{
    /* A thread is asked when the call can go on. With an offset it may be one that fails at once. */
    bool try = s->manner == DIRECTLY || s->manner == FLIPPED || s->in_offset || s->out_offset;
    int64_t n;

    for (;; try = false) {
        n = try ? 0 : await_both(s);
        if (n < 0)
            return n;
        n = move(s);
        if (task_current())
            task_pay(sched_here);
        if (n != -EAGAIN && n != -ERESTART)
            return n;
    }
}

static int64_t move_all(struct splicing *s)
{
    size_t len = s->len, moved = 0;
    int64_t n;

    do {
        s->len = len - moved;
        n = move_piece(s);
        if (n > 0)
            moved += (size_t)n;
    } while (n > 0 && goes_on(s, moved, len));
    /* Progress wins: the next call meets the error again. */
    return moved ? (int64_t)moved : n;
}

/* --- what it is --- */

static bool is_nonblocking(int fd)
{
    int flags = descriptors_get_flags(fd);

    return flags >= 0 && (flags & O_NONBLOCK);
}

/* Whether both can be read and written, as far as their opening says. */
static bool is_open_for(const struct splicing *s)
{
    int in = fcntl(s->in_fd, F_GETFL), out = fcntl(s->out_fd, F_GETFL);

    return in >= 0 && out >= 0 && (in & O_ACCMODE) != O_WRONLY && (out & O_ACCMODE) != O_RDONLY;
}

static enum manner manner_of(enum fd_kind other)
{
    switch (other) {
    case FD_FILE:
        return READING;
    case FD_EVENT:
        return WAITING;
    default:
        return FLIPPED;
    }
}

/* True for what the system answers at once. */
static bool is_refused(const struct splicing *s, int in, int out)
{
    const unsigned known = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;
    bool is_tee = s->call == call_tee;

    if (s->len == 0 || (s->flags & ~known) || in < 0 || out < 0 || !is_open_for(s))
        return true;
    if (in != FD_PIPE && (out != FD_PIPE || is_tee))
        return true;
    return (out != FD_PIPE && (is_tee || (fcntl(s->out_fd, F_GETFL) & O_APPEND))) ||
           (in == FD_PIPE && s->in_offset) || (out == FD_PIPE && s->out_offset);
}

static void look_at(struct splicing *s)
{
    int in = attempt_kind(s->in_fd), out = attempt_kind(s->out_fd);
    bool pipe_waits = !(s->flags & SPLICE_F_NONBLOCK);

    s->manner = is_refused(s, in, out) ? PLAINLY : DIRECTLY;
    s->other_fd = -1;
    if (s->manner == PLAINLY)
        return;
    s->in_waits = (in != FD_PIPE || pipe_waits) && !is_nonblocking(s->in_fd);
    s->out_waits = (out != FD_PIPE || pipe_waits) && !is_nonblocking(s->out_fd);
    if (in == FD_PIPE && out == FD_PIPE) {
        s->in_waits = s->out_waits = s->in_waits && s->out_waits;
        return;
    }
    s->other_fd = in == FD_PIPE ? s->out_fd : s->in_fd;
    s->manner = manner_of((enum fd_kind)(in == FD_PIPE ? out : in));
}

static ssize_t run(struct splicing *s)
{
    int64_t refused = io_entry_refused();

    if (refused < 0)
        return io_result(refused);
    if (!task_current() && !thread_has_scope())
        return s->call(s);
    if (unlikely(world_here()->simulated))
        return io_result(simulated_refuse(s->what));
    look_at(s);
    if (s->manner == PLAINLY)
        return s->call(s);
    s->flags |= SPLICE_F_NONBLOCK;
    return io_result(move_all(s));
}

ssize_t dure_splice(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
                    unsigned flags)
{
    struct splicing s = { .in_fd = in_fd,
                          .out_fd = out_fd,
                          .in_offset = in_offset,
                          .out_offset = out_offset,
                          .len = len,
                          .flags = flags,
                          .call = call_splice,
                          .what = "splice" };

    return run(&s);
}

ssize_t dure_tee(int in_fd, int out_fd, size_t len, unsigned flags)
{
    struct splicing s = { .in_fd = in_fd,
                          .out_fd = out_fd,
                          .len = len,
                          .flags = flags,
                          .call = call_tee,
                          .what = "tee" };

    return run(&s);
}
