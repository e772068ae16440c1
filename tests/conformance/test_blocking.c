/* dure_blocking: the pool of threads for calls that block. */
#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>

#define THREADS 3

static atomic_int running, running_max, ran;
static sem_t gate;

static int pass_gate(void *arg)
{
    int now = atomic_fetch_add(&running, 1) + 1, max = atomic_load(&running_max);

    (void)arg;
    while (now > max && !atomic_compare_exchange_weak(&running_max, &max, now))
        ;
    while (sem_wait(&gate) != 0)
        ;
    atomic_fetch_sub(&running, 1);
    return atomic_fetch_add(&ran, 1);
}

static int64_t call_gate(void *arg)
{
    return dure_blocking(pass_gate, arg, 0);
}

static int call_gate_task(void *arg)
{
    CHECK(dure_blocking(pass_gate, arg, 0) >= 0);
    return 0;
}

static void reset(void)
{
    atomic_store(&running, 0);
    atomic_store(&running_max, 0);
    atomic_store(&ran, 0);
    sem_init(&gate, 0, 0);
}

static void open_gate(int count)
{
    while (count-- > 0)
        sem_post(&gate);
}

/* --- what it hands over --- */

static pthread_t caller;

static int other_thread(void *arg)
{
    (void)arg;
    return !pthread_equal(caller, pthread_self()) && dure_loop_number() == -1;
}

TEST(runs_on_another_thread)
{
    caller = pthread_self();
    CHECK_EQ(dure_blocking(other_thread, NULL, 0), 1);
}

static int fail_with(void *arg)
{
    errno = *(int *)arg;
    return -1;
}

static int leave_errno(void *arg)
{
    errno = *(int *)arg;
    return 42;
}

TEST(carries_result_and_errno)
{
    int error = EDOM;

    CHECK_FAILS(dure_blocking(fail_with, &error, sizeof error), EDOM);
    CHECK_FAILS(dure_blocking(fail_with, &error, 0), EDOM);
    errno = 0;
    CHECK_EQ(dure_blocking(leave_errno, &error, sizeof error), 42);
    CHECK_EQ(errno, EDOM); /* fn's errno becomes the caller's, whatever it returned */
}

/* A copy of its own, aligned for anything; with no length, the pointer itself. */
static void *seen;

static int look_at(void *arg)
{
    long double *number = arg;

    seen = arg;
    CHECK_EQ((uintptr_t)arg % _Alignof(max_align_t), 0);
    CHECK(number[0] == 1.5L);
    number[0] = 2.5L;
    return 7;
}

TEST(copies_its_argument)
{
    long double numbers[3] = { 1.5L, 1, 1 };

    CHECK_EQ(dure_blocking(look_at, numbers, sizeof numbers), 7);
    CHECK(numbers[0] == 1.5L);
    CHECK(seen != numbers);
    CHECK_EQ(dure_blocking(look_at, numbers, 0), 7);
    CHECK(numbers[0] == 2.5L);
    CHECK(seen == numbers);
}

static int double_it(void *arg)
{
    return 2 * *(int *)arg;
}

static int double_many(void *arg)
{
    int i = *(int *)arg, j;

    for (j = 0; j < 20; j++, i++)
        CHECK_EQ(dure_blocking(double_it, &i, sizeof i), 2 * i);
    return 0;
}

TEST_WITH(many_from_all_loops, .loops = 4)
{
    dure_scope scope;
    int i;

    dure_scope_open(&scope);
    for (i = 0; i < 100; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 4) },
                                 double_many, &i, sizeof i),
                 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- bound and queue --- */

TEST_WITH(no_more_at_once_than_the_bound, .loops = 2, .blocking_threads = THREADS)
{
    dure_scope scope;
    int i;

    reset();
    dure_scope_open(&scope);
    for (i = 0; i < 10 * THREADS; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 call_gate_task, NULL, 0),
                 0);
    YIELD_UNTIL(atomic_load(&running) == THREADS);
    one_turn();
    CHECK_EQ(running, THREADS);
    CHECK_EQ(ran, 0);
    open_gate(10 * THREADS);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(ran, 10 * THREADS);
    CHECK_EQ(running_max, THREADS);
    sem_destroy(&gate);
}

static int order[8];
static atomic_int order_len;

static int append(void *arg)
{
    order[atomic_fetch_add(&order_len, 1)] = *(int *)arg;
    return 0;
}

static int append_task(void *arg)
{
    return dure_blocking(append, arg, sizeof(int));
}

TEST_WITH(first_come_first_served, .loops = 1, .blocking_threads = 1)
{
    struct background holder;
    dure_scope scope;
    int i;

    reset();
    atomic_store(&order_len, 0);
    dure_scope_open(&scope);
    background_start(&holder, &scope, DURE_THIS_LOOP, call_gate, NULL);
    for (i = 0; i < 8; i++) {
        CHECK_EQ(dure_spawn(&scope, append_task, &i, sizeof i), 0);
        one_turn();
    }
    CHECK_EQ(order_len, 0);
    open_gate(1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(order_len, 8);
    for (i = 0; i < 8; i++)
        CHECK_EQ(order[i], i);
    sem_destroy(&gate);
}

/* --- cancel --- */

/* One holds the only thread; the other queues. The cancel ends the one that queues, which has not
   run and will not, and waits for the one that runs. */
TEST_WITH(cancel_while_queued_and_while_running, .loops = 2, .blocking_threads = 1)
{
    struct background runs, queues;
    dure_scope running_scope, queued_scope;

    reset();
    dure_scope_open(&running_scope);
    background_start(&runs, &running_scope, DURE_LOOP(1), call_gate, NULL);
    CHECK_EQ(running, 1);
    dure_scope_open(&queued_scope);
    background_start(&queues, &queued_scope, DURE_LOOP(0), call_gate, NULL);
    dure_scope_cancel(&queued_scope);
    CHECK_FAILS(dure_scope_close(&queued_scope), ECANCELED);
    CHECK_EQ(queues.result, -1);
    CHECK_EQ(queues.error, ECANCELED);

    dure_scope_cancel(&running_scope);
    one_turn();
    CHECK(!atomic_load(&runs.done)); /* it must finish */
    open_gate(1);
    dure_scope_close(&running_scope);
    CHECK_EQ(runs.result, 0); /* what it returned, although cancelled */
    CHECK_EQ(ran, 1);
    sem_destroy(&gate);
}

TEST(cancel_before)
{
    dure_scope scope;

    reset();
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_blocking(pass_gate, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(ran, 0);
    CHECK_EQ(running, 0);
    sem_destroy(&gate);
}

TEST_WITH(deadline_while_queued, .loops = 1, .blocking_threads = 1)
{
    struct background holder;
    dure_scope scope;
    int result = 0;

    reset();
    dure_scope_open(&scope);
    background_start(&holder, &scope, DURE_THIS_LOOP, call_gate, NULL);
    DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
    result = dure_blocking(pass_gate, NULL, 0);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    open_gate(1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(ran, 1);
    sem_destroy(&gate);
}

/* --- inside, the scopes of the caller hold --- */

static int pipe_fds[2];

/* Returns what the read failed with. */
static int read_inside(void *arg)
{
    char byte;

    (void)arg;
    atomic_store(&running, 1);
    return dure_read(pipe_fds[0], &byte, 1) < 0 ? errno : 0;
}

static int64_t call_read_inside(void *arg)
{
    return dure_blocking(read_inside, arg, 0);
}

TEST(a_twin_inside_feels_the_cancel)
{
    struct background b;
    dure_scope scope;

    CHECK_EQ(dure_pipe2(pipe_fds, O_CLOEXEC), 0);
    reset();
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), call_read_inside, NULL);
    CHECK_EQ(running, 1);
    CHECK(!atomic_load(&b.done));
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(b.result, ECANCELED);

    /* And the thread has forgotten it: the next call there waits as it should. */
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), call_read_inside, NULL);
    CHECK(!atomic_load(&b.done));
    CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 0);
    CHECK_EQ(dure_close(pipe_fds[0]), 0);
    CHECK_EQ(dure_close(pipe_fds[1]), 0);
}

TEST(a_twin_inside_feels_the_deadline)
{
    struct background b;
    dure_scope scope;

    CHECK_EQ(dure_pipe2(pipe_fds, O_CLOEXEC), 0);
    reset();
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), call_read_inside, NULL);
    CHECK_EQ(running, 1);
    dure_scope_set_deadline(&scope, dure_after(DURE_MILLISECOND));
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(b.result, ECANCELED);
    CHECK_EQ(dure_blocking(double_it, &(int){ 21 }, sizeof(int)), 42);
    CHECK_EQ(dure_close(pipe_fds[0]), 0);
    CHECK_EQ(dure_close(pipe_fds[1]), 0);
}

/* A scope of its own inside the call, within the caller's. */
static int scope_inside(void *arg)
{
    dure_scope scope;
    char byte;

    (void)arg;
    CHECK_EQ(dure_scope_open(&scope), 0);
    dure_scope_set_deadline(&scope, dure_after(5 * DURE_MILLISECOND));
    CHECK_FAILS(dure_read(pipe_fds[0], &byte, 1), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_canceled(), 0);
    DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
    CHECK_FAILS(dure_read(pipe_fds[0], &byte, 1), ECANCELED);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(dure_sleep_for(1), 0);
    return 5;
}

TEST(a_scope_inside)
{
    CHECK_EQ(dure_pipe2(pipe_fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_blocking(scope_inside, NULL, 0), 5);
    CHECK_EQ(dure_close(pipe_fds[0]), 0);
    CHECK_EQ(dure_close(pipe_fds[1]), 0);
}

/* --- outside --- */

static int same_thread(void *arg)
{
    CHECK_EQ(*(int *)arg, 3);
    errno = ERANGE;
    return pthread_equal(caller, pthread_self()) ? 9 : 0;
}

TEST_OUTSIDE(outside_it_is_a_call)
{
    int three = 3;

    caller = pthread_self();
    errno = 0;
    CHECK_EQ(dure_blocking(same_thread, &three, sizeof three), 9);
    CHECK_EQ(errno, ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_on_another_thread),
        cmocka_unit_test(carries_result_and_errno),
        cmocka_unit_test(copies_its_argument),
        cmocka_unit_test(many_from_all_loops),
        cmocka_unit_test(no_more_at_once_than_the_bound),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(cancel_while_queued_and_while_running),
        cmocka_unit_test(cancel_before),
        cmocka_unit_test(deadline_while_queued),
        cmocka_unit_test(a_twin_inside_feels_the_cancel),
        cmocka_unit_test(a_twin_inside_feels_the_deadline),
        cmocka_unit_test(a_scope_inside),
        cmocka_unit_test(outside_it_is_a_call),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
