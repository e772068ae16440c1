/* Spawning is exact: returned 0, the function runs once; failed, the argument is the caller's. */
#include "conformance.h"

#include <stdatomic.h>
#include <sys/resource.h>

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

/* --- the argument --- */

static int check_argument(void *arg)
{
    const unsigned char *bytes = arg;
    unsigned len = bytes[0], i;

    CHECK_EQ((uintptr_t)arg % 16, 0);
    for (i = 0; i < len; i++)
        if (bytes[i] != (unsigned char)(len + i))
            CHECK_EQ(bytes[i], (unsigned char)(len + i));
    return 0;
}

TEST(argument_is_copied_and_aligned)
{
    unsigned char bytes[256];
    unsigned len, i;
    dure_scope scope;

    dure_scope_open(&scope);
    for (len = 1; len < 200; len++) {
        for (i = 0; i < len; i++)
            bytes[i] = (unsigned char)(len + i);
        CHECK_EQ(dure_spawn(&scope, check_argument, bytes, len), 0);
        memset(bytes, 0, sizeof bytes); /* it has its own */
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static int set_number(void *arg)
{
    *(int *)arg = 42;
    return 0;
}

TEST(length_0_hands_the_pointer_through)
{
    dure_scope scope;
    int number = 0;

    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, set_number, &number, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(number, 42);
}

static int count_one(void *arg)
{
    atomic_fetch_add(*(atomic_int **)arg, 1);
    return 0;
}

TEST(argument_of_half_the_stack_and_one_byte_more)
{
    const dure_spawn_options options = { .stack_size = 128 * 1024 };
    atomic_int runs = 0;
    atomic_int **big = calloc(1, 64 * 1024 + 1);
    dure_scope scope;

    *big = &runs;
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope, &options, count_one, big, 64 * 1024), 0);
    CHECK_FAILS(dure_spawn_with(&scope, &options, count_one, big, 64 * 1024 + 1), EINVAL);
    CHECK(*dure_why() != '\0');
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(runs, 1);
    free(big);
}

/* --- exactly once --- */

static int count_cancelled(void *arg)
{
    CHECK_EQ(dure_canceled(), 1);
    CHECK_FAILS(dure_yield(), ECANCELED);
    return count_one(arg);
}

TEST(cancelled_before_its_start_it_runs_all_the_same)
{
    atomic_int runs = 0, *runs_at = &runs;
    dure_scope scope;
    int i;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 100; i++)
        CHECK_EQ(dure_spawn(&scope, count_cancelled, &runs_at, sizeof runs_at), 0);
    dure_scope_cancel(&scope);
    CHECK_EQ(runs, 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(runs, 100);
}

/* The same on other loops: the cancel overtakes, meets or follows the start. */
TEST_WITH(cancelled_on_its_way_to_another_loop, .loops = 4)
{
    atomic_int runs = 0, *runs_at = &runs;
    int round, i, spawned = 0;

    for (round = 0; round < 200; round++) {
        dure_scope scope;

        dure_scope_open(&scope);
        for (i = 0; i < 12; i++)
            spawned += dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 4) },
                                       sleep_for_ever, NULL, 0) == 0;
        for (i = 0; i < 4; i++)
            spawned += dure_spawn_with(&scope, NULL, sleep_for_ever, NULL, 0) == 0;
        CHECK_EQ(dure_spawn(&scope, count_one, &runs_at, sizeof runs_at), 0);
        for (i = 0; i < round % 7; i++)
            dure_yield();
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
    CHECK_EQ(spawned, 200 * 16);
    CHECK_EQ(runs, 200);
}

TEST(cancelled_scope_refuses)
{
    atomic_int runs = 0, *runs_at = &runs;
    dure_scope scope;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_spawn(&scope, count_one, &runs_at, sizeof runs_at), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(runs, 0);
}

TEST(scope_in_its_grace_refuses)
{
    atomic_int runs = 0, *runs_at = &runs;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = DURE_SECOND });
    CHECK_EQ(dure_spawn(&scope, count_one, &runs_at, sizeof runs_at), 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_spawn(&scope, count_one, &runs_at, sizeof runs_at), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(runs, 1);
}

static int spawn_after_cancel(void *arg)
{
    dure_scope *scope = arg;

    dure_scope_cancel(scope);
    CHECK_FAILS(dure_spawn(scope, sleep_for_ever, NULL, 0), ECANCELED);
    return 0;
}

/* Whoever cancelled it, on whatever loop, is refused from then on. */
TEST(scope_refuses_who_cancelled_it_from_another_loop)
{
    int i;

    for (i = 0; i < 100; i++) {
        dure_scope scope;

        dure_scope_open(&scope);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, spawn_after_cancel,
                        &scope, 0);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
}

/* A spawn that the end of the scope refuses has felt it. */
TEST(refused_spawn_feels_the_deadline)
{
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    {
        dure_scope inner;

        dure_scope_open(&inner);
        YIELD_UNTIL(dure_canceled());
        dure_scope_close(&inner);
    }
    CHECK_FAILS(dure_spawn(&scope, sleep_for_ever, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
}

TEST(options_out_of_range)
{
    atomic_int runs = 0, *runs_at = &runs;
    const dure_spawn_options wrong[] = {
        { .place = DURE_LOOP(2) },
        { .place = -3 },
        { .flags = 0x8000 },
        { .stack_size = SIZE_MAX },
    };
    dure_scope scope;
    size_t i;

    dure_scope_open(&scope);
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_FAILS(dure_spawn_with(&scope, &wrong[i], count_one, &runs_at, sizeof runs_at),
                    EINVAL);
    CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, count_one,
                             &runs_at, sizeof runs_at),
             0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(runs, 1);
}

/* --- chains --- */

static int is_not_cancelled(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_canceled(), 0);
    CHECK_EQ(dure_deadline_left(), INT64_MAX);
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    return 0;
}

/* A child inherits its scope's chain, not what the spawner happens to have open. */
TEST(child_inherits_from_its_scope_not_from_its_spawner)
{
    dure_scope scope, cancelled;

    dure_scope_open(&scope);
    dure_scope_open_with(&cancelled,
                         &(dure_scope_options){ .deadline = dure_after(60 * DURE_MINUTE) });
    dure_scope_cancel(&cancelled);
    CHECK_EQ(dure_spawn(&scope, is_not_cancelled, NULL, 0), 0);
    CHECK_FAILS(dure_scope_close(&cancelled), ECANCELED);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- places --- */

static int check_loop(void *arg)
{
    CHECK_EQ(dure_loop_number(), *(int *)arg);
    dure_yield();
    CHECK_EQ(dure_loop_number(), *(int *)arg);
    dure_sleep_for(10 * DURE_MICROSECOND);
    CHECK_EQ(dure_loop_number(), *(int *)arg);
    return 0;
}

struct outer {
    dure_scope *scope;
    int loop;
};

/* On this loop, into a scope of another. */
static int spawn_on_this_loop(void *arg)
{
    struct outer *outer = arg;

    CHECK_EQ(dure_loop_number(), outer->loop);
    CHECK_EQ(dure_spawn_with(outer->scope, &(dure_spawn_options){ .place = DURE_THIS_LOOP },
                             check_loop, &outer->loop, sizeof outer->loop),
             0);
    return 0;
}

TEST_WITH(tasks_start_where_they_are_told, .loops = 4)
{
    dure_scope scope;
    int i, n;

    CHECK_EQ(dure_loop_count(), 4);
    CHECK_EQ(dure_loop_number(), 0);
    dure_scope_open(&scope);
    for (i = 0; i < 100; i++)
        for (n = 0; n < 4; n++) {
            struct outer outer = { &scope, n };

            dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(n) }, check_loop, &n,
                            sizeof n);
            dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(n) },
                            spawn_on_this_loop, &outer, sizeof outer);
        }
    n = 0;
    for (i = 0; i < 100; i++)
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_THIS_LOOP }, check_loop, &n,
                        sizeof n);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static int spawn_from_elsewhere(void *arg)
{
    dure_scope *scope = arg;
    int n = 0;

    CHECK_EQ(dure_spawn(scope, check_loop, &n, sizeof n), 0);
    return 0;
}

TEST_WITH(same_loop_scope_keeps_its_tasks, .loops = 4)
{
    dure_scope scope, others;
    int i, n = 0;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_scope_open(&others);
    for (i = 0; i < 40; i++) {
        dure_spawn(&scope, check_loop, &n, sizeof n);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 4) }, check_loop, &n,
                        sizeof n);
        dure_spawn_with(&others, &(dure_spawn_options){ .place = DURE_LOOP(i % 4) },
                        spawn_from_elsewhere, &scope, 0);
    }
    CHECK_EQ(dure_scope_close(&others), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static atomic_int where[4];

static int note_loop(void *arg)
{
    (void)arg;
    atomic_fetch_add(&where[dure_loop_number()], 1);
    dure_sleep_until((dure_deadline){ 0 });
    return 0;
}

/* Least loaded first: tasks that stay spread evenly. */
TEST_WITH(least_loaded_spreads_evenly, .loops = 4)
{
    int i, before = 0;
    dure_scope scope;

    for (i = 0; i < 4; i++)
        atomic_store(&where[i], 0);
    dure_scope_open(&scope);
    for (i = 0; i < 400; i++)
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LEAST_LOADED }, note_loop,
                        NULL, 0);
    YIELD_UNTIL(where[0] + where[1] + where[2] + where[3] == 400);
    for (i = 0; i < 4; i++) {
        CHECK(where[i] >= 99 && where[i] <= 101);
        before += where[i];
    }
    CHECK_EQ(before, 400);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

/* --- stacks --- */

static int use_stack(void *arg)
{
    volatile char deep[900 * 1024];

    memset((void *)(uintptr_t)deep, 1, sizeof deep);
    *(int *)arg = deep[12345];
    return 0;
}

TEST(stack_size_is_the_spawns)
{
    dure_scope scope;
    int i;

    for (i = 0; i < 20; i++) {
        int number = 0;

        dure_scope_open(&scope);
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .stack_size = 1 << 20 }, use_stack,
                                 &number, 0),
                 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(number, 1);
    }
}

/* Address space for some hundred stacks: a spawn then fails, says why, and all that was spawned
   runs. */
static void spawn_until_memory_ends(void)
{
    atomic_int runs = 0, *runs_at = &runs;
    const dure_spawn_options large = { .stack_size = 64 << 20 };
    dure_scope scope;
    int spawned = 0, i;

    dure_scope_open(&scope);
    for (i = 0; i < 1000; i++) {
        if (dure_spawn_with(&scope, &large, count_one, &runs_at, sizeof runs_at) < 0)
            break;
        spawned++;
    }
    CHECK(i < 1000);
    CHECK(errno == ENOMEM || errno == EAGAIN);
    CHECK(*dure_why() != '\0');
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(runs, spawned);
    CHECK(spawned > 0);
    /* What came back serves again. */
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope, &large, count_one, &runs_at, sizeof runs_at), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(runs, spawned + 1);
}

static int spawn_in_little_memory(void *arg)
{
    (void)arg;
    spawn_until_memory_ends();
    return 0;
}

static void run_in_little_memory(void)
{
    struct rlimit limit = { (rlim_t)8 << 30, (rlim_t)8 << 30 };

    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 1 }, spawn_in_little_memory, NULL), 0);
}

static void spawn_without_memory_fails_with_words(void **state)
{
    struct child child;

    (void)state;
    if (UNDER_ASAN || UNDER_TSAN || conformance_valgrind())
        skip(); /* their shadow is larger than any limit */
    if (getenv("DURE_TEST_EMULATED"))
        skip(); /* the emulator takes no limit on address space */
    conformance_child(&child, run_in_little_memory);
    assert_string_equal(child.text, "");
    assert_int_equal(child.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argument_is_copied_and_aligned),
        cmocka_unit_test(length_0_hands_the_pointer_through),
        cmocka_unit_test(argument_of_half_the_stack_and_one_byte_more),
        cmocka_unit_test(cancelled_before_its_start_it_runs_all_the_same),
        cmocka_unit_test(cancelled_on_its_way_to_another_loop),
        cmocka_unit_test(cancelled_scope_refuses),
        cmocka_unit_test(scope_in_its_grace_refuses),
        cmocka_unit_test(scope_refuses_who_cancelled_it_from_another_loop),
        cmocka_unit_test(refused_spawn_feels_the_deadline),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(child_inherits_from_its_scope_not_from_its_spawner),
        cmocka_unit_test(tasks_start_where_they_are_told),
        cmocka_unit_test(same_loop_scope_keeps_its_tasks),
        cmocka_unit_test(least_loaded_spreads_evenly),
        cmocka_unit_test(stack_size_is_the_spawns),
        cmocka_unit_test(spawn_without_memory_fails_with_words),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
