/* Scopes from opening to closing, and what others may ask of them meanwhile. */
#include "task/scope.h"

#include <dure/task.h>

#include <errno.h>
#include <stdlib.h>

bool scope_is_empty(const struct scope *scope)
{
    /* Acquire: what the other threads did to the scope lies before their leaving. */
    return scope->live == 0 && scope->dependents_live == 0 &&
           atomic_load_explicit(&scope->foreign, memory_order_acquire) == 0;
}

static inline void init(struct scope *scope, struct sched *home, uint32_t flags,
                        void (*event)(struct scope *, enum scope_event))
{
    /* Field by field: zeroing the whole of it first costs more than all the rest of an open. */
    scope->outer = scope->inner = NULL;
    scope->opener = NULL;
    scope->home = home;
    list_init(&scope->tasks);
    list_init(&scope->limited);
    scope->dependents = NULL;
    scope->closer = NULL;
    scope->event = event;
    scope->failure_words = NULL;
    scope->failure = 0;
    scope->shield_counts = false;
    scope->timer.level = TIMER_IDLE;
    scope->timer.fire = scope_timer_fired;
    STORE(scope->deadline_ns, 0);
    scope->grace_ns = 0;
    scope->live = scope->live_max = scope->dependents_live = 0;
    scope->flags = flags;
    STORE(scope->foreign, 0);
    STORE(scope->failures, 0);
    STORE(scope->level, LEVEL_RUNNING);
    STORE(scope->tasks_level, LEVEL_RUNNING);
    STORE(scope->felt, 0);
    STORE(scope->awaited, event != NULL);
    STORE(scope->cause, CAUSE_NONE);
    scope->counted = 0;
    STORE(scope->end_sent, 0);
    STORE(scope->deadline_sent, 0);
}

void scope_init_root(struct scope *scope, struct sched *home, uint32_t flags,
                     void (*event)(struct scope *, enum scope_event))
{
    init(scope, home, flags, event);
}

bool flow_hold_run(const struct flow *flow)
{
    const struct scope *around = NULL;

    if (flow)
        around = flow->innermost ? flow->innermost : flow->home;
    return !task_forked && sched_hold(around && around->home);
}

/* --- opening --- */

/* The loop that is to look after a scope. A plain thread's is loop 0, and the run does not end
   before the scope is closed; there is none outside a run, nor for a thread between the turns of
   its loop, which could not wait for its own tasks. */
static struct sched *find_home(const struct flow *flow)
{
    if (likely(flow->task != NULL))
        return sched_here;
    return !sched_here && flow_hold_run(flow) ? sched_group.scheds[0] : NULL;
}

/* Puts the scope inside the innermost one of its opener, whose lock is held. Returns true if it is a
   shield against an end that has come already. */
static bool link_in(struct scope *scope, struct flow *flow)
{
    unsigned level = LOAD(flow->level);

    if (level == LEVEL_ENDED && (scope->flags & SCOPE_SHIELD)) {
        scope->shield_counts = true;
        level = LEVEL_STOPPING;
    }
    if (level == LEVEL_STOPPING && (scope->flags & DURE_ENDS_FIRST))
        level = LEVEL_ENDED;
    if (level == LEVEL_ENDED)
        STORE(scope->cause, CAUSE_OUTSIDE);
    STORE(scope->level, (uint8_t)level);
    STORE(scope->tasks_level, (uint8_t)level);
    STORE(flow->level, (uint8_t)level);
    scope->outer = flow->innermost;
    if (scope->outer)
        scope->outer->inner = scope;
    else
        flow->outermost = scope;
    flow->innermost = scope;
    return scope->shield_counts;
}

/* A shield that was opened after the end around it counts from now. */
static void start_shield(struct scope *scope)
{
    int64_t at_ns;

    if (scope->home == sched_here)
        scope_arm_grace(scope);
    else if (!__builtin_add_overflow(sched_now(NULL), scope->grace_ns, &at_ns))
        dure_scope_set_deadline((dure_scope *)(void *)scope, (dure_deadline){ at_ns });
}

static inline __attribute__((always_inline)) int open_scope(dure_scope *public_scope,
                                                            const dure_scope_options *options,
                                                            uint32_t extra)
{
    struct scope *scope = scope_of(public_scope);
    struct flow *flow = flow_current();
    bool late;

    if (unlikely(!flow)) {
        errno = ENOMEM;
        return -1;
    }
    init(scope, find_home(flow), options->flags | extra, NULL);
    scope->opener = flow;
    scope->grace_ns = options->grace_ns;
    scope->live_max = options->tasks_max;
    /* Who waits for a place is to hear of each end at once. */
    STORE(scope->awaited, scope->live_max != 0);
    lock_opener(flow);
    late = link_in(scope, flow);
    unlock_opener(flow);
    if (unlikely(late))
        start_shield(scope);
    if (options->deadline.at_ns)
        dure_scope_set_deadline(public_scope, options->deadline);
    return 0;
}

int dure_scope_open(dure_scope *scope)
{
    static const dure_scope_options plain;

    return open_scope(scope, &plain, 0);
}

int dure_scope_open_with(dure_scope *scope, const dure_scope_options *options)
{
    if (!options)
        return dure_scope_open(scope);
    if (options->grace_ns < 0 ||
        (options->flags & ~(DURE_KEEP_GOING | DURE_SAME_LOOP | DURE_ENDS_FIRST))) {
        errno = EINVAL;
        return -1;
    }
    return open_scope(scope, options, 0);
}

/* --- closing --- */

static void link_out(struct scope *scope)
{
    struct flow *flow = scope->opener;
    struct scope *outer = scope->outer;

    flow->innermost = outer;
    if (outer)
        outer->inner = NULL;
    else
        flow->outermost = NULL;
    STORE(flow->level, outer ? LOAD(outer->level) : flow->home_level);
}

/* Nothing is left in the scope and its opener waits. */
static void finish_close(struct scope *scope)
{
    struct waiter *closer = scope->closer;

    /* Under a thread's lock others may still send to the scope, until it is out of the chain. */
    lock_opener(scope->opener);
    if (!scope_is_empty(scope)) {
        unlock_opener(scope->opener);
        return;
    }
    link_out(scope);
    unlock_opener(scope->opener);
    scope->closer = NULL;
    timers_remove(&scope->home->timers, &scope->timer);
    waiter_signal(closer);
}

void scope_left(struct scope *scope)
{
    if (scope->live_max)
        scope_grant_places(scope);
    if (!scope_is_empty(scope))
        return;
    if (scope->closer)
        finish_close(scope);
    else if (scope->event)
        scope->event(scope, SCOPE_EMPTIED);
}

/* Home's thread: from here on, who ends elsewhere must wake the loop. Sequentially consistent, and
   before the loop looks into its inbox and sleeps: see send_end in sched.c. */
static void await(struct scope *scope, struct waiter *closer)
{
    scope->closer = closer;
    STORE(scope->awaited, 1);
    if (sched_group.len > 1)
        atomic_fetch_add_explicit(&scope->home->waits, 1, memory_order_seq_cst);
}

struct close_request {
    struct message message;
    struct waiter waiter;
    struct scope *scope;
};

/* A plain thread closes a scope whose home is this loop. */
static void deliver_close(struct message *message)
{
    struct close_request *request = container_of(message, struct close_request, message);
    struct scope *scope = request->scope;

    await(scope, &request->waiter);
    scope_left(scope);
}

static void wait_empty_outside(struct scope *scope)
{
    struct close_request request = { .message.deliver = deliver_close, .scope = scope };
    struct wait wait = { .what = "scope close", .fd = -1 };

    waiter_init(&request.waiter);
    sched_post(scope->home, &request.message);
    waiter_wait(&request.waiter, &wait);
}

static inline void wait_empty(struct scope *scope)
{
    struct wait wait = { .what = "scope close", .fd = -1 };
    struct waiter waiter;

    waiter_init(&waiter);
    await(scope, &waiter);
    waiter_wait(&waiter, &wait);
}

static int reason(const struct scope *scope)
{
    switch (LOAD(scope->cause)) {
    case CAUSE_NONE:
        return ETIMEDOUT; /* dure_canceled() saw the deadline pass before its loop did */
    case CAUSE_CANCEL:
    case CAUSE_OUTSIDE:
        return ECANCELED;
    case CAUSE_DEADLINE:
        return LOAD(scope->felt) ? ETIMEDOUT : scope->failure;
    default:
        return scope->failure;
    }
}

int dure_scope_close(dure_scope *public_scope)
{
    struct scope *scope = scope_of(public_scope);
    struct flow *flow = flow_current();
    int error = errno;

    if (unlikely(!flow || flow->innermost != scope)) {
        if (task_forked)
            die("a forked child closes a scope of its parent: it may only exec or _exit");
        die("task \"%s\" closes a scope that is not the last it opened", dure_task_name());
    }
    if (unlikely(!flow->task) && scope->home) {
        wait_empty_outside(scope);
    } else if (flow->task && !scope_is_empty(scope)) {
        wait_empty(scope);
    } else {
        if (!timer_idle(&scope->timer))
            timers_remove(&scope->home->timers, &scope->timer);
        lock_opener(flow);
        link_out(scope);
        unlock_opener(flow);
    }
    if (unlikely(!flow->task && scope->home))
        sched_release();
    errno = error;
    if (likely(LOAD(scope->cause) == CAUSE_NONE && !LOAD(scope->felt)))
        return 0;
    if (scope->failure_words) {
        flow_say(flow, "%s", scope->failure_words);
        free(scope->failure_words);
    }
    error = reason(scope);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

/* --- requests from anywhere --- */

static void deliver_end_request(struct message *message)
{
    struct scope *scope = container_of(message, struct scope, end_message);

    scope_end(scope, (enum cause)scope->end_cause);
    atomic_fetch_sub_explicit(&scope->foreign, 1, memory_order_relaxed);
    scope_left(scope);
}

void scope_request_end(struct scope *scope, enum cause cause)
{
    if (atomic_exchange_explicit(&scope->end_sent, 1, memory_order_relaxed))
        return;
    atomic_fetch_add_explicit(&scope->foreign, 1, memory_order_relaxed);
    scope->end_cause = (uint8_t)cause;
    scope->end_message.deliver = deliver_end_request;
    sched_post(scope->home, &scope->end_message);
}

/* Whoever cancels a scope that it is in itself, from another thread than home's, feels it at once
   and not when the word comes back. */
static void feel_own_cancel(struct scope *scope, struct flow *flow)
{
    const struct scope *inner;

    if (flow->home == scope && scope->grace_ns == 0 && flow->task) {
        flow_end_home(flow);
        return;
    }
    if (scope->opener != flow)
        return;
    lock_opener(flow);
    for (inner = scope; inner && !(inner->flags & SCOPE_SHIELD); inner = inner->inner)
        ;
    if (!inner)
        STORE(flow->level, LEVEL_ENDED);
    unlock_opener(flow);
}

void dure_scope_cancel(dure_scope *public_scope)
{
    struct scope *scope = scope_of(public_scope);
    struct flow *flow;

    if (scope->home == sched_here || !scope->home) {
        scope_end(scope, CAUSE_CANCEL);
        sched_stir();
        return;
    }
    flow = flow_current();
    if (flow)
        feel_own_cancel(scope, flow);
    scope_request_end(scope, CAUSE_CANCEL);
}

static void set_deadline(struct scope *scope, int64_t at_ns)
{
    struct sched *home = scope->home;

    STORE(scope->deadline_ns, at_ns);
    if (LOAD(scope->level) == LEVEL_ENDED)
        return;
    timers_remove(&home->timers, &scope->timer);
    if (at_ns == 0)
        return;
    if (unlikely(at_ns <= home->now_ns)) { /* no need to wait for the loop's turn */
        scope_end(scope, scope_deadline_cause(scope));
        return;
    }
    scope->timer.at_ns = at_ns;
    timers_add(&home->timers, &scope->timer);
}

static void deliver_deadline(struct message *message)
{
    struct scope *scope = container_of(message, struct scope, deadline_message);

    /* Acquire: a wish written before the flag was found set is read below. */
    atomic_exchange_explicit(&scope->deadline_sent, 0, memory_order_acq_rel);
    set_deadline(scope, LOAD(scope->deadline_wanted_ns));
    atomic_fetch_sub_explicit(&scope->foreign, 1, memory_order_relaxed);
    scope_left(scope);
}

void dure_scope_set_deadline(dure_scope *public_scope, dure_deadline deadline)
{
    struct scope *scope = scope_of(public_scope);

    if (likely(scope->home && scope->home == sched_here)) {
        set_deadline(scope, deadline.at_ns);
        if (unlikely(!sched_here->current))
            sched_stir();
        return;
    }
    STORE(scope->deadline_ns, deadline.at_ns);
    if (!scope->home) {
        thread_rouse(thread_of(scope->opener)); /* it looks at its deadlines anew */
        return;
    }
    STORE(scope->deadline_wanted_ns, deadline.at_ns);
    if (atomic_exchange_explicit(&scope->deadline_sent, 1, memory_order_acq_rel))
        return;
    atomic_fetch_add_explicit(&scope->foreign, 1, memory_order_relaxed);
    scope->deadline_message.deliver = deliver_deadline;
    sched_post(scope->home, &scope->deadline_message);
}

size_t dure_scope_failures(const dure_scope *scope)
{
    return LOAD(((const struct scope *)(const void *)scope)->failures);
}

/* --- statements --- */

/* The macros' loop asks twice: the first opens, the second ends the loop. An open scope has an
   opener; the zeroed one that the macro declares has none. */
static int step(dure_scope *scope, const dure_scope_options *options, uint32_t extra)
{
    if (scope_of(scope)->opener)
        return 0;
    if (open_scope(scope, options, extra) < 0)
        die("no memory for a scope on a plain thread");
    return 1;
}

int dure_within_step(dure_scope *scope, dure_deadline deadline)
{
    dure_scope_options options = { .deadline = deadline };

    return step(scope, &options, 0);
}

int dure_shield_step(dure_scope *scope, int64_t grace_ns)
{
    dure_scope_options options = { .grace_ns = grace_ns };

    /* One of no time shields from nothing. */
    return step(scope, &options, grace_ns > 0 ? SCOPE_SHIELD : 0);
}

void dure_statement_end(dure_scope *scope)
{
    int error = errno;

    if (!scope_of(scope)->opener)
        return;
    if (dure_scope_close(scope) == 0 || errno != ETIMEDOUT)
        errno = error;
}
