/* Wait groups. */
#include "sync/object.h"

#include "loop/loop.h"

#include <dure/wait_group.h>

#include <errno.h>

#define ONE 2u /* of the count, in the object's word */
#define COUNT_MAX (UINT32_MAX / ONE)

struct wait_group {
    struct sync_object object;
};
_Static_assert(sizeof(struct wait_group) <= sizeof(dure_wait_group), "the public one is too small");

static const char what[] = "a wait group";

static inline struct sync_object *object_of(dure_wait_group *group)
{
    return &((struct wait_group *)(void *)group)->object;
}

int dure_wait_group_init(dure_wait_group *group, unsigned flags)
{
    int error = guard_check(flags, 0);

    if (error == 0)
        *object_of(group) = (struct sync_object){ .guard = guard_make(flags) };
    return (int)io_result(error);
}

static inline uint32_t plus(uint32_t state, uint32_t count)
{
    if (unlikely(count > COUNT_MAX - state / ONE))
        die("a wait group of more than %u, in task \"%s\"", COUNT_MAX, dure_task_name());
    return state + count * ONE;
}

static inline uint32_t minus_one(uint32_t state)
{
    if (unlikely(state < ONE))
        die("a wait group was told dure_wait_group_done more often than dure_wait_group_add, "
            "by task \"%s\"",
            dure_task_name());
    return state - ONE;
}

void dure_wait_group_add(dure_wait_group *group, unsigned count)
{
    struct sync_object *object = object_of(group);
    uint32_t state = object_state(object, what);

    do {
        while (likely(!(state & OBJECT_QUEUED)))
            if (likely(object_change(object, &state, plus(state, count))))
                return;
    } while (!object_enter_queued(object, what, &state));
    object_leave(object, plus(state, count));
}

/* Somebody is queued; false if they have given up. */
static __attribute__((noinline)) bool count_down(struct sync_object *object, uint32_t *state)
{
    struct sync_node *all = NULL;

    if (!object_enter_queued(object, what, state))
        return false;
    *state = minus_one(*state);
    if (*state == 0)
        all = sync_queue_take_all(&object->queue);
    object_leave(object, *state);
    sync_signal_all(all);
    return true;
}

void dure_wait_group_done(dure_wait_group *group)
{
    struct sync_object *object = object_of(group);
    uint32_t state = object_state(object, what);

    do {
        while (likely(!(state & OBJECT_QUEUED)))
            if (likely(object_change(object, &state, minus_one(state))))
                return;
    } while (!count_down(object, &state));
}

int dure_wait_group_wait(dure_wait_group *group)
{
    struct sync_object *object = object_of(group);
    struct sync_wait wait;
    uint32_t state;
    int error = io_entry_refused();

    /* Acquire: sees what was done. */
    if (error == 0 && atomic_load_explicit(&object->state, memory_order_acquire) < ONE)
        return 0;
    if (error == 0 && !sched_may_wait())
        error = -EDEADLK;
    if (error < 0)
        return (int)io_result(error);
    sync_wait_init(&wait, "wait group", &object->guard, &object->queue);
    waiter_init(&wait.waiter);
    state = object_enter(object, what);
    if (state == 0) {
        object_leave(object, 0);
        return 0;
    }
    sync_queue_push(&object->queue, &wait.node);
    object_leave(object, state);
    return (int)io_result(sync_wait_for(&wait, 0));
}
