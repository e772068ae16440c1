/* A run: the loops start, the first task runs, everything has ended. */
#include "loop/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct runtime *runtime_active;

/* Guards runtime_active against a second run and a plain thread's dure_go at the end; held for the
   length of a look. */
static pthread_mutex_t active_lock = PTHREAD_MUTEX_INITIALIZER;
static bool active;

static const char *running_name(const void *stack_low)
{
    struct task *task = task_current();

    return task && task->stack.low == stack_low ? task->name : NULL;
}

static void after_fork(void)
{
    if (!active)
        return;
    task_forked = true;
    sched_here = NULL; /* twins are plain calls in the child, as before an exec */
}

/* --- the end --- */

/* Nothing is alive any more. */
static void over(void)
{
    struct runtime *runtime = runtime_active;

    /* Sequentially consistent: before the wake, as a message; see rest() in loop.c. */
    atomic_store_explicit(&runtime->done, true, memory_order_seq_cst);
    runtime_wake(runtime);
}

/* The run goes on while a root has tasks, or one is on its way from a plain thread. */
static void root_event(struct scope *root, enum scope_event event)
{
    if (event == SCOPE_FILLED && !root->counted) {
        root->counted = 1;
        sched_root_filled();
    } else if (event == SCOPE_EMPTIED && root->counted) {
        root->counted = 0;
        sched_root_emptied();
    } else if (event == SCOPE_ADOPTED) {
        sched_release(); /* go_from_outside's hold */
    }
}

static void deliver_stop(struct message *message)
{
    struct loop *loop = container_of(message, struct loop, stop_message);

    if (loop->sched.number == 0)
        scope_end(&loop->runtime->main_scope, CAUSE_CANCEL);
    scope_end(&loop->root, CAUSE_CANCEL);
}

void runtime_stop(struct runtime *runtime)
{
    unsigned i;

    for (i = 0; i < runtime->loops_len; i++) {
        runtime->loops[i]->stop_message.deliver = deliver_stop;
        sched_post(&runtime->loops[i]->sched, &runtime->loops[i]->stop_message);
    }
}

/* --- the start --- */

static struct loop *make_loop(struct runtime *runtime, unsigned number, int64_t grace_ns)
{
    struct loop *loop = aligned_alloc(64, (sizeof *loop + 63) & ~(size_t)63);

    if (!loop)
        return NULL;
    memset(loop, 0, sizeof *loop);
    if (sched_init(&loop->sched, number) < 0) {
        free(loop);
        return NULL;
    }
    loop->runtime = runtime;
    scope_init_root(&loop->root, &loop->sched, DURE_KEEP_GOING, root_event);
    loop->root.grace_ns = grace_ns;
    return loop;
}

static void free_loops(struct runtime *runtime)
{
    unsigned i;

    for (i = 0; i < runtime->loops_len; i++) {
        sched_fini(&runtime->loops[i]->sched);
        free(runtime->loops[i]);
    }
    free(runtime->loops);
    free(sched_group.scheds);
    sched_group.scheds = NULL;
    sched_group.len = 0;
}

static int make_loops(struct runtime *runtime, const struct settings *settings)
{
    unsigned i;

    runtime->loops = calloc(settings->loops, sizeof *runtime->loops);
    sched_group.guards = !(settings->flags & DURE_NO_GUARDS);
    sched_group.scheds = calloc(settings->loops, sizeof *sched_group.scheds);
    if (!runtime->loops || !sched_group.scheds)
        return -ENOMEM;
    for (i = 0; i < settings->loops; i++) {
        runtime->loops[i] = make_loop(runtime, i, settings->grace_ns);
        if (!runtime->loops[i])
            return -ENOMEM;
        sched_group.scheds[i] = &runtime->loops[i]->sched;
        runtime->loops_len = i + 1;
    }
    return 0;
}

/* Starts loop 0, and with it finds the backend. */
static int start_named(struct runtime *runtime, const char *name)
{
    char known[128] = "";
    int error;
    size_t i;

    for (i = 0; backends[i]; i++) {
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "",
                 backends[i]->name);
        if (strcmp(backends[i]->name, name) != 0)
            continue;
        runtime->backend = backends[i];
        error = loop_start(runtime->loops[0]);
        if (error < 0)
            dure_fail(ENOSYS, "the backend %s does not work here: %s", name, strerror(-error));
        return error < 0 ? -ENOSYS : 0;
    }
    dure_fail(EINVAL, "there is no backend \"%s\"; there are %s", name, known);
    return -EINVAL;
}

static int start_best(struct runtime *runtime)
{
    int error = -ENOSYS;
    size_t i;

    for (i = 0; backends[i] && !backends[i]->world->simulated; i++) {
        runtime->backend = backends[i];
        error = loop_start(runtime->loops[0]);
        if (error == 0)
            return 0;
        if (!runtime->backend_note && asprintf(&runtime->backend_note, "%s does not work here: %s",
                                               backends[i]->name, strerror(-error)) < 0)
            runtime->backend_note = NULL;
    }
    dure_fail(-error, "no backend works here: %s", strerror(-error));
    return error;
}

/* --- the first task --- */

struct first {
    dure_fn *fn;
    void *arg;
};

static int run_first(void *arg)
{
    struct runtime *runtime = runtime_active;
    struct first *first = arg;

    runtime->result = first->fn(first->arg);
    runtime->result_errno = errno;
    if (*dure_why())
        runtime->result_why = strdup(dure_why());
    return 0;
}

static int start_first(struct runtime *runtime, dure_fn *fn, void *arg)
{
    dure_spawn_options options = { .name = "main", .place = DURE_THIS_LOOP };
    struct first first = { fn, arg };

    scope_init_root(&runtime->main_scope, &runtime->loops[0]->sched, DURE_KEEP_GOING, root_event);
    return dure_spawn_with((dure_scope *)(void *)&runtime->main_scope, &options, run_first, &first,
                           sizeof first) < 0
               ? -errno
               : 0;
}

/* --- together --- */

static sigset_t signals_before;

const sigset_t *runtime_mask_before(void)
{
    return &signals_before;
}

static int claim(void)
{
    static bool hooked;
    int error = 0;

    pthread_mutex_lock(&active_lock);
    if (active || task_forked)
        error = task_forked ? -EPERM : -EBUSY;
    else
        active = true;
    if (!error && !hooked) {
        hooked = true;
        pthread_atfork(NULL, NULL, after_fork);
    }
    pthread_mutex_unlock(&active_lock);
    if (error)
        dure_fail(-error, error == -EBUSY ? "a run is active in this process"
                                          : "a forked child of a run may only exec or _exit");
    return error;
}

static void unclaim(struct runtime *runtime)
{
    pthread_mutex_lock(&active_lock);
    runtime_active = NULL;
    active = false;
    pthread_mutex_unlock(&active_lock);
    free(runtime->backend_note);
    free(runtime->result_why);
    free(runtime);
}

static int begin(const struct settings *settings, bool embedded, dure_fn *fn, void *arg)
{
    struct pool_options pool = { .threads_max[POOL_FILES] = settings->blocking_threads };
    struct runtime *runtime = calloc(1, sizeof *runtime);
    int error = -ENOMEM;

    if (!runtime)
        goto err_unclaim;
    runtime->flags = settings->flags;
    runtime->config = (struct backend_config){
        .queue_entries = settings->queue_entries,
        .sqpoll = settings->flags & DURE_SQPOLL,
        .embedded = embedded,
        .transfer_max = settings->transfer_max,
    };
    task_stack_size = settings->stack_size;
    runtime_active = runtime;
    watch_block_signals(settings, &signals_before, &runtime->blocked);
    error = make_loops(runtime, settings);
    if (error < 0)
        goto err_free_loops;
    sched_group.len = runtime->loops_len;
    sched_group.over = over;
    error = -pthread_barrier_init(&runtime->end, NULL, runtime->loops_len);
    if (error < 0)
        goto err_free_loops;
    error = -ENOMEM;
    runtime->pool = pool_create(&pool);
    if (!runtime->pool)
        goto err_destroy_barrier;
    error = overflow_init(running_name);
    if (error < 0)
        goto err_destroy_pool;
    error = settings->backend ? start_named(runtime, settings->backend) : start_best(runtime);
    if (error < 0)
        goto err_overflow;
    error = loops_start(runtime);
    if (error < 0)
        goto err_stop_loop;
    runtime->watch = watch_start(runtime, &error);
    if (error < 0) {
        dure_fail(-error, "cannot watch for signals: %s", strerror(-error));
        goto err_end_threads;
    }
    error = embedded ? embedded_check(runtime) : 0;
    if (error == 0)
        error = start_first(runtime, fn, arg);
    if (error < 0)
        goto err_stop_watch;
    return 0;

err_stop_watch:
    watch_stop(runtime->watch);
err_end_threads:
    atomic_store(&runtime->done, true);
    runtime_wake(runtime);
    loops_end(runtime);
err_stop_loop:
    loop_stop(runtime->loops[0]);
err_overflow:
    overflow_fini();
err_destroy_pool:
    pool_destroy(runtime->pool);
err_destroy_barrier:
    pthread_barrier_destroy(&runtime->end);
err_free_loops:
    free_loops(runtime);
    watch_restore_signals(&signals_before);
err_unclaim:
    if (runtime)
        unclaim(runtime);
    return error;
}

int runtime_begin(const struct settings *settings, bool embedded, dure_fn *fn, void *arg)
{
    int error = claim();

    return error < 0 ? error : begin(settings, embedded, fn, arg);
}

int runtime_finish(void)
{
    struct runtime *runtime = runtime_active;
    bool stopped = atomic_load(&runtime->stopping);
    int result, error;

    /* First those that may still be inside a loop's memory: the pool's threads, plain threads, the
       other loops. */
    watch_stop(runtime->watch);
    pool_destroy(runtime->pool);
    sched_settle();
    loops_end(runtime);
    loop_stop(runtime->loops[0]);
    overflow_fini();
    pthread_barrier_destroy(&runtime->end);
    free_loops(runtime);
    watch_restore_signals(&signals_before);
    result = runtime->result;
    error = runtime->result_errno;
    if (result && stopped && error == ECANCELED)
        result = 0;
    if (result && runtime->result_why)
        dure_fail(error, "%s", runtime->result_why);
    unclaim(runtime);
    errno = error;
    return result;
}

int dure_run_with(const dure_run_options *options, dure_fn *fn, void *arg)
{
    struct settings settings;
    int error;

    error = settings_read(&settings, options);
    if (error == 0)
        error = runtime_begin(&settings, false, fn, arg);
    if (error < 0) {
        errno = -error;
        return -1;
    }
    runtime_turn_until_done(runtime_active);
    return runtime_finish();
}

int dure_run(dure_fn *fn, void *arg)
{
    return dure_run_with(NULL, fn, arg);
}

unsigned dure_loop_count(void)
{
    return runtime_active ? runtime_active->loops_len : 0;
}

int dure_loop_number(void)
{
    return task_current() ? (int)sched_here->number : -1;
}

const char *dure_backend_name(void)
{
    return runtime_active ? runtime_active->backend->name : NULL;
}
