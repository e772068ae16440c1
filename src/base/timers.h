/* Timers: insertion and removal in constant time, expiry never early.

   A hierarchical wheel of 10 levels over ticks of 2^14 ns, each a ring of 64 slots; a slot is as
   wide as 32 slots of the level below. A timer lies on the lowest level whose ring reaches it, so it
   moves down at most 9 times in its life. A slot with many timers is moved down in small steps
   while the wheel crosses the slot before it: no single call pays for a million timers that are
   not due. The tick only says where a timer lies: whether it is due is decided by its at_ns to the
   nanosecond.

   One thread at a time. The wheel reads no clock: now_ns comes from the caller. */
#ifndef DURE_SRC_BASE_TIMERS_H
#define DURE_SRC_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/* Zeroed memory is an idle timer. */
struct timer {
    struct list link;
    int64_t at_ns;                     /* due at this time or later, never before */
    void (*fire)(struct timer *timer); /* it is out of the wheel already and may be put in again */
    uint8_t slot, level;               /* the wheel's; level TIMER_IDLE: not in it */
};
#define TIMER_IDLE 0

/* 10 x 5 bits hold every tick that an int64_t of nanoseconds can name, so nothing is clamped. */
#define TIMERS_LEVELS 10
#define TIMERS_SLOTS 64

/* How many timers a step moves. At up to 0.1 us each (all of their memory is cold) the steps of the
   three levels that a minute's timers lie on take some 40 us; in an otherwise idle loop a million
   timers in a minute cost 130 wake-ups a second. */
#define TIMERS_STEP 128

/* A wheel, in the caller's memory (about 16 KiB). */
struct timers {
    int64_t tick;                     /* where the wheel stands; all slots before are empty */
    int64_t next_ns;                  /* no timer in the wheel is due before this */
    bool next_known;                  /* next_ns is what timers_next answers */
    bool in_order;                    /* the slot of tick is sorted by at_ns */
    uint16_t levels;                  /* bit n: something lies on level n */
    size_t count;                     /* timers in the wheel and in due */
    uint64_t moved;                   /* moves to a lower level so far, for tests */
    struct list due;                  /* taken out by timers_fire, not called yet */
    uint64_t occupied[TIMERS_LEVELS]; /* bit n: slot n is not empty */
    size_t lengths[TIMERS_LEVELS][TIMERS_SLOTS];
    struct list slots[TIMERS_LEVELS][TIMERS_SLOTS];
};

/* An empty wheel that stands at now_ns (0 or more). */
void timers_init(struct timers *timers, int64_t now_ns);

/* Puts an idle timer in; at_ns and fire are set and stay untouched while it is in. One that is due
   already fires in the next timers_fire, also when it is added from a fire function: so a timer
   that always puts itself back at once cannot keep timers_fire from returning. */
void timers_add(struct timers *timers, struct timer *timer);

/* Takes a timer out: it will not fire. Harmless when idle. */
void timers_remove(struct timers *timers, struct timer *timer);

static inline bool timer_idle(const struct timer *timer)
{
    return timer->level == TIMER_IDLE;
}

/* Fires all that were due (at_ns <= now_ns) when it was called, in the order of at_ns, equal ones
   in the order in which they were added. fire may add and remove any timer, the others that are
   due included, but not call timers_fire. A now_ns before the last one is harmless. Returns
   how many were fired. */
size_t timers_fire(struct timers *timers, int64_t now_ns);

/* When to call timers_fire next; INT64_MAX when the wheel is empty. It is the at_ns of the earliest
   timer, except while more than 64 timers share a slot ahead that may hold it: then it is the slot's
   start or, with more than TIMERS_STEP, the time of the next step of emptying it.
   timers_fire at that time moves what is due to be moved, so the answers come to an end. A slot
   of n timers costs at most n / TIMERS_STEP + 2 of them a level. Who calls at these times never
   makes timers_fire move more than a bounded number of timers at once: see timers.c. */
int64_t timers_next(struct timers *timers);

#endif
