/* Scopes that bound how many of their tasks live at once. */
#include "conformance.h"
#include "plain.h"

#include <pthread.h>
#include <stdatomic.h>

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

static int count_one(void *arg)
{
    atomic_fetch_add(*(atomic_int **)arg, 1);
    return 0;
}

TEST(limit_and_limit_plus_one)
{
    atomic_int runs = 0, *runs_at = &runs;
    const dure_spawn_options no_wait = { .flags = DURE_NO_WAIT };
    dure_scope scope;
    int i;

    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = 3 });
    for (i = 0; i < 3; i++)
        CHECK_EQ(dure_spawn_with(&scope, &no_wait, sleep_for_ever, NULL, 0), 0);
    CHECK_FAILS(dure_spawn_with(&scope, &no_wait, count_one, &runs_at, sizeof runs_at), EAGAIN);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(runs, 0);
}

TEST(spawn_that_fails_takes_no_place)
{
    const dure_spawn_options too_large = { .stack_size = SIZE_MAX / 2 };
    dure_scope scope;
    int i;

    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = 1 });
    for (i = 0; i < 5; i++)
        CHECK_FAILS(dure_spawn_with(&scope, &too_large, sleep_for_ever, NULL, 0), EINVAL);
    CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .flags = DURE_NO_WAIT }, sleep_for_ever,
                             NULL, 0),
             0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

/* --- waiting for a place --- */

static atomic_int alive, alive_max, ended;

static int live_briefly(void *arg)
{
    int now = atomic_fetch_add(&alive, 1) + 1, max = atomic_load(&alive_max);

    (void)arg;
    while (now > max && !atomic_compare_exchange_weak(&alive_max, &max, now))
        ;
    dure_yield();
    atomic_fetch_sub(&alive, 1);
    atomic_fetch_add(&ended, 1);
    return 0;
}

static int spawn_many(void *arg)
{
    dure_scope *scope = ((void **)arg)[0];
    int i, count = (int)(intptr_t)((void **)arg)[1];

    for (i = 0; i < count; i++)
        CHECK_EQ(dure_spawn(scope, live_briefly, NULL, 0), 0);
    return 0;
}

/* Spawners on every loop share four places; each spawn waits for its place. */
TEST_WITH(spawners_of_all_loops_wait, .loops = 4)
{
    int each = UNDER_TSAN || conformance_valgrind() ? 100 : 1000, i;
    dure_scope limited, spawners;

    atomic_store(&alive_max, 0);
    atomic_store(&ended, 0);
    dure_scope_open_with(&limited, &(dure_scope_options){ .tasks_max = 4 });
    dure_scope_open(&spawners);
    for (i = 0; i < 8; i++) {
        void *argument[2] = { &limited, (void *)(intptr_t)each };

        dure_spawn_with(&spawners, &(dure_spawn_options){ .place = DURE_LOOP(i % 4) }, spawn_many,
                        argument, sizeof argument);
    }
    CHECK_EQ(dure_scope_close(&spawners), 0);
    CHECK_EQ(dure_scope_close(&limited), 0);
    CHECK_EQ(ended, 8 * each);
    CHECK(alive_max <= 4);
    CHECK(alive_max >= 1);
}

/* The only place becomes free by a task that ends on another loop, while the spawner's sleeps. */
TEST(place_that_becomes_free_elsewhere)
{
    dure_scope scope;
    int i;

    atomic_store(&ended, 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = 1 });
    for (i = 0; i < 300; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) },
                                 live_briefly, NULL, 0),
                 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(ended, 300);
}

static int order[16];
static atomic_int order_len;

static int note_order(void *arg)
{
    order[atomic_fetch_add(&order_len, 1)] = *(int *)arg;
    return 0;
}

struct turn {
    dure_scope *scope;
    int number;
};

static int wait_for_turn(void *arg)
{
    struct turn *turn = arg;

    return dure_spawn(turn->scope, note_order, &turn->number, sizeof turn->number);
}

static int wait_until_set(void *arg)
{
    YIELD_UNTIL(atomic_load(*(atomic_bool **)arg));
    return 0;
}

TEST(waiting_spawners_are_first_come_first_served)
{
    atomic_bool set = false, *set_at = &set;
    dure_scope limited, spawners;
    int i;

    NOT_SIMULATED("the seed chooses who comes first");
    atomic_store(&order_len, 0);
    dure_scope_open_with(&limited,
                         &(dure_scope_options){ .tasks_max = 1, .flags = DURE_SAME_LOOP });
    CHECK_EQ(dure_spawn(&limited, wait_until_set, &set_at, sizeof set_at), 0);
    dure_scope_open_with(&spawners, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 10; i++) {
        struct turn turn = { &limited, i };

        dure_spawn(&spawners, wait_for_turn, &turn, sizeof turn);
    }
    for (i = 0; i < 20; i++)
        dure_yield(); /* all of them wait by now */
    CHECK_EQ(order_len, 0);
    atomic_store(&set, true);
    CHECK_EQ(dure_scope_close(&spawners), 0);
    CHECK_EQ(dure_scope_close(&limited), 0);
    CHECK_EQ(order_len, 10);
    for (i = 0; i < 10; i++)
        CHECK_EQ(order[i], i);
}

/* --- cancelled meanwhile --- */

TEST(spawner_is_cancelled_while_it_waits)
{
    atomic_int runs = 0, *runs_at = &runs;
    dure_scope scope;
    int result = 0;

    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = 1 });
    dure_spawn(&scope, sleep_for_ever, NULL, 0);
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    result = dure_spawn(&scope, count_one, &runs_at, sizeof runs_at);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(runs, 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

static void *spawn_from_thread(void *arg)
{
    dure_scope *full = ((void **)arg)[0], scope;

    CHECK_EQ(dure_scope_open_with(
                 &scope, &(dure_scope_options){ .deadline = dure_after(2 * DURE_MILLISECOND) }),
             0);
    CHECK_FAILS(dure_spawn(full, live_briefly, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_spawn(full, live_briefly, NULL, 0), ECANCELED); /* at entry */
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    atomic_store((atomic_bool *)((void **)arg)[1], true);
    return NULL;
}

TEST(thread_is_cancelled_while_it_waits)
{
    atomic_bool done = false;
    dure_scope full;
    void *args[2] = { &full, &done };
    pthread_t thread;

    dure_scope_open_with(&full, &(dure_scope_options){ .tasks_max = 1 });
    CHECK_EQ(dure_spawn(&full, sleep_for_ever, NULL, 0), 0);
    CHECK_EQ(pthread_create(&thread, NULL, spawn_from_thread, args), 0);
    YIELD_UNTIL(atomic_load(&done));
    pthread_join(thread, NULL);
    dure_scope_cancel(&full);
    CHECK_FAILS(dure_scope_close(&full), ECANCELED);
}

static int spawn_within(void *arg)
{
    dure_scope *scope = arg;
    int i, result = 0;

    for (i = 0; i < 50; i++) {
        DURE_WITHIN(dure_after(i % 20 * 10 * DURE_MICROSECOND))
        result = dure_spawn(scope, live_briefly, NULL, 0);
        if (result < 0)
            CHECK(errno == ETIMEDOUT || errno == ECANCELED);
        else
            atomic_fetch_add(&order_len, 1);
    }
    return 0;
}

/* Withdrawals meet grants; every spawn that returned 0 ran, no place is lost. */
TEST_WITH(withdrawals_meet_grants, .loops = 4)
{
    dure_scope limited, spawners;
    int i;

    atomic_store(&ended, 0);
    atomic_store(&order_len, 0);
    dure_scope_open_with(&limited, &(dure_scope_options){ .tasks_max = 2 });
    dure_scope_open(&spawners);
    for (i = 0; i < 16; i++)
        dure_spawn_with(&spawners, &(dure_spawn_options){ .place = DURE_LOOP(i % 4) }, spawn_within,
                        &limited, 0);
    CHECK_EQ(dure_scope_close(&spawners), 0);
    for (i = 0; i < 10; i++) /* all places are there */
        CHECK_EQ(dure_spawn(&limited, live_briefly, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&limited), 0);
    CHECK_EQ(ended, order_len + 10);
}

static int spawn_cancelled(void *arg)
{
    dure_scope *limited = arg;
    dure_scope scope;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_spawn(limited, sleep_for_ever, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_spawn_with(limited, &(dure_spawn_options){ .flags = DURE_NO_WAIT },
                                sleep_for_ever, NULL, 0),
                EAGAIN);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    return 0;
}

/* A cancelled task must not wait for a place, on whatever loop. */
TEST(cancelled_spawner_does_not_wait)
{
    dure_scope limited, spawners;
    int place;

    dure_scope_open_with(&limited, &(dure_scope_options){ .tasks_max = 1 });
    CHECK_EQ(dure_spawn(&limited, sleep_for_ever, NULL, 0), 0);
    for (place = DURE_LOOP(0); place <= DURE_LOOP(1); place++) {
        dure_scope_open(&spawners);
        dure_spawn_with(&spawners, &(dure_spawn_options){ .place = place }, spawn_cancelled,
                        &limited, 0);
        CHECK_EQ(dure_scope_close(&spawners), 0);
    }
    dure_scope_cancel(&limited);
    CHECK_FAILS(dure_scope_close(&limited), ECANCELED);
}

static int spawn_refused(void *arg)
{
    dure_scope *limited = arg;

    CHECK_FAILS(dure_spawn(limited, sleep_for_ever, NULL, 0), ECANCELED);
    atomic_fetch_add(&ended, 1);
    return 0;
}

TEST(end_of_the_scope_refuses_who_waits)
{
    dure_scope limited, spawners;
    int i;

    atomic_store(&ended, 0);
    dure_scope_open(&spawners);
    dure_scope_open_with(&limited, &(dure_scope_options){ .tasks_max = 1 });
    dure_spawn(&limited, sleep_for_ever, NULL, 0);
    for (i = 0; i < 10; i++)
        dure_spawn_with(&spawners, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                        spawn_refused, &limited, 0);
    dure_sleep_for(DURE_MILLISECOND); /* most of them wait by now */
    dure_scope_cancel(&limited);
    YIELD_UNTIL(ended == 10);
    CHECK_FAILS(dure_scope_close(&limited), ECANCELED);
    CHECK_EQ(dure_scope_close(&spawners), 0);
}

static void *spawn_from_a_thread(void *arg)
{
    int i;

    for (i = 0; i < 100; i++)
        CHECK_EQ(dure_spawn(arg, live_briefly, NULL, 0), 0);
    return NULL;
}

static int join_thread(void *arg)
{
    pthread_join(*(pthread_t *)arg, NULL);
    return 0;
}

TEST(plain_threads_wait_for_places)
{
    pthread_t threads[3];
    dure_scope scope;
    int i;

    NOT_SIMULATED("plain threads");
    atomic_store(&ended, 0);
    atomic_store(&alive_max, 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = 2 });
    for (i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, spawn_from_a_thread, &scope);
    for (i = 0; i < 3; i++)
        CHECK_EQ(dure_blocking(join_thread, &threads[i], sizeof threads[i]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(ended, 300);
    CHECK(alive_max <= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_and_limit_plus_one),
        cmocka_unit_test(spawn_that_fails_takes_no_place),
        cmocka_unit_test(spawners_of_all_loops_wait),
        cmocka_unit_test(place_that_becomes_free_elsewhere),
        cmocka_unit_test(waiting_spawners_are_first_come_first_served),
        cmocka_unit_test(spawner_is_cancelled_while_it_waits),
        cmocka_unit_test(thread_is_cancelled_while_it_waits),
        cmocka_unit_test(withdrawals_meet_grants),
        cmocka_unit_test(cancelled_spawner_does_not_wait),
        cmocka_unit_test(end_of_the_scope_refuses_who_waits),
        cmocka_unit_test(plain_threads_wait_for_places),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
