/* What a caller may ask about the scopes around it: how long yet, and whether still. */
#include "task/scope.h"

#include <dure/time.h>

int64_t dure_now(void)
{
    return sched_now(sched_here);
}

static int64_t later(int64_t at_ns, int64_t delay_ns)
{
    return at_ns > INT64_MAX - delay_ns ? INT64_MAX : at_ns + delay_ns;
}

/* When the calls of a flow end, with the scope that ends them; INT64_MAX for never. What lies around
   a shield is felt later by the shield's time, what lies around a task by the grace of its home,
   unless it is in a scope that does not wait for that. Deadlines are read as they are moved:
   relaxed. */
static int64_t nearest(const struct flow *flow, struct scope **whose)
{
    int64_t nearest_ns = INT64_MAX, delay_ns = 0, at_ns;
    struct scope *scope = flow->innermost;
    bool ends_first = false;

    while (flow) {
        for (; scope; scope = scope->outer) {
            at_ns = LOAD(scope->deadline_ns);
            if (at_ns && later(at_ns, delay_ns) < nearest_ns) {
                nearest_ns = later(at_ns, delay_ns);
                *whose = scope;
            }
            if (scope->flags & SCOPE_SHIELD)
                delay_ns = later(delay_ns, scope->grace_ns);
            ends_first |= (scope->flags & DURE_ENDS_FIRST) != 0;
        }
        scope = flow->home;
        if (scope && flow->task && !ends_first)
            delay_ns = later(delay_ns, scope->grace_ns);
        ends_first = false;
        flow = scope ? scope->opener : NULL;
    }
    return nearest_ns;
}

int64_t flow_deadline(const struct flow *flow)
{
    struct scope *whose;

    return LOAD(flow->level) == LEVEL_ENDED ? 0 : nearest(flow, &whose);
}

int64_t dure_deadline_left(void)
{
    struct flow *flow = flow_current();
    int64_t at_ns = flow ? flow_deadline(flow) : INT64_MAX, now_ns;

    if (at_ns == INT64_MAX || at_ns == 0)
        return at_ns;
    now_ns = dure_now();
    return at_ns > now_ns ? at_ns - now_ns : 0;
}

void flow_end_passed(struct flow *flow, int64_t now_ns)
{
    struct scope *scope;
    int64_t at_ns;

    for (scope = flow->outermost; scope; scope = scope->inner) {
        at_ns = LOAD(scope->deadline_ns);
        if (at_ns && at_ns <= now_ns && (!scope->home || scope->home == sched_here))
            scope_end(scope, scope_deadline_cause(scope));
    }
}

/* The word of its end is on its way to the flow. */
static bool home_has_ended(const struct flow *flow)
{
    return flow->task && LOAD(flow->home->tasks_level) == LEVEL_ENDED;
}

/* Whoever asks may not have waited for long, so that its loop has not turned, or the loop of a
   scope around it is as busy: the deadlines are looked at here. */
bool flow_has_ended(struct flow *flow)
{
    struct scope *whose = NULL;
    int64_t at_ns, now_ns;

    if (LOAD(flow->level) == LEVEL_ENDED || home_has_ended(flow))
        return true;
    at_ns = nearest(flow, &whose);
    if (at_ns == INT64_MAX)
        return false;
    now_ns = dure_now();
    if (at_ns > now_ns)
        return false;
    flow_end_passed(flow, now_ns);
    if (LOAD(whose->level) != LEVEL_ENDED)
        STORE(whose->felt, 1); /* its loop will find out, at the latest when it is closed */
    return true;
}

int dure_canceled(void)
{
    struct flow *flow = flow_current();

    if (!flow || !flow_has_ended(flow))
        return 0;
    flow_feel(flow);
    return 1;
}

int dure_stopping(void)
{
    struct flow *flow = flow_current();

    if (!flow)
        return 0;
    if (LOAD(flow->level) >= LEVEL_STOPPING ||
        (flow->task && LOAD(flow->home->tasks_level) >= LEVEL_STOPPING))
        return 1;
    return dure_canceled();
}
