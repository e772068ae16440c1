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

/* Makes a task that is in no queue and no scope yet and has no name. Returns 0 or -errno, with words
   in *why. */
static inline int create(struct stack_cache *stacks, size_t stack_size, dure_fn *fn,
                         const void *arg, size_t len, struct task **out, const char **why)
{
    struct stack stack;
    struct task *task;
    char *top;
    int error;

    if (unlikely(len > stack_size / 2)) {
        *why = "the argument is larger than half of the task's stack";
        return -EINVAL;
    }
    error = stack_take(stacks, stack_size, &stack, why);
    if (unlikely(error < 0))
        return error;
    top = stack.top - ((sizeof *task + 63) & ~(size_t)63);
    task = (struct task *)(void *)top;
    task->stack.low = stack.low; /* not the whole at once: it has just been written by parts */
    task->stack.top = stack.top;
    task->stack.class = stack.class;
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
    fiber_init(&task->fiber, stack.low, top, task_main, task);
    *out = task;
    return 0;
}

static void deliver_end(struct message *message)
{
    task_release(container_of(message, struct task, message));
}

/* The task starts on this loop and nowhere else. */
static inline void pin(struct sched *sched, struct task *task)
{
    task_started(sched, task);
    fifo_push(&sched->ready, &task->queue);
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

static __attribute__((noinline)) void queue_unstarted(struct sched *sched, struct task *task)
{
    spin_lock(&sched->unstarted_lock);
    fifo_push(&sched->unstarted, &task->queue);
    /* Sequentially consistent: before the look at who is idle, in sched_offer. */
    atomic_fetch_add_explicit(&sched->unstarted_len, 1, memory_order_seq_cst);
    spin_unlock(&sched->unstarted_lock);
    sched->detours |= DETOUR_UNSTARTED;
    sched_offer(sched);
}

/* Which loop a place means, to one on `here`; NULL: any that is idle. */
static inline struct sched *place_sched(int place, struct sched *here)
{
    if (place == DURE_THIS_LOOP)
        return here;
    if (place == DURE_LEAST_LOADED)
        return sched_least_loaded();
    if (place > 0)
        return sched_group.scheds[place - 1];
    return NULL;
}

static inline void place(struct task *task)
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

void task_leave(struct task *task)
{
    struct scope *home = task->flow.home;

    list_remove(&task->siblings);
    if (unlikely(task->failed))
        scope_fail(home, task);
    if (unlikely(task->flow.why != NULL))
        free(task->flow.why);
    task->flow.home = NULL;
    home->live--;
    scope_left(home);
}

void task_free(struct task *task)
{
    fiber_fini(&task->fiber);
    stack_give(sched_here->stacks, &task->stack);
}

void task_release(struct task *task)
{
    if (task->recheck) { /* a message to it is under way: it comes back here */
        task->gone = 1;
        return;
    }
    task_leave(task);
    task_free(task);
}

/* --- spawning --- */

/* Stacks for tasks that plain threads make: under a lock, as they have no cache of their own. */
static pthread_mutex_t foreign_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stack_cache *foreign_stacks[2]; /* without guards, with */

static __attribute__((noinline)) int create_outside(size_t stack_size, dure_fn *fn, const void *arg,
                                                    size_t len, struct task **out, const char **why)
{
    struct stack_cache **stacks = &foreign_stacks[sched_group.guards];
    int error;

    pthread_mutex_lock(&foreign_lock);
    if (!*stacks)
        *stacks = stack_cache_create(sched_group.guards);
    error = -ENOMEM;
    if (*stacks)
        error = create(*stacks, stack_size, fn, arg, len, out, why);
    pthread_mutex_unlock(&foreign_lock);
    return error;
}

/* The scope takes the task in. Home's thread. */
static inline void adopt(struct scope *scope, struct task *task)
{
    task->flow.home = scope;
    task->flow.home_level = atomic_load_explicit(&scope->tasks_level, memory_order_relaxed);
    atomic_store_explicit(&task->flow.level, task->flow.home_level, memory_order_relaxed);
    list_push_back(&scope->tasks, &task->siblings);
    if (unlikely(scope->event != NULL))
        scope->event(scope, SCOPE_FILLED);
    place(task);
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

static __attribute__((noinline)) int refuse(int error, const char *why)
{
    struct flow *flow = flow_current();

    if (flow && why)
        flow_say(flow, "%s", why);
    errno = -error;
    return -1;
}

static __attribute__((noinline)) void spawn_foreign(struct scope *scope, struct task *task)
{
    task->flow.home = scope;
    task->message.deliver = deliver_adoption;
    /* Relaxed: the message carries what matters; the close looks at the count only after its
       opener has made sure that nobody spawns any more. */
    atomic_fetch_add_explicit(&scope->foreign, 1, memory_order_relaxed);
    sched_post(scope->home, &task->message);
}

/* The scope or the spawner's own scopes have ended. */
static __attribute__((noinline)) int refuse_canceled(struct scope *scope)
{
    struct flow *flow = flow_current();

    scope_feel(scope);
    if (flow && LOAD(flow->level) == LEVEL_ENDED)
        flow_feel(flow);
    return refuse(-ECANCELED, NULL);
}

/* In a simulation a task lives where its spawner does. */
static inline uint32_t host_of(const struct task *spawner)
{
    return likely(spawner != NULL) ? spawner->host : 0;
}

/* Where a spawner's wish leads, told so that it means the same on the scope's loop. */
static inline int place_of(const struct scope *scope, const struct sched *spawner, int place)
{
    if (scope->flags & DURE_SAME_LOOP)
        return DURE_LOOP((int)scope->home->number);
    if (place == DURE_THIS_LOOP && spawner)
        return DURE_LOOP((int)spawner->number);
    return place;
}

/* Compiled for the plain options too, in which there is nothing to look at. */
static inline __attribute__((always_inline)) int spawn(struct scope *scope,
                                                       const dure_spawn_options *options,
                                                       dure_fn *fn, const void *arg, size_t len,
                                                       void *future)
{
    struct sched *sched = sched_here;
    const char *why = NULL;
    struct task *task;
    bool local = sched && sched == scope->home;
    size_t stack_size;
    int error;

    if (unlikely(task_forked))
        return refuse(-EPERM, "a forked child may only exec or _exit, not spawn");
    if (unlikely(!scope->home)) /* otherwise the scope keeps the run */
        return refuse(-EPERM, "no run is active, or the scope was opened before it began");
    if (unlikely(options->place < DURE_LEAST_LOADED || options->place > (int)sched_group.len ||
                 (options->flags & ~DURE_NO_WAIT)))
        return refuse(-EINVAL, "a spawn option is out of range");
    /* Its end may be on its way yet, sent by this very thread. */
    if (unlikely(LOAD(scope->level) == LEVEL_ENDED || LOAD(scope->end_sent)))
        return refuse_canceled(scope);
    if (unlikely(scope->live_max != 0)) {
        error = scope_take_place(scope, options->flags);
        if (error < 0)
            return error == -ECANCELED ? refuse_canceled(scope) : refuse(error, NULL);
    } else if (likely(local)) {
        scope->live++;
    }
    stack_size = options->stack_size ? options->stack_size : task_stack_size;
    if (likely(sched != NULL)) {
        sched_reclaim(sched);
        error = create(sched->stacks, stack_size, fn, arg, len, &task, &why);
    } else {
        error = create_outside(stack_size, fn, arg, len, &task, &why);
    }
    if (unlikely(error < 0)) {
        if (local || scope->live_max)
            scope_return_place(scope);
        return refuse(error, why);
    }
    if (options->name)
        set_name(task, options->name);
    else if (likely(sched && sched->current))
        memcpy(task->name, sched->current->name, sizeof task->name);
    else
        set_name(task, "task");
    if (future)
        task->future = future;
    task->place = place_of(scope, sched, options->place);
    task->host = host_of(sched ? sched->current : NULL);
    if (unlikely(!local)) {
        spawn_foreign(scope, task);
        return 0;
    }
    adopt(scope, task);
    if (unlikely(!sched->current))
        sched_stir();
    return 0;
}

static const dure_spawn_options plain;

int dure_spawn(dure_scope *scope, dure_fn *fn, const void *arg, size_t len)
{
    return spawn(scope_of(scope), &plain, fn, arg, len, NULL);
}

int dure_spawn_with(dure_scope *scope, const dure_spawn_options *options, dure_fn *fn,
                    const void *arg, size_t len)
{
    return spawn(scope_of(scope), options ? options : &plain, fn, arg, len, NULL);
}

int task_spawn_for(struct scope *scope, dure_fn *fn, const void *arg, size_t len, void *future)
{
    return spawn(scope, &plain, fn, arg, len, future);
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
