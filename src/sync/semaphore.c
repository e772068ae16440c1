/* Semaphores. While somebody is queued the value is 0: what is posted goes to the first of them. */
#include "sync/object.h"

#include "loop/loop.h"

#include <dure/semaphore.h>

#include <errno.h>

#define ONE 2u /* of the value, in the object's word */

struct semaphore {
    struct sync_object object;
};
_Static_assert(sizeof(struct semaphore) <= sizeof(dure_sem), "the public semaphore is too small");

static const char what[] = "a semaphore";

static inline struct sync_object *object_of(dure_sem *sem)
{
    return &((struct semaphore *)(void *)sem)->object;
}

int dure_sem_init(dure_sem *sem, unsigned value, unsigned flags)
{
    int error = value > DURE_SEM_MAX ? -EINVAL : guard_check(flags, 0);

    if (error == 0) {
        *object_of(sem) = (struct sync_object){ .guard = guard_make(flags) };
        STORE(object_of(sem)->state, value * ONE);
    }
    return (int)io_result(error);
}

static inline bool take(struct sync_object *object)
{
    uint32_t state = object_state(object, what);

    while (likely(state >= ONE && !(state & OBJECT_QUEUED)))
        if (likely(object_change(object, &state, state - ONE)))
            return true;
    return false;
}

/* Takes it, or queues. */
static bool take_or_queue(struct sync_object *object, struct sync_node *node)
{
    uint32_t state = object_enter(object, what);
    bool can = state >= ONE; /* then nobody is queued */

    if (!can && node)
        sync_queue_push(&object->queue, node);
    object_leave(object, can ? state - ONE : state);
    return can;
}

static __attribute__((noinline)) int wait_for(struct sync_object *object, int64_t until_ns)
{
    struct sync_wait wait;

    if (!sched_may_wait())
        return -EDEADLK;
    sync_wait_init(&wait, "semaphore", &object->guard, &object->queue);
    waiter_init(&wait.waiter);
    return take_or_queue(object, &wait.node) ? 0 : sync_wait_for(&wait, until_ns);
}

int dure_sem_timedwait(dure_sem *sem, dure_deadline deadline)
{
    int error = io_entry_refused();

    if (likely(error == 0 && !take(object_of(sem))))
        error = wait_for(object_of(sem), deadline.at_ns);
    return (int)io_result(error);
}

int dure_sem_wait(dure_sem *sem)
{
    struct task *task = task_current();

    /* A task that goes on at once saves no registers for the rest. */
    if (likely(task && LOAD(task->flow.level) != LEVEL_ENDED && take(object_of(sem))))
        return 0;
    return dure_sem_timedwait(sem, (dure_deadline){ 0 });
}

int dure_sem_trywait(dure_sem *sem)
{
    struct sync_object *object = object_of(sem);
    /* Where something is left, but somebody is just coming to queue, it is looked at in turn. */
    bool taken = take(object) || (LOAD(object->state) >= ONE && take_or_queue(object, NULL));

    return (int)io_result(taken ? 0 : -EAGAIN);
}

/* Gives it to the first in the queue; false if they have given up. */
static __attribute__((noinline)) bool hand_over(struct sync_object *object, uint32_t *state)
{
    struct sync_node *next;

    if (!object_enter_queued(object, what, state))
        return false;
    next = sync_queue_take(&object->queue);
    object_leave(object, *state);
    sync_signal(next);
    return true;
}

int dure_sem_post(dure_sem *sem)
{
    struct sync_object *object = object_of(sem);
    uint32_t state = object_state(object, what);

    do {
        while (likely(!(state & OBJECT_QUEUED))) {
            if (unlikely(state == DURE_SEM_MAX * ONE))
                return (int)io_result(-EOVERFLOW);
            if (likely(object_change(object, &state, state + ONE)))
                return 0;
        }
    } while (!hand_over(object, &state));
    return 0;
}

unsigned dure_sem_value(const dure_sem *sem)
{
    return LOAD(((const struct semaphore *)(const void *)sem)->object.state) / ONE;
}
