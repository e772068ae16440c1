/* Scopes: closing waits, failures, scopes inside one another. Deadlines are in test_deadline.c. */
#include "conformance.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

/* Computes until a time, without a call that could notice anything. */
/* --- closing --- */

static int count_slowly(void *arg)
{
    dure_yield();
    dure_sleep_for(DURE_MILLISECOND);
    atomic_fetch_add(*(atomic_int **)arg, 1);
    return 0;
}

TEST(close_waits_for_every_task)
{
    atomic_int ended = 0, *ended_at = &ended;
    dure_scope scope;
    int i;

    dure_scope_open(&scope);
    for (i = 0; i < 100; i++)
        dure_spawn(&scope, count_slowly, &ended_at, sizeof ended_at);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(ended, 100);
}

TEST(close_of_an_empty_scope)
{
    dure_scope scope;

    errno = 77;
    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_scope_open_with(&scope, NULL), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(errno, 77);
}

TEST(close_keeps_errno)
{
    atomic_int ended = 0, *ended_at = &ended;
    dure_scope scope;

    dure_scope_open(&scope);
    dure_spawn(&scope, count_slowly, &ended_at, sizeof ended_at);
    errno = 77;
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(errno, 77);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Holds its loop without a call that could notice anything. */
static int hold_until(void *arg)
{
    atomic_bool *set = *(atomic_bool **)arg;

    while (!atomic_load(set))
        sched_yield();
    return 0;
}

/* An end on another loop is told before that loop runs whoever is next, for as long as it likes. */
TEST(close_hears_of_an_end_before_a_long_task)
{
    atomic_bool spawned = false, closed = false, *until_spawned = &spawned, *until_closed = &closed;
    const dure_spawn_options there = { .place = DURE_LOOP(1) };
    dure_scope long_ones, scope;

    if (strcmp(dure_backend_name(), "sim") == 0)
        return; /* its loops share one thread */
    dure_scope_open(&long_ones);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&long_ones, &there, hold_until, &until_spawned, sizeof until_spawned),
             0);
    CHECK_EQ(dure_spawn_with(&scope, &there, nothing, NULL, 0), 0);
    CHECK_EQ(dure_spawn_with(&long_ones, &there, hold_until, &until_closed, sizeof until_closed),
             0);
    atomic_store(&spawned, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
    atomic_store(&closed, true);
    CHECK_EQ(dure_scope_close(&long_ones), 0);
}

TEST(options_out_of_range)
{
    dure_scope scope;

    CHECK_FAILS(dure_scope_open_with(&scope, &(dure_scope_options){ .flags = 0x100 }), EINVAL);
    CHECK_FAILS(dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = -1 }), EINVAL);
    CHECK_EQ(dure_scope_open_with(&scope,
                                  &(dure_scope_options){ .flags = DURE_KEEP_GOING | DURE_SAME_LOOP |
                                                                  DURE_ENDS_FIRST }),
             0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static int close_in_the_wrong_order(void *arg)
{
    dure_scope outer, inner;

    (void)arg;
    dure_task_set_name("wrong order");
    dure_scope_open(&outer);
    dure_scope_open(&inner);
    dure_scope_close(&outer);
    return 0;
}

static int return_with_a_scope_open(void *arg)
{
    dure_scope *scope = malloc(sizeof *scope);

    (void)arg;
    dure_scope_open(scope);
    return 0;
}

static int spawn_one_that_leaves_a_scope_open(void *arg)
{
    dure_scope scope;

    (void)arg;
    dure_scope_open(&scope);
    dure_spawn_with(&scope, &(dure_spawn_options){ .name = "forgetful" }, return_with_a_scope_open,
                    NULL, 0);
    return dure_scope_close(&scope);
}

static void run_wrong_order(void)
{
    dure_run(close_in_the_wrong_order, NULL);
}

static void run_forgetful(void)
{
    dure_run(spawn_one_that_leaves_a_scope_open, NULL);
}

static void *leave_a_scope_open(void *arg)
{
    dure_scope_open(arg);
    return NULL;
}

static void run_forgetful_thread(void)
{
    static dure_scope scope;
    pthread_t thread;

    pthread_create(&thread, NULL, leave_a_scope_open, &scope);
    pthread_join(thread, NULL);
}

TEST_OUTSIDE(scopes_close_last_opened_first)
{
    struct child child;

    conformance_child(&child, run_wrong_order);
    CHECK_CHILD_ABORTED(&child, "\"wrong order\" closes a scope that is not the last it opened");
}

TEST_OUTSIDE(task_that_returns_with_an_open_scope_is_stopped_with_its_name)
{
    struct child child;

    conformance_child(&child, run_forgetful);
    CHECK_CHILD_ABORTED(&child, "\"forgetful\" returned with a scope open");
    conformance_child(&child, run_forgetful_thread);
    CHECK_CHILD_ABORTED(&child, "thread ends with a scope open");
}

/* --- failures --- */

static int fail_with_words(void *arg)
{
    int error = *(int *)arg;

    dure_yield();
    return dure_fail(error, "while reading %s", "x");
}

static int fail_without_words(void *arg)
{
    errno = *(int *)arg;
    return 7; /* anything but 0 */
}

TEST(first_failure_is_the_reason)
{
    dure_scope scope;
    int error = EIO;

    dure_scope_open(&scope);
    dure_spawn(&scope, sleep_for_ever, NULL, 0);
    dure_spawn_with(&scope, &(dure_spawn_options){ .name = "reader" }, fail_with_words, &error,
                    sizeof error);
    dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, sleep_for_ever, NULL,
                    0);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED); /* the body ends too */
    CHECK_EQ(dure_scope_failures(&scope), 1);
    CHECK_FAILS(dure_spawn(&scope, sleep_for_ever, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), EIO);
    CHECK_STR(dure_why(), "task \"reader\": while reading x");
}

TEST(failure_without_words)
{
    dure_scope scope;
    int error = ENOSPC;

    dure_scope_open(&scope);
    dure_spawn_with(&scope, &(dure_spawn_options){ .name = "writer" }, fail_without_words, &error,
                    sizeof error);
    CHECK_FAILS(dure_scope_close(&scope), ENOSPC);
    CHECK_STR(dure_why(), "task \"writer\"");
    error = 0; /* a failure all the same */
    dure_scope_open(&scope);
    dure_spawn(&scope, fail_without_words, &error, sizeof error);
    errno = 0;
    CHECK_EQ(dure_scope_close(&scope), -1);
    CHECK(errno != 0);
}

/* On a loop that sleeps, by a task of another loop: the word must wake it. */
TEST(failure_on_another_loop_ends_the_body)
{
    int i, error = EIO;

    for (i = 0; i < 200; i++) {
        dure_scope scope;

        dure_scope_open(&scope);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, fail_without_words,
                        &error, sizeof error);
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK_FAILS(dure_scope_close(&scope), EIO);
    }
}

TEST(keep_going)
{
    atomic_int ended = 0, *ended_at = &ended;
    int i, error = EIO;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    for (i = 0; i < 20; i++) {
        dure_spawn(&scope, fail_with_words, &error, sizeof error);
        dure_spawn(&scope, count_slowly, &ended_at, sizeof ended_at);
    }
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    errno = 77;
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(errno, 77);
    CHECK_EQ(ended, 20);
}

TEST(failures_are_counted)
{
    int i, error = EIO;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    CHECK_EQ(dure_scope_failures(&scope), 0);
    for (i = 0; i < 5; i++)
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                        fail_without_words, &error, sizeof error);
    YIELD_UNTIL(dure_scope_failures(&scope) == 5);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- inside one another --- */

TEST(scope_opened_in_a_cancelled_one_is_cancelled)
{
    dure_scope outer, scope;

    dure_scope_open(&outer);
    dure_scope_cancel(&outer);
    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_EQ(dure_canceled(), 1);
    CHECK_FAILS(dure_spawn(&scope, sleep_for_ever, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_FAILS(dure_scope_close(&outer), ECANCELED);
    CHECK_EQ(dure_canceled(), 0);
}

TEST(end_of_an_inner_scope_leaves_the_outer_alone)
{
    dure_scope outer, scope;

    dure_scope_open(&outer);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_yield(), 0);
    CHECK_EQ(dure_scope_close(&outer), 0);
}

TEST(nested_by_thousands)
{
    int depth = 3000, i;
    dure_scope *scopes = calloc((size_t)depth, sizeof *scopes);

    for (i = 0; i < depth; i++)
        dure_scope_open(&scopes[i]);
    dure_spawn(&scopes[depth - 1], sleep_for_ever, NULL, 0);
    dure_spawn(&scopes[depth / 2], sleep_for_ever, NULL, 0);
    dure_yield();
    dure_scope_cancel(&scopes[1]);
    CHECK_FAILS(dure_yield(), ECANCELED);
    for (i = depth - 1; i > 0; i--)
        CHECK_FAILS(dure_scope_close(&scopes[i]), ECANCELED);
    CHECK_EQ(dure_yield(), 0);
    CHECK_EQ(dure_scope_close(&scopes[0]), 0);
    free(scopes);
}

static atomic_int deepest;

/* A family line: each spawns one child in a scope of its own, on whatever loop. */
static int descend(void *arg)
{
    int left = *(int *)arg;
    dure_scope scope;

    if (left == 0) {
        atomic_fetch_add(&deepest, 1);
        return sleep_for_ever(NULL);
    }
    left--;
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(left % 2) }, descend,
                             &left, sizeof left),
             0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    return 0;
}

TEST(family_of_thousands_ends_with_its_head)
{
    int depth = (int)conformance_scale(2000);
    dure_scope scope;

    atomic_store(&deepest, 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, descend, &depth, sizeof depth), 0);
    YIELD_UNTIL(deepest == 1);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_waits_for_every_task),
        cmocka_unit_test(close_of_an_empty_scope),
        cmocka_unit_test(close_keeps_errno),
        cmocka_unit_test(close_hears_of_an_end_before_a_long_task),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(scopes_close_last_opened_first),
        cmocka_unit_test(task_that_returns_with_an_open_scope_is_stopped_with_its_name),
        cmocka_unit_test(first_failure_is_the_reason),
        cmocka_unit_test(failure_without_words),
        cmocka_unit_test(failure_on_another_loop_ends_the_body),
        cmocka_unit_test(keep_going),
        cmocka_unit_test(failures_are_counted),
        cmocka_unit_test(scope_opened_in_a_cancelled_one_is_cancelled),
        cmocka_unit_test(end_of_an_inner_scope_leaves_the_outer_alone),
        cmocka_unit_test(nested_by_thousands),
        cmocka_unit_test(family_of_thousands_ends_with_its_head),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
