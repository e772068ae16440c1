/* Statistics of dure compare, against a naive model. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_no_figure),
        cmocka_unit_test(summary_is_that_of_the_model),
        cmocka_unit_test(spreads_that_touch_overlap),
        cmocka_unit_test(single_figure_overlaps_with_what_is_near),
        cmocka_unit_test(quantiles_are_near_those_of_all_values),
        cmocka_unit_test(histogram_takes_every_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
