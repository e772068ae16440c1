/* A lock for a few instructions' length, between a loop and a thief. */
#ifndef DURE_SRC_BASE_SPIN_H
#define DURE_SRC_BASE_SPIN_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Tells the processor that a loop waits for another thread. */
#if defined(__x86_64__) || defined(__i386__)
#define SPIN_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define SPIN_PAUSE() __asm__ volatile("yield")
#else
#define SPIN_PAUSE() ((void)0)
#endif

struct spin {
    atomic_uint taken;
};

/* Acquire: sees what the last holder wrote under the lock. */
static inline bool spin_try(struct spin *spin)
{
    return !atomic_exchange_explicit(&spin->taken, 1, memory_order_acquire);
}

static inline void spin_lock(struct spin *spin)
{
    unsigned tries = 0;

    while (!spin_try(spin)) {
        /* The holder may have lost its processor: give it ours after some tries. */
        if (++tries % 64 == 0)
            sched_yield();
    }
}

static inline void spin_unlock(struct spin *spin)
{
    /* Release: the next holder sees what was written under the lock. */
    atomic_store_explicit(&spin->taken, 0, memory_order_release);
}

#endif
