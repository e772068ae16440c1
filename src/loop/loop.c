/* One loop's turn. */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

static int64_t clock_of(struct sched *sched)
{
    struct backend *backend = container_of(sched, struct loop, sched)->backend;

    return backend->ops->now(backend);
}

static void wake(struct sched *sched)
{
    struct backend *backend = container_of(sched, struct loop, sched)->backend;

    backend->ops->wake(backend);
}

int loop_start(struct loop *loop)
{
    struct runtime *runtime = loop->runtime;
    struct backend_config config = runtime->config;
    int error;

    list_init(&loop->offloads);
    list_init(&loop->forgets);
    list_init(&loop->ended);
    signals_init(&loop->signals);
    config.loop = loop->sched.number;
    config.embedded = config.embedded && loop->sched.number == 0;
    error = runtime->backend->create(&config, &loop->backend);
    if (error < 0)
        return error;
    error = overflow_thread_init(&loop->overflow);
    if (error < 0)
        goto err_destroy_backend;
    loop->sched.wake = wake;
    loop->sched.now = clock_of;
    sched_enter(&loop->sched);
    return 0;

err_destroy_backend:
    loop->backend->ops->destroy(loop->backend);
    return error;
}

void loop_stop(struct loop *loop)
{
    inbox_deliver(&loop->sched.inbox);
    signals_fini(loop);
    sched_leave(&loop->sched);
    overflow_thread_fini(&loop->overflow);
    loop->backend->ops->destroy(loop->backend);
}

static uint64_t idle_bit(const struct loop *loop)
{
    return loop->sched.number < 64 ? UINT64_C(1) << loop->sched.number : 0;
}

/* Nothing is ready here. Returns true if work was found elsewhere; otherwise the loop is known to
   be idle. */
static bool become_idle(struct loop *loop)
{
    bool again; /* it does look again */

    /* While another loop searches there is no need: it wakes us if it finds more than it takes. */
    if (sched_may_search() && sched_search(&loop->sched, &again))
        return true;
    /* Sequentially consistent: said before the last look, see sched_offer. */
    atomic_fetch_or_explicit(&sched_group.idle, idle_bit(loop), memory_order_seq_cst);
    return false;
}

static void leave_idle(struct loop *loop)
{
    uint64_t bit = idle_bit(loop);
    bool again;

    if (!bit || (atomic_fetch_and_explicit(&sched_group.idle, ~bit, memory_order_seq_cst) & bit))
        return;
    /* Whoever took our bit away has made us the one that searches: see sched_offer. Whoever queued a
       task since then left it to us, and we may be about to do something else for long. */
    while (!sched_search(&loop->sched, &again) && again && sched_may_search())
        ;
}

/* How long the loop may sleep: nanoseconds, -1 for ever. */
static int64_t until_next_timer(struct sched *sched)
{
    int64_t next_ns = timers_next(&sched->timers), now_ns;

    if (next_ns == INT64_MAX)
        return -1;
    now_ns = sched->now(sched);
    return next_ns > now_ns ? next_ns - now_ns : 0;
}

static void look(struct loop *loop, int64_t wait_ns)
{
    loop->backend->ops->collect(loop->backend, wait_ns);
}

/* To sleep, and be woken, costs two loops that have a processor each 5 to 20 us. A loop whose last
   sleep was short, and ended by another one's message, looks for the next one for a while before it
   sleeps again. Messages that come more rarely never make a loop look. Each time it looks in vain (the
   other one may share its processor) twice as many short sleeps have to come before it does so again,
   up to 32. Two tasks on two loops that hand an item to and fro, one way: 0.2 to 0.3 us instead of
   20, on a virtual machine that is idle; with one processor for both 4.3 us, as before. */
#define LINGER_NS INT64_C(20000)
#define SHORT_NS INT64_C(50000)
#define LINGER_SKIP_MAX 31

/* Returns true if a message has come. */
static bool linger(struct loop *loop)
{
    struct sched *sched = &loop->sched;
    int64_t next_ns = timers_next(&sched->timers), now_ns = sched->now(sched);
    int64_t end_ns = now_ns + LINGER_NS < next_ns ? now_ns + LINGER_NS : next_ns;
    int i;

    for (; now_ns < end_ns; now_ns = sched->now(sched))
        for (i = 0; i < 16; i++) {
            if (!inbox_empty(&sched->inbox)) {
                loop->linger_skip = 0;
                return true;
            }
            SPIN_PAUSE();
        }
    loop->lingers = false;
    if (loop->linger_skip < LINGER_SKIP_MAX)
        loop->linger_skip = loop->linger_skip * 2 + 1;
    loop->short_sleeps = 0;
    return false;
}

/* Sleeps until something happens. */
static void sleep_until_news(struct loop *loop)
{
    struct sched *sched = &loop->sched;
    int64_t begun_ns = sched->now(sched);

    look(loop, until_next_timer(sched));
    /* In a simulation nobody else runs, nor does time pass, while this loop looks. */
    if (!sched_group.draw && !inbox_empty(&sched->inbox) &&
        sched->now(sched) - begun_ns < SHORT_NS && loop->short_sleeps++ >= loop->linger_skip)
        loop->lingers = true;
}

/* Nothing is left to run: takes work from others, or sleeps until something happens. */
static void rest(struct loop *loop)
{
    struct sched *sched = &loop->sched;
    bool shared = sched_group.len > 1;

    if ((loop->lingers && linger(loop)) || (shared && become_idle(loop))) {
        look(loop, 0);
        return;
    }
    /* The last look: what was queued before we said that we are idle was offered to nobody. */
    if (shared && sched_steal(sched)) {
        look(loop, 0);
        leave_idle(loop);
        return;
    }
    stack_cache_trim(sched->stacks, sched->now_ns);
    /* Sequentially consistent: a sender pushes, then asks whether we sleep; we say so, then look. An
       exchange, here and wherever a look follows: qemu-user 7.2 lets a load pass a store. */
    (void)atomic_exchange_explicit(&sched->sleeping, true, memory_order_seq_cst);
    if (inbox_empty(&sched->inbox) &&
        !atomic_load_explicit(&loop->runtime->done, memory_order_seq_cst))
        sleep_until_news(loop);
    else
        look(loop, 0);
    atomic_store_explicit(&sched->sleeping, false, memory_order_relaxed);
    if (shared)
        leave_idle(loop);
}

void loop_turn(struct loop *loop, bool sleeps)
{
    struct sched *sched = &loop->sched;

    inbox_deliver(&sched->inbox);
    timers_fire(&sched->timers, sched->now_ns);
    if (unlikely(!list_empty(&loop->ended)))
        operations_tell(loop);
    if (sched_run(sched) || !sleeps || !inbox_empty(&sched->inbox) || !list_empty(&loop->ended))
        look(loop, 0);
    else
        rest(loop);
    sched->now_ns = sched->now(sched);
}

void runtime_wake(struct runtime *runtime)
{
    unsigned i;

    for (i = 0; i < runtime->loops_len; i++)
        runtime->loops[i]->sched.wake(&runtime->loops[i]->sched);
}
