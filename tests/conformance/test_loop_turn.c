/* A loop whose thread another event loop owns; poll() stands for that one. */
#include "conformance.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Backends without a descriptor of their own refuse; everything here is about the others. */
static bool embeds(void)
{
    int result = dure_loop_open(NULL, nothing, NULL);

    if (result < 0 && errno == ENOTSUP)
        return false;
    if (CHECK_EQ(result, 0))
        CHECK_EQ(dure_loop_close(), 0);
    return true;
}

/* The outer loop. Returns how often it slept. */
static int turn_until_done(void)
{
    struct pollfd fd = { .events = POLLIN };
    int64_t wait_ns;
    int slept = 0;

    while (dure_loop_turn()) {
        fd.fd = dure_loop_fd();
        wait_ns = dure_loop_wait_ns();
        slept += wait_ns != 0;
        CHECK(poll(&fd, 1, wait_ns < 0 ? -1 : (int)((wait_ns + 999999) / 1000000)) >= 0);
    }
    return slept;
}

static int read_and_sleep(void *arg)
{
    int *fds = arg;
    char byte;

    CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
    CHECK_EQ(dure_sleep_for(3 * DURE_MILLISECOND), 0);
    errno = 44;
    return 5;
}

static int write_later(void *arg)
{
    dure_sleep_for(2 * DURE_MILLISECOND);
    CHECK_EQ(dure_write(*(int *)arg, "x", 1), 1);
    return 0;
}

static int first_task(void *arg)
{
    int *fds = arg;

    CHECK_EQ(dure_loop_count(), 1);
    CHECK_EQ(dure_go(write_later, &fds[1], sizeof fds[1]), 0);
    return read_and_sleep(fds);
}

static void reads_timers_and_the_result(void)
{
    int fds[2];

    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(dure_loop_open(NULL, first_task, fds), 0);
    CHECK(turn_until_done() > 0);
    CHECK_EQ(dure_loop_turn(), 0); /* stays done */
    CHECK_EQ(dure_loop_close(), 5);
    CHECK_EQ(errno, 44);
    close(fds[0]);
    close(fds[1]);
}

static atomic_int gone;

static int count_one(void *arg)
{
    (void)arg;
    atomic_fetch_add(&gone, 1);
    return 0;
}

static void *go_from_a_thread(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < 100; i++) {
        CHECK_EQ(dure_go(count_one, NULL, 0), 0);
        usleep(50); /* the outer loop falls asleep between some of them */
    }
    return NULL;
}

static int wait_for_a_hundred(void *arg)
{
    (void)arg;
    while (gone < 100)
        CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    return 0;
}

/* Messages from other threads, and from other loops, wake the outer loop's poll. */
static void wakes_from_elsewhere(void)
{
    unsigned loops;
    pthread_t thread;

    for (loops = 1; loops <= 3; loops++) {
        atomic_store(&gone, 0);
        CHECK_EQ(dure_loop_open(&(dure_run_options){ .loops = loops }, wait_for_a_hundred, NULL),
                 0);
        CHECK_EQ(dure_loop_count(), loops);
        pthread_create(&thread, NULL, go_from_a_thread, NULL);
        turn_until_done();
        pthread_join(thread, NULL);
        CHECK_EQ(dure_loop_close(), 0);
        CHECK_EQ(gone, 100);
    }
}

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    atomic_fetch_add(&gone, 1);
    errno = ECANCELED;
    return -1;
}

/* Closed before it is done, it cancels and turns until it is. */
static void close_before_the_end(void)
{
    int turns;

    for (turns = 0; turns < 3; turns++) {
        atomic_store(&gone, 0);
        CHECK_EQ(dure_loop_open(&(dure_run_options){ .loops = 2 }, sleep_for_ever, NULL), 0);
        while (dure_loop_turn() && gone < turns && dure_loop_wait_ns() == 0)
            ;
        CHECK_EQ(dure_loop_close(), 0);
        CHECK_EQ(gone, 1);
    }
}

/* Between the turns the thread may spawn, and use twins as any thread does. */
static void between_the_turns(void)
{
    int fds[2], result = -2;
    char byte;

    atomic_store(&gone, 0);
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(dure_loop_open(NULL, sleep_for_ever, NULL), 0);
    CHECK_EQ(dure_loop_turn(), 1);
    CHECK_EQ(dure_go(count_one, NULL, 0), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    result = (int)dure_read(fds[0], &byte, 1);
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(dure_loop_number(), -1);
    CHECK_EQ(dure_loop_turn(), 1);
    CHECK_EQ(gone, 1);
    CHECK_EQ(dure_loop_close(), 0);
    close(fds[0]);
    close(fds[1]);
}

/* True once the outer loop would take a turn of its own accord; a lost wake ends in false. */
static bool is_due(int patience_ms)
{
    struct pollfd fd = { .fd = dure_loop_fd(), .events = POLLIN };

    return poll(&fd, 1, patience_ms) > 0;
}

/* Turns until the outer loop would sleep for ever. */
static void turn_until_idle(void)
{
    while (is_due(0) || dure_loop_wait_ns() == 0)
        CHECK_EQ(dure_loop_turn(), 1);
    CHECK_EQ(dure_loop_wait_ns(), -1);
}

static dure_scope of_a_task;

static int open_and_sleep(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_scope_open(&of_a_task), 0);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    dure_scope_close(&of_a_task);
    atomic_fetch_add(&gone, 1);
    return 0;
}

/* The outer loop may have asked how long to wait before the thread does something that wants a turn:
   the descriptor tells. */
static void is_due_after_what_happens_between_the_turns(void)
{
    int i;

    atomic_store(&gone, 0);
    CHECK_EQ(dure_loop_open(NULL, sleep_for_ever, NULL), 0);
    turn_until_idle();
    for (i = 0; i < 2; i++) {
        CHECK_EQ(dure_go(open_and_sleep, NULL, 0), 0);
        CHECK(is_due(10000));
        turn_until_idle();
        if (i == 0)
            dure_scope_cancel(&of_a_task);
        else
            dure_scope_set_deadline(&of_a_task, dure_after(DURE_MILLISECOND));
        CHECK(is_due(10000));
        while (gone == i)
            CHECK_EQ(dure_loop_turn(), 1);
        turn_until_idle();
    }
    CHECK_EQ(dure_loop_close(), 0);
    CHECK_EQ(gone, 3);
}

/* A turn goes by the time at its beginning, not by that at the last one's end. */
static void one_turn_ends_a_sleep(void)
{
    int64_t duration_ns = DURE_MILLISECOND, begun_ns;

    atomic_store(&gone, 0);
    CHECK_EQ(dure_loop_open(NULL, wait_for_a_hundred, NULL), 0);
    while (dure_loop_wait_ns() == 0)
        CHECK_EQ(dure_loop_turn(), 1);
    begun_ns = dure_now();
    atomic_store(&gone, 100);
    while (dure_now() - begun_ns < 2 * duration_ns)
        usleep(1000);
    CHECK_EQ(dure_loop_turn(), 0);
    CHECK_EQ(dure_loop_close(), 0);
}

static int read_until_closed(void *arg)
{
    char byte;

    CHECK_FAILS(dure_read(*(int *)arg, &byte, 1), EBADF);
    atomic_fetch_add(&gone, 1);
    return 0;
}

/* A close waits for the waits that it ends, and here those can only end in turns of the same
   thread. */
static void close_under_a_task_between_the_turns(void)
{
    int fds[2];

    atomic_store(&gone, 0);
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(dure_loop_open(NULL, read_until_closed, fds), 0);
    turn_until_idle();
    CHECK_EQ(dure_close(fds[0]), 0);
    turn_until_done();
    CHECK_EQ(gone, 1);
    CHECK_EQ(dure_loop_close(), 0);
    close(fds[1]);
}

/* A spawn that succeeds runs; after the end it can only be refused. */
static void dure_go_after_the_end(void)
{
    atomic_store(&gone, 0);
    CHECK_EQ(dure_loop_open(NULL, nothing, NULL), 0);
    turn_until_done();
    CHECK_FAILS(dure_go(count_one, NULL, 0), EPERM);
    CHECK_EQ(dure_loop_close(), 0);
    CHECK_EQ(gone, 0);
}

/* Both a stop signal and the close end the roots; either may come while the other is under way. */
static void close_after_a_stop_signal(void)
{
    atomic_store(&gone, 0);
    CHECK_EQ(dure_loop_open(NULL, sleep_for_ever, NULL), 0);
    turn_until_idle();
    CHECK_EQ(kill(getpid(), SIGTERM), 0);
    CHECK(is_due(10000));
    CHECK_EQ(dure_loop_close(), 0);
    CHECK_EQ(gone, 1);
}

static void count_and_read_again(dure_op *op, int64_t result, void *arg)
{
    CHECK_EQ(result, 1);
    if (atomic_fetch_add(&gone, 1) < 2)
        CHECK_EQ(dure_start(op, count_and_read_again, arg), 0);
}

static void count_cancel(dure_op *op, int64_t result, void *arg)
{
    (void)op;
    (void)arg;
    CHECK_EQ(result, -1);
    CHECK_EQ(errno, ECANCELED);
    atomic_fetch_add(&gone, 1);
}

/* Glue: whoever owns the loop starts operations between its turns, and is told in them. They keep the
   run, and its end cancels them. */
static void operations_between_the_turns(void)
{
    dure_op reads, sleeps, cancels;
    int fds[2], i;
    char byte;

    atomic_store(&gone, 0);
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(dure_loop_open(NULL, sleep_for_ever, NULL), 0);
    turn_until_idle();
    dure_op_read(&reads, fds[0], &byte, 1);
    CHECK_EQ(dure_start(&reads, count_and_read_again, NULL), 0);
    for (i = 1; i <= 3; i++) {
        turn_until_idle();
        CHECK_EQ(gone, i - 1);
        CHECK_EQ(write(fds[1], "x", 1), 1);
        CHECK(is_due(10000));
        while (gone == i - 1)
            CHECK_EQ(dure_loop_turn(), 1);
    }
    /* What has its result at once is due at once. */
    atomic_store(&gone, 2);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_start(&reads, count_and_read_again, NULL), 0);
    CHECK_EQ(gone, 2);
    CHECK(is_due(10000));
    while (gone == 2)
        CHECK_EQ(dure_loop_turn(), 1);
    turn_until_idle();
    dure_op_sleep_until(&cancels, (dure_deadline){ 0 });
    CHECK_EQ(dure_start(&cancels, count_cancel, NULL), 0);
    turn_until_idle();
    CHECK_EQ(dure_op_cancel(&cancels), 0);
    CHECK(is_due(10000));
    while (gone == 3)
        CHECK_EQ(dure_loop_turn(), 1);
    dure_op_sleep_until(&sleeps, (dure_deadline){ 0 });
    CHECK_EQ(dure_start(&sleeps, count_cancel, NULL), 0);
    CHECK_EQ(dure_loop_close(), 0);
    CHECK_EQ(gone, 6); /* the sleeping task's too */
    close(fds[0]);
    close(fds[1]);
}

/* An operation alone keeps the run going, and its end ends it; after that none is started. */
static void an_operation_keeps_the_run(void)
{
    struct pollfd fd = { .events = POLLIN };
    dure_op reads, late;
    int fds[2];
    char byte;

    atomic_store(&gone, 2);
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(dure_loop_open(NULL, nothing, NULL), 0);
    dure_op_read(&reads, fds[0], &byte, 1);
    CHECK_EQ(dure_start(&reads, count_and_read_again, NULL), 0);
    turn_until_idle();
    CHECK_EQ(write(fds[1], "x", 1), 1);
    fd.fd = dure_loop_fd();
    CHECK_EQ(poll(&fd, 1, 10000), 1);
    turn_until_done();
    CHECK_EQ(gone, 3);
    dure_op_read(&late, fds[0], &byte, 1);
    CHECK_FAILS(dure_start(&late, count_and_read_again, NULL), EPERM);
    CHECK_EQ(dure_loop_close(), 0);
    close(fds[0]);
    close(fds[1]);
}

static dure_future promise;

static int await_promise(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_await(&promise), 7);
    atomic_fetch_add(&gone, 1);
    return 0;
}

/* A future that is set between the turns wakes whoever awaits it in one. */
static void future_between_the_turns(void)
{
    atomic_store(&gone, 0);
    dure_future_init(&promise);
    CHECK_EQ(dure_loop_open(NULL, await_promise, NULL), 0);
    turn_until_idle();
    CHECK_EQ(dure_future_set(&promise, 7), 0);
    CHECK(is_due(10000));
    turn_until_done();
    CHECK_EQ(gone, 1);
    CHECK_EQ(dure_loop_close(), 0);
}

static int set(void *arg)
{
    *(int *)arg = 1;
    return 0;
}

/* Refused, it has run nothing, and the next run is as good as ever. */
TEST_OUTSIDE(loop_of_another)
{
    int ran = 0, result = dure_loop_open(NULL, set, &ran);

    if (result == 0) {
        turn_until_done();
        CHECK_EQ(dure_loop_close(), 0);
        CHECK_EQ(ran, 1);
    } else {
        CHECK_EQ(errno, ENOTSUP);
        CHECK(*dure_why() != '\0');
        CHECK_EQ(ran, 0);
        CHECK_EQ(dure_run(set, &ran), 0);
        CHECK_EQ(ran, 1);
    }
}

#define EMBEDDED(name)            \
    TEST_OUTSIDE(embedded_##name) \
    {                             \
        if (embeds())             \
            name();               \
    }
EMBEDDED(reads_timers_and_the_result)
EMBEDDED(wakes_from_elsewhere)
EMBEDDED(close_before_the_end)
EMBEDDED(between_the_turns)
EMBEDDED(is_due_after_what_happens_between_the_turns)
EMBEDDED(one_turn_ends_a_sleep)
EMBEDDED(close_under_a_task_between_the_turns)
EMBEDDED(dure_go_after_the_end)
EMBEDDED(close_after_a_stop_signal)
EMBEDDED(operations_between_the_turns)
EMBEDDED(an_operation_keeps_the_run)
EMBEDDED(future_between_the_turns)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loop_of_another),
        cmocka_unit_test(embedded_reads_timers_and_the_result),
        cmocka_unit_test(embedded_wakes_from_elsewhere),
        cmocka_unit_test(embedded_close_before_the_end),
        cmocka_unit_test(embedded_between_the_turns),
        cmocka_unit_test(embedded_is_due_after_what_happens_between_the_turns),
        cmocka_unit_test(embedded_one_turn_ends_a_sleep),
        cmocka_unit_test(embedded_close_under_a_task_between_the_turns),
        cmocka_unit_test(embedded_dure_go_after_the_end),
        cmocka_unit_test(embedded_close_after_a_stop_signal),
        cmocka_unit_test(embedded_operations_between_the_turns),
        cmocka_unit_test(embedded_an_operation_keeps_the_run),
        cmocka_unit_test(embedded_future_between_the_turns),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
