/* A run whose loop 0 lies on a thread that another event loop owns. */
#include "loop/runtime.h"

#include <errno.h>

int embedded_check(struct runtime *runtime)
{
    struct backend *backend = runtime->loops[0]->backend;

    if (backend->ops->poll_fd(backend) >= 0)
        return 0;
    dure_fail(ENOTSUP, "the backend %s has no descriptor to poll", backend->ops->name);
    return -ENOTSUP;
}

static void take_turn(struct sched *sched);

int dure_loop_open(const dure_run_options *options, dure_fn *fn, void *arg)
{
    struct settings settings;
    int error;

    error = settings_read(&settings, options);
    if (!options || !options->loops)
        settings.loops = 1;
    if (error == 0)
        error = runtime_begin(&settings, true, fn, arg);
    if (error < 0) {
        errno = -error;
        return -1;
    }
    runtime_active->loops[0]->sched.take_turn = take_turn;
    return 0;
}

/* Between its turns the thread sleeps in the other event loop, so that messages must wake it there:
   by the descriptor that it polls. */
static void begin_pause(struct loop *loop)
{
    loop->sched.take_turn = take_turn;
    /* Sequentially consistent, and before the look, as in rest() in loop.c. */
    (void)atomic_exchange_explicit(&loop->sched.sleeping, true, memory_order_seq_cst);
    if (!inbox_empty(&loop->sched.inbox))
        loop->sched.wake(&loop->sched);
}

static void end_pause(struct loop *loop)
{
    struct sched *sched = &loop->sched;

    sched->take_turn = NULL;
    /* Relaxed, as in rest(): a sender who still sees it wakes once too often. */
    atomic_store_explicit(&sched->sleeping, false, memory_order_relaxed);
    sched->now_ns = sched->now(sched); /* the pause took its time; timers are due by the new one */
}

int dure_loop_turn(void)
{
    struct loop *loop = runtime_active->loops[0];

    end_pause(loop);
    loop_turn(loop, false);
    /* Acquire: sees what the last ones did. Set after the look it is followed by a wake. */
    if (atomic_load_explicit(&loop->runtime->done, memory_order_acquire))
        return 0;
    begin_pause(loop);
    return 1;
}

/* For the thread itself, which waits between its turns for what only they can bring. */
static void take_turn(struct sched *sched)
{
    struct loop *loop = container_of(sched, struct loop, sched);

    end_pause(loop);
    loop_turn(loop, true);
    begin_pause(loop);
    /* Tasks that have run meanwhile may have left something to do at once. */
    sched_stir();
}

int dure_loop_fd(void)
{
    struct backend *backend = runtime_active->loops[0]->backend;

    return backend->ops->poll_fd(backend);
}

int64_t dure_loop_wait_ns(void)
{
    struct sched *sched = &runtime_active->loops[0]->sched;
    int64_t next_ns, now_ns;

    if (sched_has_work(sched) || !inbox_empty(&sched->inbox) ||
        !list_empty(&runtime_active->loops[0]->ended))
        return 0;
    next_ns = timers_next(&sched->timers);
    if (next_ns == INT64_MAX)
        return -1;
    now_ns = sched->now(sched);
    return next_ns > now_ns ? next_ns - now_ns : 0;
}

int dure_loop_close(void)
{
    struct runtime *runtime = runtime_active;

    /* Once only: a signal may have sent the same messages already. */
    if (!atomic_load_explicit(&runtime->done, memory_order_acquire) &&
        !atomic_exchange(&runtime->stopping, true))
        runtime_stop(runtime);
    end_pause(runtime->loops[0]);
    runtime_turn_until_done(runtime);
    return runtime_finish();
}
