/* The reports of dure compare, of results that chance has made: whatever was measured, refused or
   left out, they can be written, and have no place that is not a number. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/compare/report.h"

#define SEEDS 100

static const struct metric metrics[] = {
    { "count", "things", UNIT_COUNT, BETTER_LOWER },
    { "ns", "time", UNIT_NS, BETTER_HIGHER },
    { "bytes", "memory", UNIT_BYTES, BETTER_NEITHER },
    { "rate", "things a second", UNIT_PER_SECOND, BETTER_HIGHER },
    { "share", "part", UNIT_SHARE, BETTER_LOWER },
    { 0 },
};

#define METRICS 5
#define CHARTS 12

static struct chart charts[CHARTS + 1];

static const char *const labels[] = { "kind", NULL };

static const struct experiment experiment = { .name = "chance",
                                              .title = "Chance",
                                              .about = "Nothing & everything.",
                                              .x_title = "things",
                                              .labels = labels,
                                              .metrics = metrics,
                                              .charts = charts,
                                              .strong = "s1" };

static unsigned draw(unsigned below)
{
    return (unsigned)random() % below;
}

/* Every kind of chart of every metric, sooner or later. */
static void draw_charts(void)
{
    static char names[CHARTS][8];
    unsigned i;

    for (i = 0; i < CHARTS; i++) {
        snprintf(names[i], sizeof names[i], "c%u", i);
        charts[i] = (struct chart){ .name = names[i],
                                    .title = "Title",
                                    .kind = (enum chart_kind)draw(3),
                                    .metric = draw(METRICS),
                                    .x_metric = draw(METRICS),
                                    .at_x = draw(2) != 0 ? 8 : 0,
                                    .labels = { draw(2) != 0 ? "this" : NULL },
                                    .log_x = draw(2) != 0,
                                    .log_y = draw(2) != 0 };
    }
}

static double draw_value(void)
{
    switch (draw(6)) {
    case 0:
        return 0;
    case 1:
        return NAN;
    case 2:
        return INFINITY;
    default:
        return pow(10, draw(20) - 6.0) * (1 + draw(1000)) / 1000;
    }
}

static void draw_point(struct outcome *outcome)
{
    static const double xs[] = { 0, 0.5, 1, 8, 64, 4096, 1e6 };
    char series[64];
    struct point *point;
    unsigned i;

    snprintf(series, sizeof series, "s%u %s", draw(30), draw(9) == 0 ? "<b> & \"µ\"" : "");
    point = outcome_point(
        outcome, &(struct place){ series, xs[draw(7)], { draw(2) != 0 ? "this" : "that" } });
    if (draw(8) == 0)
        point_refuse(point, "%s: %s", series, "no </script> here");
    for (i = 0; i < METRICS; i++)
        if (draw(4) != 0)
            point_sample(point, i, draw_value());
}

static char *written(int (*report)(FILE *, const struct results *), const struct results *results)
{
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);

    assert_non_null(file);
    assert_int_equal(report(file, results), 0);
    fclose(file);
    return text;
}

static int report_tables(FILE *file, const struct results *results)
{
    report_text(file, results);
    return 0;
}

/* No attribute of a drawing is nan or inf. */
static void check_page(const char *text)
{
    const char *at;

    for (at = strchr(text, '<'); at != NULL; at = strchr(at + 1, '<')) {
        size_t len = strcspn(at, ">");

        if (memmem(at, len, "nan", 3) != NULL || memmem(at, len, "inf", 3) != NULL)
            fail_msg("%.*s", (int)len, at);
        if (strncmp(at, "<script", 7) == 0)
            break;
    }
}

static void reports_stand_what_chance_makes(void **state)
{
    unsigned seed, points;

    (void)state;
    for (seed = 1; seed <= SEEDS; seed++) {
        struct results results = { 0 };
        struct outcome *outcome;
        char *text;

        srandom(seed);
        draw_charts();
        outcome = results_begin(&results, &experiment);
        for (points = draw(200); points != 0; points--)
            draw_point(outcome);
        text = written(report_html, &results);
        check_page(text);
        free(text);
        free(written(report_json, &results));
        free(written(report_tables, &results));
        results_fini(&results);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_stand_what_chance_makes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
