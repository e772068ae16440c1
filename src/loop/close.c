/* Descriptors come and go: who holds something on one is told. */
#include "loop/loop.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* One loop is to let go of a descriptor; whoever asked waits for the signal. */
struct forget {
    struct message message;
    struct waiter waiter;
    struct op op;
    struct list link;  /* in loop->forgets, until nothing is left to wait for */
    unsigned left;     /* of the backend's word and the last job's end */
    bool nobody_waits; /* then its memory is its own */
    bool jobs;         /* jobs on the number are still to end */
};

static void forget_left(struct forget *forget)
{
    if (--forget->left > 0)
        return;
    list_remove(&forget->link);
    if (forget->nobody_waits)
        free(forget);
    else
        waiter_signal(&forget->waiter);
}

static void forget_done(struct op *op)
{
    forget_left(container_of(op, struct forget, op));
}

static void deliver_forget(struct message *message)
{
    struct forget *forget = container_of(message, struct forget, message);
    struct loop *loop = loop_here();

    /* First: whoever comes after the backend has forgotten marks again. */
    descriptors_unmark(forget->op.fd, loop->sched.number);
    list_push_back(&loop->forgets, &forget->link);
    forget->jobs = offloads_end(loop, forget->op.fd);
    forget->left = forget->jobs ? 2 : 1;
    forget->op.done = forget_done;
    forget->op.waiter = NULL;
    if (loop->backend->ops->submit(loop->backend, &forget->op) == SUBMIT_DONE)
        forget_left(forget);
}

void descriptor_job_ended(struct loop *loop, int fd)
{
    struct list *node, *next;

    if (likely(list_empty(&loop->forgets)) || offloads_any(loop, fd))
        return;
    for (node = loop->forgets.next; node != &loop->forgets; node = next) {
        struct forget *forget = container_of(node, struct forget, link);

        next = node->next;
        if (forget->op.fd != fd || !forget->jobs)
            continue;
        forget->jobs = false;
        forget_left(forget);
    }
}

bool descriptor_is_closing(const struct loop *loop, int fd)
{
    const struct list *node;

    for (node = loop->forgets.next; node != &loop->forgets; node = node->next)
        if (container_of(node, struct forget, link)->op.fd == fd)
            return true;
    return false;
}

/* Returns true if it was done at once, without letting anybody else run. */
static bool forget_on(struct loop *loop, int fd)
{
    struct forget forget = { .message.deliver = deliver_forget, .op.fd = fd };
    struct wait wait = { .what = "close", .fd = fd };
    bool at_once;

    forget.op.code = OP_FORGET;
    waiter_init(&forget.waiter);
    if (sched_here == &loop->sched)
        deliver_forget(&forget.message);
    else
        sched_post(&loop->sched, &forget.message);
    /* Relaxed: true only if this thread has set it. */
    at_once = sched_here == &loop->sched &&
              atomic_load_explicit(&forget.waiter.signaled, memory_order_relaxed);
    waiter_wait(&forget.waiter, &wait);
    return at_once;
}

/* The same for a callback, which must not wait: what it then does with the number comes after it, as
   messages keep their order. Without memory the loop finds out by itself, later. */
static void forget_later(struct loop *loop, int fd)
{
    struct forget *forget = calloc(1, sizeof *forget);

    if (!forget)
        return;
    *forget = (struct forget){ .message.deliver = deliver_forget, .nobody_waits = true };
    forget->op.fd = fd;
    forget->op.code = OP_FORGET;
    sched_post(&loop->sched, &forget->message);
}

/* Tells all loops of the set but one. Returns as forget_on. */
static bool forget_others(int fd, uint64_t loops, const struct sched *except)
{
    struct runtime *runtime = sched_here ? runtime_active : runtime_hold();
    bool at_once = true;
    unsigned i;

    if (!runtime)
        return true;
    for (i = 0; i < runtime->loops_len; i++) {
        if (!(loops & descriptors_bit(i)) || &runtime->loops[i]->sched == except)
            continue;
        if (likely(sched_may_wait()))
            at_once &= forget_on(runtime->loops[i], fd);
        else
            forget_later(runtime->loops[i], fd);
    }
    if (!sched_here)
        runtime_let_go(runtime);
    return at_once;
}

/* Puts a description under a number. Returns that or -errno. */
static int put(int from, int fd, int flags)
{
    int result;

    do
        result = dup3(from, fd, flags);
    while (result < 0 && (errno == EINTR || errno == EBUSY));
    return result < 0 ? -errno : result;
}

/* While others were told, somebody may have begun a new wait, which would keep the description
   alive after the close. So the number goes to a description on which everything fails with
   EBADF, which closes the old one; then those are told who came in between. Returns false if there
   was no descriptor to be had for it. */
static bool bury(int fd)
{
    int dead = open("/", O_PATH | O_CLOEXEC);
    int result;

    if (dead < 0)
        return false;
    result = put(dead, fd, O_CLOEXEC);
    close(dead);
    return result >= 0;
}

/* Nobody waits on it any more: all loops have been told, those twice who may have begun anew. */
static void end_waits(int fd, bool may_wait)
{
    uint64_t loops = descriptors_loops(fd); /* now: whoever marks later is refused */

    if (loops && !forget_others(fd, loops, NULL) && !may_wait && fcntl(fd, F_GETFD) >= 0 &&
        bury(fd) && (loops = descriptors_loops(fd)))
        forget_others(fd, loops, NULL);
}

/* What a thread must do because it may wait: a lingering socket, a file whose data may be
   flushed over a network, a serial line that has not sent all yet. */
static bool close_may_wait(int fd)
{
    struct linger linger = { 0 };
    socklen_t len = sizeof linger;
    struct stat st;

    if (likely(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0))
        return linger.l_onoff && linger.l_linger > 0;
    if (fstat(fd, &st) < 0)
        return false;
    if (S_ISREG(st.st_mode))
        return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    return S_ISCHR(st.st_mode);
}

static void close_on_thread(struct offload *offload, void *arg)
{
    int *fd_and_error = arg;

    (void)offload;
    fd_and_error[1] = close(fd_and_error[0]) < 0 ? -errno : 0;
}

static int close_now(int fd, bool may_wait)
{
    int fd_and_error[2] = { fd, 0 };

    if (!may_wait ||
        offload_run(POOL_WAITS, OFFLOAD_NEVER, "close", fd, close_on_thread, fd_and_error) < 0)
        fd_and_error[1] = close(fd) < 0 ? -errno : 0;
    /* Linux has closed the descriptor even when a signal broke the call off. */
    return fd_and_error[1] == -EINTR ? 0 : fd_and_error[1];
}

int descriptor_close_finish(int fd)
{
    descriptors_set_ours(fd, false);
    descriptors_end_close(fd);
    return close_now(fd, false);
}

int descriptor_close_begun(int fd)
{
    bool may_wait = task_current() && close_may_wait(fd);

    end_waits(fd, may_wait);
    descriptors_set_ours(fd, false);
    descriptors_end_close(fd);
    return close_now(fd, may_wait);
}

int descriptor_close(int fd)
{
    if (unlikely(world_here()->simulated))
        return world_here()->close(fd) < 0 ? -errno : 0;
    if (fd < 0 || !descriptors_begin_close(fd))
        return -EBADF;
    return descriptor_close_begun(fd);
}

/* --- another description under the number --- */

struct replacing {
    int fd, to, flags, result;
};

static void replace_on_thread(struct offload *offload, void *arg)
{
    struct replacing *r = arg;

    (void)offload;
    r->result = put(r->fd, r->to, r->flags);
}

/* What goes may linger, as in a close. The number is still being closed, so that no wait begins that
   nobody would end. */
static int replace_now(struct replacing *r, bool may_wait)
{
    if (!may_wait ||
        offload_run(POOL_WAITS, OFFLOAD_NEVER, "dup2", r->to, replace_on_thread, r) < 0)
        r->result = put(r->fd, r->to, r->flags);
    if (r->result < 0)
        return r->result;
    descriptor_born(r->to);
    descriptors_set_ours(r->to, false); /* O_NONBLOCK has two numbers now */
    descriptors_set_ours(r->fd, false);
    return r->result;
}

int descriptor_replace(int fd, int to, int flags)
{
    struct replacing r = { .fd = fd, .to = to, .flags = flags };
    bool may_wait;
    int result;

    if (fcntl(fd, F_GETFD) < 0 || to < 0)
        return -EBADF;
    if (fd == to || (flags & ~O_CLOEXEC))
        return -EINVAL;
    if (!descriptors_begin_close(to))
        return -EBUSY;
    may_wait = task_current() && close_may_wait(to);
    end_waits(to, may_wait);
    result = replace_now(&r, may_wait);
    descriptors_end_replace(to);
    return result;
}

enum submitted descriptor_close_start(struct op *op)
{
    struct loop *loop = loop_here();
    unsigned number = loop->sched.number;
    uint64_t others;

    op->result = -EBADF;
    if (unlikely(world_here()->simulated)) {
        op->result = descriptor_close(op->fd);
        return SUBMIT_DONE;
    }
    if (op->fd < 0 || !descriptors_begin_close(op->fd))
        return SUBMIT_DONE;
    others = descriptors_loops(op->fd);
    if (number < 63) /* beyond, the bit stands for others too */
        others &= ~descriptors_bit(number);
    if (others || offloads_any(loop, op->fd) || close_may_wait(op->fd))
        return SUBMIT_OFFLOAD;
    descriptors_unmark(op->fd, number);
    op->code = OP_FORGET;
    if (loop->backend->ops->submit(loop->backend, op) == SUBMIT_PENDING)
        return SUBMIT_PENDING;
    op->result = descriptor_close_finish(op->fd);
    return SUBMIT_DONE;
}

int descriptor_born(int fd)
{
    struct sched *here = sched_here;
    uint64_t loops;

    if (fd < 0 || world_here()->simulated)
        return fd;
    loops = descriptors_loops(fd);
    if (unlikely(loops)) {
        /* Somebody closed the number behind our back: what was known of it is void. */
        if (here && (loops & descriptors_bit(here->number)))
            loop_here()->backend->ops->born(loop_here()->backend, fd);
        forget_others(fd, loops, here);
    }
    descriptors_set_ours(fd, true);
    return fd;
}
