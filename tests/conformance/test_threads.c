/* Plain threads: they spawn, cancel and use twins under scopes, during a run and outside any. */
#include "conformance.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

/* Waits for a thread without keeping the loop. */
static int join(void *arg)
{
    return pthread_join(*(pthread_t *)arg, NULL);
}

static void join_in_a_task(pthread_t thread)
{
    CHECK_EQ(dure_blocking(join, &thread, sizeof thread), 0);
}

static void run_on_a_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
    if (dure_loop_number() >= 0)
        join_in_a_task(thread);
    else
        pthread_join(thread, NULL);
}

/* --- twins under scopes --- */

static void *use_twins(void *arg)
{
    int fds[2], pair[2], result = -2;
    dure_scope scope, inner;
    char bytes[4];

    (void)arg;
    CHECK_EQ(dure_pipe2(fds, 0), 0);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    /* Without a scope: the plain calls. */
    CHECK_EQ(dure_write(fds[1], "ab", 2), 2);
    CHECK_EQ(dure_read_full(fds[0], bytes, 2), 2);
    CHECK_EQ(dure_sleep_for(DURE_MICROSECOND), 0);
    /* A deadline that passes, one that does not. */
    DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
    result = (int)dure_read(fds[0], bytes, 1);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
    result = (int)dure_recv(pair[0], bytes, 1, 0);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(dure_write(fds[1], "c", 1), 1);
    DURE_WITHIN(dure_after(DURE_MINUTE))
    result = (int)dure_read(fds[0], bytes, 1);
    CHECK_EQ(result, 1);
    DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
    result = dure_sleep_for(DURE_MINUTE);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    /* Inside one another; errno over a close. */
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    dure_scope_open(&inner);
    CHECK_FAILS(dure_read(fds[0], bytes, 1), ECANCELED);
    CHECK_FAILS(dure_scope_close(&inner), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_scope_open(&scope), 0);
    errno = 77;
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(errno, 77);
    /* Cancelled: refused at entry, ready or not; close works. */
    dure_scope_open(&scope);
    CHECK_EQ(dure_write(fds[1], "d", 1), 1);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_canceled(), 1);
    CHECK_FAILS(dure_read(fds[0], bytes, 1), ECANCELED);
    CHECK_FAILS(dure_sleep_for(0), ECANCELED);
    CHECK_EQ(dure_close(pair[0]), 0);
    CHECK_EQ(dure_close(pair[1]), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_canceled(), 0);
    CHECK_EQ(dure_read(fds[0], bytes, 1), 1);
    CHECK_EQ(bytes[0], 'd');
    /* A deadline that passed unnoticed, one that has passed already, one that is moved. */
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MICROSECOND) });
    usleep(1000);
    CHECK_EQ(dure_scope_close(&scope), 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_at(1) });
    CHECK_FAILS(dure_read(fds[0], bytes, 1), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MINUTE) });
    CHECK(dure_deadline_left() > DURE_SECOND);
    dure_scope_set_deadline(&scope, dure_after(DURE_MILLISECOND));
    CHECK_FAILS(dure_read(fds[0], bytes, 1), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    return NULL;
}

TEST_OUTSIDE(twins_outside_any_run)
{
    use_twins(NULL);
    run_on_a_thread(use_twins, NULL);
}

TEST(twins_on_a_thread_during_a_run)
{
    run_on_a_thread(use_twins, NULL);
}

static void *use_shields(void *arg)
{
    int64_t begun_ns;
    dure_scope scope;
    int fds[2];
    char byte;

    (void)arg;
    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    begun_ns = dure_now();
    DURE_SHIELD(10 * DURE_MILLISECOND)
    {
        CHECK_EQ(dure_stopping(), 1);
        CHECK_EQ(dure_canceled(), 0);
        CHECK_EQ(dure_write(fds[1], "x", 1), 1);
        CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
        CHECK_FAILS(dure_read(fds[0], &byte, 1), ECANCELED);
        CHECK(dure_now() - begun_ns >= 10 * DURE_MILLISECOND);
    }
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    begun_ns = dure_now();
    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(5 * DURE_MILLISECOND) });
    DURE_SHIELD(5 * DURE_MILLISECOND)
    {
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK(dure_now() - begun_ns >= 10 * DURE_MILLISECOND);
    }
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    return NULL;
}

TEST_OUTSIDE(shields_outside_any_run)
{
    use_shields(NULL);
}

TEST(shields_on_a_thread_during_a_run)
{
    run_on_a_thread(use_shields, NULL);
}

/* --- cancelled by others --- */

struct victim {
    dure_scope scope;
    atomic_int state; /* 1: the scope is open; 2: it may be closed */
    int result, error;
};

static void *wait_to_be_cancelled(void *arg)
{
    struct victim *victim = arg;

    CHECK_EQ(dure_scope_open(&victim->scope), 0);
    atomic_store(&victim->state, 1);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    while (atomic_load(&victim->state) != 2)
        sched_yield();
    errno = 0;
    victim->result = dure_scope_close(&victim->scope);
    victim->error = errno;
    return NULL;
}

static void cancel_a_thread(bool by_deadline)
{
    struct victim victim = { .state = 0 };
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, wait_to_be_cancelled, &victim), 0);
    YIELD_UNTIL(victim.state == 1);
    if (by_deadline)
        dure_scope_set_deadline(&victim.scope, dure_after(DURE_MILLISECOND));
    else
        dure_scope_cancel(&victim.scope);
    atomic_store(&victim.state, 2);
    if (dure_loop_number() >= 0)
        join_in_a_task(thread);
    else
        pthread_join(thread, NULL);
    CHECK_EQ(victim.result, -1);
    CHECK_EQ(victim.error, by_deadline ? ETIMEDOUT : ECANCELED);
}

TEST_OUTSIDE(threads_scope_is_ended_by_another_thread)
{
    int i;

    for (i = 0; i < 20; i++) {
        cancel_a_thread(false);
        cancel_a_thread(true);
    }
}

TEST(threads_scope_is_ended_by_a_task)
{
    int i;

    for (i = 0; i < 20; i++) {
        cancel_a_thread(false);
        cancel_a_thread(true);
    }
}

/* --- tasks of a thread's scope --- */

static int count_one(void *arg)
{
    dure_yield();
    atomic_fetch_add(*(atomic_int **)arg, 1);
    return 0;
}

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

static int fail_with_words(void *arg)
{
    (void)arg;
    return dure_fail(EIO, "in the thread's scope");
}

static void *open_spawn_close(void *arg)
{
    atomic_int *count = arg;
    dure_scope scope;
    int i, round;

    for (round = 0; round < 20; round++) {
        CHECK_EQ(dure_scope_open(&scope), 0);
        for (i = 0; i < 20; i++)
            CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                     count_one, &count, sizeof count),
                     0);
        errno = 77;
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(errno, 77);
        CHECK_EQ(dure_scope_open(&scope), 0);
        CHECK_EQ(dure_spawn(&scope, sleep_for_ever, NULL, 0), 0);
        if (round % 2)
            dure_scope_cancel(&scope);
        else
            dure_scope_set_deadline(&scope, dure_after(100 * DURE_MICROSECOND));
        CHECK_FAILS(dure_scope_close(&scope), round % 2 ? ECANCELED : ETIMEDOUT);
        CHECK_EQ(dure_scope_open(&scope), 0);
        CHECK_EQ(dure_spawn(&scope, fail_with_words, NULL, 0), 0);
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK_FAILS(dure_scope_close(&scope), EIO);
        CHECK_HAS(dure_why(), "in the thread's scope");
    }
    return NULL;
}

TEST(threads_open_spawn_and_close)
{
    atomic_int count = 0;
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, open_spawn_close, &count), 0);
    for (i = 0; i < 4; i++)
        join_in_a_task(threads[i]);
    CHECK_EQ(count, 4 * 20 * 20);
}

/* A thread's open scope keeps the run from ending. */
static atomic_int late_state, late_count;

static void *close_late(void *arg)
{
    atomic_int *count = &late_count;
    dure_scope scope;

    (void)arg;
    CHECK_EQ(dure_scope_open(&scope), 0);
    atomic_store(&late_state, 1);
    while (atomic_load(&late_state) != 2)
        sched_yield();
    CHECK_EQ(dure_spawn(&scope, count_one, &count, sizeof count), 0);
    CHECK_EQ(dure_go(count_one, &count, sizeof count), 0);
    {
        dure_scope inner;

        CHECK_EQ(dure_scope_open(&inner), 0);
        CHECK_EQ(dure_spawn(&inner, count_one, &count, sizeof count), 0);
        CHECK_EQ(dure_scope_close(&inner), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    return NULL;
}

static int return_before_the_thread(void *arg)
{
    pthread_t *thread = arg;

    CHECK_EQ(pthread_create(thread, NULL, close_late, NULL), 0);
    YIELD_UNTIL(late_state == 1);
    atomic_store(&late_state, 2);
    return 0;
}

TEST_OUTSIDE(threads_open_scope_holds_the_run)
{
    pthread_t thread;
    int i;

    atomic_store(&late_count, 0);
    for (i = 0; i < 50; i++) {
        atomic_store(&late_state, 0);
        CHECK_EQ(
            dure_run_with(&(dure_run_options){ .loops = 2 }, return_before_the_thread, &thread), 0);
        CHECK_EQ(late_count, 3 * (i + 1));
        pthread_join(thread, NULL);
    }
}

/* A scope that was open before the run takes no tasks, and bounds the thread's calls as ever. */
static void *scope_from_before(void *arg)
{
    struct victim *victim = arg;

    CHECK_EQ(dure_scope_open(&victim->scope), 0);
    atomic_store(&victim->state, 1);
    while (atomic_load(&victim->state) != 2)
        sched_yield();
    CHECK_FAILS(dure_spawn(&victim->scope, sleep_for_ever, NULL, 0), EPERM);
    dure_scope_set_deadline(&victim->scope, dure_after(DURE_MILLISECOND));
    {
        dure_scope inner; /* of the run, inside one that is not */

        CHECK_EQ(dure_scope_open(&inner), 0);
        CHECK_EQ(dure_spawn(&inner, sleep_for_ever, NULL, 0), 0);
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK_FAILS(dure_scope_close(&inner), ECANCELED);
    }
    CHECK_FAILS(dure_scope_close(&victim->scope), ETIMEDOUT);
    atomic_store(&victim->state, 3);
    return NULL;
}

static int wait_for_the_old_scope(void *arg)
{
    struct victim *victim = arg;

    atomic_store(&victim->state, 2);
    while (atomic_load(&victim->state) != 3)
        dure_sleep_for(DURE_MILLISECOND);
    return 0;
}

TEST_OUTSIDE(threads_scope_from_before_the_run)
{
    struct victim victim = { .state = 0 };
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, scope_from_before, &victim), 0);
    while (atomic_load(&victim.state) != 1)
        sched_yield();
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2 }, wait_for_the_old_scope, &victim), 0);
    pthread_join(thread, NULL);
}

/* --- threads of the pool --- */

static int time_out_in_the_pool(void *arg)
{
    char byte;

    CHECK_EQ(dure_loop_number(), -1);
    CHECK_FAILS(dure_read(*(int *)arg, &byte, 1), ECANCELED);
    return 0;
}

static int scope_in_the_pool(void *arg)
{
    dure_scope scope;

    (void)arg;
    CHECK_EQ(dure_scope_open(&scope), 0);
    if (dure_spawn(&scope, sleep_for_ever, NULL, 0) < 0)
        CHECK_EQ(errno, ECANCELED);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    errno = ECANCELED;
    return -1;
}

/* Inside dure_blocking the caller's scopes hold, and those opened there. */
static int block_under_a_deadline(void *arg)
{
    int fds[2], result = -2;

    (void)arg;
    CHECK_EQ(dure_pipe2(fds, 0), 0);
    DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
    result = dure_blocking(time_out_in_the_pool, fds, sizeof *fds);
    if (result < 0) /* it still queued: it did not run */
        CHECK_EQ(errno, ETIMEDOUT);
    DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
    result = dure_blocking(scope_in_the_pool, NULL, 0);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    return 0;
}

TEST_WITH(pool_threads_honour_the_callers_scopes, .loops = 4, .blocking_threads = 64)
{
    dure_scope scope;
    int i;

    dure_scope_open(&scope);
    for (i = 0; i < 60; i++)
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 4) },
                        block_under_a_deadline, NULL, 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins_outside_any_run),
        cmocka_unit_test(twins_on_a_thread_during_a_run),
        cmocka_unit_test(shields_outside_any_run),
        cmocka_unit_test(shields_on_a_thread_during_a_run),
        cmocka_unit_test(threads_scope_is_ended_by_another_thread),
        cmocka_unit_test(threads_scope_is_ended_by_a_task),
        cmocka_unit_test(threads_open_spawn_and_close),
        cmocka_unit_test(threads_open_scope_holds_the_run),
        cmocka_unit_test(threads_scope_from_before_the_run),
        cmocka_unit_test(pool_threads_honour_the_callers_scopes),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
