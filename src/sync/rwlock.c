/* Read-write locks. */
#include "sync/object.h"

#include "loop/loop.h"

#include <dure/rwlock.h>

#include <errno.h>

/* The number in the object's word: a writer, or so many readers. */
enum {
    WRITER = 2,
    READER = 4,
};
#define READERS_FULL 0x80000000u

struct rwlock {
    struct sync_object object;
    /* The writer; relaxed: whoever finds itself there put itself there, or was signaled since. */
    _Atomic(struct flow *) owner;
};
_Static_assert(sizeof(struct rwlock) <= sizeof(dure_rwlock), "the public lock is too small");

static const char what[] = "a read-write lock";

static struct rwlock *rwlock_of(dure_rwlock *lock)
{
    return (struct rwlock *)(void *)lock;
}

int dure_rwlock_init(dure_rwlock *lock, unsigned flags)
{
    int error = guard_check(flags, 0);

    if (error == 0)
        *rwlock_of(lock) = (struct rwlock){ .object.guard = guard_make(flags) };
    return (int)io_result(error);
}

/* --- locking --- */

/* Those of whom any keeps one of this kind out. */
static inline uint32_t obstacles(uint32_t kind)
{
    return kind == READER ? WRITER | READERS_FULL : ~OBJECT_QUEUED;
}

/* Takes it if nobody is in the way or queued. */
static inline bool take(struct rwlock *lock, uint32_t kind)
{
    uint32_t state = object_state(&lock->object, what);

    while (likely(!(state & (obstacles(kind) | OBJECT_QUEUED)))) {
        if (unlikely(!object_change(&lock->object, &state, state + kind)))
            continue;
        if (kind == WRITER)
            STORE(lock->owner, sync_self());
        return true;
    }
    return false;
}

/* Under the guard: all whose turn it is get it, a writer or readers up to the next writer. Returns
   them as a list; *state is what the word becomes. */
static struct sync_node *grant(struct rwlock *lock, uint32_t *state)
{
    struct sync_node *first = NULL, **end = &first, *node;

    while ((node = lock->object.queue.first)) {
        uint32_t kind = *(const uint32_t *)node->item;

        if (*state & obstacles(kind))
            break;
        sync_queue_take(&lock->object.queue);
        *state += kind;
        if (kind == WRITER)
            STORE(lock->owner, sync_flow_of(node));
        *end = node;
        end = &node->next;
    }
    *end = NULL;
    return first;
}

/* A writer who gave up may have stood between readers. */
static struct sync_node *left(struct sync_wait *wait)
{
    struct rwlock *lock = container_of(wait->queue, struct rwlock, object.queue);
    uint32_t state = LOAD(lock->object.state) & ~OBJECT_QUEUED;
    struct sync_node *granted = grant(lock, &state);

    object_set(&lock->object, state);
    return granted;
}

enum {
    AT_ANY_COST, /* is not cancelled */
    UNLESS_ENDED,
};

static int wait_for(struct rwlock *lock, uint32_t kind, int how, int64_t until_ns)
{
    struct sync_wait wait;
    uint32_t state;
    bool granted;

    sync_wait_init(&wait, kind == READER ? "read lock" : "write lock", &lock->object.guard,
                   &lock->object.queue);
    wait.node.item = &kind;
    wait.left = left;
    waiter_init(&wait.waiter);
    state = object_enter(&lock->object, what);
    sync_queue_push(&lock->object.queue, &wait.node);
    /* Its turn may have come by now, and nobody else's; read under the guard, as afterwards others
       may grant it. */
    granted = grant(lock, &state) == &wait.node;
    object_leave(&lock->object, state);
    if (granted)
        return 0;
    if (how == UNLESS_ENDED)
        return sync_wait_for(&wait, until_ns);
    sync_wait_out(&wait);
    return 0;
}

static __attribute__((noinline)) int lock_slowly(struct rwlock *lock, uint32_t kind, int how,
                                                 int64_t until_ns)
{
    if (LOAD(lock->owner) == sync_self() || !sched_may_wait())
        return -EDEADLK;
    if (LOAD(lock->object.state) & READERS_FULL)
        return -EAGAIN;
    return wait_for(lock, kind, how, until_ns);
}

static inline int lock_plainly(struct rwlock *lock, uint32_t kind)
{
    if (likely(take(lock, kind)))
        return 0;
    return (int)io_result(lock_slowly(lock, kind, AT_ANY_COST, 0));
}

static inline int lock_timed(struct rwlock *lock, uint32_t kind, dure_deadline deadline)
{
    int error = io_entry_refused();

    if (likely(error == 0 && !take(lock, kind)))
        error = lock_slowly(lock, kind, UNLESS_ENDED, deadline.at_ns);
    return (int)io_result(error);
}

/* Somebody entered who need not have come to wait: not taken for a reason. */
static bool take_entered(struct rwlock *lock, uint32_t kind)
{
    uint32_t state = object_enter(&lock->object, what);
    bool can = sync_queue_empty(&lock->object.queue) && !(state & obstacles(kind));

    if (can && kind == WRITER)
        STORE(lock->owner, sync_self());
    object_leave(&lock->object, can ? state + kind : state);
    return can;
}

static inline int try(struct rwlock *lock, uint32_t kind)
{
    if (likely(take(lock, kind)))
        return 0;
    if (!(LOAD(lock->object.state) & obstacles(kind)) && take_entered(lock, kind))
        return 0;
    return (int)io_result(LOAD(lock->owner) == sync_self() ? -EDEADLK : -EBUSY);
}

int dure_rwlock_rdlock(dure_rwlock *lock)
{
    return lock_plainly(rwlock_of(lock), READER);
}

int dure_rwlock_wrlock(dure_rwlock *lock)
{
    return lock_plainly(rwlock_of(lock), WRITER);
}

int dure_rwlock_rdlock_cancelable(dure_rwlock *lock)
{
    return lock_timed(rwlock_of(lock), READER, (dure_deadline){ 0 });
}

int dure_rwlock_wrlock_cancelable(dure_rwlock *lock)
{
    return lock_timed(rwlock_of(lock), WRITER, (dure_deadline){ 0 });
}

int dure_rwlock_timedrdlock(dure_rwlock *lock, dure_deadline deadline)
{
    return lock_timed(rwlock_of(lock), READER, deadline);
}

int dure_rwlock_timedwrlock(dure_rwlock *lock, dure_deadline deadline)
{
    return lock_timed(rwlock_of(lock), WRITER, deadline);
}

int dure_rwlock_tryrdlock(dure_rwlock *lock)
{
    return try(rwlock_of(lock), READER);
}

int dure_rwlock_trywrlock(dure_rwlock *lock)
{
    return try(rwlock_of(lock), WRITER);
}

/* --- unlocking --- */

/* Somebody may be queued; false, with nothing done, if they have given up. */
static __attribute__((noinline)) bool pass_on(struct rwlock *lock, uint32_t *state, uint32_t kind)
{
    struct sync_node *granted;

    if (!object_enter_queued(&lock->object, what, state))
        return false;
    *state -= kind;
    granted = grant(lock, state);
    object_leave(&lock->object, *state);
    sync_signal_all(granted);
    return true;
}

static inline void release(struct rwlock *lock, uint32_t state, uint32_t kind)
{
    do {
        while (likely(!(state & OBJECT_QUEUED)))
            if (likely(object_change(&lock->object, &state, state - kind)))
                return;
    } while (!pass_on(lock, &state, kind));
}

int dure_rwlock_unlock(dure_rwlock *public_lock)
{
    struct rwlock *lock = rwlock_of(public_lock);
    uint32_t state = object_state(&lock->object, what);

    /* Whoever has it finds here what it has itself: no other can come or go that would change it. */
    if (state & WRITER) {
        if (unlikely(LOAD(lock->owner) != sync_self()))
            return (int)io_result(-EPERM);
        STORE(lock->owner, NULL);
        release(lock, state, WRITER);
    } else {
        if (unlikely(state < READER))
            return (int)io_result(-EPERM);
        release(lock, state, READER);
    }
    return 0;
}
