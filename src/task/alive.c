/* What keeps a run from ending, and who is still inside its loops' memory when it has ended; and
   what a loop is to plain threads besides. */
#include "task/task.h"

#include <sched.h>
#include <time.h>

/* Threads without a loop that are inside sched_post or sched_release: what they sent may let the
   run end before they have looked whether its loop sleeps. (Loops wait for each other at the end.)
   Sequentially consistent, before the message: whoever sees its effect sees the count. */
static atomic_uint outsiders;

void sched_enter_outside(void)
{
    atomic_fetch_add_explicit(&outsiders, 1, memory_order_seq_cst);
}

void sched_leave_outside(void)
{
    /* Release: what it did lies before the end of the loops' memory. */
    atomic_fetch_sub_explicit(&outsiders, 1, memory_order_release);
}

void sched_settle(void)
{
    /* Some instructions' time; a lock would be taken by every message for this one moment. */
    while (atomic_load_explicit(&outsiders, memory_order_seq_cst))
        sched_yield();
}

/* sched_group.alive counts both in one word, so that they end together. */
#define ROOT (UINT64_C(1) << 32)
#define OUTSIDER UINT64_C(1)

static void leave(uint64_t unit)
{
    bool outside = !sched_here;

    if (outside)
        sched_enter_outside();
    /* Acquire and release: the last one sees what all others did. */
    if (atomic_fetch_sub_explicit(&sched_group.alive, unit, memory_order_acq_rel) == unit)
        sched_group.over();
    if (outside)
        sched_leave_outside();
}

void sched_root_filled(void)
{
    /* Whoever fills it is counted itself, but for the first task, which brings the run to life.
       Release: sched_hold sees the run. */
    atomic_fetch_add_explicit(&sched_group.alive, ROOT, memory_order_release);
}

void sched_root_emptied(void)
{
    leave(ROOT);
}

bool sched_hold(bool inside)
{
    uint64_t alive = atomic_load_explicit(&sched_group.alive, memory_order_relaxed);

    do {
        /* Threads that come and go must not keep a run from ending whose tasks are done. */
        if (alive < ROOT && !inside)
            return false;
        /* Acquire: sees the run that it holds. */
    } while (!atomic_compare_exchange_weak_explicit(&sched_group.alive, &alive, alive + OUTSIDER,
                                                    memory_order_acq_rel, memory_order_relaxed));
    return true;
}

void sched_release(void)
{
    leave(OUTSIDER);
}

void sched_count_alive(unsigned *roots, unsigned *holds)
{
    /* Relaxed: as the dump says it, it may have changed. */
    uint64_t alive = atomic_load_explicit(&sched_group.alive, memory_order_relaxed);

    *roots = (unsigned)(alive / ROOT);
    *holds = (unsigned)(alive % ROOT);
}

void sched_stir(void)
{
    struct sched *sched = sched_here;

    /* Relaxed: the thread itself has set it, and whoever else takes it away wakes. */
    if (sched && !sched->current &&
        atomic_exchange_explicit(&sched->sleeping, false, memory_order_relaxed))
        sched->wake(sched);
}

int64_t sched_now(struct sched *sched)
{
    struct timespec now;

    if (sched)
        return sched->now(sched);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * DURE_SECOND + now.tv_nsec;
}

uint32_t sched_random(struct sched *sched)
{
    static _Thread_local uint32_t of_thread = 1;
    uint32_t *state = sched ? &sched->random : &of_thread, x = *state;

    /* Marsaglia's xorshift: all numbers but 0, in turn. */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x;
}
