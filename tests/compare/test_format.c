/* How dure compare writes figures and lays them on axes, and how it shares the time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cmd/compare/format.h"
#include "cmd/compare/options.h"
#include "cmd/compare/scale.h"
#include "cmd/compare/schedule.h"

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
