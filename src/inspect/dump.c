/* The dump: what every loop and every task is doing. Each loop writes its own part, on its own
   thread, as nobody else may look at its tasks. */
#include "loop/operation.h"

#include "base/text.h"
#include "base/timespec.h"
#include "inspect/unwind.h"

#include <dure/inspect.h>
#include <dure/task.h>
#include <dure/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long a loop may take to answer before it is listed as busy. */
#define ANSWER_NS (200 * DURE_MILLISECOND)

/* Of each scope. */
#define OPERATIONS_SHOWN 16

/* A part that a loop is to write. Whoever is last to let go, asker or loop, frees it. */
struct part {
    struct message message;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t answered;
    struct text text;
    bool done;
    unsigned holders;
};

static void print_span(struct text *out, const char *what, int64_t ns)
{
    if (ns < 0)
        ns = 0;
    text_printf(out, "%s%lld.%03lld s", what, (long long)(ns / DURE_SECOND),
                (long long)(ns % DURE_SECOND / DURE_MILLISECOND));
}

static void print_wait(struct text *out, const struct wait *wait, int64_t now_ns)
{
    text_printf(out, "waits in %s", wait->what);
    if (wait->fd >= 0)
        text_printf(out, " on descriptor %d", wait->fd);
    print_span(out, ", for ", now_ns - wait->since_ns);
    if (wait->until_ns)
        print_span(out, ", ends in ", wait->until_ns - now_ns);
}

/* The nearest deadline around the task, as far as its own loop may look. */
static void print_scopes(struct text *out, const struct task *task, int64_t now_ns)
{
    const struct scope *scope;
    int64_t at_ns, nearest_ns = 0;

    for (scope = task->flow.innermost; scope; scope = scope->outer) {
        at_ns = atomic_load_explicit(&scope->deadline_ns, memory_order_relaxed);
        if (at_ns && (!nearest_ns || at_ns < nearest_ns))
            nearest_ns = at_ns;
    }
    at_ns = atomic_load_explicit(&task->flow.home->deadline_ns, memory_order_relaxed);
    if (at_ns && (!nearest_ns || at_ns < nearest_ns))
        nearest_ns = at_ns;
    if (nearest_ns)
        print_span(out, nearest_ns > now_ns ? ", deadline in " : ", deadline passed ",
                   nearest_ns > now_ns ? nearest_ns - now_ns : now_ns - nearest_ns);
    if (atomic_load_explicit(&task->flow.level, memory_order_relaxed) == LEVEL_ENDED)
        text_printf(out, ", canceled");
}

/* Each loop counts the tasks that it made; all but loop 0 say so. */
static void print_number(struct text *out, const struct task *task)
{
    unsigned loop = (unsigned)(task->number >> 48);

    if (loop)
        text_printf(out, "%u.", loop);
    text_printf(out, "%llu", (unsigned long long)(task->number & ((UINT64_C(1) << 48) - 1)));
}

/* Whose scope the task lives in, and so who waits for its end. That one lives at least as long;
   its name may be changing on another thread. */
static void print_home(struct text *out, const struct task *task)
{
    const struct flow *opener = task->flow.home->opener;

    if (!opener)
        return; /* the root scope: of main and of dure_go */
    if (!opener->task) {
        text_printf(out, ", in a scope of a thread");
        return;
    }
    text_printf(out, ", in a scope of task ");
    print_number(out, opener->task);
}

static const char *operation_name(const struct op_call *call)
{
    switch (call->kind) {
    case OP_CALL_SLEEP:
        return "sleep";
    case OP_CALL_CLOSE:
        return "close";
    default:
        return call->kind == OP_CALL_IO ? op_name((enum op_code)call->code) : "nothing";
    }
}

/* The operations that were started in a scope of this loop. */
static void print_operations(struct text *out, const struct scope *scope, int64_t now_ns)
{
    const struct dependent *dependent;
    unsigned left = OPERATIONS_SHOWN;

    for (dependent = scope->dependents; dependent && left; dependent = dependent->next, left--) {
        const struct operation *operation =
            container_of(dependent, const struct operation, dependent);

        text_printf(out, "    operation %s", operation_name(&operation->call));
        if (operation->call.kind != OP_CALL_SLEEP)
            text_printf(out, " on descriptor %d", operation->call.fd);
        print_span(out, ", for ", now_ns - operation->op.since_ns);
        text_printf(out, "%s\n", operation->cancel_asked ? ", canceled" : "");
    }
    if (dependent)
        text_printf(out, "    and more: %u operations in all\n", scope->dependents_live);
}

static void print_task(struct text *out, const struct task *task, int64_t now_ns)
{
    const struct scope *scope;

    text_printf(out, "  task ");
    print_number(out, task);
    text_printf(out, " \"%s\" ", task->name);
    if (task->state == TASK_PARKED)
        print_wait(out, task->wait, now_ns);
    else
        text_printf(out, "%s", task == sched_here->current ? "is running" : "is ready");
    print_home(out, task);
    print_scopes(out, task, now_ns);
    text_printf(out, "\n");
    for (scope = task->flow.innermost; scope; scope = scope->outer)
        print_operations(out, scope, now_ns);
    if (task->state == TASK_PARKED)
        unwind_write(out, &task->fiber.context, task->stack.low, task);
}

/* One loop's part. On its own thread. */
static void print_loop(struct text *out, struct sched *sched)
{
    unsigned unstarted = atomic_load_explicit(&sched->unstarted_len, memory_order_relaxed);
    int64_t now_ns = sched->now(sched);
    struct list *node;
    size_t tasks = 0;

    for (node = sched->started.next; node != &sched->started; node = node->next)
        tasks++;
    text_printf(out, "loop %u: %zu tasks, %u not started, %zu timers%s\n", sched->number, tasks,
                unstarted, sched->timers.count,
                inbox_empty(&sched->inbox) ? "" : ", messages wait");
    for (node = sched->started.next; node != &sched->started; node = node->next)
        print_task(out, container_of(node, struct task, all), now_ns);
    print_operations(out, &container_of(sched, struct loop, sched)->root, now_ns);
}

/* A loop that does not answer: what it runs, read as it changes. Stacks are never unmapped, so the
   look is safe; what it sees may be torn, which a dump can bear. */
__attribute__((no_sanitize("thread", "address"))) static void print_busy(struct text *out,
                                                                         struct sched *sched)
{
    struct task *task = __atomic_load_n(&sched->current, __ATOMIC_RELAXED);
    char name[TASK_NAME_LEN];
    size_t i;

    if (!task) {
        text_printf(out, "loop %u: does not answer, runs no task\n", sched->number);
        return;
    }
    for (i = 0; i < sizeof name - 1 && task->name[i]; i++)
        name[i] = task->name[i];
    name[i] = '\0';
    text_printf(out, "loop %u: does not answer, task \"%s\" hogs its thread\n", sched->number,
                name);
}

static void part_let_go(struct part *part)
{
    bool last;

    pthread_mutex_lock(&part->lock);
    last = --part->holders == 0;
    pthread_mutex_unlock(&part->lock);
    if (!last)
        return;
    text_fini(&part->text);
    pthread_cond_destroy(&part->answered);
    pthread_mutex_destroy(&part->lock);
    free(part);
}

static void deliver_part(struct message *message)
{
    struct part *part = container_of(message, struct part, message);
    struct text text = { 0 };

    print_loop(&text, sched_here);
    pthread_mutex_lock(&part->lock);
    part->text = text;
    part->done = true;
    pthread_cond_signal(&part->answered);
    pthread_mutex_unlock(&part->lock);
    part_let_go(part);
}

static struct part *part_ask(struct sched *sched)
{
    struct part *part = calloc(1, sizeof *part);
    pthread_condattr_t attributes;

    if (!part)
        return NULL;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&part->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&part->lock, NULL);
    part->message.deliver = deliver_part;
    part->holders = 2;
    sched_post(sched, &part->message);
    return part;
}

static void part_take(struct part *part, struct sched *sched, int64_t until_ns, struct text *out)
{
    struct timespec until = timespec_of(until_ns);

    if (!part) {
        print_busy(out, sched);
        return;
    }
    pthread_mutex_lock(&part->lock);
    while (!part->done && pthread_cond_timedwait(&part->answered, &part->lock, &until) == 0)
        ;
    if (part->done)
        text_add(out, part->text.data, part->text.len);
    else
        print_busy(out, sched);
    pthread_mutex_unlock(&part->lock);
    part_let_go(part);
}

static void print_pool(struct text *out, struct pool *pool)
{
    static const char *const names[POOL_CLASSES] = { "files", "waits", "names" };
    struct pool_stats stats;
    unsigned class;

    for (class = 0; class < POOL_CLASSES; class ++) {
        pool_stats(pool, (enum pool_class) class, &stats);
        if (stats.threads)
            text_printf(out, "pool for %s: %u of at most %u threads, %u running, %u jobs queued\n",
                        names[class], stats.threads, stats.threads_max, stats.running,
                        stats.queued);
    }
}

/* Why the run goes on, should no task of it be left. */
static void print_alive(struct text *out)
{
    unsigned roots, holds;

    sched_count_alive(&roots, &holds);
    if (!sched_here)
        holds--; /* the dump's own */
    text_printf(out, "kept by roots with tasks: %u, by scopes and spawns of plain threads: %u\n",
                roots, holds);
}

/* All loops of a simulation run on one thread. */
static bool runs_here(const struct sched *sched)
{
    return sched == sched_here || (sched_here && world_here()->simulated);
}

static void print_run(struct text *out, struct runtime *runtime)
{
    struct timespec now;
    int64_t until_ns;
    struct part **parts = calloc(runtime->loops_len, sizeof *parts);
    unsigned i;

    clock_gettime(CLOCK_MONOTONIC, &now);
    until_ns = (int64_t)now.tv_sec * DURE_SECOND + now.tv_nsec + ANSWER_NS;
    text_printf(out, "dure: %u loops on %s%s%s\n", runtime->loops_len, runtime->backend->name,
                runtime->backend_note ? "; " : "",
                runtime->backend_note ? runtime->backend_note : "");
    print_alive(out);
    for (i = 0; parts && i < runtime->loops_len; i++)
        if (!runs_here(&runtime->loops[i]->sched))
            parts[i] = part_ask(&runtime->loops[i]->sched);
    for (i = 0; i < runtime->loops_len; i++) {
        struct sched *sched = &runtime->loops[i]->sched;

        if (runs_here(sched))
            print_loop(out, sched);
        else
            part_take(parts ? parts[i] : NULL, sched, until_ns, out);
    }
    free(parts);
    print_pool(out, runtime->pool);
}

int dure_dump(int fd)
{
    struct runtime *runtime = sched_here ? runtime_active : runtime_hold();
    struct text text = { 0 };
    int error;

    if (!runtime)
        return dure_fail(EPERM, "no run is active");
    print_run(&text, runtime);
    if (!sched_here)
        runtime_let_go(runtime);
    error = text_write_fd(&text, fd);
    text_fini(&text);
    return error < 0 ? dure_fail(-error, "cannot write the dump: %s", strerror(-error)) : 0;
}
