/* An operation and the task that waits for it. */
#include "loop/loop.h"

#include "backend/attempt.h"

#include <dure/io.h>
#include <errno.h>
#include <sys/select.h>

static void op_done(struct op *op)
{
    task_ready(container_of(op, struct io, op)->wait.task);
}

static void cancel_op(struct wait *wait)
{
    struct io *io = container_of(wait, struct io, wait);
    struct backend *backend = loop_here()->backend;

    io->op.flags |= OP_CANCEL_ASKED;
    backend->ops->cancel(backend, &io->op);
}

bool io_refused(void)
{
    struct task *task = sched_here->current;

    if (likely(atomic_load_explicit(&task->flow.level, memory_order_relaxed) != LEVEL_ENDED))
        return false;
    /* A task that goes on calling must not keep others from running. */
    task_yield();
    flow_feel(&task->flow);
    return true;
}

int io_entry_refused(void)
{
    if (task_current())
        return io_refused() ? -ECANCELED : 0;
    return thread_has_scope() ? thread_refused() : 0;
}

/* Waits for what the backend has taken. */
static int64_t wait_for(struct io *io)
{
    int64_t limit_ns;

    io->wait.cancel = cancel_op;
    io->wait.what = op_name(io->op.code);
    io->wait.fd = io->op.fd;
    io->wait.until_ns = 0;
    if (unlikely(atomic_load_explicit(&socket_limits_used, memory_order_relaxed))) {
        limit_ns = socket_limit_ns(&io->op);
        if (limit_ns)
            return socket_limit_wait(io, limit_ns);
    }
    task_park(&io->wait);
    return io->op.result;
}

/* Words for what errno alone does not tell. */
static void explain(const struct io *io, const struct backend *backend)
{
    if (io->op.result == -ENOSYS && backend->ops->world->simulated)
        (void)simulated_refuse(op_name(io->op.code));
    if (backend->ops == &backend_select && io->op.result == -EINVAL && io->op.fd >= FD_SETSIZE)
        flow_say(&sched_here->current->flow,
                 "descriptor %d: the backend select waits on numbers below %d only", io->op.fd,
                 FD_SETSIZE);
}

int64_t io_run(struct io *io)
{
    struct sched *sched = sched_here;
    struct backend *backend;
    int64_t result;

    if (unlikely(!sched || !sched->current))
        return thread_io(io);
    backend = container_of(sched, struct loop, sched)->backend;
    io->op.done = op_done;
    io->op.waiter = sched->current;
    do {
        if (unlikely(io_refused()))
            return -ECANCELED;
        io->op.since_ns = sched->now_ns;
        switch (backend->ops->submit(backend, &io->op)) {
        case SUBMIT_DONE:
            task_pay(sched);
            if (unlikely(io->op.result == -EINVAL || io->op.result == -ENOSYS))
                explain(io, backend);
            return io->op.result;
        case SUBMIT_PENDING:
            result = wait_for(io);
            break;
        default:
            result = offload_op(&io->op);
        }
        /* -ERESTART: what the backend knew was old, or what stood in the way is gone. */
    } while (unlikely(result == -ERESTART));
    if (unlikely(result == -ECANCELED))
        flow_feel(&sched->current->flow);
    return result;
}

int64_t io_run_on_thread(struct io *io)
{
    int64_t result;

    if (!task_current())
        return thread_io(io);
    if (unlikely(world_here()->simulated))
        return io_run(io); /* which can wait for anything */
    if (io_refused())
        return -ECANCELED;
    result = offload_op(&io->op);
    if (result == -ECANCELED)
        flow_feel(&task_current()->flow);
    return result;
}
