/* Tasks of the run itself: whoever starts them need not wait for them. */
#include "loop/loop.h"

#include <errno.h>

struct runtime *runtime_hold(void)
{
    return flow_hold_run(flow_current()) ? runtime_active : NULL;
}

void runtime_let_go(struct runtime *runtime)
{
    ASSERT(runtime == runtime_active);
    sched_release();
}

/* From a plain thread, or between the turns of a loop: nothing keeps the run from ending meanwhile
   but the hold. */
static int go_from_outside(dure_fn *fn, const void *arg, size_t len)
{
    struct runtime *runtime = runtime_hold();
    int result, error;

    if (!runtime)
        return dure_fail(EPERM, task_forked ? "a forked child may only exec or _exit, not spawn"
                                            : "no run is active: dure_go is for tasks and threads "
                                              "during dure_run");
    result = dure_spawn((dure_scope *)(void *)&runtime->loops[0]->root, fn, arg, len);
    if (result == 0 && !sched_here)
        return 0; /* the task's arrival lets go, see root_event */
    error = errno;
    runtime_let_go(runtime);
    errno = error;
    return result;
}

int dure_go(dure_fn *fn, const void *arg, size_t len)
{
    struct scope *root;

    if (unlikely(!task_current()))
        return go_from_outside(fn, arg, len);
    root = unlikely(world_here()->simulated) ? hosts_root() : NULL;
    return dure_spawn((dure_scope *)(void *)(root ? root : &loop_here()->root), fn, arg, len);
}
