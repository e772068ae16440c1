/* Properties of tasks, scopes and locks. */
#include "properties.h"

/* --- a tree of scopes, ended by whatever comes first --- */

static unsigned spawned, begun, ended, trees;

static int leaf(void *arg)
{
    int64_t ns = *(int64_t *)arg;

    begun++;
    if (dure_sleep_for(ns) < 0)
        CHECK_EQ(errno, ECANCELED);
    ended++;
    if (dure_sim_draw(10) == 0) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

static void grow(unsigned depth);

static int branch(void *arg)
{
    begun++;
    grow(*(unsigned *)arg);
    ended++;
    return 0;
}

static void fill(dure_scope *scope, unsigned depth)
{
    unsigned n = dure_sim_draw(6), i;
    int64_t ns;

    for (i = 0; i < n; i++) {
        ns = dure_sim_draw(20) * DURE_MILLISECOND;
        depth--;
        if (depth && dure_sim_draw(2) ? dure_spawn(scope, branch, &depth, sizeof depth) == 0
                                      : dure_spawn(scope, leaf, &ns, sizeof ns) == 0)
            spawned++;
        else
            CHECK_EQ(errno, ECANCELED);
        depth++;
    }
}

static void grow(unsigned depth)
{
    dure_scope_options options = {
        .flags = dure_sim_draw(2) ? DURE_KEEP_GOING : 0,
        .grace_ns = dure_sim_draw(3) * DURE_MILLISECOND,
    };
    dure_scope scope;

    if (dure_sim_draw(2))
        options.deadline = dure_after(dure_sim_draw(15) * DURE_MILLISECOND);
    trees++;
    CHECK_EQ(dure_scope_open_with(&scope, &options), 0);
    fill(&scope, depth);
    if (dure_sim_draw(4) == 0)
        dure_scope_cancel(&scope);
    if (dure_sim_draw(3) == 0)
        dure_sleep_for(dure_sim_draw(10) * DURE_MILLISECOND);
    if (dure_scope_close(&scope) < 0)
        CHECK(errno == ECANCELED || errno == ETIMEDOUT || errno == EPROTO);
}

void scopes_end_all_their_tasks(void)
{
    spawned = begun = ended = trees = 0;
    grow(4);
    /* Spawned is begun, even if cancelled before; and nothing outlives its scope. */
    CHECK_EQ(begun, spawned);
    CHECK_EQ(ended, spawned);
}

/* --- limits --- */

static unsigned alive, alive_max;

static int count_alive(void *arg)
{
    (void)arg;
    alive++;
    if (alive > alive_max)
        alive_max = alive;
    dure_sleep_for(dure_sim_draw(1000) * DURE_MICROSECOND);
    alive--;
    return 0;
}

static int spawn_some(void *arg)
{
    for (int i = 0; i < 10; i++)
        CHECK_EQ(dure_spawn(arg, count_alive, NULL, 0), 0);
    return 0;
}

/* Several that wait for a place at once. */
void limits_are_kept(void)
{
    unsigned limit = 1 + dure_sim_draw(5), i;
    dure_scope scope, spawners;

    alive = alive_max = 0;
    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = limit });
    dure_scope_open(&spawners);
    for (i = 0; i < 4; i++)
        CHECK_EQ(dure_spawn(&spawners, spawn_some, &scope, 0), 0);
    CHECK_EQ(dure_scope_close(&spawners), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(alive, 0);
    CHECK(alive_max <= limit && alive_max > 0);
}

/* --- time --- */

static int sleeper(void *arg)
{
    int64_t ns = *(int64_t *)arg, begun_ns = dure_now();

    if (dure_sleep_for(ns) == 0)
        CHECK(dure_now() - begun_ns >= ns);
    return 0;
}

void sleeps_are_never_early(void)
{
    dure_scope scope;
    int64_t ns, begun_ns = dure_now();
    unsigned i;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MINUTE) });
    for (i = 0; i < 100; i++) {
        ns = (int64_t)dure_sim_draw(1u << (5 + dure_sim_draw(26))) << dure_sim_draw(8);
        dure_spawn(&scope, sleeper, &ns, sizeof ns);
    }
    dure_scope_close(&scope);
    CHECK(dure_now() - begun_ns < DURE_MINUTE + DURE_SECOND);
}

/* --- shields --- */

static int shielded(void *arg)
{
    unsigned *cleaned = arg;

    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    DURE_SHIELD(DURE_SECOND)
    {
        if (dure_sleep_for(DURE_MILLISECOND) == 0)
            (*cleaned)++;
    }
    CHECK_FAILS(dure_sleep_for(1), ECANCELED);
    return 0;
}

void shields_let_clean_up_finish(void)
{
    unsigned cleaned = 0, i;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    for (i = 0; i < 10; i++)
        CHECK_EQ(dure_spawn(&scope, shielded, &cleaned, 0), 0);
    dure_sleep_for(dure_sim_draw(1000) * DURE_MICROSECOND);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(cleaned, 10);
}

/* --- locks --- */

struct store {
    dure_mutex mutex;
    dure_cond changed;
    bool inside;
    unsigned items, made, taken, wanted;
};

static void enter(struct store *store)
{
    CHECK_EQ(dure_mutex_lock(&store->mutex), 0);
    CHECK(!store->inside);
    store->inside = true;
}

static void leave(struct store *store)
{
    store->inside = false;
    CHECK_EQ(dure_mutex_unlock(&store->mutex), 0);
}

static int make(void *arg)
{
    struct store *store = arg;

    for (int i = 0; i < 10; i++) {
        enter(store);
        if (dure_sim_draw(3) == 0)
            dure_sleep_for(10 * DURE_MICROSECOND);
        store->items++;
        store->made++;
        leave(store);
        dure_cond_signal(&store->changed);
    }
    return 0;
}

static int take(void *arg)
{
    struct store *store = arg;

    for (int i = 0; i < 10; i++) {
        enter(store);
        while (store->items == 0) {
            store->inside = false;
            CHECK_EQ(dure_cond_wait(&store->changed, &store->mutex), 0);
            CHECK(!store->inside);
            store->inside = true;
        }
        store->items--;
        store->taken++;
        leave(store);
    }
    return 0;
}

void mutexes_exclude_and_lose_nobody(void)
{
    struct store store = { .items = 0 };
    unsigned n = 1 + dure_sim_draw(6), i;
    dure_scope scope;

    dure_mutex_init(&store.mutex, 0);
    dure_cond_init(&store.changed, 0);
    dure_scope_open(&scope);
    for (i = 0; i < n; i++) {
        CHECK_EQ(dure_spawn(&scope, take, &store, 0), 0);
        CHECK_EQ(dure_spawn(&scope, make, &store, 0), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0); /* a lost wake-up would be a standstill */
    CHECK_EQ(store.made, 10 * n);
    CHECK_EQ(store.taken, 10 * n);
}
