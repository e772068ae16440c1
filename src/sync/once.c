/* What is to be done once. */
#include "sync/queue.h"

#include "loop/loop.h"

#include <dure/once.h>

#include <errno.h>

struct once {
    struct guard guard; /* of all but done, which is read without it */
    struct sync_queue queue;
    _Atomic(struct flow *) runner; /* who is at it; relaxed, as a mutex's owner */
    _Atomic uint32_t done;
};
_Static_assert(sizeof(struct once) <= sizeof(dure_once), "the public once is too small");

static const char what[] = "a once";

/* Returns true if the caller is to do it; else *error is 0, as it is done, or -errno. */
static bool begin(struct once *once, struct flow *self, int *error)
{
    struct sync_wait wait;

    sync_wait_init(&wait, "call once", &once->guard, &once->queue);
    waiter_init(&wait.waiter);
    guard_enter(&once->guard, what);
    *error = 0;
    if (LOAD(once->done)) {
        guard_leave(&once->guard);
        return false;
    }
    if (!LOAD(once->runner)) {
        STORE(once->runner, self);
        guard_leave(&once->guard);
        return true;
    }
    if (!sched_may_wait()) {
        guard_leave(&once->guard);
        *error = -EDEADLK;
        return false;
    }
    sync_queue_push(&once->queue, &wait.node);
    guard_leave(&once->guard);
    *error = sync_wait_for(&wait, 0);
    return *error == 0 && LOAD(once->runner) == self;
}

/* It is done, for all; or it failed, and the next one is to do it. */
static void finish(struct once *once, bool done)
{
    struct sync_node *next;

    guard_enter(&once->guard, what);
    next = done ? sync_queue_take_all(&once->queue) : sync_queue_take(&once->queue);
    STORE(once->runner, !done && next ? sync_flow_of(next) : NULL);
    /* Release: whoever finds it done sees what was done. */
    atomic_store_explicit(&once->done, done, memory_order_release);
    guard_leave(&once->guard);
    if (done)
        sync_signal_all(next);
    else if (next)
        sync_signal(next);
}

int dure_call_once(dure_once *public_once, dure_fn *fn, void *arg)
{
    struct once *once = (struct once *)(void *)public_once;
    struct flow *self;
    int error, result;

    /* Acquire: see finish(). */
    if (likely(atomic_load_explicit(&once->done, memory_order_acquire)))
        return 0;
    self = sync_self();
    error = LOAD(once->runner) == self ? -EDEADLK : io_entry_refused();
    if (error < 0 || !begin(once, self, &error))
        return (int)io_result(error);
    result = fn(arg);
    error = errno;
    finish(once, result == 0);
    errno = error;
    return result == 0 ? 0 : -1;
}
