/* Barriers. */
#include "sync/queue.h"

#include "loop/loop.h"

#include <dure/barrier.h>

#include <errno.h>

struct barrier {
    uint64_t count; /* the first word: DURE_BARRIER_INIT sets it */
    uint64_t arrived;
    struct guard guard; /* of arrived and the queue */
    struct sync_queue queue;
};
_Static_assert(sizeof(struct barrier) <= sizeof(dure_barrier), "the public barrier is too small");

static const char what[] = "a barrier";

static struct barrier *barrier_of(dure_barrier *barrier)
{
    return (struct barrier *)(void *)barrier;
}

int dure_barrier_init(dure_barrier *barrier, unsigned count, unsigned flags)
{
    int error = count == 0 ? -EINVAL : guard_check(flags, 0);

    if (error == 0)
        *barrier_of(barrier) = (struct barrier){ .count = count, .guard = guard_make(flags) };
    return (int)io_result(error);
}

static struct sync_node *left(struct sync_wait *wait)
{
    container_of(wait->queue, struct barrier, queue)->arrived--;
    return NULL;
}

/* The last one has come: the others go on, and the next round begins. */
static int open_for_all(struct barrier *barrier)
{
    struct sync_node *all = sync_queue_take_all(&barrier->queue);

    barrier->arrived = 0;
    guard_leave(&barrier->guard);
    sync_signal_all(all);
    return DURE_BARRIER_SERIAL_TASK;
}

int dure_barrier_wait(dure_barrier *public_barrier)
{
    struct barrier *barrier = barrier_of(public_barrier);
    struct sync_wait wait;
    int error = barrier->count == 0 ? -EINVAL : io_entry_refused();

    if (error == 0 && !sched_may_wait())
        error = -EDEADLK;
    if (error < 0)
        return (int)io_result(error);
    sync_wait_init(&wait, "barrier", &barrier->guard, &barrier->queue);
    wait.left = left;
    waiter_init(&wait.waiter);
    guard_enter(&barrier->guard, what);
    if (++barrier->arrived == barrier->count)
        return open_for_all(barrier);
    sync_queue_push(&barrier->queue, &wait.node);
    guard_leave(&barrier->guard);
    return (int)io_result(sync_wait_for(&wait, 0));
}
