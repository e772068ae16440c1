/* How a scope's end spreads: inwards through its opener's own scopes, downwards to its tasks, and
   from those on. Each step runs on the thread that the state belongs to. */
#include "task/scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whoever runs in these scopes is told how far they have come. A thread's lock is held. */
static void set_level(struct flow *flow, unsigned level)
{
    STORE(flow->level, (uint8_t)level);
    if (level != LEVEL_ENDED)
        return;
    if (flow->task)
        task_interrupt(flow->task);
    else
        thread_rouse(thread_of(flow));
}

/* A scope outside any run has no tasks; its opener, who may be another thread and has been told, may
   close it as soon as the lock is given up. */
static void push_work(struct scope **work, struct scope *scope)
{
    if (!scope->home)
        return;
    scope->work = *work;
    *work = scope;
}

/* The time is read anew: a grace counts from the end itself, and the loop's turn may have begun
   long before. */
void scope_arm_grace(struct scope *scope)
{
    struct sched *home = scope->home;
    int64_t at_ns;

    if (__builtin_add_overflow(sched_now(home), scope->grace_ns, &at_ns))
        return; /* for ever */
    if (!home) {
        STORE(scope->deadline_ns, at_ns); /* its thread looks after it, from now on */
        thread_rouse(thread_of(scope->opener));
        return;
    }
    timers_remove(&home->timers, &scope->timer);
    scope->timer.at_ns = at_ns;
    timers_add(&home->timers, &scope->timer);
}

/* The scope itself ends; nothing spreads yet. Returns true if something changed. */
static bool end_one(struct scope *scope, enum cause cause, struct scope **work)
{
    if (LOAD(scope->level) == LEVEL_ENDED)
        return false;
    if (LOAD(scope->cause) == CAUSE_NONE)
        STORE(scope->cause, (uint8_t)cause);
    /* Release: whoever sees the level, in flow_feel, sees the cause. */
    atomic_store_explicit(&scope->level, LEVEL_ENDED, memory_order_release);
    if (scope->home)
        timers_remove(&scope->home->timers, &scope->timer);
    if (scope->grace_ns > 0 && !(scope->flags & SCOPE_SHIELD) && !scope_is_empty(scope)) {
        STORE(scope->tasks_level, LEVEL_STOPPING);
        scope_arm_grace(scope);
    } else {
        STORE(scope->tasks_level, LEVEL_ENDED);
    }
    if (scope->live_max)
        scope_refuse_places(scope);
    push_work(work, scope);
    return true;
}

/* What lies around a scope has come to a level. */
static void inherit_one(struct scope *scope, unsigned level, struct scope **work)
{
    if (LOAD(scope->level) >= level && level != LEVEL_ENDED)
        return;
    if ((scope->flags & SCOPE_SHIELD) && level == LEVEL_ENDED) {
        if (!scope->shield_counts && LOAD(scope->level) != LEVEL_ENDED) {
            scope->shield_counts = true;
            scope_arm_grace(scope);
        }
        level = LEVEL_STOPPING;
    }
    if (level == LEVEL_ENDED || (level == LEVEL_STOPPING && (scope->flags & DURE_ENDS_FIRST))) {
        end_one(scope, CAUSE_OUTSIDE, work);
        return;
    }
    if (level == LEVEL_STOPPING && LOAD(scope->level) == LEVEL_RUNNING) {
        STORE(scope->level, LEVEL_STOPPING);
        STORE(scope->tasks_level, LEVEL_STOPPING);
        push_work(work, scope);
    }
}

/* A level spreads inwards through the opener's scopes from `scope` on. */
static void inherit(struct flow *flow, struct scope *scope, unsigned level, struct scope **work)
{
    for (; scope; scope = scope->inner) {
        if (scope->home && scope->home != sched_here) {
            /* Below a plain thread's scope, which another loop looks after: it does the rest. */
            if (level == LEVEL_ENDED)
                scope_request_end(scope, CAUSE_OUTSIDE);
            return;
        }
        inherit_one(scope, level, work);
        level = LOAD(scope->level);
    }
    set_level(flow, level);
}

static void tell_tasks(struct scope *scope, struct scope **work);

static void spread(struct scope *work)
{
    while (work) {
        struct scope *scope = work;

        work = scope->work;
        tell_tasks(scope, &work);
    }
}

static void look_home(struct task *task, struct scope **work)
{
    /* Sequentially consistent: pairs with the store to task->sched, see start() in sched.c. */
    unsigned level = atomic_load_explicit(&task->flow.home->tasks_level, memory_order_seq_cst);

    if (level <= task->flow.home_level || task->state == TASK_ENDED)
        return;
    task->flow.home_level = (uint8_t)level;
    inherit(&task->flow, task->flow.outermost, level, work);
}

void scope_tell_task(struct task *task)
{
    struct scope *work = NULL;

    look_home(task, &work);
    spread(work);
}

static void tell(struct task *task, struct scope **work);

/* The word has come back to the task's home. */
static void deliver_told_back(struct message *message)
{
    struct task *task = container_of(message, struct task, told);
    struct scope *work = NULL;
    bool again = task->recheck == 2;

    task->recheck = 0;
    if (task->gone) {
        task_release(task);
        return;
    }
    if (again)
        tell(task, &work);
    spread(work);
}

static void deliver_told(struct message *message)
{
    struct task *task = container_of(message, struct task, told);

    scope_tell_task(task);
    message->deliver = deliver_told_back;
    sched_post(task->flow.home->home, message);
}

static void tell(struct task *task, struct scope **work)
{
    struct sched *sched;

    if (task->at_home) {
        look_home(task, work);
        return;
    }
    sched = __atomic_load_n(&task->sched, __ATOMIC_SEQ_CST);
    if (sched == sched_here)
        return; /* not started; a thief may have it already. Who starts it looks at the level. */
    if (task->recheck) {
        task->recheck = 2;
        return;
    }
    task->recheck = 1;
    task->told.deliver = deliver_told;
    sched_post(sched, &task->told);
}

static void tell_tasks(struct scope *scope, struct scope **work)
{
    struct list *node;

    if (unlikely(scope->dependents != NULL) && LOAD(scope->tasks_level) == LEVEL_ENDED)
        dependents_end(scope);
    /* Orders the level before the look at task->sched in tell(). */
    atomic_thread_fence(memory_order_seq_cst);
    for (node = scope->tasks.next; node != &scope->tasks; node = node->next)
        tell(container_of(node, struct task, siblings), work);
}

void scope_end(struct scope *scope, enum cause cause)
{
    struct flow *opener = scope->opener;
    struct scope *work = NULL;

    lock_opener(opener);
    if (end_one(scope, cause, &work) && opener)
        inherit(opener, scope->inner, LEVEL_ENDED, &work);
    unlock_opener(opener);
    spread(work);
}

void scope_timer_fired(struct timer *timer)
{
    struct scope *scope = container_of(timer, struct scope, timer);
    struct scope *work = NULL;

    if (LOAD(scope->level) != LEVEL_ENDED) {
        scope_end(scope, scope_deadline_cause(scope));
        return;
    }
    STORE(scope->tasks_level, LEVEL_ENDED);
    push_work(&work, scope);
    spread(work);
}

void flow_end_home(struct flow *flow)
{
    struct scope *work = NULL;

    lock_opener(flow);
    flow->home_level = LEVEL_ENDED;
    inherit(flow, flow->outermost, LEVEL_ENDED, &work);
    unlock_opener(flow);
    spread(work);
}

void scope_feel(struct scope *scope)
{
    while (scope) {
        /* Acquire: see end_one. */
        if (atomic_load_explicit(&scope->level, memory_order_acquire) != LEVEL_ENDED)
            return;
        STORE(scope->felt, 1);
        if (LOAD(scope->cause) != CAUSE_OUTSIDE)
            return;
        if (scope->outer)
            scope = scope->outer;
        else
            scope = scope->opener ? scope->opener->home : NULL;
    }
}

void flow_feel(struct flow *flow)
{
    scope_feel(flow->innermost ? flow->innermost : flow->home);
}

void scope_fail(struct scope *scope, const struct task *task)
{
    const char *words = task->flow.why ? task->flow.why : "";
    size_t size = TASK_NAME_LEN + strlen(words) + 16;

    atomic_fetch_add_explicit(&scope->failures, 1, memory_order_relaxed);
    if (scope->flags & DURE_KEEP_GOING)
        return;
    if (!scope->failure) {
        scope->failure = task->error ? task->error : ECHILD;
        scope->failure_words = malloc(size); /* without memory errno must do */
        if (scope->failure_words)
            snprintf(scope->failure_words, size, "task \"%s\"%s%s", task->name, *words ? ": " : "",
                     words);
    }
    scope_end(scope, CAUSE_FAILURE);
}
