/* All figures as JSON. */
#include <jansson.h>
#include <math.h>

#include "cmd/compare/report.h"

/* A number that JSON can hold; what is none is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *settings_of(const struct settings *settings)
{
    json_t *object = json_object();
    size_t i;

    for (i = 0; i < settings->len; i++)
        json_object_set_new(object, settings->items[i].name, json_string(settings->items[i].text));
    return object;
}

static json_t *texts_of(const struct texts *texts)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < texts->len; i++)
        json_array_append_new(array, json_string(texts->items[i]));
    return array;
}

static json_t *figure_of(const struct samples *samples)
{
    struct summary summary = samples_summary(samples);
    json_t *object = json_object(), *array = json_array();
    size_t i;

    for (i = 0; i < samples->len; i++)
        json_array_append_new(array, number(samples->values[i]));
    json_object_set_new(object, "median", number(summary.median));
    json_object_set_new(object, "min", number(summary.min));
    json_object_set_new(object, "max", number(summary.max));
    json_object_set_new(object, "samples", array);
    return object;
}

static json_t *figures_of(const struct point *point)
{
    const struct metric *metrics = point->experiment->metrics;
    json_t *object = json_object();
    unsigned i;

    for (i = 0; metrics[i].name != NULL; i++)
        if (point->samples[i].len != 0)
            json_object_set_new(object, metrics[i].name, figure_of(&point->samples[i]));
    return object;
}

static json_t *labels_of(const struct point *point)
{
    const char *const *names = point->experiment->labels;
    json_t *object = json_object();
    unsigned i;

    for (i = 0; names != NULL && i < LABELS_MAX && names[i] != NULL; i++)
        if (point->labels[i] != NULL)
            json_object_set_new(object, names[i], json_string(point->labels[i]));
    return object;
}

static json_t *point_of(const struct point *point)
{
    json_t *object = json_object();

    json_object_set_new(object, "series", json_string(point->series));
    json_object_set_new(object, "x", number(point->x));
    json_object_set_new(object, "labels", labels_of(point));
    json_object_set_new(object, "figures", figures_of(point));
    json_object_set_new(object, "refused", texts_of(&point->refusals));
    json_object_set_new(object, "doubtful", texts_of(&point->warnings));
    return object;
}

static json_t *metrics_of(const struct experiment *experiment)
{
    static const char *const units[] = { [UNIT_COUNT] = "count",
                                         [UNIT_NS] = "ns",
                                         [UNIT_BYTES] = "bytes",
                                         [UNIT_PER_SECOND] = "per second",
                                         [UNIT_SHARE] = "share" };
    static const char *const betters[] = {
        [BETTER_LOWER] = "lower", [BETTER_HIGHER] = "higher", [BETTER_NEITHER] = "neither"
    };
    json_t *object = json_object();
    const struct metric *metric;

    for (metric = experiment->metrics; metric->name != NULL; metric++)
        json_object_set_new(object, metric->name,
                            json_pack("{s:s, s:s, s:s}", "title", metric->title, "unit",
                                      units[metric->unit], "better", betters[metric->better]));
    return object;
}

static json_t *outcome_of(const struct outcome *outcome)
{
    json_t *object = json_object(), *points = json_array();
    size_t i;

    for (i = 0; i < outcome->len; i++)
        json_array_append_new(points, point_of(outcome->points[i]));
    json_object_set_new(object, "title", json_string(outcome->experiment->title));
    json_object_set_new(object, "x", json_string(outcome->experiment->x_title));
    json_object_set_new(object, "metrics", metrics_of(outcome->experiment));
    json_object_set_new(object, "settings", settings_of(&outcome->settings));
    json_object_set_new(object, "seconds", number((double)outcome->took_ns / 1e9));
    json_object_set_new(object, "complete", json_boolean(outcome->complete));
    json_object_set_new(object, "failures", texts_of(&outcome->failures));
    json_object_set_new(object, "points", points);
    return object;
}

static int write_json(FILE *file, const struct results *results, size_t flags)
{
    json_t *object = json_object(), *experiments = json_object();
    size_t i;
    int result;

    for (i = 0; i < results->len; i++)
        json_object_set_new(experiments, results->outcomes[i].experiment->name,
                            outcome_of(&results->outcomes[i]));
    json_object_set_new(object, "machine", settings_of(&results->machine));
    json_object_set_new(object, "settings", settings_of(&results->settings));
    json_object_set_new(object, "interrupted", json_boolean(results->interrupted));
    json_object_set_new(object, "experiments", experiments);
    result = json_dumpf(object, file, flags | JSON_REAL_PRECISION(7));
    json_decref(object);
    return result == 0 && fputc('\n', file) != EOF ? 0 : -1;
}

int report_json(FILE *file, const struct results *results)
{
    return write_json(file, results, JSON_INDENT(1));
}

/* No text may end the element: "<\/script>". */
int report_json_compact(FILE *file, const struct results *results)
{
    return write_json(file, results, JSON_COMPACT | JSON_ESCAPE_SLASH);
}
