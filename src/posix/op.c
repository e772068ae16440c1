/* Running operations: waited for, told of, or given to a future. */
#include "posix/op.h"

#include "backend/attempt.h"
#include "posix/transfer.h"
#include "sync/future.h"

#include <dure/io.h>
#include <dure/task.h>
#include <dure/time.h>

#include <errno.h>
#include <fcntl.h>

/* A transfer of nothing, as dure_read and dure_readv have it: made at once, or by a thread where a
   driver or a file has to answer. */
static bool answers_nothing(struct op_call *call, bool write, int64_t offset, int64_t *result)
{
    struct op op;
    int kind;

    if (unlikely(world_here()->simulated)) {
        *result = transfer_nothing_simulated(call->fd, write, offset);
        return true;
    }
    kind = attempt_kind(call->fd);
    if (call->code == OP_READ || call->code == OP_WRITE)
        call->on_thread = kind == FD_FILE || kind == FD_EVENT;
    if (call->on_thread || call->code == OP_WRITE)
        return false;
    op_call_piece(call, 0, &op);
    *result = perform(&op);
    return true;
}

static bool answers_transfer(struct op_call *call, int64_t *result)
{
    bool vector = call->code == OP_READV || call->code == OP_WRITEV;
    bool write = call->code == OP_WRITE || call->code == OP_WRITEV;
    int64_t offset = vector ? call->u.vec.offset : call->u.io.offset;

    if (offset >= 0 && !transfer_has_position(call->fd, write)) {
        *result = -errno;
        return true;
    }
    return unlikely(op_call_len(call) == 0) && answers_nothing(call, write, offset, result);
}

/* A receive of all is a thread's call; a simulation has none for it, and goes on piece by piece. With
   room for control data it may end at them, and is left as it is. */
static void look_at_receive(struct op_call *call)
{
    bool message = call->code == OP_RECVMSG;
    int flags = message ? call->u.msg.flags : call->u.io.flags;

    call->all = world_here()->simulated && !(flags & MSG_PEEK) &&
                !(message && call->u.msg.header->msg_controllen) &&
                transfer_receives_all(call->fd, flags);
}

/* Of two errors the system chooses this one. */
static int64_t wrong(int fd)
{
    return world_here()->fcntl(fd, F_GETFD, NULL) < 0 ? -EBADF : -EINVAL;
}

/* True if the result is known without asking the backend. */
static bool answers(struct op_call *call, int64_t *result)
{
    if (call->kind == OP_CALL_INVALID) {
        *result = wrong(call->fd);
        return true;
    }
    if (call->kind != OP_CALL_IO)
        return false;
    switch (call->code) {
    case OP_READ:
    case OP_WRITE:
    case OP_READV:
    case OP_WRITEV:
        return answers_transfer(call, result);
    case OP_RECV:
    case OP_RECVMSG:
        look_at_receive(call);
        return false;
    case OP_SENDFILE:
        *result = wrong(call->fd);
        return call->u.sendfile.offset && *call->u.sendfile.offset < 0;
    default:
        return false;
    }
}

static int64_t run(struct op_call *call)
{
    int64_t result = io_entry_refused();

    if (result < 0)
        return result;
    if (answers(call, &result))
        return result;
    result = op_call_run(call);
    if (result >= 0 && (call->code == OP_ACCEPT || call->code == OP_OPENAT))
        result = descriptor_born((int)result);
    return result;
}

int64_t dure_op_wait(dure_op *op)
{
    struct op_call *call = &op_of(op)->operation.call;

    switch (call->kind) {
    case OP_CALL_SLEEP:
        return dure_sleep_until((dure_deadline){ call->until_ns });
    case OP_CALL_CLOSE:
        return dure_close(call->fd);
    default:
        return io_result(run(call));
    }
}

static void told(struct operation *operation)
{
    struct public_op *op = container_of(operation, struct public_op, operation);
    int64_t result = operation->result;

    errno = result < 0 ? (int)-result : 0; /* not what some task has left there */
    op->on_done((dure_op *)(void *)op, result < 0 ? -1 : result, op->arg);
}

static int start(struct scope *scope, dure_op *public_op, dure_op_done *on_done, void *arg)
{
    struct public_op *op = op_of(public_op);
    int64_t result;
    bool known;

    if (op->operation.state != OPERATION_IDLE)
        return (int)io_result(-EBUSY);
    known = answers(&op->operation.call, &result);
    op->operation.told = told;
    op->on_done = on_done;
    op->arg = arg;
    return (int)io_result(operation_start(&op->operation, scope, known ? &result : NULL));
}

int dure_start(dure_op *op, dure_op_done *on_done, void *arg)
{
    return start(NULL, op, on_done, arg);
}

int dure_start_in(dure_scope *scope, dure_op *op, dure_op_done *on_done, void *arg)
{
    return start(scope_of(scope), op, on_done, arg);
}

static void give_to_future(dure_op *op, int64_t result, void *arg)
{
    (void)op;
    future_settle(arg, (intptr_t)result, errno, "");
}

int dure_op_future(dure_op *op, dure_future *public_future)
{
    struct future *future = future_of(public_future);

    dure_future_init(public_future);
    if (dure_start(op, give_to_future, future) == 0)
        return 0;
    future_settle(future, -1, errno, dure_why());
    return -1;
}

int dure_op_cancel(dure_op *op)
{
    struct operation *operation = &op_of(op)->operation;

    if (operation->state == OPERATION_IDLE)
        return (int)io_result(-EINVAL);
    if (&operation->loop->sched != sched_here)
        return (int)io_result(-EPERM);
    return (int)io_result(operation_cancel(operation));
}
