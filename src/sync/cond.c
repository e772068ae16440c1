/* Condition variables. */
#include "sync/mutex.h"

#include "loop/loop.h"

#include <dure/cond.h>

#include <errno.h>

struct cond {
    struct guard guard;
    struct sync_queue queue;
};
_Static_assert(sizeof(struct cond) <= sizeof(dure_cond), "the public condition is too small");

static struct cond *cond_of(dure_cond *cond)
{
    return (struct cond *)(void *)cond;
}

int dure_cond_init(dure_cond *cond, unsigned flags)
{
    int error = guard_check(flags, 0);

    if (error == 0)
        *cond_of(cond) = (struct cond){ .guard = guard_make(flags) };
    return (int)io_result(error);
}

int dure_cond_timedwait(dure_cond *public_cond, dure_mutex *public_mutex, dure_deadline deadline)
{
    struct mutex *mutex = mutex_of(public_mutex);
    struct cond *cond = cond_of(public_cond);
    struct sync_wait wait;
    uint32_t depth;
    int error;

    if (LOAD(mutex->owner) != sync_self())
        return (int)io_result(-EPERM);
    if (!sched_may_wait())
        return (int)io_result(-EDEADLK);
    error = io_entry_refused();
    if (error < 0)
        return (int)io_result(error);
    sync_wait_init(&wait, "condition", &cond->guard, &cond->queue);
    waiter_init(&wait.waiter);
    guard_enter(&cond->guard, "a condition");
    sync_queue_push(&cond->queue, &wait.node);
    guard_leave(&cond->guard);
    depth = mutex_release(mutex);
    error = sync_wait_for(&wait, deadline.at_ns);
    mutex_regain(mutex, depth);
    return (int)io_result(error);
}

int dure_cond_wait(dure_cond *cond, dure_mutex *mutex)
{
    return dure_cond_timedwait(cond, mutex, (dure_deadline){ 0 });
}

void dure_cond_signal(dure_cond *public_cond)
{
    struct cond *cond = cond_of(public_cond);
    struct sync_node *node;

    guard_enter(&cond->guard, "a condition");
    node = sync_queue_take(&cond->queue);
    guard_leave(&cond->guard);
    if (node)
        sync_signal(node);
}

void dure_cond_broadcast(dure_cond *public_cond)
{
    struct cond *cond = cond_of(public_cond);
    struct sync_node *all;

    guard_enter(&cond->guard, "a condition");
    all = sync_queue_take_all(&cond->queue);
    guard_leave(&cond->guard);
    sync_signal_all(all);
}
