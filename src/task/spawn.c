/* A task's life outside its own function: made, placed, released. */
#include "task/scope.h"

#include <dure/run.h>
#include <dure/task.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void task_main(void *arg);

/* Sixteen bytes of alignment suit every type of C. */
#define ARGUMENT_ALIGN 16

static void set_name(struct task *task, const char *name)
{
    size_t len = strlen(name);

    if (len > TASK_NAME_LEN - 1)
        len = TASK_NAME_LEN - 1;
    memcpy(task->name, name, len);
    task->name[len] = '\0';
}

int task_create(struct stack_cache *stacks, size_t stack_size, const char *name, dure_fn *fn,
                const void *arg, size_t len, struct task **out, const char **why)
{
    struct stack stack;
    struct task *task;
    char *top;
    int error;

    if (len > stack_size / 2) {
        *why = "the argument is larger than half of the task's stack";
        return -EINVAL;
    }
    error = stack_take(stacks, stack_size, &stack, why);
    if (error < 0)
        return error;
    top = stack.top - ((sizeof *task + 63) & ~(size_t)63);
    task = (struct task *)(void *)top;
    task->stack = stack;
    task->wait = NULL;
    task->state = TASK_UNSTARTED;
    task->failed = task->recheck = task->gone = task->at_home = 0;
    task->flow = (struct flow){ .task = task };
    task->fn = fn;
    task->arg = (void *)(uintptr_t)arg;
    if (len) {
        top -= (len + ARGUMENT_ALIGN - 1) & ~(size_t)(ARGUMENT_ALIGN - 1);
        task->arg = memcpy(top, arg, len);
    }
    set_name(task, name);
    fiber_init(&task->fiber, stack.low, top, task_main, task);
    *out = task;
    return 0;
}

static void deliver_end(struct message *message)
{
    task_release(container_of(message, struct task, message));
}

/* The task starts on this loop and nowhere else. */
static void pin(struct sched *sched, struct task *task)
{
    task_started(sched, task);
    list_push_back(&sched->ready, &task->queue);
}

/* It has arrived on the loop where it is to start. */
static void deliver_pinned(struct message *message)
{
    struct task *task = container_of(message, struct task, message);
    struct sched *sched = sched_here;

    message->deliver = deliver_end;
    atomic_fetch_sub_explicit(&sched->coming, 1, memory_order_relaxed);
    scope_tell_task(task);
    pin(sched, task);
}

static void queue_unstarted(struct sched *sched, struct task *task)
{
    spin_lock(&sched->unstarted_lock);
    list_push_back(&sched->unstarted, &task->queue);
    /* Sequentially consistent: before the look at who is idle, in sched_offer. */
    atomic_fetch_add_explicit(&sched->unstarted_len, 1, memory_order_seq_cst);
    spin_unlock(&sched->unstarted_lock);
    sched_offer(sched);
}

/* Which loop a place means, to one on `here`; NULL: any that is idle. */
static struct sched *place_sched(int place, struct sched *here)
{
    if (place == DURE_THIS_LOOP)
        return here;
    if (place == DURE_LEAST_LOADED)
        return sched_least_loaded();
    if (place > 0)
        return sched_group.scheds[place - 1];
    return NULL;
}

void task_place(struct task *task)
{
    struct sched *here = sched_here;
    struct sched *there = here;

    if (sched_group.len > 1)
        there = place_sched(task->place, here);
    task->number = (uint64_t)here->number << 48 | ++here->next_number;
    task->message.deliver = deliver_end;
    task->sched = there ? there : here;
    if (there == here) {
        task->at_home = 1;
        pin(here, task);
    } else if (!there) {
        queue_unstarted(here, task);
    } else {
        atomic_fetch_add_explicit(&there->coming, 1, memory_order_relaxed);
        task->message.deliver = deliver_pinned;
        sched_post(there, &task->message);
    }
}

void task_release(struct task *task)
{
    struct scope *home = task->flow.home;

    if (task->recheck) { /* a message to it is under way: it comes back here */
        task->gone = 1;
        return;
    }
    list_remove(&task->siblings);
    if (task->failed)
        scope_fail(home, task);
    free(task->flow.why);
    fiber_fini(&task->fiber);
    stack_give(sched_here->stacks, &task->stack);
    home->live--;
    scope_left(home);
}

/* --- spawning --- */

/* Stacks for tasks that plain threads make: under a lock, as they have no cache of their own. */
static pthread_mutex_t foreign_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stack_cache *foreign_stacks;

static int create_here(size_t stack_size, const char *name, dure_fn *fn, const void *arg,
                       size_t len, struct task **out, const char **why)
{
    int error;

    if (sched_here)
        return task_create(sched_here->stacks, stack_size, name, fn, arg, len, out, why);
    pthread_mutex_lock(&foreign_lock);
    if (!foreign_stacks)
        foreign_stacks = stack_cache_create(true);
    error = -ENOMEM;
    if (foreign_stacks)
        error = task_create(foreign_stacks, stack_size, name, fn, arg, len, out, why);
    pthread_mutex_unlock(&foreign_lock);
    return error;
}

/* The scope takes the task in. Home's thread. */
static void adopt(struct scope *scope, struct task *task)
{
    task->flow.home = scope;
    task->flow.home_level = atomic_load_explicit(&scope->tasks_level, memory_order_relaxed);
    atomic_store_explicit(&task->flow.level, task->flow.home_level, memory_order_relaxed);
    list_push_back(&scope->tasks, &task->siblings);
    if (scope->event)
        scope->event(scope, SCOPE_FILLED);
    task_place(task);
}

/* A task from elsewhere has arrived at its home. */
static void deliver_adoption(struct message *message)
{
    struct task *task = container_of(message, struct task, message);
    struct scope *scope = task->flow.home;

    if (!scope->live_max) /* else the spawner has taken a place already */
        scope->live++;
    adopt(scope, task);
    atomic_fetch_sub_explicit(&scope->foreign, 1, memory_order_relaxed);
    if (scope->event)
        scope->event(scope, SCOPE_ADOPTED);
    scope_left(scope);
}

static int refuse(struct flow *flow, int error, const char *why)
{
    if (flow && why)
        flow_say(flow, "%s", why);
    errno = -error;
    return -1;
}

static void spawn_foreign(struct scope *scope, struct task *task)
{
    task->flow.home = scope;
    task->message.deliver = deliver_adoption;
    /* Relaxed: the message carries what matters; the close looks at the count only after its
       opener has made sure that nobody spawns any more. */
    atomic_fetch_add_explicit(&scope->foreign, 1, memory_order_relaxed);
    sched_post(scope->home, &task->message);
}

/* The scope or the spawner's own scopes have ended. */
static int refuse_canceled(struct scope *scope, struct flow *flow)
{
    scope_feel(scope);
    if (flow && LOAD(flow->level) == LEVEL_ENDED)
        flow_feel(flow);
    return refuse(flow, -ECANCELED, NULL);
}

/* Where a spawner's wish leads, told so that it means the same on the scope's loop. */
static int place_of(const struct scope *scope, const struct sched *spawner, int place)
{
    if (scope->flags & DURE_SAME_LOOP)
        return DURE_LOOP((int)scope->home->number);
    if (place == DURE_THIS_LOOP && spawner)
        return DURE_LOOP((int)spawner->number);
    return place;
}

int dure_spawn_with(dure_scope *public_scope, const dure_spawn_options *options, dure_fn *fn,
                    const void *arg, size_t len)
{
    static const dure_spawn_options plain;
    struct scope *scope = scope_of(public_scope);
    struct sched *sched = sched_here;
    struct flow *flow = flow_current();
    const char *why = NULL;
    struct task *task;
    bool local = sched && sched == scope->home;
    int error;

    if (!options)
        options = &plain;
    if (unlikely(task_forked))
        return refuse(flow, -EPERM, "a forked child may only exec or _exit, not spawn");
    if (!scope->home) /* otherwise the scope keeps the run */
        return refuse(flow, -EPERM, "no run is active, or the scope was opened before it began");
    if (options->place < DURE_LEAST_LOADED || options->place > (int)sched_group.len ||
        (options->flags & ~DURE_NO_WAIT))
        return refuse(flow, -EINVAL, "a spawn option is out of range");
    /* Its end may be on its way yet, sent by this very thread. */
    if (LOAD(scope->level) == LEVEL_ENDED || LOAD(scope->end_sent))
        return refuse_canceled(scope, flow);
    if (local || scope->live_max) {
        error = scope_take_place(scope, options->flags);
        if (error < 0)
            return error == -ECANCELED ? refuse_canceled(scope, flow) : refuse(flow, error, NULL);
    }
    error = create_here(options->stack_size ? options->stack_size : task_stack_size,
                        options->name             ? options->name
                        : sched && sched->current ? sched->current->name
                                                  : "task",
                        fn, arg, len, &task, &why);
    if (error < 0) {
        if (local || scope->live_max)
            scope_return_place(scope);
        return refuse(flow, error, why);
    }
    task->place = place_of(scope, sched, options->place);
    if (local)
        adopt(scope, task);
    else
        spawn_foreign(scope, task);
    return 0;
}

int dure_spawn(dure_scope *scope, dure_fn *fn, const void *arg, size_t len)
{
    return dure_spawn_with(scope, NULL, fn, arg, len);
}

const char *dure_task_name(void)
{
    struct task *task = task_current();

    return task ? task->name : "";
}

void dure_task_set_name(const char *name)
{
    struct task *task = task_current();

    if (task)
        set_name(task, name);
}
