/* An object whose state is one word: a number that is its own, and a bit that says that somebody is
   queued. While that bit is not set the word is changed by one atomic step, without the guard. Who
   has to wait, or finds the bit, enters the object, which sets the bit; from then on until it
   leaves the word changes by its hand alone.

   Whoever gets what it waited for may free the object. So the last touch of one that lets somebody
   go on is the atomic step itself; or, of one that was entered, lies before the signal. An object
   is entered and left only by who has it or waits for it itself, or has taken out somebody whom it
   will signal after: for each of them the object stays. */
#ifndef DURE_SRC_SYNC_OBJECT_H
#define DURE_SRC_SYNC_OBJECT_H

#include "sync/queue.h"

#define OBJECT_QUEUED 1u

/* All zero: of all threads, its number 0, nobody queued. */
struct sync_object {
    struct guard guard;
    struct sync_queue queue;
    _Atomic uint32_t state;
};

/* The word as it is, for object_change. */
static inline uint32_t object_state(struct sync_object *object, const char *what)
{
    if (unlikely(object->guard.only && object->guard.only != sched_here))
        guard_stray(what);
    return LOAD(object->state);
}

/* The atomic step: from *old, in which OBJECT_QUEUED is not set. False, with *old as it is now, if
   somebody was faster. */
static inline bool object_change(struct sync_object *object, uint32_t *old, uint32_t state)
{
    if (object->guard.only) {
        STORE(object->state, state);
        return true;
    }
    /* Acquire: sees what was written by those who let it go on. Release: those whom it lets go on
       see what it wrote. */
    return atomic_compare_exchange_weak_explicit(&object->state, old, state, memory_order_acq_rel,
                                                 memory_order_relaxed);
}

/* Returns the word without OBJECT_QUEUED. */
static inline uint32_t object_enter(struct sync_object *object, const char *what)
{
    guard_enter(&object->guard, what);
    /* Acquire and release as in object_change, whose steps it follows. */
    return atomic_fetch_or_explicit(&object->state, OBJECT_QUEUED, memory_order_acq_rel) &
           ~OBJECT_QUEUED;
}

/* What the word is to be under the guard, from now on. */
static inline void object_set(struct sync_object *object, uint32_t state)
{
    if (!sync_queue_empty(&object->queue))
        state |= OBJECT_QUEUED;
    atomic_store_explicit(&object->state, state, memory_order_release);
}

static inline void object_leave(struct sync_object *object, uint32_t state)
{
    object_set(object, state);
    guard_leave(&object->guard);
}

/* Enters it for the sake of who is queued: true, and *state is the word without OBJECT_QUEUED. False
   if they have given up: then it has been left, and the word may be changed by a step again. */
static inline bool object_enter_queued(struct sync_object *object, const char *what,
                                       uint32_t *state)
{
    *state = object_enter(object, what);
    if (likely(!sync_queue_empty(&object->queue)))
        return true;
    object_leave(object, *state);
    return false;
}

#endif
