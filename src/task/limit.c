/* A scope's limit on its tasks: who spawns beyond it waits, first come first served. */
#include "task/scope.h"

#include <dure/task.h>

#include <errno.h>

void scope_grant_places(struct scope *scope)
{
    struct list *node;

    while (scope->live < scope->live_max && (node = list_pop_front(&scope->limited))) {
        struct place *place = container_of(node, struct place, link);

        scope->live++;
        place->queued = false;
        place->granted = true;
        waiter_signal(&place->waiter);
    }
}

void scope_refuse_places(struct scope *scope)
{
    struct list *node;

    while ((node = list_pop_front(&scope->limited))) {
        struct place *place = container_of(node, struct place, link);

        place->queued = false;
        waiter_signal(&place->waiter);
    }
}

/* Home's thread. Returns 1 when it must be waited for. */
static int ask(struct scope *scope, struct place *place)
{
    if (LOAD(scope->level) == LEVEL_ENDED)
        return -ECANCELED;
    if (!scope->live_max || (scope->live < scope->live_max && list_empty(&scope->limited))) {
        scope->live++;
        return 0;
    }
    if (!place)
        return -EAGAIN;
    place->queued = true;
    list_push_back(&scope->limited, &place->link);
    return 1;
}

struct local_wait {
    struct wait wait;
    struct place place;
};

static void withdraw(struct wait *wait)
{
    struct local_wait *local = container_of(wait, struct local_wait, wait);

    if (!local->place.queued)
        return; /* granted or refused: the signal is under way */
    local->place.queued = false;
    list_remove(&local->place.link);
    waiter_signal(&local->place.waiter);
}

/* The spawner must not wait, as its own scopes have ended; others get their turn all the same. */
static bool may_not_wait(void)
{
    struct task *task = task_current();
    struct flow *thread;

    if (!task) {
        thread = flow_of_thread();
        return thread && flow_has_ended(thread);
    }
    if (LOAD(task->flow.level) != LEVEL_ENDED)
        return false;
    task_yield();
    return true;
}

/* The spawner is on the scope's loop. */
static int take_here(struct scope *scope, uint32_t flags)
{
    struct local_wait local;
    int answer = ask(scope, NULL);

    if (answer != -EAGAIN || (flags & DURE_NO_WAIT))
        return answer;
    if (!task_current()) /* between the turns of an embedded loop: it cannot wait for itself */
        return -EAGAIN;
    if (may_not_wait())
        return -ECANCELED;
    local.wait = (struct wait){ .what = "a place in a scope", .fd = -1, .cancel = withdraw };
    local.place = (struct place){ .granted = false };
    waiter_init(&local.place.waiter);
    ask(scope, &local.place);
    waiter_wait(&local.place.waiter, &local.wait);
    return local.place.granted ? 0 : -ECANCELED;
}

/* The spawner is elsewhere: a request travels to the scope's loop, a withdrawal after it if the
   spawner is cancelled. Both nodes are the spawner's, who waits until neither is under way. */
struct remote_wait {
    struct wait wait;
    struct message request, withdrawal;
    struct waiter withdrawn;
    struct scope *scope;
    struct place place;
    int answer;
    bool no_wait;
};

static void deliver_request(struct message *message)
{
    struct remote_wait *remote = container_of(message, struct remote_wait, request);

    remote->answer = ask(remote->scope, remote->no_wait ? NULL : &remote->place);
    if (remote->answer <= 0)
        waiter_signal(&remote->place.waiter);
}

static void deliver_withdrawal(struct message *message)
{
    struct remote_wait *remote = container_of(message, struct remote_wait, withdrawal);

    if (remote->place.queued) {
        remote->place.queued = false;
        list_remove(&remote->place.link);
        waiter_signal(&remote->place.waiter);
    }
    waiter_signal(&remote->withdrawn);
}

static void send_withdrawal(struct wait *wait)
{
    struct remote_wait *remote = container_of(wait, struct remote_wait, wait);

    remote->withdrawal.deliver = deliver_withdrawal;
    sched_post(remote->scope->home, &remote->withdrawal);
}

static int take_there(struct scope *scope, uint32_t flags)
{
    bool refused = may_not_wait();
    struct remote_wait remote = {
        .wait = { .what = "a place in a scope", .fd = -1, .cancel = send_withdrawal },
        .request.deliver = deliver_request,
        .scope = scope,
        .no_wait = refused || (flags & DURE_NO_WAIT),
    };
    struct wait settle = { .what = "a place in a scope", .fd = -1 };

    waiter_init(&remote.place.waiter);
    waiter_init(&remote.withdrawn);
    sched_post(scope->home, &remote.request);
    waiter_wait(&remote.place.waiter, &remote.wait);
    if (remote.withdrawal.deliver)
        waiter_wait(&remote.withdrawn, &settle);
    if (remote.answer == 1)
        return remote.place.granted ? 0 : -ECANCELED;
    if (refused && remote.answer == -EAGAIN && !(flags & DURE_NO_WAIT))
        return -ECANCELED;
    return remote.answer;
}

int scope_take_place(struct scope *scope, uint32_t flags)
{
    if (unlikely(scope->home != sched_here && !sched_may_wait()))
        return -EDEADLK; /* even the answer would have to be waited for */
    return likely(scope->home == sched_here) ? take_here(scope, flags) : take_there(scope, flags);
}

struct place_return {
    struct message message;
    struct waiter waiter;
    struct scope *scope;
};

static void deliver_return(struct message *message)
{
    struct place_return *back = container_of(message, struct place_return, message);

    back->scope->live--;
    scope_left(back->scope);
    waiter_signal(&back->waiter);
}

void scope_return_place(struct scope *scope)
{
    struct place_return back = { .message.deliver = deliver_return, .scope = scope };
    struct wait wait = { .what = "a place in a scope", .fd = -1 };

    if (scope->home == sched_here) {
        scope->live--;
        scope_left(scope);
        return;
    }
    waiter_init(&back.waiter);
    sched_post(scope->home, &back.message);
    waiter_wait(&back.waiter, &wait);
}
