/* Values of tasks and threads. */
#include "waiting.h"

#include <pthread.h>

static atomic_int destroyed;

static void count_it(void *value)
{
    atomic_fetch_add(&destroyed, *(int *)value);
}

static dure_local counted = DURE_LOCAL_INIT(count_it);
static dure_local plain; /* zeroed: without a destructor */

static int has_its_own(void *arg)
{
    int mine = *(int *)arg;

    CHECK(dure_local_get(&counted) == NULL); /* nothing is inherited */
    CHECK(dure_local_get(&plain) == NULL);
    CHECK_EQ(dure_local_set(&counted, arg), 0);
    CHECK_EQ(dure_local_set(&plain, &mine), 0);
    dure_yield();
    CHECK(dure_local_get(&counted) == arg);
    CHECK(dure_local_get(&plain) == &mine);
    return 0;
}

TEST(each_task_has_its_own)
{
    int i, ours = 1000;
    dure_scope scope;

    atomic_store(&destroyed, 0);
    CHECK_EQ(dure_local_set(&plain, &ours), 0);
    CHECK_EQ(dure_local_set(&counted, NULL), 0);
    dure_scope_open(&scope);
    for (i = 1; i <= 20; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 has_its_own, &i, sizeof i),
                 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&destroyed), 210); /* before the scope closed */
    CHECK(dure_local_get(&plain) == &ours);
}

/* --- what a destructor may do --- */

static void wait_in_it(void *value)
{
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    CHECK_STR(dure_task_name(), "waits at its end");
    dure_fail(EDOM, "not this one");
    atomic_store((atomic_bool *)value, true);
}

static dure_local waiting = DURE_LOCAL_INIT(wait_in_it);

static int set_waiting(void *arg)
{
    CHECK_EQ(dure_local_set(&waiting, *(void **)arg), 0);
    return dure_fail(EXDEV, "while it worked");
}

/* It waits, and the task's failure stays as it was. */
TEST(destructor_may_wait)
{
    dure_spawn_options options = { .name = "waits at its end", .place = DURE_LOOP(1) };
    dure_scope scope;
    atomic_bool done = false, *at = &done;

    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope, &options, set_waiting, &at, sizeof at), 0);
    CHECK_FAILS(dure_scope_close(&scope), EXDEV);
    CHECK_HAS(dure_why(), "while it worked");
    CHECK(atomic_load(&done));
}

static void clean_up(void *value)
{
    CHECK_FAILS(dure_sleep_for(DURE_MILLISECOND), ECANCELED);
    DURE_SHIELD(DURE_SECOND)
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    atomic_store((atomic_bool *)value, true);
}

static dure_local cleaning = DURE_LOCAL_INIT(clean_up);

static int64_t sleep_with_local(void *arg)
{
    CHECK_EQ(dure_local_set(&cleaning, arg), 0);
    return dure_sleep_for(DURE_MINUTE);
}

/* The scopes are as they were at the task's end. */
TEST(destructor_of_a_canceled_task)
{
    atomic_bool done = false;
    struct background b;
    dure_scope scope;

    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, sleep_with_local, &done);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK(atomic_load(&done));
}

static int spawned(void *arg)
{
    (void)arg;
    atomic_fetch_add(&destroyed, 1);
    return 0;
}

static void spawn_in_it(void *value)
{
    CHECK_EQ(dure_spawn(value, spawned, NULL, 0), 0);
}

static dure_local spawning = DURE_LOCAL_INIT(spawn_in_it);

static int set_spawning(void *arg)
{
    return dure_local_set(&spawning, *(void **)arg);
}

TEST(destructor_may_spawn_into_the_scope)
{
    dure_scope scope, *at = &scope;

    atomic_store(&destroyed, 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, set_spawning, &at, sizeof at), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&destroyed), 1);
}

/* --- values set by destructors --- */

static dure_local stubborn;

static void set_again(void *value)
{
    CHECK(dure_local_get(&stubborn) == NULL);
    atomic_fetch_add(&destroyed, 1);
    CHECK_EQ(dure_local_set(&stubborn, value), 0);
}

static dure_local stubborn = DURE_LOCAL_INIT(set_again);

static int set_stubborn(void *arg)
{
    (void)arg;
    return dure_local_set(&stubborn, &destroyed);
}

TEST(destroyed_in_some_rounds)
{
    dure_scope scope;

    atomic_store(&destroyed, 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, set_stubborn, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&destroyed), DURE_LOCAL_ROUNDS);
}

#define MANY 40
static dure_local many[MANY];

/* The table grows while it is gone through. */
static void set_the_others(void *value)
{
    int i;

    for (i = 1; i < MANY; i++)
        CHECK_EQ(dure_local_set(&many[i], value), 0);
}

static int set_first(void *arg)
{
    static int one = 1;
    int i;

    (void)arg;
    many[0].destroy = set_the_others;
    for (i = 1; i < MANY; i++)
        many[i].destroy = count_it;
    CHECK_EQ(dure_local_set(&many[0], &one), 0);
    return 0;
}

TEST(destructors_may_set_others)
{
    dure_scope scope;

    atomic_store(&destroyed, 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, set_first, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&destroyed), MANY - 1);
}

static int unset(void *arg)
{
    CHECK_EQ(dure_local_set(&counted, arg), 0);
    return dure_local_set(&counted, NULL);
}

TEST(what_was_taken_back_is_not_destroyed)
{
    dure_scope scope;
    int one = 1;

    atomic_store(&destroyed, 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, unset, &one, sizeof one), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&destroyed), 0);
}

/* --- threads --- */

static void *has_its_own_on_thread(void *arg)
{
    has_its_own(arg);
    return NULL;
}

TEST_OUTSIDE(threads_have_theirs)
{
    pthread_t threads[3];
    int i, values[3] = { 1, 10, 100 };

    atomic_store(&destroyed, 0);
    for (i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, has_its_own_on_thread, &values[i]), 0);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(atomic_load(&destroyed), 111);
}

static int look_on_pool_thread(void *arg)
{
    (void)arg;
    CHECK(dure_local_get(&plain) == NULL); /* not its caller's */
    return 0;
}

static int set_and_call(void *arg)
{
    CHECK_EQ(dure_local_set(&plain, arg), 0);
    return dure_blocking(look_on_pool_thread, NULL, 0);
}

TEST(pool_functions_have_their_threads)
{
    dure_scope scope;
    int one = 1;

    NOT_SIMULATED("it has no threads for them");
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, set_and_call, &one, sizeof one), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- mistakes --- */

static dure_scope left_open;

static void open_in_it(void *value)
{
    (void)value;
    dure_scope_open(&left_open);
}

static dure_local opening = DURE_LOCAL_INIT(open_in_it);

static int set_opening(void *arg)
{
    (void)arg;
    return dure_local_set(&opening, &left_open);
}

static void run_set_opening(void)
{
    dure_run(set_opening, NULL);
}

TEST_OUTSIDE(destructor_must_close_its_scopes)
{
    struct child child;

    conformance_child(&child, run_set_opening);
    CHECK_CHILD_ABORTED(&child, "the destructor of a local value left a scope open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_has_its_own),
        cmocka_unit_test(destructor_may_wait),
        cmocka_unit_test(destructor_of_a_canceled_task),
        cmocka_unit_test(destructor_may_spawn_into_the_scope),
        cmocka_unit_test(destroyed_in_some_rounds),
        cmocka_unit_test(destructors_may_set_others),
        cmocka_unit_test(what_was_taken_back_is_not_destroyed),
        cmocka_unit_test(threads_have_theirs),
        cmocka_unit_test(pool_functions_have_their_threads),
        cmocka_unit_test(destructor_must_close_its_scopes),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
