/* At scale: a million spawns without growth, 100,000 parked tasks, work that spreads over loops. */
#include "conformance.h"
#include "plain.h"

#include <stdatomic.h>

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int count_one(void *arg)
{
    atomic_fetch_add_explicit(*(atomic_int **)arg, 1, memory_order_relaxed);
    return 0;
}

static void spawn_and_close(int spawns, int at_once)
{
    dure_scope scope;
    int i, j;

    for (i = 0; i < spawns; i += at_once) {
        dure_scope_open(&scope);
        for (j = 0; j < at_once; j++)
            if (dure_spawn(&scope, nothing, NULL, 0) < 0)
                CHECK_EQ(errno, 0);
        if (dure_scope_close(&scope) < 0)
            CHECK_EQ(errno, 0);
    }
}

TEST(a_million_spawns_in_a_row_without_growth)
{
    int spawns = UNDER_TSAN || UNDER_ASAN ? 50000 : conformance_valgrind() ? 5000 : 1000000;
    size_t before, after;

    if (spawns < 1000000)
        printf("# %d instead of 1000000 spawns\n", spawns);
    spawn_and_close(spawns / 10, 100); /* warm: as much as it ever takes at once */
    before = conformance_resident();
    spawn_and_close(spawns / 2, 1);
    spawn_and_close(spawns / 2, 100);
    after = conformance_resident();
    if (!UNDER_TSAN && !UNDER_ASAN && !conformance_valgrind() && after > before + (2 << 20))
        CHECK_EQ(after, before);
}

static atomic_int parked;

static int park(void *arg)
{
    (void)arg;
    atomic_fetch_add(&parked, 1);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

TEST(a_hundred_thousand_parked)
{
    int tasks = (int)conformance_scale(100000), i;
    size_t before = conformance_resident(), each;
    dure_scope scope;

    atomic_store(&parked, 0);
    dure_scope_open(&scope);
    for (i = 0; i < tasks; i++)
        if (dure_spawn_with(&scope, &(dure_spawn_options){ .stack_size = 64 * 1024 }, park, NULL,
                            0) < 0)
            break;
    if (i < tasks && errno == EAGAIN && strstr(dure_why(), "max_map_count"))
        printf("# %d instead of %d tasks: %s\n", i, tasks, dure_why());
    else
        CHECK_EQ(i, tasks);
    YIELD_UNTIL(parked == i);
    each = (conformance_resident() - before) / (size_t)(i ? i : 1);
    printf("# %d parked, %zu bytes resident each\n", i, each);
    if (!UNDER_TSAN && !UNDER_ASAN && !conformance_valgrind())
        CHECK(each < 8192);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

/* --- work that spreads --- */

static atomic_int done_on[4];

static void compute(int64_t duration_ns)
{
    int64_t until_ns = dure_now() + duration_ns;

    while (dure_now() < until_ns)
        ;
}

static int compute_shortly(void *arg)
{
    (void)arg;
    compute(100 * DURE_MICROSECOND);
    atomic_fetch_add(&done_on[dure_loop_number()], 1);
    return 0;
}

/* One loop spawns, all compute. */
TEST_WITH(computation_spreads_over_the_loops, .loops = 2)
{
    int tasks = conformance_valgrind() ? 300 : 3000, i;
    dure_scope scope;

    NOT_SIMULATED("all loops are one thread");
    for (i = 0; i < 4; i++)
        atomic_store(&done_on[i], 0);
    dure_scope_open(&scope);
    for (i = 0; i < tasks; i++)
        CHECK_EQ(dure_spawn(&scope, compute_shortly, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(done_on[0] + done_on[1], tasks);
    printf("# of %d tasks, %d on loop 0 and %d on loop 1\n", tasks, done_on[0], done_on[1]);
    /* A spawn costs more than its task under ThreadSanitizer: nothing is left for the spawner. */
    CHECK(done_on[0] >= tasks / 10 || UNDER_TSAN);
    CHECK(done_on[1] >= tasks / 10);
}

static atomic_int meeting;

static int meet(void *arg)
{
    int all = *(int *)arg;
    int64_t begun_ns = dure_now();

    atomic_fetch_add(&meeting, 1);
    while (atomic_load(&meeting) < all &&
           conformance_patience(begun_ns, __FILE__, __LINE__, "all loops meet"))
        ;
    return 0;
}

/* As many tasks as there are loops can only meet, each hogging its loop, if every idle loop takes
   one of those that have not started, while the loop that spawned them is hogged too. */
TEST_WITH(every_idle_loop_takes_work, .loops = 4)
{
    int round, i, all = 4;

    NOT_SIMULATED("all loops are one thread");
    for (round = 0; round < 20; round++) {
        dure_scope scope;

        atomic_store(&meeting, 0);
        dure_scope_open(&scope);
        for (i = 0; i < all - 1; i++)
            CHECK_EQ(dure_spawn(&scope, meet, &all, sizeof all), 0);
        meet(&all);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
}

/* The hundredth keeps its loop until the other one has helped. */
static int compute_or_wait_for_help(void *arg)
{
    int64_t begun_ns = dure_now();

    if (*(int *)arg == 100)
        while (!atomic_load(&done_on[1 - dure_loop_number()]) &&
               conformance_patience(begun_ns, __FILE__, __LINE__, "the other loop helps"))
            ;
    return compute_shortly(NULL);
}

/* After much spawning that nobody needed help with, which makes the spawner call for help seldom:
   the first few long tasks must make it call again. */
TEST_WITH(idle_loops_help_after_many_short_tasks, .loops = 2)
{
    int tasks = 300, i;
    dure_scope scope;

    NOT_SIMULATED("all loops are one thread");
    spawn_and_close(20000, 1);
    for (i = 0; i < 4; i++)
        atomic_store(&done_on[i], 0);
    dure_scope_open(&scope);
    for (i = 0; i < tasks; i++)
        CHECK_EQ(dure_spawn(&scope, compute_or_wait_for_help, &i, sizeof i), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    printf("# of %d tasks, %d on loop 0 and %d on loop 1\n", tasks, done_on[0], done_on[1]);
    CHECK(done_on[1] > 0);
}

/* --- many at once --- */

static int write_one(void *arg)
{
    return dure_write(*(int *)arg, "x", 1) == 1 ? 0 : -1;
}

static int read_one(void *arg)
{
    char byte;

    return dure_read(*(int *)arg, &byte, 1) == 1 ? 0 : -1;
}

/* Thousands wait on one descriptor; each byte wakes somebody. */
TEST(thousands_read_one_pipe)
{
    int count = (int)conformance_scale(3000), i;
    dure_scope scope;
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    for (i = 0; i < count; i++)
        CHECK_EQ(dure_spawn(&scope, read_one, fds, sizeof *fds), 0);
    for (i = 0; i < count; i++)
        CHECK_EQ(dure_spawn(&scope, write_one, &fds[1], sizeof *fds), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static int spawn_a_family(void *arg)
{
    int generations = ((int *)arg)[0] - 1;
    atomic_int *count = *(atomic_int **)(void *)((int *)arg + 2);
    dure_scope scope;
    int i;

    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    if (generations == 0)
        return 0;
    dure_scope_open(&scope);
    for (i = 0; i < 4; i++) {
        struct {
            int generations, unused;
            atomic_int *count;
        } argument = { generations, 0, count };

        CHECK_EQ(dure_spawn(&scope, spawn_a_family, &argument, sizeof argument), 0);
    }
    return dure_scope_close(&scope);
}

TEST_WITH(family_tree_over_four_loops, .loops = 4)
{
    struct {
        int generations, unused;
        atomic_int *count;
    } argument;
    int generations = UNDER_TSAN || UNDER_ASAN || conformance_valgrind() ? 5 : 8, i, all = 0,
        row = 1;
    atomic_int count = 0;
    dure_scope scope;

    argument.generations = generations;
    argument.count = &count;
    for (i = 0; i < generations; i++, row *= 4)
        all += row;
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, spawn_a_family, &argument, sizeof argument), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(count, all);
}

static int go_again(void *arg)
{
    return count_one(arg);
}

TEST_WITH(a_run_of_many_dure_goes, .loops = 2)
{
    int goes = UNDER_TSAN || UNDER_ASAN || conformance_valgrind() ? 2000 : 100000, i;
    atomic_int count = 0, *count_at = &count;

    for (i = 0; i < goes; i++) {
        if (dure_go(go_again, &count_at, sizeof count_at) < 0)
            CHECK_EQ(errno, 0);
        if (i % 100 == 0)
            dure_yield();
    }
    YIELD_UNTIL(count == goes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_spawns_in_a_row_without_growth),
        cmocka_unit_test(a_hundred_thousand_parked),
        cmocka_unit_test(computation_spreads_over_the_loops),
        cmocka_unit_test(every_idle_loop_takes_work),
        cmocka_unit_test(idle_loops_help_after_many_short_tasks),
        cmocka_unit_test(thousands_read_one_pipe),
        cmocka_unit_test(family_tree_over_four_loops),
        cmocka_unit_test(a_run_of_many_dure_goes),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
