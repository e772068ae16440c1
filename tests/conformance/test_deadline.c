/* Deadlines of scopes: who feels them, how they move, and what the close then tells. */
#include "conformance.h"

#include <pthread.h>
#include <stdatomic.h>

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

/* Computes until a time, without a call that could notice anything. */
static void compute_until(int64_t at_ns)
{
    while (dure_now() < at_ns)
        ;
}

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

/* --- why it ended --- */

TEST(deadline_felt_by_the_body)
{
    dure_scope scope;

    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(1000 * DURE_SECOND) });
    CHECK(dure_deadline_left() > 0 && dure_deadline_left() <= 1000 * DURE_SECOND);
    dure_scope_set_deadline(&scope, dure_after(DURE_MILLISECOND));
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    CHECK_EQ(dure_deadline_left(), 0);
    CHECK_EQ(dure_canceled(), 1);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_canceled(), 0);
    CHECK_EQ(dure_deadline_left(), INT64_MAX);
}

TEST(deadline_felt_by_a_task)
{
    int place;

    for (place = DURE_LOOP(0); place <= DURE_LOOP(1); place++) {
        dure_scope scope;

        dure_scope_open_with(&scope,
                             &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, sleep_for_ever, NULL, 0);
        CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    }
}

/* The grandchild's own scope ended from outside; the deadline's scope has timed out. */
static int open_and_sleep(void *arg)
{
    dure_scope scope;

    (void)arg;
    dure_scope_open(&scope);
    dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, sleep_for_ever, NULL,
                    0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    return 0;
}

TEST(deadline_felt_by_a_grandchild)
{
    dure_scope scope, inner;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    dure_scope_open(&inner);
    dure_spawn(&inner, open_and_sleep, NULL, 0);
    CHECK_FAILS(dure_scope_close(&inner), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
}

static int compute(void *arg)
{
    compute_until(*(int64_t *)arg);
    return 0;
}

TEST(deadline_that_passes_unnoticed_is_no_failure)
{
    dure_scope scope;
    int64_t at_ns;
    int place;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    compute_until(dure_now() + 2 * DURE_MILLISECOND);
    errno = 77;
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(errno, 77);
    /* Its loop finds out, nobody else does. */
    for (place = DURE_LOOP(0); place <= DURE_LOOP(1); place++) {
        at_ns = dure_now() + 3 * DURE_MILLISECOND;
        dure_scope_open_with(
            &scope, &(dure_scope_options){ .deadline = dure_at(at_ns - DURE_MILLISECOND) });
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, compute, &at_ns,
                        sizeof at_ns);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
}

static int compute_until_canceled(void *arg)
{
    (void)arg;
    while (!dure_canceled())
        ;
    CHECK_EQ(dure_stopping(), 1);
    return 0;
}

/* A computation that never waits can ask; being told is feeling it. */
TEST(deadline_is_told_to_a_computation_that_asks)
{
    dure_scope scope;
    int place;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    compute_until_canceled(NULL);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    for (place = DURE_LOOP(0); place <= DURE_LOOP(1); place++) {
        dure_scope_open_with(&scope,
                             &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, compute_until_canceled,
                        NULL, 0);
        CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    }
}

TEST(deadline_that_has_passed_already)
{
    dure_scope scope;
    int fds[2];
    char byte;

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_at(1) });
    CHECK_EQ(dure_deadline_left(), 0);
    CHECK_FAILS(dure_read(fds[0], &byte, 1), ECANCELED); /* ready or not */
    CHECK_FAILS(dure_spawn(&scope, sleep_for_ever, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(cancel_is_the_reason_and_keeps_being_it)
{
    dure_scope scope;
    int error = EIO;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    dure_spawn(&scope, fail_with_words, &error, sizeof error);
    dure_scope_cancel(&scope);
    dure_scope_cancel(&scope);
    compute_until(dure_now() + 2 * DURE_MILLISECOND);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

TEST(own_deadline_first_then_the_end_from_outside)
{
    dure_scope outer, scope;

    dure_scope_open(&outer);
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    dure_scope_cancel(&outer);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_FAILS(dure_scope_close(&outer), ECANCELED);
}

TEST(failure_after_an_unnoticed_deadline)
{
    dure_scope scope;
    int error = EIO;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MICROSECOND),
                                                        .flags = DURE_SAME_LOOP });
    dure_spawn(&scope, fail_without_words, &error, sizeof error);
    compute_until(dure_now() + DURE_MILLISECOND);
    CHECK_FAILS(dure_scope_close(&scope), EIO);
}

/* --- deadlines that move --- */

static int move_deadline(void *arg)
{
    dure_scope *scope = arg;
    int i;

    for (i = 0; i < 20; i++)
        dure_scope_set_deadline(scope, dure_after(DURE_MINUTE + i));
    dure_scope_set_deadline(scope, dure_after(DURE_MILLISECOND));
    return sleep_for_ever(NULL);
}

static void *move_deadline_from_a_thread(void *arg)
{
    dure_scope_set_deadline(arg, dure_after(DURE_MILLISECOND));
    return NULL;
}

TEST(deadline_moves_later_and_goes_away)
{
    dure_scope scope;
    int i;

    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(20 * DURE_MILLISECOND) });
    for (i = 0; i < 10; i++) { /* nothing waits between the near one and the far one */
        dure_scope_set_deadline(&scope, dure_after(3 * DURE_MILLISECOND));
        dure_scope_set_deadline(&scope, dure_after(10 * DURE_MINUTE));
        CHECK_EQ(dure_sleep_for(4 * DURE_MILLISECOND), 0);
    }
    CHECK(dure_deadline_left() > DURE_SECOND);
    dure_scope_set_deadline(&scope, (dure_deadline){ 0 });
    CHECK_EQ(dure_deadline_left(), INT64_MAX);
    CHECK_EQ(dure_yield(), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(deadline_is_moved_from_anywhere)
{
    pthread_t thread;
    dure_scope scope;
    int place;

    for (place = DURE_LOOP(0); place <= DURE_LOOP(1); place++) {
        dure_scope_open(&scope);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, move_deadline, &scope, 0);
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    }
    dure_scope_open(&scope);
    dure_spawn(&scope, sleep_for_ever, NULL, 0);
    pthread_create(&thread, NULL, move_deadline_from_a_thread, &scope);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT); /* it is moved during the close too */
    pthread_join(thread, NULL);
}

TEST(moving_a_deadline_after_the_end_changes_nothing)
{
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    dure_scope_set_deadline(&scope, dure_after(DURE_MINUTE));
    CHECK_EQ(dure_canceled(), 1);
    dure_scope_set_deadline(&scope, (dure_deadline){ 0 });
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
}

static atomic_int timed_out;

static int read_until_timeout(void *arg)
{
    int fd = ((int *)arg)[0], number = ((int *)arg)[1];
    ssize_t n = 0;
    char byte;

    DURE_WITHIN(dure_after((1 + number % 20) * DURE_MILLISECOND))
    n = dure_read(fd, &byte, 1);
    CHECK_EQ(n, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    atomic_fetch_add(&timed_out, 1);
    return 0;
}

TEST(deadlines_by_thousands)
{
    int count = (int)conformance_scale(5000), i;
    dure_scope scope;
    int fds[2];

    atomic_store(&timed_out, 0);
    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    for (i = 0; i < count; i++) {
        int argument[2] = { fds[0], i };

        CHECK_EQ(dure_spawn(&scope, read_until_timeout, argument, sizeof argument), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(timed_out, count);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- statements --- */

static int leave_by_return(void)
{
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    return dure_sleep_until((dure_deadline){ 0 });
    return 0;
}

TEST(within_is_left_by_break_return_and_goto)
{
    int i;

    for (i = 0; i < 3; i++) {
        errno = 0;
        CHECK_EQ(leave_by_return(), -1);
        CHECK_EQ(errno, ETIMEDOUT);
        DURE_WITHIN(dure_after(DURE_MINUTE))
        {
            DURE_WITHIN(dure_after(DURE_MINUTE))
            {
                CHECK(dure_deadline_left() <= DURE_MINUTE);
                break; /* the inner statement */
            }
            CHECK(dure_deadline_left() <= DURE_MINUTE);
            goto out;
        }
    out:
        CHECK_EQ(dure_deadline_left(), INT64_MAX);
    }
}

TEST(within_keeps_errno_and_tells_its_own_deadline_only)
{
    dure_scope scope;
    int result = 0;

    errno = 77;
    DURE_WITHIN(dure_after(DURE_MINUTE))
    result = dure_sleep_for(DURE_MICROSECOND);
    CHECK_EQ(result, 0);
    CHECK_EQ(errno, 77);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    DURE_WITHIN(dure_after(DURE_MINUTE))
    result = dure_sleep_for(DURE_MICROSECOND);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    errno = 77;
    DURE_WITHIN(dure_after(DURE_MICROSECOND))
    compute_until(dure_now() + DURE_MILLISECOND); /* unnoticed */
    CHECK_EQ(errno, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadline_felt_by_the_body),
        cmocka_unit_test(deadline_felt_by_a_task),
        cmocka_unit_test(deadline_felt_by_a_grandchild),
        cmocka_unit_test(deadline_that_passes_unnoticed_is_no_failure),
        cmocka_unit_test(deadline_is_told_to_a_computation_that_asks),
        cmocka_unit_test(deadline_that_has_passed_already),
        cmocka_unit_test(cancel_is_the_reason_and_keeps_being_it),
        cmocka_unit_test(own_deadline_first_then_the_end_from_outside),
        cmocka_unit_test(failure_after_an_unnoticed_deadline),
        cmocka_unit_test(deadline_moves_later_and_goes_away),
        cmocka_unit_test(deadline_is_moved_from_anywhere),
        cmocka_unit_test(moving_a_deadline_after_the_end_changes_nothing),
        cmocka_unit_test(deadlines_by_thousands),
        cmocka_unit_test(within_is_left_by_break_return_and_goto),
        cmocka_unit_test(within_keeps_errno_and_tells_its_own_deadline_only),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
