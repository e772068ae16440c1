/* The sentences of dure compare: they say what the figures bear, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/compare/findings.h"
#include "cmd/compare/results.h"

enum { CPU, RATE };

static const struct metric metrics[] = {
    [CPU] = { "cpu", "CPU time", UNIT_NS, BETTER_LOWER },
    [RATE] = { "rate", "calls a second", UNIT_PER_SECOND, BETTER_HIGHER },
    { 0 },
};

static const struct experiment experiment = { .name = "e", .x_title = "tasks", .metrics = metrics };

static const struct chart lines = { .name = "c", .kind = CHART_LINES, .metric = CPU };
static const struct chart rates = { .name = "c", .kind = CHART_LINES, .metric = RATE };
static const struct chart bars = { .name = "c", .kind = CHART_BARS, .metric = CPU };

/* Two repeats of a point. */
static void add(struct outcome *outcome, const char *series, double x, double low, double high)
{
    struct point *point = outcome_point(outcome, &(struct place){ .series = series, .x = x });
    unsigned metric;

    for (metric = CPU; metric <= RATE; metric++) {
        point_sample(point, metric, low);
        point_sample(point, metric, high);
    }
}

static void refuse(struct outcome *outcome, const char *series, double x, const char *why)
{
    point_refuse(outcome_point(outcome, &(struct place){ .series = series, .x = x }), "%s", why);
}

/* Compares all sentences of a chart with what is expected, up to a NULL. */
static void check(struct results *results, const struct chart *chart, const char *const *expected)
{
    struct sentences sentences;
    struct view view;
    size_t i;

    view_init(&view, results, &experiment, chart);
    sentences_init(&sentences, &view);
    for (i = 0; i < sentences.texts.len && expected[i] != NULL; i++)
        assert_string_equal(sentences.texts.items[i], expected[i]);
    if (i < sentences.texts.len)
        fail_msg("too much: %s", sentences.texts.items[i]);
    if (expected[i] != NULL)
        fail_msg("not said: %s", expected[i]);
    sentences_fini(&sentences);
    view_fini(&view);
    results_fini(results);
}

static void nothing_is_said_of_nothing(void **state)
{
    struct results results = { 0 };

    (void)state;
    check(&results, &lines, (const char *const[]){ NULL });
    results_begin(&results, &experiment);
    check(&results, &bars, (const char *const[]){ NULL });
}

static void nothing_is_said_of_one_alone(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "a", 1, 10, 11);
    add(outcome, "a", 8, 10, 11);
    check(&results, &lines, (const char *const[]){ NULL });
}

static void first_next_and_last(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "c", 1, 400, 400);
    add(outcome, "a", 1, 100, 100);
    add(outcome, "b", 1, 200, 200);
    check(&results, &bars,
          (const char *const[]){ "At 1 task the lowest is a with 100 ns; next is b with 200 ns "
                                 "(2.0 times), and the highest is c with 400 ns (4.0 times).",
                                 "Half of the 3 have 200 ns or less.",
                                 "2 of the 3 lie within a factor of two of the lowest.", NULL });
}

static void highest_is_first_where_that_is_better(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "a", 8, 100, 100);
    add(outcome, "b", 8, 200, 200);
    check(&results, &rates,
          (const char *const[]){
              "At 8 tasks the highest is b with 200/s; the lowest is a with 100/s (2.0 times).",
              NULL });
}

/* 100 to 110 and 110 to 120 have a value in common, 111 to 120 would not. */
static void who_overlaps_is_not_ranked(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "a", 8, 100, 110);
    add(outcome, "b", 8, 110, 120);
    add(outcome, "c", 8, 400, 500);
    add(outcome, "d", 8, 490, 510);
    check(&results, &bars,
          (const char *const[]){
              "At 8 tasks the lowest are a and b, too close to tell apart: 105 ns to 115 ns; the "
              "highest are c and d with 450 ns to 500 ns (4.8 times).",
              "The repeats lie furthest apart for c at 8 tasks: 400 ns to 500 ns (22.2 % of the "
              "median).",
              "Half of the 4 have 115 ns or less.", NULL });
}

static void one_value_more_apart_is_ranked(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "a", 8, 100, 110);
    add(outcome, "b", 8, 111, 121);
    check(&results, &bars,
          (const char *const[]){
              "At 8 tasks the lowest is a with 105 ns; the highest is b with 116 ns (1.1 times).",
              "The repeats lie furthest apart for a at 8 tasks: 100 ns to 110 ns (9.52 % of the "
              "median).",
              NULL });
}

static void all_may_be_too_close(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "a", 8, 100, 200);
    add(outcome, "b", 8, 110, 120);
    check(&results, &bars,
          (const char *const[]){
              "At 8 tasks b and a are too close to tell apart (115 ns to 150 ns).",
              "The repeats lie furthest apart for a at 8 tasks: 100 ns to 200 ns (66.7 % of the "
              "median).",
              NULL });
}

static void growth_is_named(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "select", 10, 100, 100);
    add(outcome, "select", 1000, 10000, 10000);
    add(outcome, "epoll", 10, 150, 150);
    add(outcome, "epoll", 1000, 180, 180);
    check(&results, &lines,
          (const char *const[]){
              "At 1,000 tasks the lowest is epoll with 180 ns; the highest is select with "
              "10 µs (56 times).",
              "From 10 to 1,000 tasks select grows in proportion, O(n), up to 100 times; epoll "
              "stays within 1.2 times, O(1).",
              "At 10 tasks the lowest is select with 100 ns.", NULL });
}

/* It seems to grow most, but its repeats do as well. */
static void growth_within_the_spread_is_not_named(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "a", 10, 100, 900);
    add(outcome, "a", 1000, 800, 1600);
    add(outcome, "b", 10, 150, 150);
    add(outcome, "b", 1000, 180, 180);
    check(&results, &lines,
          (const char *const[]){
              "At 1,000 tasks the lowest is b with 180 ns; the highest is a with 1.20 µs (6.7 "
              "times).",
              "The repeats lie furthest apart for a at 10 tasks: 100 ns to 900 ns (160 % of the "
              "median).",
              NULL });
}

static void refusals_at_the_end_are_named(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);

    (void)state;
    add(outcome, "a", 10, 100, 100);
    add(outcome, "b", 10, 200, 200);
    add(outcome, "c", 10, 400, 400);
    add(outcome, "a", 1000, 100, 100);
    add(outcome, "b", 1000, 200, 200);
    refuse(outcome, "c", 1000, "at most 100 of them");
    check(&results, &lines,
          (const char *const[]){
              "At 1,000 tasks the lowest is a with 100 ns; the highest is b with 200 ns (2.0 "
              "times).",
              "From 10 to 1,000 tasks none changes by more than 0 %.",
              "c has no figure at 1,000 tasks: at most 100 of them.", NULL });
}

/* Two of four went on: the others are compared where there are all. */
static void order_is_told_where_most_are(void **state)
{
    struct results results = { 0 };
    struct outcome *outcome = results_begin(&results, &experiment);
    static const char *const names[] = { "a", "b", "c", "d" };
    unsigned i;

    (void)state;
    for (i = 0; i < 4; i++) {
        add(outcome, names[i], 10, 100 << i, 100 << i);
        if (i < 2)
            add(outcome, names[i], 1000, 100 << i, 100 << i);
        else
            refuse(outcome, names[i], 1000, "too many");
    }
    check(&results, &lines,
          (const char *const[]){
              "At 10 tasks the lowest is a with 100 ns; next is b with 200 ns (2.0 times), and "
              "the highest is d with 800 ns (8.0 times).",
              "c and d have no figures at 1,000 tasks.", "Half of the 4 have 200 ns or less.",
              NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_of_nothing),
        cmocka_unit_test(nothing_is_said_of_one_alone),
        cmocka_unit_test(first_next_and_last),
        cmocka_unit_test(highest_is_first_where_that_is_better),
        cmocka_unit_test(who_overlaps_is_not_ranked),
        cmocka_unit_test(one_value_more_apart_is_ranked),
        cmocka_unit_test(all_may_be_too_close),
        cmocka_unit_test(growth_is_named),
        cmocka_unit_test(growth_within_the_spread_is_not_named),
        cmocka_unit_test(refusals_at_the_end_are_named),
        cmocka_unit_test(order_is_told_where_most_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
