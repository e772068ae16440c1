/* Waiting for several futures. */
#include "sync/future.h"

#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

/* Futures that are waited for without asking for memory. */
#define RACED_INLINE 8

int dure_all(dure_future *const futures[], size_t len)
{
    size_t i;
    int error;

    /* One after the other: it takes as long as the last one, in any order. */
    for (i = 0; i < len; i++) {
        error = future_wait(future_of(futures[i]), 0);
        if (error < 0)
            return (int)io_result(error);
    }
    for (i = 0; i < len; i++)
        if (future_result(future_of(futures[i])) == -1)
            return -1;
    return 0;
}

/* Whether the futures are asked for the first that is done, or that has succeeded. */
struct race {
    dure_future *const *futures;
    size_t len;
    bool success;
    struct sync_wait wait;
    struct sync_node *nodes; /* one a future; queued in those that are pending */
};

/* Queues in all that are pending. Returns the index of one that suffices, len if none does, and in
   *pending how many may yet. */
static size_t queue_in(struct race *race, size_t *pending)
{
    struct future *future;
    bool done;
    size_t i;

    *pending = 0;
    for (i = 0; i < race->len; i++) {
        future = future_of(race->futures[i]);
        race->nodes[i] = (struct sync_node){ .of = &race->wait };
        future_enter(future);
        done = future_is_done(future);
        if (!done)
            sync_queue_push(&future->queue, &race->nodes[i]);
        guard_leave(&future->guard);
        if (done && (!race->success || future->value != -1))
            return i;
        *pending += !done;
    }
    return race->len;
}

/* Leaves the queues of the first `len`. Returns true if one of them has granted. */
static bool leave_all(struct race *race, size_t len)
{
    bool granted = false;
    size_t i;

    for (i = 0; i < len; i++) {
        struct future *future = future_of(race->futures[i]);

        future_enter(future);
        if (race->nodes[i].queued)
            sync_queue_remove(&future->queue, &race->nodes[i]);
        granted |= race->nodes[i].granted;
        guard_leave(&future->guard);
    }
    return granted;
}

/* Whether the caller must not begin to wait: 0 or -errno. */
static int refused(void)
{
    struct flow *flow = flow_current();

    if (!sched_may_wait())
        return -EDEADLK;
    if (!flow || LOAD(flow->level) != LEVEL_ENDED)
        return 0;
    flow_feel(flow);
    return -ECANCELED;
}

/* Waits, queued in all. Returns 0 if one of them was done. */
static int wait_in_all(struct race *race)
{
    int error = refused();
    bool granted;

    if (error < 0 && sync_claim(&race->wait)) {
        leave_all(race, race->len);
        return error;
    }
    race->wait.wait.cancel = sync_withdraw_claimed;
    waiter_wait(&race->wait.waiter, &race->wait.wait);
    granted = leave_all(race, race->len);
    if (!granted)
        flow_feel(flow_current());
    return granted ? 0 : -ECANCELED;
}

/* One suffices: there is nothing to wait for but the signal of another that was faster. */
static void leave_with(struct race *race, size_t found)
{
    race->wait.wait.cancel = NULL;
    if (!sync_claim(&race->wait))
        waiter_wait(&race->wait.waiter, &race->wait.wait);
    leave_all(race, found + 1);
}

static ssize_t run(struct race *race)
{
    int error = sched_may_wait() ? io_entry_refused() : 0;
    size_t pending, found;

    while (error == 0) {
        sync_wait_init(&race->wait, "futures", NULL, NULL);
        waiter_init(&race->wait.waiter);
        STORE(race->wait.claimed, 0);
        found = queue_in(race, &pending);
        if (found < race->len) {
            leave_with(race, found);
            return (ssize_t)found;
        }
        if (pending == 0) /* all have failed */
            return future_result(future_of(race->futures[race->len - 1]));
        error = wait_in_all(race);
    }
    return io_result(error);
}

static ssize_t race_for(dure_future *const futures[], size_t len, bool success)
{
    struct sync_node inline_nodes[RACED_INLINE];
    struct race race = { futures, len, success, .nodes = inline_nodes };
    ssize_t found;

    if (len == 0)
        return io_result(-EINVAL);
    if (len > RACED_INLINE)
        race.nodes = malloc(len * sizeof *race.nodes);
    if (!race.nodes)
        return io_result(-ENOMEM);
    found = run(&race);
    if (race.nodes != inline_nodes)
        free(race.nodes);
    return found;
}

ssize_t dure_any(dure_future *const futures[], size_t len)
{
    return race_for(futures, len, true);
}

ssize_t dure_race(dure_future *const futures[], size_t len)
{
    return race_for(futures, len, false);
}
