/* How the series of a chart grow from the first x to the last. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/compare/findings.h"
#include "cmd/compare/format.h"
#include "cmd/compare/ranking.h"

/* From a thousand times as many come 700 to 1,400 times: in proportion. */
#define EXPONENT_LINEAR_MIN 0.85
#define EXPONENT_LINEAR_MAX 1.15
/* What changes less than that is said to stay: caches are missed and found. */
#define TIMES_FLAT 1.5

struct growth {
    const struct line *line;
    const struct mark *first, *last;
    double times;    /* the larger by the smaller */
    double exponent; /* 1: in proportion */
};

struct growths {
    struct growth *items; /* of the lines that have figures at both ends */
    unsigned len;
    double min, max;
};

static void growths_init(struct growths *growths, const struct view *view)
{
    unsigned i;

    growths->len = 0;
    growths->items = memory_resize(NULL, view->len * sizeof *growths->items);
    for (i = 0; i < view->len; i++) {
        struct growth growth = { .line = &view->lines[i] };
        double ratio;

        growth.first = line_at(growth.line, growths->min);
        growth.last = line_at(growth.line, growths->max);
        if (growth.first == NULL || growth.last == NULL || growth.first->y.median <= 0 ||
            growth.last->y.median <= 0)
            continue;
        ratio = growth.last->y.median / growth.first->y.median;
        growth.times = fmax(ratio, 1 / ratio);
        growth.exponent = log(ratio) / log(growths->max / growths->min);
        growths->items[growths->len++] = growth;
    }
}

static bool is_linear(const struct growth *growth)
{
    return growth->exponent > EXPONENT_LINEAR_MIN && growth->exponent < EXPONENT_LINEAR_MAX;
}

static bool is_flat(const struct growth *growth)
{
    return growth->times < TIMES_FLAT;
}

/* Returns: the names of those of a kind, how many, and the largest factor among them. */
static char *join(const struct growths *growths, bool (*is)(const struct growth *), unsigned *len,
                  double *times)
{
    const char **names = memory_resize(NULL, growths->len * sizeof *names);
    char *joined;
    unsigned i;

    *len = 0;
    *times = 1;
    for (i = 0; i < growths->len; i++)
        if (is(&growths->items[i])) {
            names[(*len)++] = growths->items[i].line->series;
            *times = fmax(*times, growths->items[i].times);
        }
    joined = names_join(names, *len);
    free(names);
    return joined;
}

/* Those that change most and least. */
static void say_extremes(struct sentences *out, const struct view *view,
                         const struct growths *growths, const char *range)
{
    const struct growth *most = &growths->items[0], *least = &growths->items[0];
    enum unit unit = view->metric->unit;
    unsigned i;

    for (i = 1; i < growths->len; i++) {
        if (growths->items[i].times > most->times)
            most = &growths->items[i];
        if (growths->items[i].times < least->times)
            least = &growths->items[i];
    }
    if (most == least || summary_overlaps(&most->first->y, &most->last->y))
        return;
    sentence_add(out, "%s %s changes most, from %s to %s, and %s least, from %s to %s.", range,
                 most->line->series, shown(unit, most->first->y.median).text,
                 shown(unit, most->last->y.median).text, least->line->series,
                 shown(unit, least->first->y.median).text, shown(unit, least->last->y.median).text);
}

static void say_classes(struct sentences *out, const struct view *view,
                        const struct growths *growths, const char *range)
{
    unsigned linear, flat;
    double linear_times, flat_times;
    char *linears = join(growths, is_linear, &linear, &linear_times);
    char *flats = join(growths, is_flat, &flat, &flat_times);

    if (linear != 0 && flat != 0)
        sentence_add(out, "%s %s grow%s in proportion, O(n), up to %s; %s stay%s within %s, O(1).",
                     range, linears, linear == 1 ? "s" : "", shown_times(linear_times).text, flats,
                     flat == 1 ? "s" : "", shown_times(flat_times).text);
    else if (growths->len > 1 && flat == growths->len)
        sentence_add(out, "%s none changes by more than %s.", range,
                     shown(UNIT_SHARE, flat_times - 1).text);
    else if (growths->len > 1)
        say_extremes(out, view, growths, range);
    free(linears);
    free(flats);
}

void say_growth(struct sentences *out, const struct view *view)
{
    struct growths growths;
    char *last, range[96];

    if (!view_ends(view, &growths.min, &growths.max) || growths.min <= 0)
        return;
    growths_init(&growths, view);
    last = things_at(view, growths.max);
    snprintf(range, sizeof range, "From %s to %s", shown_count(growths.min).text, last);
    say_classes(out, view, &growths, range);
    free(last);
    free(growths.items);
}
