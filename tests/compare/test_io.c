/* dure compare io: every mechanism takes each event once; what is a law shows in the counts. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/compare/child.h"
#include "cmd/compare/io_point.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
/* Each 0.2 ms: as fast as any mechanism needs to be. */
#define INTERVAL_NS INT64_C(200000)

static struct io_order order_of(const struct io_mechanism *mechanism, unsigned descriptors,
                                unsigned events, unsigned burst)
{
    return (struct io_order){ .mechanism = mechanism,
                              .descriptors = descriptors,
                              .events = events,
                              .burst = burst,
                              .interval_ns = burst * INTERVAL_NS,
                              .writer_processor = -1,
                              .waiter_processor = -1,
                              .kernel_processor = -1 };
}

static struct io_result measured_as(int (*work)(const void *order, void *result),
                                    const struct io_order *order)
{
    struct io_result result = { .outcome = IO_LOST };

    assert_int_equal(child_run(work, order, &result, sizeof result, 2 * MINUTE), 0);
    return result;
}

static struct io_result measured(const struct io_mechanism *mechanism, unsigned descriptors,
                                 unsigned events, unsigned burst)
{
    struct io_order order = order_of(mechanism, descriptors, events, burst);

    return measured_as(io_measure, &order);
}

/* Each event was taken, and nothing else was. A mechanism that is not to be had here is named. */
static bool check_exact(const char *name, const struct io_result *result, unsigned events)
{
    if (result->outcome == IO_REFUSED) {
        print_message("skipped: %s: %s\n", name, result->why);
        return false;
    }
    if (result->outcome != IO_DONE || result->strange != 0 || result->events != events)
        print_error("%s: outcome %d, %ju events, %ju strange\n", name, result->outcome,
                    (uintmax_t)result->events, (uintmax_t)result->strange);
    assert_int_equal(result->outcome, IO_DONE);
    assert_int_equal(result->strange, 0);
    assert_int_equal(result->events, events);
    assert_true(result->cpu_ns > 0);
    assert_true(result->median_ns > 0);
    assert_true(result->median_ns <= result->p99_ns);
    return true;
}

static void check_all(unsigned descriptors, unsigned burst)
{
    unsigned i;

    for (i = 0; io_mechanisms[i] != NULL; i++) {
        struct io_result result;

        /* ThreadSanitizer does not know the threads that the C library makes for itself. */
        if (SANITIZED_THREADS &&
            (io_mechanisms[i] == &io_aio_thread || io_mechanisms[i] == &io_aio_signal))
            continue;
        result = measured(io_mechanisms[i], descriptors, 200, burst);
        check_exact(io_mechanisms[i]->name, &result, 200);
    }
}

static void each_event_is_taken_once(void **state)
{
    (void)state;
    check_all(10, 1);
    check_all(200, 1);
}

static void each_event_of_a_burst_is_taken_once(void **state)
{
    (void)state;
    check_all(10, IO_BUSY);
    check_all(200, IO_BUSY);
}

static void one_descriptor_is_enough(void **state)
{
    (void)state;
    check_all(1, 1);
    check_all(3, 2);
}

/* ---- the checker ---- */

static int open_nothing(struct io_waiter *waiter)
{
    (void)waiter;
    return 0;
}

static void take_all_but_the_first(struct io_waiter *waiter)
{
    unsigned i;

    for (i = 1; i < waiter->len; i++)
        (void)io_read(waiter, i);
}

static void take_twice(struct io_waiter *waiter)
{
    if (io_read(waiter, 0))
        io_took(waiter, 0, 1);
}

static void take_of_another(struct io_waiter *waiter)
{
    if (io_read(waiter, 0))
        io_took(waiter, 1, 1);
}

static void an_event_that_is_not_read_is_found(void **state)
{
    const struct io_mechanism deaf = {
        .name = "deaf", .nonblocking = true, .open = open_nothing, .take = take_all_but_the_first
    };
    struct io_result result = measured(&deaf, 10, 100, 1);

    (void)state;
    assert_int_equal(result.outcome, IO_LOST);
}

static void an_event_that_is_told_twice_is_found(void **state)
{
    const struct io_mechanism twice = {
        .name = "twice", .nonblocking = true, .open = open_nothing, .take = take_twice
    };
    const struct io_mechanism other = {
        .name = "other", .nonblocking = true, .open = open_nothing, .take = take_of_another
    };
    struct io_result result = measured(&twice, 1, 100, 1);

    (void)state;
    /* Told of one that is written just then, it is the true reading that is one too many. */
    assert_true(result.strange > 0 || result.outcome == IO_LOST);
    result = measured(&other, 2, 100, 1);
    assert_true(result.strange > 0 || result.outcome == IO_LOST);
}

/* ---- laws ---- */

static void polled_asks_more_often_than_there_are_events(void **state)
{
    struct io_result result = measured(&io_polled, 100, 200, 1);

    (void)state;
    assert_true(check_exact("polled", &result, 200));
    assert_true(result.calls > 2 * result.events);
    assert_true(result.wasted > result.events);
}

/* A wait brings an event or more, and so does a read: idle descriptors add nothing. What is counted
   at the ends may be off by what one event takes. */
static void calls_do_not_grow_with_idle_descriptors(void **state)
{
    static const struct {
        const struct io_mechanism *mechanism;
        unsigned calls_max;
    } laws[] = {
        { &io_blocking, 1 }, { &io_poll, 2 },      { &io_epoll_level, 2 }, { &io_epoll_edge, 2 },
        { &io_signals, 2 },  { &io_uring_one, 1 }, { &io_uring_batch, 1 }, { &io_uring_buffers, 1 },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof laws / sizeof laws[0]; i++) {
        const struct io_mechanism *mechanism = laws[i].mechanism;
        struct io_result result = measured(mechanism, 1000, 300, 1);

        if (!check_exact(mechanism->name, &result, 300))
            continue;
        if (result.calls > 300 * laws[i].calls_max + 3)
            print_error("%s: %ju calls\n", mechanism->name, (uintmax_t)result.calls);
        assert_in_range(result.calls, 1, 300 * laws[i].calls_max + 3);
    }
}

static int measure_with_few_descriptors(const void *order, void *result)
{
    closefrom(STDERR_FILENO + 1);
    return io_measure(order, result);
}

static void select_ends_at_its_limit(void **state)
{
    const unsigned fits = FD_SETSIZE - (STDERR_FILENO + 1);
    struct io_order order = order_of(&io_select, fits, 100, 1);
    struct io_result result = measured_as(measure_with_few_descriptors, &order);

    (void)state;
    check_exact("select", &result, 100);
    order.descriptors = fits + 1;
    result = measured_as(measure_with_few_descriptors, &order);
    assert_int_equal(result.outcome, IO_REFUSED);
    assert_non_null(strstr(result.why, "at most 1,024 descriptors"));
}

/* ---- limits ---- */

static int measure_without_signals(const void *order, void *result)
{
    const struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_SIGPENDING, &none);
    return io_measure(order, result);
}

static int measure_with_two_signals(const void *order, void *result)
{
    const struct rlimit two = { 2, 2 };

    setrlimit(RLIMIT_SIGPENDING, &two);
    return io_measure(order, result);
}

/* SIGIO instead: all descriptors are looked at, which is in vain for most. */
static void signals_that_were_lost_are_made_up_for(void **state)
{
    struct io_order order = order_of(&io_signals, 50, 200, IO_BUSY);
    struct io_result result = measured_as(measure_without_signals, &order);

    (void)state;
    if (!check_exact("signals", &result, 200))
        return;
    assert_true(result.wasted >= 40);
    result = measured_as(measure_with_two_signals, &order);
    check_exact("signals", &result, 200);
}

static void aio_refuses_where_its_signals_would_be_lost(void **state)
{
    struct io_order order = order_of(&io_aio_signal, 10, 100, 1);
    struct io_result result = measured_as(measure_without_signals, &order);

    (void)state;
    assert_int_equal(result.outcome, IO_REFUSED);
    assert_non_null(strstr(result.why, "RLIMIT_SIGPENDING"));
}

static int measure_with_20_descriptors(const void *order, void *result)
{
    const struct rlimit few = { 20, 20 };

    closefrom(STDERR_FILENO + 1);
    setrlimit(RLIMIT_NOFILE, &few);
    return io_measure(order, result);
}

static void too_many_descriptors_are_refused(void **state)
{
    struct io_order order = order_of(&io_poll, 20, 100, 1);
    struct io_result result = measured_as(measure_with_20_descriptors, &order);

    (void)state;
    assert_int_equal(result.outcome, IO_REFUSED);
    assert_non_null(strstr(result.why, "RLIMIT_NOFILE 20"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_taken_once),
        cmocka_unit_test(each_event_of_a_burst_is_taken_once),
        cmocka_unit_test(one_descriptor_is_enough),
        cmocka_unit_test(an_event_that_is_not_read_is_found),
        cmocka_unit_test(an_event_that_is_told_twice_is_found),
        cmocka_unit_test(polled_asks_more_often_than_there_are_events),
        cmocka_unit_test(calls_do_not_grow_with_idle_descriptors),
        cmocka_unit_test(select_ends_at_its_limit),
        cmocka_unit_test(signals_that_were_lost_are_made_up_for),
        cmocka_unit_test(aio_refuses_where_its_signals_would_be_lost),
        cmocka_unit_test(too_many_descriptors_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
