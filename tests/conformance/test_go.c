/* dure_go, from tasks and threads, up to the end of a run. */
#include "conformance.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static int count_one(void *arg)
{
    dure_yield();
    atomic_fetch_add(*(atomic_int **)arg, 1);
    return 0;
}

static atomic_int gone;

static int go_on(void *arg)
{
    int left = *(int *)arg - 1;

    atomic_fetch_add(&gone, 1);
    dure_yield();
    if (left > 0)
        CHECK_EQ(dure_go(go_on, &left, sizeof left), 0);
    errno = EIO;
    return -1; /* of no consequence to anybody */
}

static int go_and_return(void *arg)
{
    int i;

    for (i = 0; i < 10; i++)
        CHECK_EQ(dure_go(go_on, arg, sizeof(int)), 0);
    return 0;
}

TEST_OUTSIDE(run_ends_after_the_last_dure_go)
{
    int chain = 50, round;

    for (round = 0; round < 20; round++) {
        atomic_store(&gone, 0);
        CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 3 }, go_and_return, &chain), 0);
        CHECK_EQ(gone, 10 * chain);
    }
}

static int go_everywhere(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < 50; i++) {
        int one = 1;

        CHECK_EQ(dure_go(go_on, &one, sizeof one), 0);
        if (i % 5 == 0)
            dure_yield();
    }
    return 0;
}

static int start_going_everywhere(void *arg)
{
    dure_scope scope;
    int i;

    (void)arg;
    dure_scope_open(&scope);
    for (i = 0; i < 4; i++)
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i) }, go_everywhere, NULL,
                        0);
    return dure_scope_close(&scope);
}

TEST_OUTSIDE(dure_go_from_every_loop_at_the_runs_end)
{
    int round;

    for (round = 0; round < 50; round++) {
        atomic_store(&gone, 0);
        CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 4 }, start_going_everywhere, NULL), 0);
        CHECK_EQ(gone, 200);
    }
}

TEST_OUTSIDE(no_run_no_spawn)
{
    atomic_int runs = 0, *runs_at = &runs;
    dure_scope scope;

    CHECK_FAILS(dure_go(count_one, &runs_at, sizeof runs_at), EPERM);
    CHECK(*dure_why() != '\0');
    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_FAILS(dure_spawn(&scope, count_one, &runs_at, sizeof runs_at), EPERM);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(runs, 0);
}

/* --- at the run's end --- */

static atomic_int taken, ran, rounds_begun;
static atomic_bool stop_going;

static int note_run(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
    return 0;
}

static void *go_all_the_time(void *arg)
{
    /* So many a run at the most: a run ends when the roots are empty, and without a bound two
       threads could fill them faster than the loops empty them, for ever. */
    enum { goes_a_round = 30 };
    int round = 0, left = 0;

    (void)arg;
    while (!atomic_load(&stop_going)) {
        if (round != atomic_load(&rounds_begun)) {
            round = atomic_load(&rounds_begun);
            left = goes_a_round;
        }
        if (left > 0 && dure_go(note_run, NULL, 0) == 0) {
            atomic_fetch_add(&taken, 1);
            left--;
        } else if (left > 0) {
            CHECK_EQ(errno, EPERM);
        }
        /* Few at a time: the roots are empty again and again. */
        while (left > 0 && atomic_load(&taken) - atomic_load(&ran) > 1)
            sched_yield();
        if (left == 0)
            usleep(20); /* leaves the processor to the loops until the next round */
    }
    return NULL;
}

static int end_soon(void *arg)
{
    int i, yields = *(int *)arg;

    for (i = 0; i < yields; i++)
        dure_yield();
    return 0;
}

/* Every dure_go either was refused, or its task ran before the run was over. */
TEST_OUTSIDE(dure_go_meets_the_runs_end)
{
    int rounds = UNDER_TSAN || conformance_valgrind() ? 30 : 300, i;
    pthread_t threads[2];

    atomic_store(&taken, 0);
    atomic_store(&ran, 0);
    atomic_store(&stop_going, false);
    for (i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, go_all_the_time, NULL), 0);
    for (i = 0; i < rounds; i++) {
        int yields = i % 10;

        atomic_fetch_add(&rounds_begun, 1);
        CHECK_EQ(
            dure_run_with(&(dure_run_options){ .loops = 1 + (unsigned)i % 3 }, end_soon, &yields),
            0);
    }
    atomic_store(&stop_going, true);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(ran, taken);
}

/* Cancels and scopes of threads at the run's end. */
static void *scope_all_the_time(void *arg)
{
    atomic_int *count = &ran;
    dure_scope scope;

    (void)arg;
    while (!atomic_load(&stop_going)) {
        CHECK_EQ(dure_scope_open(&scope), 0);
        if (dure_spawn(&scope, count_one, &count, sizeof count) == 0)
            atomic_fetch_add(&taken, 1);
        else
            CHECK_EQ(errno, EPERM);
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
    return NULL;
}

TEST_OUTSIDE(threads_scopes_meet_the_runs_end)
{
    int rounds = UNDER_TSAN || conformance_valgrind() ? 30 : 200, i;
    pthread_t threads[2];

    atomic_store(&taken, 0);
    atomic_store(&ran, 0);
    atomic_store(&stop_going, false);
    for (i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, scope_all_the_time, NULL), 0);
    for (i = 0; i < rounds; i++) {
        int yields = i % 10;

        CHECK_EQ(
            dure_run_with(&(dure_run_options){ .loops = 1 + (unsigned)i % 3 }, end_soon, &yields),
            0);
    }
    atomic_store(&stop_going, true);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(ran, taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_ends_after_the_last_dure_go),
        cmocka_unit_test(dure_go_from_every_loop_at_the_runs_end),
        cmocka_unit_test(no_run_no_spawn),
        cmocka_unit_test(dure_go_meets_the_runs_end),
        cmocka_unit_test(threads_scopes_meet_the_runs_end),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
