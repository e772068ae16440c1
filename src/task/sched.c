/* The scheduler of one loop: who runs next, and how tasks come and go between loops. */
#include "task/scope.h"

#include <dure/task.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Dispatches before the loop looks at the world again: enough to make the look cheap, few enough
   that a turn of short tasks stays below some 100 us. */
#define TURN_DISPATCHES 512
/* Calls that one task may have answered at once before others go first. */
#define TASK_CALLS 64
/* The same for calls of some nanoseconds, as those of channels: a turn costs a few hundred. */
#define BRIEF_CALLS 2048
/* Every so many dispatches an unstarted task goes before the ready ones, lest tasks that keep each
   other ready starve it. */
#define UNSTARTED_EVERY 16
/* A task this long is worth a wake, which costs both loops some 5 us together; looked at every so
   many starts, as the clock costs 20 ns. */
#define TASK_LONG_NS INT64_C(25000)
#define PACE_EVERY 4

struct sched_group sched_group;
_Thread_local struct sched *sched_here;
bool task_forked;
size_t task_stack_size = 256 * 1024;

/* The C++ runtime keeps the exceptions being handled per thread; a task that waits in a catch must
   find its own again. Absent in programs without C++. */
void *__cxa_get_globals(void) __attribute__((weak));

int sched_init(struct sched *sched, unsigned number)
{
    *sched = (struct sched){
        .number = number,
        .turn_len = TURN_DISPATCHES,
        .random = number + 1,
        .brief_left = BRIEF_CALLS,
    };
    fifo_init(&sched->ready);
    list_init(&sched->started);
    fifo_init(&sched->unstarted);
    sched->stacks = stack_cache_create(sched_group.guards);
    return sched->stacks ? 0 : -ENOMEM;
}

void sched_fini(struct sched *sched)
{
    ASSERT(list_empty(&sched->started));
    ASSERT(inbox_empty(&sched->inbox));
    stack_cache_destroy(sched->stacks);
}

void sched_enter(struct sched *sched)
{
    ASSERT(!sched_here);
    sched_here = sched;
    sched->errno_at = &errno;
    sched->exceptions = __cxa_get_globals ? __cxa_get_globals() : NULL;
    sched->detours |= sched->exceptions ? DETOUR_CXX : 0;
    fiber_init_thread(&sched->fiber);
    timers_init(&sched->timers, sched->now(sched));
    sched->now_ns = sched->now(sched);
}

void sched_leave(struct sched *sched)
{
    ASSERT(sched_here == sched && !sched->current);
    sched_here = NULL;
}

/* Takes the oldest unstarted task. */
static __attribute__((noinline)) struct task *take_unstarted(struct sched *sched)
{
    struct fifo_node *node;

    spin_lock(&sched->unstarted_lock);
    node = fifo_pop(&sched->unstarted);
    if (node)
        hint_add(&sched->unstarted_len, -1U);
    spin_unlock(&sched->unstarted_lock);
    return node ? container_of(node, struct task, queue) : NULL;
}

/* Others wait while tasks start here: if those took their time, help is worth a wake again. */
static __attribute__((noinline)) void look_at_pace(struct sched *sched)
{
    int64_t now_ns = sched->now(sched);

    if (now_ns - sched->pace_ns > PACE_EVERY * TASK_LONG_NS)
        sched->offers_skip = 0;
    sched->pace_ns = now_ns;
}

/* A task from the unstarted queue starts here, and stays. */
static void start(struct sched *sched, struct task *task)
{
    if (likely(task->sched == sched)) {
        task->at_home = 1;
        if (unlikely(LOAD(task->flow.home->tasks_level) > task->flow.home_level))
            scope_tell_task(task);
    } else {
        /* Stolen. Its home tells it of its end in one of two ways: with a message to the loop it
           finds in task->sched, or by the level that is read here. Sequentially consistent on
           both sides (see tell() in spread.c), so that one of the two sees the other. */
        (void)__atomic_exchange_n(&task->sched, sched, __ATOMIC_SEQ_CST);
        scope_tell_task(task);
    }
    task_started(sched, task);
    if (unstarted_len(sched) == 0)
        return;
    if (unlikely(sched->offers_skip) && sched->turns_left % PACE_EVERY == 0)
        look_at_pace(sched);
    sched_offer(sched);
}

/* An unstarted task, if it is its turn. */
static __attribute__((noinline)) struct task *next_unstarted(struct sched *sched)
{
    struct task *task;

    if (unstarted_len(sched) == 0) {
        sched->detours &= (uint8_t)~DETOUR_UNSTARTED;
        return NULL;
    }
    if (!fifo_empty(&sched->ready) && sched->turns_left % UNSTARTED_EVERY != 0)
        return NULL;
    task = take_unstarted(sched);
    if (task)
        start(sched, task);
    return task;
}

/* The next task to run, or NULL when it is the loop's turn. */
static inline struct task *next(struct sched *sched)
{
    struct fifo_node *node;
    struct task *task;

    if (unlikely(--sched->turns_left < 0))
        return NULL;
    if (unlikely(sched->detours & DETOUR_UNSTARTED)) {
        task = next_unstarted(sched);
        if (task)
            return task;
    }
    node = fifo_pop(&sched->ready);
    return node ? container_of(node, struct task, queue) : NULL;
}

/* Wakes a loop that sleeps. */
static void rouse(struct sched *sched)
{
    /* Sequentially consistent, as the push of the message before: either this thread sees that the
       loop sleeps, or the loop, which announces its sleep before it looks into the inbox, sees the
       message. */
    if (atomic_load_explicit(&sched->sleeping, memory_order_seq_cst) &&
        atomic_exchange_explicit(&sched->sleeping, false, memory_order_seq_cst))
        sched->wake(sched);
}

/* Tells a task's home on another loop that it has ended. That loop is woken if somebody there waits
   for it; after the message the task and its scope may be gone. */
static void send_end(struct sched *home, struct task *task)
{
    struct scope *scope = task->flow.home;
    unsigned waits = atomic_load_explicit(&home->waits, memory_order_seq_cst);

    if (task->failed || LOAD(scope->awaited)) {
        sched_post(home, &task->message);
        return;
    }
    sched_post_quiet(home, &task->message);
    /* Sequentially consistent, as await() in scope.c: who began to wait there since the look above
       either is seen here, or saw the message. */
    if (atomic_load_explicit(&home->waits, memory_order_seq_cst) != waits)
        rouse(home);
}

/* The task ends. Its scope, if it is of this loop, need not wait until its stack is out of use: see
   sched_reclaim. */
static inline void end(struct sched *sched, struct task *task)
{
    task->state = TASK_ENDED;
    list_remove(&task->all);
    hint_add(&sched->live, -1U);
    if (likely(task->flow.home->home == sched && !task->recheck))
        task_leave(task);
    sched->ended = task;
}

/* Whether another loop hears of the end: now, so the next flow is the loop, which reclaims. */
static inline bool ends_elsewhere(const struct sched *sched, const struct task *task)
{
    return unlikely(task->flow.home != NULL) && task->flow.home->home != sched;
}

void sched_bury(struct sched *sched)
{
    struct task *task = sched->ended;
    struct scope *home = task->flow.home;

    sched->ended = NULL;
    if (likely(!home))
        task_free(task);
    else if (home->home == sched)
        task_release(task);
    else
        send_end(home->home, task);
}

/* From a task to whoever is next: another task, or the loop. Returns the task when it runs again.
   errno is kept on the stack, whose cache lines the switch needs anyway. Nothing else is: whoever
   switches back says to whom, so that the rest need not wait for what the new stack holds. */
static inline struct task *exchange(struct sched *sched, struct task *task, struct task *to)
{
    int error = *sched->errno_at;

    sched->current = to;
    task = container_of(fiber_switch(&task->fiber, to ? &to->fiber : &sched->fiber), struct task,
                        fiber);
    sched = task->sched;
    *sched->errno_at = error;
    sched->calls_left = TASK_CALLS;
    return task;
}

static __attribute__((noinline)) struct task *exchange_in_cxx(struct sched *sched,
                                                              struct task *task, struct task *to)
{
    void *kept[2];

    memcpy(kept, sched->exceptions, sizeof kept);
    task = exchange(sched, task, to);
    memcpy(task->sched->exceptions, kept, sizeof kept);
    return task;
}

static inline struct task *switch_from(struct sched *sched, struct task *task, struct task *to)
{
    if (unlikely(sched->detours & DETOUR_CXX))
        return exchange_in_cxx(sched, task, to);
    return exchange(sched, task, to);
}

static inline struct task *yield_by_any_way(struct sched *sched, struct task *task)
{
    struct task *to = next(sched);

    if (!to && sched->turns_left >= 0) /* it is alone */
        return task;
    fifo_push(&sched->ready, &task->queue);
    return switch_from(sched, task, to);
}

static __attribute__((noinline)) struct task *yield_by_detours(struct sched *sched,
                                                               struct task *task)
{
    return yield_by_any_way(sched, task);
}

/* One look at what there is to care for, where the compiler sees that there is nothing. */
static inline struct task *yield(struct sched *sched, struct task *task)
{
    return likely(!sched->detours) ? yield_by_any_way(sched, task) : yield_by_detours(sched, task);
}

void task_park(struct wait *wait)
{
    struct sched *sched = sched_here;
    struct task *task = sched->current;

    ASSERT(task && task->state == TASK_ACTIVE);
    if (unlikely(task_forked))
        die("task \"%s\" waits in a forked child: it may only exec or _exit", task->name);
    wait->task = task;
    wait->cancel_asked = false;
    wait->since_ns = sched->now_ns;
    task->wait = wait;
    task->state = TASK_PARKED;
    task = switch_from(sched, task, next(sched));
    task->wait = NULL;
}

struct time_limit {
    struct timer timer;
    struct wait *wait;
    bool over;
};

static void time_over(struct timer *timer)
{
    struct time_limit *limit = container_of(timer, struct time_limit, timer);

    if (limit->wait->cancel_asked || limit->wait->task->state != TASK_PARKED)
        return; /* its end is under way */
    limit->over = true;
    wait_end(limit->wait);
}

bool task_park_until(struct wait *wait)
{
    struct sched *sched = sched_here;
    struct time_limit limit = {
        .timer = { .at_ns = wait->until_ns, .fire = time_over },
        .wait = wait,
    };

    timers_add(&sched->timers, &limit.timer);
    task_park(wait);
    timers_remove(&sched->timers, &limit.timer);
    return limit.over;
}

void task_yield(void)
{
    yield(sched_here, sched_here->current);
}

int dure_yield(void)
{
    struct sched *sched = sched_here;
    struct task *task = sched ? sched->current : NULL;

    if (unlikely(!task))
        return sched_yield();
    task = yield(sched, task);
    if (unlikely(LOAD(task->flow.level) == LEVEL_ENDED)) {
        flow_feel(&task->flow);
        errno = ECANCELED;
        return -1;
    }
    return 0;
}

void task_pay(struct sched *sched)
{
    if (unlikely(sched->calls_left-- == 0)) {
        sched->calls_left = TASK_CALLS;
        sched->turns_left = 0; /* it is the descriptors' turn too, not only other tasks' */
        task_yield();
    }
}

void task_pay_brief(struct sched *sched)
{
    sched->brief_left = BRIEF_CALLS;
    sched->turns_left = 0;
    task_yield();
}

void task_interrupt(struct task *task)
{
    struct wait *wait = task->wait;

    if (task->state == TASK_PARKED && wait->cancel && !wait->cancel_asked)
        wait_end(wait);
}

/* The first frame of every task. */
void task_main(void *arg);
void task_main(void *arg)
{
    struct task *task = arg;
    struct sched *sched = sched_here;
    struct task *to;

    fiber_entered();
    if (sched->exceptions)
        sched->exceptions[0] = sched->exceptions[1] = NULL;
    *sched->errno_at = 0;
    sched->calls_left = TASK_CALLS;
    task->failed = task->fn(task->arg) != 0;
    task->error = *sched->errno_at;
    if (task_forked)
        die("task \"%s\" returned in a forked child: it may only exec or _exit", task->name);
    if (task->flow.innermost)
        die("task \"%s\" returned with a scope open", task->name);
    if (unlikely(task->flow.locals != NULL))
        flow_end_locals(&task->flow);
    sched_reclaim(sched);
    end(sched, task);
    to = ends_elsewhere(sched, task) ? NULL : next(sched);
    sched->current = to;
    fiber_switch_last(to ? &to->fiber : &sched->fiber);
}

bool sched_run(struct sched *sched)
{
    void *before[2] = { NULL, NULL };
    struct task *task;

    ASSERT(sched == sched_here && !sched->current);
    if (sched->exceptions) /* the thread itself may be in a catch */
        memcpy(before, sched->exceptions, sizeof before);
    sched->turns_left = sched->turn_len;
    while ((task = next(sched))) {
        sched->current = task;
        fiber_switch(&sched->fiber, &task->fiber);
        sched_reclaim(sched);
    }
    if (sched->exceptions)
        memcpy(sched->exceptions, before, sizeof before);
    return sched_has_work(sched);
}

bool sched_has_work(struct sched *sched)
{
    return !fifo_empty(&sched->ready) ||
           atomic_load_explicit(&sched->unstarted_len, memory_order_relaxed) != 0;
}

void sched_post(struct sched *sched, struct message *message)
{
    bool outside = !sched_here;

    if (unlikely(outside))
        sched_enter_outside();
    inbox_push(&sched->inbox, message);
    rouse(sched);
    if (unlikely(outside))
        sched_leave_outside();
}

void sched_post_quiet(struct sched *sched, struct message *message)
{
    /* At most so many pile up at a sleeping loop. */
    enum { quiet_max = 32 };

    if (sched_here && ++sched_here->quiet % quiet_max)
        inbox_push(&sched->inbox, message);
    else
        sched_post(sched, message);
}
