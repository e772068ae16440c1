/* What can only block: a job on the pool, and who is told on the loop that gave it away. */
#include "loop/loop.h"

#include "backend/attempt.h"
#include "backend/attempt_scratch.h"
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static void start(struct pool_job *job)
{
    struct offload *offload = container_of(job, struct offload, job);

    offload->run(offload, offload->arg);
}

/* It has run, or will not. */
static void over(struct offload *offload)
{
    offloads_remove(offload->loop, &offload->entry);
    offload->ended(offload);
}

static void deliver_over(struct message *message)
{
    over(container_of(message, struct offload, message));
}

static void finished(struct pool_job *job)
{
    struct offload *offload = container_of(job, struct offload, job);

    sched_post(&offload->loop->sched, &offload->message);
}

void offload_end(struct offload *offload, int error)
{
    if (offload->withdrawn || offload->end == OFFLOAD_NEVER)
        return;
    if (atomic_load_explicit(&offload->error, memory_order_relaxed) == 0)
        atomic_store_explicit(&offload->error, error, memory_order_relaxed);
    if (pool_cancel(runtime_active->pool, &offload->job)) {
        offload->withdrawn = true;
        over(offload);
    } else if (offload->end == OFFLOAD_INTERRUPT) {
        pool_interrupt(runtime_active->pool, &offload->job);
    }
}

static void end_entry(struct offload_entry *entry, int error)
{
    offload_end(container_of(entry, struct offload, entry), error);
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
    struct list *node, *next;

    for (node = loop->offloads.next; node != &loop->offloads; node = next) {
        struct offload_entry *entry = container_of(node, struct offload_entry, link);

        next = node->next;
        if (entry->fd == fd)
            entry->end(entry, -EBADF);
    }
    return offloads_any(loop, fd);
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

int offload_start(struct offload *offload, enum pool_class class, enum offload_end how, int fd)
{
    struct loop *loop = loop_here();
    int error;

    offload->job =
        (struct pool_job){ .run = start, .finished = finished, .class = (uint8_t) class };
    offload->message.deliver = deliver_over;
    offload->loop = loop;
    offload->entry.fd = fd;
    offload->entry.end = end_entry;
    offload->end = (uint8_t)how;
    offload->withdrawn = false;
    atomic_store_explicit(&offload->error, 0, memory_order_relaxed);
    error = offloads_add(loop, &offload->entry, how != OFFLOAD_NEVER);
    if (error < 0)
        return error;
    error = pool_submit(runtime_active->pool, &offload->job);
    if (error < 0)
        offloads_remove(loop, &offload->entry);
    return error;
}

/* --- and the task that waits for it --- */

struct waiting {
    struct offload offload;
    struct wait wait;
};

static void resume(struct offload *offload)
{
    task_ready(container_of(offload, struct waiting, offload)->wait.task);
}

static void cancel(struct wait *wait)
{
    offload_end(&container_of(wait, struct waiting, wait)->offload, -ECANCELED);
}

int offload_run(enum pool_class class, enum offload_end how, const char *what, int fd,
                void (*run)(struct offload *offload, void *arg), void *arg)
{
    struct waiting waiting = {
        .offload = { .run = run, .arg = arg, .ended = resume },
        .wait = { .what = what, .fd = fd, .cancel = how == OFFLOAD_NEVER ? NULL : cancel },
    };
    int error;

    if (unlikely(world_here()->simulated))
        return simulated_refuse(what);
    error = offload_start(&waiting.offload, class, how, fd);
    if (error < 0)
        return error;
    task_park(&waiting.wait);
    return waiting.offload.withdrawn ? offload_error(&waiting.offload) : 0;
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

int64_t offload_world(enum pool_class class, const char *what, int fd, int64_t (*make)(void *arg),
                      void *arg)
{
    struct call call = { make, arg, 0 };

    if (likely(!task_current() || !world_here()->simulated))
        return offload_call(class, what, fd, make, arg);
    call.result = io_refused() ? -ECANCELED : simulated_pause(what, fd);
    if (call.result == 0)
        return made(&call);
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

static int start_class(struct op_job *job, enum pool_class class)
{
    const struct op *op = job->offload.arg;
    enum offload_end how = op->code == OP_CLOSE  ? OFFLOAD_NEVER
                           : class == POOL_WAITS ? OFFLOAD_INTERRUPT
                                                 : OFFLOAD_QUEUED;
    int fd = op->code == OP_OPENAT || op->code == OP_STAT ? -1 : op->fd;

    return offload_start(&job->offload, class, how, fd);
}

static void op_job_over(struct offload *offload)
{
    struct op_job *job = container_of(offload, struct op_job, offload);
    struct op *op = offload->arg;
    int error = offload_error(offload);

    if (offload->withdrawn)
        op->result = error;
    if (op->result == OPENS_FIFO) {
        /* A cancel that came meanwhile found a job that must finish, and does not come again. */
        offload->run = run_op;
        if (error == 0)
            error = start_class(job, POOL_WAITS);
        if (error == 0)
            return;
        op->result = error;
    }
    job->ended(job);
}

int op_job_start(struct op_job *job, struct op *op)
{
    job->offload.run = op->code == OP_OPENAT ? run_open : run_op;
    job->offload.arg = op;
    job->offload.ended = op_job_over;
    return start_class(job, op->code == OP_OPENAT ? POOL_FILES : class_of(op));
}

struct waiting_op {
    struct op_job job;
    struct wait wait;
};

static void resume_op(struct op_job *job)
{
    task_ready(container_of(job, struct waiting_op, job)->wait.task);
}

static void cancel_op(struct wait *wait)
{
    offload_end(&container_of(wait, struct waiting_op, wait)->job.offload, -ECANCELED);
}

int64_t offload_op(struct op *op)
{
    struct waiting_op waiting = { .job.ended = resume_op,
                                  .wait = { .what = op_name(op->code), .cancel = cancel_op } };
    int error = op_job_start(&waiting.job, op);

    if (error < 0)
        return error;
    waiting.wait.fd = waiting.job.offload.entry.fd;
    if (waiting.job.offload.end == OFFLOAD_NEVER)
        waiting.wait.cancel = NULL;
    task_park(&waiting.wait);
    return op->result;
}
