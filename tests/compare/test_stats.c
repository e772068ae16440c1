/* Statistics of dure compare, against a naive model; how figures are written and laid on
   axes; how time is shared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/compare/format.h"
#include "cmd/compare/options.h"
#include "cmd/compare/scale.h"
#include "cmd/compare/schedule.h"
#include "cmd/compare/stats.h"

static void nothing_is_no_figure(void **state)
{
    struct samples samples = { 0 };
    struct summary summary = samples_summary(&samples);

    (void)state;
    assert_int_equal(summary.len, 0);
    assert_true(summary.min == 0 && summary.median == 0 && summary.max == 0);
}

/* The value that as many are below as above, found by counting. */
static double naive_median(const double *values, size_t len)
{
    double low = 0, high = 0;
    size_t i, j, below, same;

    for (i = 0; i < len; i++) {
        below = same = 0;
        for (j = 0; j < len; j++) {
            below += values[j] < values[i];
            same += values[j] == values[i];
        }
        if (below <= (len - 1) / 2 && (len - 1) / 2 < below + same)
            low = values[i];
        if (below <= len / 2 && len / 2 < below + same)
            high = values[i];
    }
    return (low + high) / 2;
}

static void summary_is_that_of_the_model(void **state)
{
    double values[50];
    unsigned round;

    (void)state;
    srandom(4);
    for (round = 0; round < 500; round++) {
        size_t i, len = 1 + (size_t)random() % 50;
        struct samples samples = { 0 };
        struct summary summary;
        double min = INFINITY, max = -INFINITY;

        for (i = 0; i < len; i++) {
            values[i] = (double)(random() % 20) / 4;
            min = fmin(min, values[i]);
            max = fmax(max, values[i]);
            samples_add(&samples, values[i]);
        }
        summary = samples_summary(&samples);
        assert_int_equal(summary.len, len);
        assert_true(summary.min == min);
        assert_true(summary.max == max);
        assert_true(fabs(summary.median - naive_median(values, len)) < 1e-9);
        samples_fini(&samples);
    }
}

static void spreads_that_touch_overlap(void **state)
{
    struct summary low = { 3, 1, 2, 3 }, touching = { 3, 3, 4, 5 }, above = { 3, 3.1, 4, 5 };
    struct summary inside = { 1, 2, 2, 2 }, none = { 0 };

    (void)state;
    assert_true(summary_overlaps(&low, &touching));
    assert_true(summary_overlaps(&touching, &low));
    assert_false(summary_overlaps(&low, &above));
    assert_false(summary_overlaps(&above, &low));
    assert_true(summary_overlaps(&low, &inside));
    assert_true(summary_overlaps(&inside, &low));
    assert_true(summary_overlaps(&none, &low));
}

/* Its spread is not known: a tenth is allowed for. */
static void single_figure_overlaps_with_what_is_near(void **state)
{
    struct summary one = { 1, 100, 100, 100 }, near = { 2, 110, 111, 112 };
    struct summary beyond = { 2, 110.1, 111, 112 };

    (void)state;
    assert_true(summary_overlaps(&one, &near));
    assert_true(summary_overlaps(&near, &one));
    assert_false(summary_overlaps(&one, &beyond));
    assert_false(summary_overlaps(&beyond, &one));
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* The quantile of all values kept, and that of the histogram: 1.6 % apart at most. */
static void quantiles_are_near_those_of_all_values(void **state)
{
    static const double shares[] = { 0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1 };
    enum { LEN = 20000 };
    struct histogram *one = calloc(1, sizeof *one), *other = calloc(1, sizeof *other);
    uint64_t *values = calloc(LEN, sizeof *values);
    size_t i;

    (void)state;
    assert_true(one != NULL && other != NULL && values != NULL);
    srandom(7);
    for (i = 0; i < LEN; i++) {
        values[i] = (uint64_t)random() >> random() % 31;
        histogram_add(i % 2 != 0 ? one : other, values[i]);
    }
    histogram_merge(one, other);
    qsort(values, LEN, sizeof *values, by_value);
    assert_int_equal(one->count, LEN);
    assert_int_equal(one->max, values[LEN - 1]);
    for (i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        size_t rank = (size_t)ceil(shares[i] * LEN);
        double exact = (double)values[rank != 0 ? rank - 1 : 0];
        double found = histogram_quantile(one, shares[i]);

        if (fabs(found - exact) > exact * 0.016)
            fail_msg("share %g: %g, not %g", shares[i], found, exact);
    }
    free(values);
    free(one);
    free(other);
}

static void histogram_takes_every_value(void **state)
{
    struct histogram *histogram = calloc(1, sizeof *histogram);
    unsigned bit;

    (void)state;
    assert_non_null(histogram);
    assert_true(histogram_quantile(histogram, 0.5) == 0);
    for (bit = 0; bit < 64; bit++) {
        histogram_add(histogram, 1ULL << bit);
        histogram_add(histogram, (1ULL << bit) - 1);
    }
    histogram_add(histogram, UINT64_MAX);
    assert_int_equal(histogram->count, 129);
    assert_true(histogram_quantile(histogram, 0) == 0);
    assert_true(histogram_quantile(histogram, 1) > 1.8e19);
    free(histogram);
}

static void figures_have_three_digits_and_a_unit(void **state)
{
    (void)state;
    assert_string_equal(shown(UNIT_NS, 0).text, "0 ns");
    assert_string_equal(shown(UNIT_NS, 0.25).text, "0.25 ns");
    assert_string_equal(shown(UNIT_NS, 999.4).text, "999 ns");
    assert_string_equal(shown(UNIT_NS, 999.6).text, "1.00 µs");
    assert_string_equal(shown(UNIT_NS, 1250).text, "1.25 µs");
    assert_string_equal(shown(UNIT_NS, 12345678).text, "12.3 ms");
    assert_string_equal(shown(UNIT_NS, 5e9).text, "5 s");
    assert_string_equal(shown(UNIT_BYTES, 1023).text, "1.00 KiB");
    assert_string_equal(shown(UNIT_BYTES, 34 * 1024).text, "34 KiB");
    assert_string_equal(shown(UNIT_COUNT, 9999).text, "9,999");
    assert_string_equal(shown(UNIT_COUNT, 12345).text, "12.3k");
    assert_string_equal(shown(UNIT_PER_SECOND, 1234567).text, "1.23M/s");
    assert_string_equal(shown(UNIT_SHARE, 0.045).text, "4.50 %");
    assert_string_equal(shown(UNIT_SHARE, 1).text, "100 %");
    assert_string_equal(shown_count(100000).text, "100,000");
    assert_string_equal(shown_count(999).text, "999");
    assert_string_equal(shown_times(1.84).text, "1.8 times");
    assert_string_equal(shown_times(34.4).text, "34 times");
    assert_int_equal(text_columns("1.25 µs"), 7);
}

static void time_is_shared_equally(void **state)
{
    struct schedule schedule = { .end_ns = 1000000000, .points = 5, .rounds = 2 };
    int64_t now_ns = 0;
    unsigned i;

    (void)state;
    for (i = 0; i < 10; i++) {
        assert_false(schedule_complete(&schedule));
        assert_int_equal(schedule_next(&schedule, now_ns), 100000000);
        now_ns += 100000000;
    }
    assert_true(schedule_complete(&schedule));
    assert_int_equal(schedule_next(&schedule, now_ns), 0);
}

static void what_one_saves_the_others_get(void **state)
{
    struct schedule schedule = { .end_ns = 1000000000, .points = 5, .rounds = 1 };

    (void)state;
    assert_int_equal(schedule_next(&schedule, 0), 200000000);
    assert_int_equal(schedule_next(&schedule, 0), 250000000);
}

/* However late it is, each point is measured once; and no second round begins. */
static void first_round_is_always_completed(void **state)
{
    struct schedule schedule = { .end_ns = 1000, .points = 5, .rounds = 3 };
    unsigned i;

    (void)state;
    for (i = 0; i < 5; i++)
        assert_true(schedule_next(&schedule, 2000) > 1000000);
    assert_int_equal(schedule_next(&schedule, 2000), 0);
    assert_false(schedule_complete(&schedule));
}

/* A scale has its figures between its ends, and some round ticks. */
static void check_scale(enum unit unit, bool log, double min, double max)
{
    struct scale scale;
    unsigned i;

    scale_init(&scale, unit, log, min, max, 6);
    scale_place(&scale, 500, 100);
    if (scale.len < 2 || scale.len > TICKS_MAX)
        fail_msg("%g to %g: %u ticks", min, max, scale.len);
    assert_true(scale_at(&scale, min) <= 500 && scale_at(&scale, min) >= scale_at(&scale, max));
    assert_true(scale_at(&scale, max) >= 100);
    for (i = 0; i < scale.len; i++) {
        double at = scale_at(&scale, scale.ticks[i]);

        assert_true(at >= 100 - 1e-6 && at <= 500 + 1e-6);
        assert_true(i == 0 || scale.ticks[i] > scale.ticks[i - 1]);
    }
}

static void scales_fit_their_figures(void **state)
{
    static const double mins[] = { 0, 1e-3, 0.7, 1, 9, 1234, 5e8 };
    static const double times[] = { 1, 1.01, 3, 10, 4096, 1e7, 1e12 };
    unsigned unit, i, j;

    (void)state;
    for (unit = UNIT_COUNT; unit <= UNIT_SHARE; unit++)
        for (i = 0; i < sizeof mins / sizeof mins[0]; i++)
            for (j = 0; j < sizeof times / sizeof times[0]; j++) {
                check_scale((enum unit)unit, false, mins[i], mins[i] * times[j]);
                check_scale((enum unit)unit, true, mins[i], mins[i] * times[j]);
            }
}

static void scale_is_what_it_says(void **state)
{
    struct scale scale;

    (void)state;
    scale_init(&scale, UNIT_NS, true, 10, 1000, 6);
    scale_place(&scale, 0, 100);
    assert_true(fabs(scale_at(&scale, 100) - 50) < 1e-9);
    scale_init(&scale, UNIT_NS, false, 10, 1000, 6);
    scale_place(&scale, 0, 105);
    assert_true(fabs(scale_at(&scale, 500) - 50) < 1e-9);
    assert_true(scale_at(&scale, 0) == 0);
    assert_true(scale_at(&scale, 1e6) == 105);
}

static void budget_follows_weights(void **state)
{
    struct experiment a = { .weight = 60 }, b = { .weight = 20 };
    struct options all = { .chosen = { &a, &b } }, given = { .chosen = { &a, &b }, .seconds = 40 };
    struct options quick = { .chosen = { &a }, .quick = true };

    (void)state;
    /* Five minutes and one, with time left for the reports. */
    assert_true(options_budget_ns(&all, &a) > 150e9 && options_budget_ns(&all, &a) < 180e9);
    assert_true(options_budget_ns(&quick, &a) > 30e9 && options_budget_ns(&quick, &a) < 36e9);
    assert_int_equal(options_budget_ns(&given, &a), 30000000000);
    assert_int_equal(options_budget_ns(&given, &b), 10000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_no_figure),
        cmocka_unit_test(summary_is_that_of_the_model),
        cmocka_unit_test(spreads_that_touch_overlap),
        cmocka_unit_test(single_figure_overlaps_with_what_is_near),
        cmocka_unit_test(quantiles_are_near_those_of_all_values),
        cmocka_unit_test(histogram_takes_every_value),
        cmocka_unit_test(figures_have_three_digits_and_a_unit),
        cmocka_unit_test(time_is_shared_equally),
        cmocka_unit_test(what_one_saves_the_others_get),
        cmocka_unit_test(first_round_is_always_completed),
        cmocka_unit_test(scales_fit_their_figures),
        cmocka_unit_test(scale_is_what_it_says),
        cmocka_unit_test(budget_follows_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
