/* Operations that are started and told of. */
#include "loop/operation.h"

#include <dure/task.h>

/* Those that a turn looks at, as many as it runs tasks: a callback may start what ends at once, and
   two of them could keep a turn going for ever. */
#define TURN_OPERATIONS 512

static void ended(struct operation *operation)
{
    ASSERT(operation->state != OPERATION_IDLE && operation->state != OPERATION_ENDED);
    operation->state = OPERATION_ENDED;
    list_push_back(&operation->loop->ended, &operation->queue);
}

static void ended_with(struct operation *operation, int64_t result)
{
    operation->op.result = result;
    ended(operation);
}

/* --- under way --- */

static void op_done(struct op *op)
{
    ended(container_of(op, struct operation, op));
}

static void job_ended(struct op_job *job)
{
    ended(container_of(job, struct operation, job));
}

static void start_job(struct operation *operation)
{
    int error;

    operation->job.ended = job_ended;
    operation->state = OPERATION_ON_THREAD;
    error = op_job_start(&operation->job, &operation->op);
    if (error < 0)
        ended_with(operation, error);
}

static void end_pending(struct operation *operation)
{
    struct backend *backend = operation->loop->backend;

    operation->op.flags |= OP_CANCEL_ASKED;
    backend->ops->cancel(backend, &operation->op);
}

static void limit_over(struct timer *timer)
{
    struct operation *operation = container_of(timer, struct operation, timer);

    if (operation->state != OPERATION_PENDING || operation->cancel_asked)
        return;
    operation->limit_over = true;
    end_pending(operation);
}

/* The backend has it; its socket may have a time limit. */
static void pending(struct operation *operation)
{
    int64_t limit_ns = 0;

    operation->state = OPERATION_PENDING;
    if (unlikely(atomic_load_explicit(&socket_limits_used, memory_order_relaxed)))
        limit_ns = socket_limit_ns(&operation->op);
    if (!limit_ns)
        return;
    operation->timer.at_ns = sched_now(&operation->loop->sched) + limit_ns;
    operation->timer.fire = limit_over;
    timers_add(&operation->loop->sched.timers, &operation->timer);
}

static void submit(struct operation *operation)
{
    struct backend *backend = operation->loop->backend;

    operation->state = OPERATION_PENDING;
    if (operation->call.on_thread) {
        start_job(operation);
        return;
    }
    switch (backend->ops->submit(backend, &operation->op)) {
    case SUBMIT_DONE:
        ended(operation);
        break;
    case SUBMIT_PENDING:
        pending(operation);
        break;
    default:
        start_job(operation);
    }
}

static void start_piece(struct operation *operation)
{
    op_call_piece(&operation->call, operation->moved, &operation->op);
    operation->op.done = op_done;
    submit(operation);
}

/* --- a close --- */

static void close_run(struct offload *offload, void *arg)
{
    struct op *op = arg;

    (void)offload;
    op->result = descriptor_close_begun(op->fd);
}

static void close_ended(struct offload *offload)
{
    ended(container_of(offload, struct operation, job.offload));
}

/* Other loops are to be told, or the close itself may wait: a thread does it. Its job is not one on
   the number, or it would wait for itself. */
static void close_on_thread(struct operation *operation)
{
    struct offload *offload = &operation->job.offload;

    offload->run = close_run;
    offload->arg = &operation->op;
    offload->ended = close_ended;
    operation->state = OPERATION_ON_THREAD;
    if (offload_start(offload, POOL_WAITS, OFFLOAD_NEVER, -1) < 0)
        ended_with(operation, descriptor_close_finish(operation->op.fd));
}

static void start_close(struct operation *operation)
{
    op_call_piece(&operation->call, 0, &operation->op);
    operation->op.done = op_done;
    operation->state = OPERATION_PENDING;
    switch (descriptor_close_start(&operation->op)) {
    case SUBMIT_DONE:
        ended(operation);
        break;
    case SUBMIT_PENDING:
        operation->closing = true;
        break;
    default:
        close_on_thread(operation);
    }
}

/* --- a sleep --- */

static void sleep_over(struct timer *timer)
{
    ended_with(container_of(timer, struct operation, timer), 0);
}

/* The timer may be due already: it must not end the operation once more. */
static void wake_up(struct operation *operation)
{
    timers_remove(&operation->loop->sched.timers, &operation->timer);
    ended_with(operation, -ECANCELED);
}

static void start_sleep(struct operation *operation)
{
    operation->state = OPERATION_ASLEEP;
    if (!operation->call.until_ns)
        return;
    operation->timer.at_ns = operation->call.until_ns;
    operation->timer.fire = sleep_over;
    timers_add(&operation->loop->sched.timers, &operation->timer);
}

/* --- its end --- */

static void tell(struct operation *operation, int64_t result)
{
    struct scope *scope = operation->dependent.scope;
    struct loop *loop = operation->loop;

    dependent_unlink(&operation->dependent);
    if (result == -ECANCELED && operation->dependent.ended)
        scope_feel(scope);
    if (operation->call.code == OP_ACCEPT || operation->call.code == OP_OPENAT)
        result = result < 0 ? result : descriptor_born((int)result);
    operation->result = result;
    operation->state = OPERATION_IDLE;
    loop->telling = scope;
    operation->told(operation);
    loop->telling = NULL;
    dependent_left(scope);
}

/* A part has moved. Returns true if the rest is under way. */
static bool go_on(struct operation *operation, size_t n)
{
    if (!op_call_is_whole(&operation->call) ||
        operation->moved + n >= op_call_len(&operation->call) || operation->cancel_asked)
        return false;
    operation->moved += n;
    start_piece(operation);
    return true;
}

/* A piece has ended: the next one, the same once more, or that was all. */
static void look(struct operation *operation)
{
    int64_t result = operation->op.result;

    timers_remove(&operation->loop->sched.timers, &operation->timer);
    if (operation->closing)
        result = descriptor_close_finish(operation->call.fd);
    if (operation->limit_over && !operation->cancel_asked &&
        (result == -ECANCELED || result == -ERESTART))
        result = -EAGAIN;
    if (result == -ERESTART && !operation->cancel_asked) {
        submit(operation); /* as it is: it remembers what stood in the way */
        return;
    }
    if (result == -ERESTART)
        result = -ECANCELED;
    if (result > 0 && go_on(operation, (size_t)result))
        return;
    tell(operation, op_call_result(operation->moved, result));
}

void operations_tell(struct loop *loop)
{
    unsigned left = TURN_OPERATIONS;
    struct list *node;

    while (left-- && (node = list_pop_front(&loop->ended)))
        look(container_of(node, struct operation, queue));
}

/* --- cancel and start --- */

static void end(struct operation *operation)
{
    if (operation->cancel_asked)
        return;
    operation->cancel_asked = operation->call.kind != OP_CALL_CLOSE;
    if (!operation->cancel_asked)
        return;
    if (operation->state == OPERATION_PENDING)
        end_pending(operation);
    else if (operation->state == OPERATION_ON_THREAD)
        offload_end(&operation->job.offload, -ECANCELED);
    else if (operation->state == OPERATION_ASLEEP)
        wake_up(operation);
}

static void scope_ended(struct dependent *dependent)
{
    end(container_of(dependent, struct operation, dependent));
}

int operation_cancel(struct operation *operation)
{
    if (operation->state == OPERATION_IDLE)
        return -EINVAL;
    end(operation);
    if (unlikely(operation->loop->sched.take_turn != NULL))
        sched_stir(); /* between turns: one is to follow */
    return 0;
}

static int refuse(const char *why)
{
    dure_fail(EPERM, "%s", why);
    return -EPERM;
}

/* Where it is to live. Returns 0 or -errno. */
static int find_scope(struct scope **scope)
{
    struct task *task = sched_here->current;

    if (*scope)
        return (*scope)->home == sched_here
                   ? 0
                   : refuse("an operation is started on the loop of its scope");
    *scope = task ? task->flow.innermost : loop_here()->telling;
    if (!*scope && task)
        return refuse("an operation lives in a scope, which the task has to open first");
    if (!*scope)
        *scope = &loop_here()->root;
    return 0;
}

/* Whether the caller and the scope may still start something: 0 or -ECANCELED. */
static int check_levels(struct scope *scope)
{
    struct flow *flow = loop_here()->telling ? NULL : flow_current();

    if (flow && LOAD(flow->level) == LEVEL_ENDED)
        flow_feel(flow);
    else if (LOAD(scope->tasks_level) == LEVEL_ENDED)
        scope_feel(scope);
    else
        return 0;
    return -ECANCELED;
}

static void begin(struct operation *operation, const int64_t *at_once)
{
    operation->loop = loop_here();
    operation->op.since_ns = operation->loop->sched.now_ns;
    operation->moved = 0;
    operation->cancel_asked = operation->limit_over = operation->closing = false;
    operation->timer = (struct timer){ .level = TIMER_IDLE };
    operation->state = OPERATION_PENDING;
    if (at_once)
        ended_with(operation, *at_once);
    else if (operation->call.kind == OP_CALL_SLEEP)
        start_sleep(operation);
    else if (operation->call.kind == OP_CALL_CLOSE)
        start_close(operation);
    else
        start_piece(operation);
}

int operation_start(struct operation *operation, struct scope *scope, const int64_t *at_once)
{
    struct runtime *runtime = NULL;
    int error;

    if (!sched_here)
        return refuse(
            "an operation is started on a loop: by a task, a callback, or between the turns "
            "of one's own loop");
    if (operation->state != OPERATION_IDLE)
        return -EBUSY;
    error = find_scope(&scope);
    if (error < 0)
        return error;
    if (!sched_here->current && !loop_here()->telling) {
        runtime = runtime_hold(); /* between the turns the run may be over */
        if (!runtime)
            return refuse("the run is over");
    }
    if (operation->call.kind != OP_CALL_CLOSE) /* that is always effective */
        error = check_levels(scope);
    if (error == 0) {
        operation->dependent.end = scope_ended;
        dependent_join(scope, &operation->dependent);
        begin(operation, at_once);
    }
    if (runtime)
        runtime_let_go(runtime);
    if (unlikely(sched_here->take_turn != NULL))
        sched_stir(); /* between turns: one is to follow */
    return error;
}
