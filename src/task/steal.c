/* Tasks that have not started and the loops that take them from each other. */
#include "task/task.h"

/* What a thief takes at the most: bounds the time it holds the lock. */
#define STEAL_MAX 64
/* A wake that no thief made use of doubles the number of spawns without another, up to this. */
#define OFFERS_SKIP_MAX 1024
/* What a thief waits for a task to be started where it is: some times what a spawn and its join
   take, little beside what a theft costs. */
#define WAITED_NS 1000

/* The number of the task that is to start next there, 0 if there is none. */
static uint64_t oldest(struct sched *victim)
{
    uint64_t number = 0;

    spin_lock(&victim->unstarted_lock);
    if (!fifo_empty(&victim->unstarted))
        number = container_of(victim->unstarted.first, struct task, queue)->number;
    spin_unlock(&victim->unstarted_lock);
    return number;
}

/* True if tasks have to wait there: one that its own loop starts at once is not worth a theft. */
static bool has_waiting(struct sched *victim, struct sched *thief)
{
    uint64_t number;
    int64_t until_ns;

    /* Sequentially consistent: after this loop said that it is idle, see sched_offer. */
    if (atomic_load_explicit(&victim->unstarted_len, memory_order_seq_cst) == 0)
        return false;
    number = oldest(victim);
    if (number == 0)
        return false;
    if (sched_group.draw) /* nobody else runs while this loop looks */
        return true;
    until_ns = thief->now(thief) + WAITED_NS;
    while (thief->now(thief) < until_ns)
        ;
    return oldest(victim) == number;
}

/* Takes the older half of a loop's unstarted tasks. */
static unsigned steal_from(struct sched *victim, struct sched *thief)
{
    struct fifo_node *node;
    struct fifo taken;
    unsigned len = 0, len_max;

    if (!has_waiting(victim, thief))
        return 0;
    fifo_init(&taken);
    spin_lock(&victim->unstarted_lock);
    len_max = (atomic_load_explicit(&victim->unstarted_len, memory_order_relaxed) + 1) / 2;
    while (len < len_max && len < STEAL_MAX && (node = fifo_pop(&victim->unstarted))) {
        fifo_push(&taken, node);
        len++;
    }
    hint_add(&victim->unstarted_len, -len);
    spin_unlock(&victim->unstarted_lock);
    if (len == 0)
        return 0;
    atomic_store_explicit(&victim->offer_taken, true, memory_order_relaxed);
    spin_lock(&thief->unstarted_lock);
    while ((node = fifo_pop(&taken)))
        fifo_push(&thief->unstarted, node);
    hint_add(&thief->unstarted_len, len);
    spin_unlock(&thief->unstarted_lock);
    thief->detours |= DETOUR_UNSTARTED;
    return len;
}

static bool steal(struct sched *thief)
{
    unsigned i, len = 0;

    for (i = 1; i < sched_group.len && len == 0; i++)
        len = steal_from(sched_group.scheds[(thief->number + i) % sched_group.len], thief);
    return len != 0;
}

static unsigned load_of(struct sched *sched)
{
    return atomic_load_explicit(&sched->live, memory_order_relaxed) +
           atomic_load_explicit(&sched->coming, memory_order_relaxed) + unstarted_len(sched);
}

struct sched *sched_least_loaded(void)
{
    struct sched *least = sched_here ? sched_here : sched_group.scheds[0];
    unsigned i, load, load_min = load_of(least);

    /* As many loops as processors: a walk is cheaper than keeping an order. */
    for (i = 0; i < sched_group.len; i++) {
        load = load_of(sched_group.scheds[i]);
        if (load < load_min) {
            load_min = load;
            least = sched_group.scheds[i];
        }
    }
    return least;
}

/* Sequentially consistent, after a task was queued: a loop that becomes idle says so and then looks
   for work once more, so that one of the two sees the other. */
static uint64_t idle_loops(void)
{
    return atomic_load_explicit(&sched_group.idle, memory_order_seq_cst);
}

static void wake(struct sched *thief)
{
    atomic_store_explicit(&thief->sleeping, false, memory_order_seq_cst);
    thief->wake(thief);
}

/* Makes one of the idle loops search; or the one that does already, once more. False: none is idle.
   One that is not idle any more when its turn comes has found something itself; then another one is
   asked. Those who met this loop's mark meanwhile left it the asking: hence a new look at who is idle,
   after the mark is gone. */
static bool wake_thief(void)
{
    uint64_t idle, bit;

    while ((idle = idle_loops()) != 0) {
        if (atomic_exchange_explicit(&sched_group.search, SEARCH_AGAIN, memory_order_seq_cst))
            return true;
        bit = idle & -idle;
        if (atomic_fetch_and_explicit(&sched_group.idle, ~bit, memory_order_seq_cst) & bit) {
            wake(sched_group.scheds[__builtin_ctzll(bit)]);
            return true;
        }
        (void)atomic_exchange_explicit(&sched_group.search, SEARCH_NONE, memory_order_seq_cst);
    }
    return false;
}

void sched_offer(struct sched *sched)
{
    if (likely(idle_loops() == 0))
        return;
    if (atomic_exchange_explicit(&sched->offer_taken, false, memory_order_relaxed))
        sched->offers_skip = 0;
    if (sched->offers_skipped++ < sched->offers_skip || !wake_thief())
        return;
    sched->offers_skipped = 0;
    if (sched->offers_skip < OFFERS_SKIP_MAX)
        sched->offers_skip = sched->offers_skip * 2 + 1;
}

/* A thief has looked: if it found work, wakes the next idle loop if more is left somewhere. */
static bool pass_on(struct sched *thief, bool found)
{
    bool left = false;
    unsigned i, own;

    if (!found || idle_loops() == 0)
        return found;
    for (i = 0; i < sched_group.len && !left; i++) {
        own = sched_group.scheds[i] == thief; /* which is about to start one */
        left = unstarted_len(sched_group.scheds[i]) > own;
    }
    if (left)
        wake_thief();
    return true;
}

bool sched_steal(struct sched *thief)
{
    return pass_on(thief, steal(thief));
}

bool sched_may_search(void)
{
    uint8_t none = SEARCH_NONE;

    return atomic_compare_exchange_strong_explicit(&sched_group.search, &none, SEARCH_ON,
                                                   memory_order_seq_cst, memory_order_seq_cst);
}

bool sched_search(struct sched *thief, bool *again)
{
    bool found;

    atomic_store_explicit(&sched_group.search, SEARCH_ON, memory_order_seq_cst);
    found = steal(thief);
    *again = atomic_exchange_explicit(&sched_group.search, SEARCH_NONE, memory_order_seq_cst) ==
             SEARCH_AGAIN;
    return pass_on(thief, found);
}
