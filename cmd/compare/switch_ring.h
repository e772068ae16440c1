/* A ring of processes or threads: each waits for its turn, gives it to the next, and waits again.
   The one that measures is the first. */
#ifndef CMD_COMPARE_SWITCH_RING_H
#define CMD_COMPARE_SWITCH_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    unsigned len;
    bool shared; /* between processes */
    atomic_bool over;
    _Atomic uint32_t turns[]; /* 1: it is this one's turn; a futex */
};

/* Makes a ring that forked children share. Returns: it, or NULL. Whoever made it gives it back with
   ring_destroy. */
struct ring *ring_create(unsigned len, bool shared);
void ring_destroy(struct ring *ring);

/* The life of each but the first: until a turn that comes when it is over. */
void ring_take_turns(struct ring *ring, unsigned me);

/* The first's: gives the turn on and waits until it comes back, so many times. */
void ring_laps(struct ring *ring, unsigned laps);

/* The first's: one last turn, in which all return from ring_take_turns. */
void ring_end(struct ring *ring);

#endif
