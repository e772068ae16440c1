/* The mutex. */
#include "sync/mutex.h"

#include "loop/loop.h"

#include <errno.h>

/* Whoever waits longer is handed the mutex. Waking a loop takes some microseconds, in which the
   mutex would be nobody's; after so many of them fairness is worth it. (Go's is the same.) */
#define PATIENCE_NS DURE_MILLISECOND

/* Whoever finds it taken on another loop looks again so often before it queues: a section of some
   dozens of instructions is over before a loop could sleep and be woken, which costs both sides some
   microseconds. Measured with two loops, one busy machine, time a round: 40 ns of work with the lock
   and 150 ns without, 112 to 330 ns instead of 213 to 345; 150 and 450 ns, 318 to 362 instead of 404
   to 592; 1.5 and 4.5 us, no difference. */
#define LOOKS 100

int dure_mutex_init(dure_mutex *public_mutex, unsigned flags)
{
    struct mutex *mutex = mutex_of(public_mutex);
    int error = guard_check(flags, DURE_RECURSIVE);

    if (error == 0)
        *mutex = (struct mutex){ .guard = guard_make(flags), .flags = flags };
    return (int)io_result(error);
}

/* --- locking --- */

static inline void own(struct mutex *mutex, struct flow *owner, struct sched *at)
{
    STORE(mutex->owner, owner);
    STORE(mutex->at, at);
}

/* Takes it if it is free. */
static inline bool take(struct mutex *mutex, struct flow *self, struct sched *here)
{
    uint32_t state = MUTEX_FREE;

    if (mutex->guard.only) {
        if (unlikely(mutex->guard.only != here))
            guard_stray("a mutex");
        if (LOAD(mutex->state) != MUTEX_FREE)
            return false;
        STORE(mutex->state, MUTEX_LOCKED);
    } else if (!atomic_compare_exchange_strong_explicit(&mutex->state, &state, MUTEX_LOCKED,
                                                        memory_order_acquire,
                                                        memory_order_relaxed)) {
        /* Acquire above: sees what the last owner wrote. */
        return false;
    } else {
        STORE(mutex->at, here);
    }
    STORE(mutex->owner, self);
    return true;
}

/* Under the guard: takes it, or lets its owner know that somebody queues. Acquire as in take(). */
static bool take_or_contend(struct mutex *mutex, struct flow *self)
{
    if (atomic_exchange_explicit(&mutex->state, MUTEX_CONTENDED, memory_order_acquire) !=
        MUTEX_FREE)
        return false;
    if (sync_queue_empty(&mutex->queue))
        STORE(mutex->state, MUTEX_LOCKED);
    own(mutex, self, sched_here);
    return true;
}

/* Takes it if it becomes free soon. Never while its owner is on this loop: it could not go on
   meanwhile. Nor while others queue, who come first. */
static bool take_soon(struct mutex *mutex, struct flow *self)
{
    int looks;

    if (mutex->guard.only || (sched_here && LOAD(mutex->at) == sched_here))
        return false;
    for (looks = 0; looks < LOOKS; looks++) {
        uint32_t state = LOAD(mutex->state);

        if (state == MUTEX_CONTENDED)
            return false;
        if (state == MUTEX_FREE && take(mutex, self, sched_here))
            return true;
        SPIN_PAUSE();
    }
    return false;
}

enum {
    AT_ANY_COST, /* is not cancelled */
    UNLESS_ENDED,
};

/* Waits for it. Whoever is woken without being handed it was the first, and queues as that if
   somebody else was faster. One who gives up then has said that it is contended, so that its owner
   wakes the next. */
static __attribute__((noinline)) int wait_for(struct mutex *mutex, struct flow *self, int how,
                                              int64_t until_ns)
{
    int64_t since_ns = sched_now(sched_here);
    struct sync_wait wait;
    bool woken = false;
    int error = 0;

    if (take_soon(mutex, self))
        return 0;
    sync_wait_init(&wait, "mutex", &mutex->guard, &mutex->queue);
    wait.node.item = &since_ns;
    for (;; woken = true) {
        waiter_init(&wait.waiter);
        guard_enter(&mutex->guard, "a mutex");
        if (take_or_contend(mutex, self))
            break;
        if (woken && how == UNLESS_ENDED && LOAD(self->level) == LEVEL_ENDED) {
            flow_feel(self);
            error = -ECANCELED;
            break;
        }
        if (woken)
            sync_queue_push_front(&mutex->queue, &wait.node);
        else
            sync_queue_push(&mutex->queue, &wait.node);
        guard_leave(&mutex->guard);
        if (how == AT_ANY_COST)
            sync_wait_out(&wait);
        else
            error = sync_wait_for(&wait, until_ns);
        if (error < 0 || LOAD(mutex->owner) == self)
            return error;
    }
    guard_leave(&mutex->guard);
    return error;
}

/* The caller has it already. */
static int again(struct mutex *mutex)
{
    if (!(mutex->flags & DURE_RECURSIVE))
        return -EDEADLK;
    if (mutex->depth == UINT32_MAX)
        return -EAGAIN;
    mutex->depth++;
    return 0;
}

static int lock_slowly(struct mutex *mutex, struct flow *self, int how, int64_t until_ns)
{
    if (LOAD(mutex->owner) == self)
        return again(mutex);
    if (!sched_may_wait())
        return -EDEADLK;
    return wait_for(mutex, self, how, until_ns);
}

/* The way of threads, and of all who have to wait: apart, so that a task that finds the mutex free
   saves no registers for it. */
static __attribute__((noinline)) int lock_otherwise(struct mutex *mutex)
{
    struct flow *self = sync_self();

    if (take(mutex, self, sched_here))
        return 0;
    return (int)io_result(lock_slowly(mutex, self, AT_ANY_COST, 0));
}

int dure_mutex_lock(dure_mutex *mutex)
{
    struct sched *here = sched_here;
    struct task *task = here ? here->current : NULL;

    if (likely(task && take(mutex_of(mutex), &task->flow, here)))
        return 0;
    return lock_otherwise(mutex_of(mutex));
}

int dure_mutex_timedlock(dure_mutex *public_mutex, dure_deadline deadline)
{
    struct mutex *mutex = mutex_of(public_mutex);
    struct flow *self = sync_self();
    int error = io_entry_refused();

    if (error < 0)
        return (int)io_result(error);
    if (likely(take(mutex, self, sched_here)))
        return 0;
    return (int)io_result(lock_slowly(mutex, self, UNLESS_ENDED, deadline.at_ns));
}

int dure_mutex_lock_cancelable(dure_mutex *public_mutex)
{
    return dure_mutex_timedlock(public_mutex, (dure_deadline){ 0 });
}

int dure_mutex_trylock(dure_mutex *public_mutex)
{
    struct mutex *mutex = mutex_of(public_mutex);
    struct flow *self = sync_self();

    if (likely(take(mutex, self, sched_here)))
        return 0;
    return (int)io_result(LOAD(mutex->owner) == self ? again(mutex) : -EBUSY);
}

/* --- unlocking --- */

/* True if the first in the queue is to have it now, rather than the first who comes: it runs next
   here, without a wake, or it has waited long. */
static bool is_due(const struct sync_node *node)
{
    const int64_t *since_ns = node->item;

    return (sched_here && node->of->waiter.sched == sched_here) ||
           sched_now(sched_here) - *since_ns > PATIENCE_NS;
}

/* It is contended: the next one gets it or is woken. False, with nothing done, if they have given
   up: it is not set free here, as its next owner may free its memory before the guard is left. */
static __attribute__((noinline)) bool pass_on(struct mutex *mutex)
{
    struct sync_node *next;

    guard_enter(&mutex->guard, "a mutex");
    next = mutex->queue.first;
    if (!next) {
        STORE(mutex->state, MUTEX_LOCKED);
    } else if (is_due(next)) {
        sync_queue_take(&mutex->queue);
        own(mutex, sync_flow_of(next), next->of->waiter.sched);
        if (sync_queue_empty(&mutex->queue))
            STORE(mutex->state, MUTEX_LOCKED);
    } else {
        sync_queue_take(&mutex->queue);
        /* Release: the next owner sees what this one wrote. */
        atomic_store_explicit(&mutex->state, MUTEX_FREE, memory_order_release);
    }
    guard_leave(&mutex->guard);
    if (next)
        sync_signal(next);
    return next != NULL;
}

/* Sets it free, unless it is contended. */
static inline bool set_free(struct mutex *mutex)
{
    uint32_t state = MUTEX_LOCKED;

    if (mutex->guard.only) {
        if (unlikely(LOAD(mutex->state) != MUTEX_LOCKED))
            return false;
        STORE(mutex->state, MUTEX_FREE);
        return true;
    }
    /* Release: the next owner sees what this one wrote. */
    return atomic_compare_exchange_strong_explicit(&mutex->state, &state, MUTEX_FREE,
                                                   memory_order_release, memory_order_relaxed);
}

static void release(struct mutex *mutex)
{
    STORE(mutex->owner, NULL);
    while (!set_free(mutex) && !pass_on(mutex))
        ;
}

/* Of a thread, recursive, contended, or not the caller's. */
static __attribute__((noinline)) int unlock_otherwise(struct mutex *mutex)
{
    if (LOAD(mutex->owner) != sync_self())
        return (int)io_result(-EPERM);
    if (mutex->depth)
        mutex->depth--;
    else
        release(mutex);
    return 0;
}

int dure_mutex_unlock(dure_mutex *public_mutex)
{
    struct mutex *mutex = mutex_of(public_mutex);
    struct task *task = task_current();

    if (unlikely(!task || LOAD(mutex->owner) != &task->flow || mutex->depth))
        return unlock_otherwise(mutex);
    STORE(mutex->owner, NULL);
    if (likely(set_free(mutex)))
        return 0;
    STORE(mutex->owner, &task->flow); /* somebody has just come to wait */
    return unlock_otherwise(mutex);
}

uint32_t mutex_release(struct mutex *mutex)
{
    uint32_t depth = mutex->depth;

    mutex->depth = 0;
    release(mutex);
    return depth;
}

void mutex_regain(struct mutex *mutex, uint32_t depth)
{
    struct flow *self = sync_self();

    if (!take(mutex, self, sched_here))
        wait_for(mutex, self, AT_ANY_COST, 0);
    mutex->depth = depth;
}
