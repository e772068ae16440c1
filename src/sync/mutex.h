/* The mutex, as the condition variable needs it. */
#ifndef DURE_SRC_SYNC_MUTEX_H
#define DURE_SRC_SYNC_MUTEX_H

#include <dure/mutex.h>

#include "sync/queue.h"

enum mutex_state {
    MUTEX_FREE,
    MUTEX_LOCKED,
    MUTEX_CONTENDED, /* locked, and somebody may be queued */
};

struct mutex {
    struct guard guard; /* of the queue, and of state once it is contended */
    _Atomic uint32_t state;
    uint32_t depth; /* recursive: how often beyond the first; its owner's */
    /* Written by its owner, or by who hands it over. Relaxed: whoever finds itself there put itself
       there, or was signaled since. */
    _Atomic(struct flow *) owner;
    _Atomic(struct sched *) at; /* the owner's loop, as a hint; NULL: a plain thread's */
    struct sync_queue queue;
    uint32_t flags;
};
_Static_assert(sizeof(struct mutex) <= sizeof(dure_mutex), "the public mutex is too small");

static inline struct mutex *mutex_of(dure_mutex *mutex)
{
    return (struct mutex *)(void *)mutex;
}

/* Unlocks it as often as its owner has locked it; returns how often that was beyond the first. */
uint32_t mutex_release(struct mutex *mutex);
/* Locks it again as often; is never cancelled. */
void mutex_regain(struct mutex *mutex, uint32_t depth);

#endif
