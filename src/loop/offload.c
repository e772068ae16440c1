/* What can only block: a job on the pool and the task that waits for it. */
#include "loop/loop.h"

#include "backend/attempt.h"
#include "backend/attempt_scratch.h"
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct offload {
    struct pool_job job;
    struct waiter waiter;
    struct wait wait;
    struct offload_entry entry;
    void (*run)(struct offload *offload, void *arg);
    void *arg;
    /* Read by the pool's thread once the job is interrupted. Relaxed: either answer is right when
       a cancel and a close meet. */
    _Atomic int error; /* why it is to end: 0, -ECANCELED, -EBADF */
    uint8_t end;       /* enum offload_end */
    bool withdrawn;
};

static void start(struct pool_job *job)
{
    struct offload *offload = container_of(job, struct offload, job);

    offload->run(offload, offload->arg);
}

static void finished(struct pool_job *job)
{
    waiter_signal(&container_of(job, struct offload, job)->waiter);
}

static void end(struct offload *offload, int error)
{
    struct pool *pool = runtime_active->pool;

    if (offload->withdrawn || offload->end == OFFLOAD_NEVER)
        return;
    if (atomic_load_explicit(&offload->error, memory_order_relaxed) == 0)
        atomic_store_explicit(&offload->error, error, memory_order_relaxed);
    if (pool_cancel(pool, &offload->job)) {
        offload->withdrawn = true;
        waiter_signal(&offload->waiter);
    } else if (offload->end == OFFLOAD_INTERRUPT) {
        pool_interrupt(pool, &offload->job);
    }
}

static void cancel(struct wait *wait)
{
    end(container_of(wait, struct offload, wait), -ECANCELED);
}

static void end_entry(struct offload_entry *entry, int error)
{
    end(container_of(entry, struct offload, entry), error);
}

int offload_ended(const struct offload *offload)
{
    return pool_job_interrupted(&offload->job)
               ? atomic_load_explicit(&offload->error, memory_order_relaxed)
               : 0;
}

/* The list is as long as this loop has tasks that wait on threads: a few, hundreds at the most. */
bool offloads_any(struct loop *loop, int fd)
{
    struct list *node;

    for (node = loop->offloads.next; node != &loop->offloads; node = node->next)
        if (container_of(node, struct offload_entry, link)->fd == fd)
            return true;
    return false;
}

bool offloads_end(struct loop *loop, int fd)
{
    struct list *node;
    bool any = false;

    for (node = loop->offloads.next; node != &loop->offloads; node = node->next) {
        struct offload_entry *entry = container_of(node, struct offload_entry, link);

        if (entry->fd != fd)
            continue;
        any = true;
        entry->end(entry, -EBADF);
    }
    return any;
}

int offloads_add(struct loop *loop, struct offload_entry *entry, bool closes)
{
    int error = 0;

    if (entry->fd >= 0 && closes) {
        if (descriptor_is_closing(loop, entry->fd))
            return -EBADF;
        error = descriptors_mark(entry->fd, loop->sched.number);
    }
    if (error == 0)
        list_push_back(&loop->offloads, &entry->link);
    return error;
}

void offloads_remove(struct loop *loop, struct offload_entry *entry)
{
    list_remove(&entry->link);
    if (entry->fd >= 0)
        descriptor_job_ended(loop, entry->fd);
}

int offload_run(enum pool_class class, enum offload_end how, const char *what, int fd,
                void (*run)(struct offload *offload, void *arg), void *arg)
{
    struct offload offload = {
        .job = { .run = start, .finished = finished, .class = (uint8_t) class },
        .wait = { .what = what, .fd = fd, .cancel = how == OFFLOAD_NEVER ? NULL : cancel },
        .entry = { .fd = fd, .end = end_entry },
        .run = run,
        .arg = arg,
        .end = (uint8_t)how,
    };
    struct loop *loop = loop_here();
    int error = offloads_add(loop, &offload.entry, how != OFFLOAD_NEVER);

    if (error < 0)
        return error;
    waiter_init(&offload.waiter);
    error = pool_submit(runtime_active->pool, &offload.job);
    if (error == 0)
        waiter_wait(&offload.waiter, &offload.wait);
    offloads_remove(loop, &offload.entry);
    if (error < 0)
        return error;
    return offload.withdrawn ? atomic_load_explicit(&offload.error, memory_order_relaxed) : 0;
}

/* --- calls --- */

struct call {
    int64_t (*make)(void *arg);
    void *arg;
    int64_t result;
};

static int64_t made(struct call *call)
{
    int64_t result = call->make(call->arg);

    return result == -1 ? -errno : result;
}

static void run_call(struct offload *offload, void *arg)
{
    struct call *call = arg;

    do {
        call->result = offload_ended(offload);
        if (call->result == 0)
            call->result = made(call);
    } while (call->result == -EINTR);
}

int64_t offload_call(enum pool_class class, const char *what, int fd, int64_t (*make)(void *arg),
                     void *arg)
{
    struct call call = { make, arg, io_entry_refused() };
    enum offload_end how = class == POOL_WAITS ? OFFLOAD_INTERRUPT : OFFLOAD_QUEUED;
    int error;

    if (call.result < 0)
        return call.result;
    if (!task_current())
        return made(&call);
    error = offload_run(class, how, what, fd, run_call, &call);
    if (error < 0)
        call.result = error;
    if (call.result == -ECANCELED)
        flow_feel(&task_current()->flow);
    return call.result;
}

/* --- operations --- */

/* The kernel goes on connecting after a signal; the socket is to be usable again. */
static int64_t abort_connect(struct op *op)
{
    op->scratch |= SCRATCH_CONNECTING;
    return attempt_abort_connect(op);
}

static void run_op(struct offload *offload, void *arg)
{
    struct op *op = arg;
    bool begun = false;
    int error;

    for (;;) {
        error = offload_ended(offload);
        if (error) {
            op->result = error;
            break;
        }
        op->result = perform(op);
        if (op->result != -EINTR)
            return;
        begun = true;
    }
    if (begun && op->code == OP_CONNECT && abort_connect(op) >= 0)
        op->result = 0;
}

static bool is_file(int fd)
{
    return attempt_kind(fd) == FD_FILE;
}

/* Whether a call ends by itself some time, or waits for somebody. */
static enum pool_class class_of(const struct op *op)
{
    switch (op->code) {
    case OP_READ:
    case OP_WRITE:
    case OP_READV:
    case OP_WRITEV:
        return is_file(op->fd) ? POOL_FILES : POOL_WAITS;
    case OP_SENDFILE: /* a cold piece is only read in */
        return (op->scratch & SCRATCH_COLD) || (is_file(op->fd) && is_file(op->u.sendfile.in_fd))
                   ? POOL_FILES
                   : POOL_WAITS;
    case OP_OPENAT:
    case OP_STAT:
    case OP_FSYNC:
    case OP_CLOSE:
        return POOL_FILES;
    default:
        return POOL_WAITS;
    }
}

/* True if opening the path would wait for a FIFO's other end. */
static bool opens_fifo(const struct op *op)
{
    struct stat stat;

    return !(op->u.open.flags & O_NONBLOCK) && fstatat(op->fd, op->u.open.path, &stat, 0) == 0 &&
           S_ISFIFO(stat.st_mode);
}

#define OPENS_FIFO INT64_MIN

static void run_open(struct offload *offload, void *arg)
{
    struct op *op = arg;

    if (opens_fifo(op))
        op->result = OPENS_FIFO;
    else
        run_op(offload, op);
}

static int64_t run_class(struct op *op, enum pool_class class)
{
    enum offload_end how = op->code == OP_CLOSE  ? OFFLOAD_NEVER
                           : class == POOL_WAITS ? OFFLOAD_INTERRUPT
                                                 : OFFLOAD_QUEUED;
    int fd = op->code == OP_OPENAT || op->code == OP_STAT ? -1 : op->fd;
    int error = offload_run(class, how, op_name(op->code), fd, run_op, op);

    return error < 0 ? error : op->result;
}

int64_t offload_op(struct op *op)
{
    int error;

    if (op->code != OP_OPENAT)
        return run_class(op, class_of(op));
    error = offload_run(POOL_FILES, OFFLOAD_QUEUED, op_name(op->code), -1, run_open, op);
    if (error < 0 || op->result != OPENS_FIFO)
        return error < 0 ? error : op->result;
    /* A cancel that came meanwhile found a wait that must finish, and is not told again. */
    return io_refused() ? -ECANCELED : run_class(op, POOL_WAITS);
}
