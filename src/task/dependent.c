/* What lives in a scope besides its tasks. */
#include "task/scope.h"

void dependent_join(struct scope *scope, struct dependent *dependent)
{
    ASSERT(scope->home == sched_here);
    dependent->scope = scope;
    dependent->ended = false;
    dependent->next = scope->dependents;
    dependent->at = &scope->dependents;
    if (dependent->next)
        dependent->next->at = &dependent->next;
    scope->dependents = dependent;
    scope->dependents_live++;
    if (unlikely(scope->event != NULL))
        scope->event(scope, SCOPE_FILLED);
}

void dependent_unlink(struct dependent *dependent)
{
    *dependent->at = dependent->next;
    if (dependent->next)
        dependent->next->at = dependent->at;
}

void dependent_left(struct scope *scope)
{
    ASSERT(scope->dependents_live > 0);
    scope->dependents_live--;
    scope_left(scope);
}

void dependents_end(struct scope *scope)
{
    struct dependent *dependent;

    for (dependent = scope->dependents; dependent; dependent = dependent->next) {
        if (dependent->ended)
            continue;
        dependent->ended = true;
        dependent->end(dependent);
    }
}
