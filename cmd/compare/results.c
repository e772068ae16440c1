/* What a run has found: points, their figures, and what was said of them. */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/results.h"

unsigned experiment_metrics(const struct experiment *experiment)
{
    unsigned len = 0;

    while (experiment->metrics[len].name != NULL)
        len++;
    return len;
}

static void settings_fini(struct settings *settings)
{
    size_t i;

    for (i = 0; i < settings->len; i++) {
        free(settings->items[i].name);
        free(settings->items[i].text);
    }
    free(settings->items);
}

static void point_destroy(struct point *point)
{
    unsigned i, metrics = experiment_metrics(point->experiment);

    for (i = 0; i < metrics; i++)
        samples_fini(&point->samples[i]);
    for (i = 0; i < LABELS_MAX; i++)
        free(point->labels[i]);
    texts_fini(&point->refusals);
    texts_fini(&point->warnings);
    free(point->samples);
    free(point->series);
    free(point);
}

static void outcome_fini(struct outcome *outcome)
{
    size_t i;

    for (i = 0; i < outcome->len; i++)
        point_destroy(outcome->points[i]);
    free(outcome->points);
    settings_fini(&outcome->settings);
    texts_fini(&outcome->failures);
}

void results_fini(struct results *results)
{
    size_t i;

    for (i = 0; i < results->len; i++)
        outcome_fini(&results->outcomes[i]);
    free(results->outcomes);
    settings_fini(&results->machine);
    settings_fini(&results->settings);
    *results = (struct results){ 0 };
}

struct outcome *results_begin(struct results *results, const struct experiment *experiment)
{
    struct outcome *outcome;

    results->outcomes =
        memory_resize(results->outcomes, (results->len + 1) * sizeof *results->outcomes);
    outcome = &results->outcomes[results->len++];
    *outcome = (struct outcome){ .experiment = experiment };
    return outcome;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_at(const struct point *point, const struct place *place)
{
    unsigned i;

    if (point->x != place->x || strcmp(point->series, place->series) != 0)
        return false;
    for (i = 0; i < LABELS_MAX; i++)
        if (!same_text(point->labels[i], place->labels[i]))
            return false;
    return true;
}

static struct point *point_create(const struct experiment *experiment, const struct place *place)
{
    struct point *point = memory_resize(NULL, sizeof *point);
    unsigned i, metrics = experiment_metrics(experiment);

    *point = (struct point){ .experiment = experiment, .x = place->x };
    point->series = memory_copy(place->series);
    for (i = 0; i < LABELS_MAX; i++)
        point->labels[i] = memory_copy(place->labels[i]);
    point->samples = memory_resize(NULL, metrics * sizeof *point->samples);
    memset(point->samples, 0, metrics * sizeof *point->samples);
    return point;
}

struct point *outcome_point(struct outcome *outcome, const struct place *place)
{
    size_t i;

    for (i = 0; i < outcome->len; i++)
        if (is_at(outcome->points[i], place))
            return outcome->points[i];
    outcome->points = memory_resize(outcome->points, (outcome->len + 1) * sizeof(struct point *));
    outcome->points[outcome->len] = point_create(outcome->experiment, place);
    return outcome->points[outcome->len++];
}

void point_sample(struct point *point, unsigned metric, double value)
{
    assert(metric < experiment_metrics(point->experiment));
    if (!isfinite(value)) {
        point_warn(point, "no figure for %s: it was divided by nothing",
                   point->experiment->metrics[metric].title);
        return;
    }
    samples_add(&point->samples[metric], value);
}

void point_refuse(struct point *point, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    texts_add(&point->refusals, memory_format(format, args));
    va_end(args);
}

void point_warn(struct point *point, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    texts_add(&point->warnings, memory_format(format, args));
    va_end(args);
}

void settings_add(struct settings *settings, const char *name, char *text)
{
    size_t i;

    for (i = 0; i < settings->len; i++)
        if (strcmp(settings->items[i].name, name) == 0) {
            free(settings->items[i].text);
            settings->items[i].text = text;
            return;
        }
    settings->items = memory_resize(settings->items, (settings->len + 1) * sizeof *settings->items);
    settings->items[settings->len++] = (struct setting){ memory_copy(name), text };
}

void settings_addf(struct settings *settings, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    settings_add(settings, name, memory_format(format, args));
    va_end(args);
}
