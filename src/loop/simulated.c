/* A simulated run: all loops on one thread, whose turns the seed interleaves. When no loop has
   anything to do, the clock moves on to what comes next. */
#include "loop/simulated.h"

#include <dure/inspect.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A turn starts so many tasks at most: a longer one would run them in the order of the queue. */
#define TURN_LEN_MAX 3
/* How far from the queue's front the next task may be drawn. */
#define SHUFFLE 4
/* One look in so many that an idle loop takes goes to other loops' unstarted tasks. */
#define STEAL_IN 4

struct simulation simulation;

static uint32_t caller(void)
{
    struct task *task = task_current();

    return task ? task->host : 0;
}

static void go_to(struct loop *loop)
{
    sched_here = &loop->sched;
}

static int start_rest(struct runtime *runtime)
{
    unsigned i;
    int error = 0;

    for (i = 1; i < runtime->loops_len && error == 0; i++) {
        sched_here = NULL;
        error = loop_start(runtime->loops[i]);
    }
    if (error == 0)
        return 0;
    for (i--; i-- > 1;) {
        go_to(runtime->loops[i]);
        loop_stop(runtime->loops[i]);
    }
    return error;
}

/* What the library leaves to chance is the seed's too. */
static void draw_seeds(struct runtime *runtime)
{
    unsigned i;

    for (i = 0; i < runtime->loops_len; i++)
        runtime->loops[i]->sched.random = 1 + sim_draw(UINT32_MAX);
}

int simulated_start(struct runtime *runtime)
{
    int error = start_rest(runtime);

    go_to(runtime->loops[0]);
    if (error < 0) {
        dure_fail(-error, "cannot start %u simulated loops: %s", runtime->loops_len,
                  strerror(-error));
        return error;
    }
    pool_refuse(runtime->pool);
    draw_seeds(runtime);
    sched_group.draw = sim_draw;
    sim_caller = caller;
    simulation.turns = 0;
    simulation.failed = 0;
    return 0;
}

void simulated_end(struct runtime *runtime)
{
    unsigned i;

    /* The last first: each gives the thread's signal stack back to the one before. */
    for (i = runtime->loops_len; i-- > 1;) {
        go_to(runtime->loops[i]);
        loop_stop(runtime->loops[i]);
    }
    go_to(runtime->loops[0]);
    sched_group.draw = NULL;
}

/* --- turns --- */

static bool has_work(struct loop *loop)
{
    struct sched *sched = &loop->sched;

    return sched_has_work(sched) || !inbox_empty(&sched->inbox) || !list_empty(&loop->ended) ||
           sim_has_news(loop->backend) || timers_next(&sched->timers) <= sim_now();
}

/* Some task near the front of the queue comes first. */
static void shuffle(struct sched *sched)
{
    struct fifo_node **at = &sched->ready.first;
    unsigned skip = sim_draw(SHUFFLE);

    while (skip-- > 0 && *at && (*at)->next)
        at = &(*at)->next;
    if (*at)
        fifo_bring_forward(&sched->ready, at);
}

static void trace_turn(const struct sched *sched)
{
    uint64_t number = 0;

    if (!fifo_empty(&sched->ready))
        number = container_of(sched->ready.first, struct task, queue)->number;
    sim_trace(TRACE_TURN, sched->number, (int64_t)number);
}

static void turn(struct loop *loop)
{
    struct sched *sched = &loop->sched;

    go_to(loop);
    sched->now_ns = sim_now();
    sched->turn_len = 1 + (int)sim_draw(TURN_LEN_MAX);
    shuffle(sched);
    trace_turn(sched);
    loop_turn(loop, false);
}

/* Draws a loop that has something to do, now and then one that has nothing and may take something
   from another. NULL: none has. */
static struct loop *choose(struct runtime *runtime)
{
    unsigned first = sim_draw(runtime->loops_len), i;
    struct loop *found = NULL, *idle = NULL;

    for (i = 0; i < runtime->loops_len; i++) {
        struct loop *loop = runtime->loops[(first + i) % runtime->loops_len];

        if (!has_work(loop))
            idle = loop;
        else if (!found)
            found = loop;
    }
    if (!found || !idle || sim_draw(STEAL_IN))
        return found;
    go_to(idle);
    return sched_steal(&idle->sched) ? idle : found;
}

static bool advance(struct runtime *runtime)
{
    int64_t next_ns = INT64_MAX, at_ns;
    unsigned i;

    for (i = 0; i < runtime->loops_len; i++) {
        at_ns = timers_next(&runtime->loops[i]->sched.timers);
        if (at_ns < next_ns)
            next_ns = at_ns;
    }
    return sim_advance(next_ns);
}

/* --- runs that do not end --- */

static void give_up(struct runtime *runtime, int error, const char *why)
{
    go_to(runtime->loops[0]);
    if (simulation.failed)
        die("the simulation cannot end, though its scopes were cancelled: %s", why);
    simulation.failed = error;
    fprintf(stderr, "simulation, at %lld ns: %s\n", (long long)sim_now(), why);
    dure_dump(STDERR_FILENO);
    hosts_cancel();
    runtime_stop(runtime);
}

/* Nothing will happen in the world by itself. Outside of it plain threads and signals may do
   something, if the run is not dure_sim_run's. */
static void stand_still(struct runtime *runtime)
{
    static const struct timespec moment = { .tv_nsec = 1000000 };

    if (simulation.closed)
        give_up(runtime, EDEADLK, "nothing can ever happen again");
    else
        nanosleep(&moment, NULL);
}

static void check_end(struct runtime *runtime)
{
    if (simulation.turns_max && ++simulation.turns == simulation.turns_max) {
        give_up(runtime, ETIME, "it does not end");
        simulation.turns_max = simulation.turns + 1000000;
    }
}

void simulated_turns(struct runtime *runtime)
{
    struct loop *loop;

    while (!atomic_load_explicit(&runtime->done, memory_order_relaxed)) {
        sim_settle();
        loop = choose(runtime);
        if (loop)
            turn(loop);
        else if (!advance(runtime))
            stand_still(runtime);
        check_end(runtime);
    }
    go_to(runtime->loops[0]);
}

/* --- instead of the pool --- */

struct pause {
    struct wait wait;
    struct timer timer;
};

static void pause_over(struct timer *timer)
{
    task_ready(container_of(timer, struct pause, timer)->wait.task);
}

static void cancel_pause(struct wait *wait)
{
    struct pause *pause = container_of(wait, struct pause, wait);

    timers_remove(&sched_here->timers, &pause->timer);
    task_ready(wait->task);
}

int simulated_pause(const char *what, int fd)
{
    struct sched *sched = sched_here;
    struct pause pause = {
        .wait = { .what = what, .fd = fd, .cancel = cancel_pause },
        .timer = { .at_ns = sim_now() + sim_disk_ns(), .fire = pause_over },
    };

    timers_add(&sched->timers, &pause.timer);
    task_park(&pause.wait);
    return pause.wait.cancel_asked ? -ECANCELED : 0;
}

int simulated_words(int result, const char *what)
{
    if (unlikely(result < 0 && errno == ENOSYS && world_here()->simulated))
        (void)simulated_refuse(what);
    return result;
}

int simulated_refuse(const char *what)
{
    flow_say(flow_current(), "%s is not simulated", what);
    return -ENOSYS;
}
