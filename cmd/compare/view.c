/* What one chart shows: the points that it selects, as lines of summaries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/memory.h"
#include "cmd/compare/results.h"
#include "cmd/compare/view.h"

/* Returns: whether the chart is about points with these labels. */
static bool is_selected(const struct chart *chart, const struct point *point)
{
    const char *wanted;
    unsigned i;

    for (i = 0; i < LABELS_MAX; i++) {
        wanted = chart->labels[i];
        if (wanted != NULL && (point->labels[i] == NULL || strcmp(wanted, point->labels[i]) != 0))
            return false;
    }
    return true;
}

static struct line *line_of(struct view *view, const char *series)
{
    return (struct line *)view_line(view, series);
}

static void line_add(struct view *view, const char *series)
{
    if (view_line(view, series) != NULL)
        return;
    view->lines = memory_resize(view->lines, (view->len + 1) * sizeof *view->lines);
    view->lines[view->len++] = (struct line){ .series = series };
}

/* A point that has neither this metric's figure nor a refusal is not about it. */
static bool has_something(const struct view *view, const struct point *point)
{
    return point->samples[view->chart->metric].len != 0 || point->refusals.len != 0;
}

static void mark_add(struct view *view, struct line *line, const struct point *point)
{
    struct mark mark = { .x = point->x, .at = point->x, .point = point };

    mark.y = samples_summary(&point->samples[view->chart->metric]);
    if (view->over != NULL) {
        mark.over = samples_summary(&point->samples[view->chart->x_metric]);
        mark.x = mark.over.median;
        if (mark.over.len == 0)
            mark.y.len = 0;
    }
    line->marks = memory_resize(line->marks, (line->len + 1) * sizeof *line->marks);
    line->marks[line->len++] = mark;
}

static int by_x(const void *a, const void *b)
{
    double left = ((const struct mark *)a)->at, right = ((const struct mark *)b)->at;

    return (left > right) - (left < right);
}

/* The lines come first, for their order; those that stay empty go. */
static void add_lines(struct view *view, const struct outcome *outcome)
{
    const char *const *series;
    size_t i;

    for (series = view->chart->series; series != NULL && *series != NULL; series++)
        line_add(view, *series);
    for (i = 0; view->chart->series == NULL && i < outcome->len; i++)
        if (is_selected(view->chart, outcome->points[i]) && has_something(view, outcome->points[i]))
            line_add(view, outcome->points[i]->series);
}

static void add_marks(struct view *view, const struct outcome *outcome)
{
    struct line *line;
    unsigned kept = 0;
    size_t i;

    for (i = 0; i < outcome->len; i++) {
        line = line_of(view, outcome->points[i]->series);
        if (line != NULL && is_selected(view->chart, outcome->points[i]) &&
            has_something(view, outcome->points[i]))
            mark_add(view, line, outcome->points[i]);
    }
    for (i = 0; i < view->len; i++)
        if (view->lines[i].len != 0)
            view->lines[kept++] = view->lines[i];
    view->len = kept;
    for (i = 0; i < kept; i++)
        qsort(view->lines[i].marks, view->lines[i].len, sizeof(struct mark), by_x);
}

/* Bars are at one x: what was measured elsewhere is not shown. */
static void keep_one_x(struct view *view)
{
    double at = view->chart->at_x;
    unsigned i, j, kept = 0;

    for (i = 0; view->chart->at_x == 0 && i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++)
            if (view->lines[i].marks[j].y.len != 0)
                at = fmax(at, view->lines[i].marks[j].at);
    for (i = 0; i < view->len; i++) {
        const struct mark *mark = line_at(&view->lines[i], at);

        if (mark == NULL) {
            free(view->lines[i].marks);
            continue;
        }
        view->lines[i].marks[0] = *mark;
        view->lines[i].len = 1;
        view->lines[kept++] = view->lines[i];
    }
    view->len = kept;
}

static const struct outcome *outcome_of(const struct results *results,
                                        const struct experiment *experiment)
{
    size_t i;

    for (i = 0; i < results->len; i++)
        if (results->outcomes[i].experiment == experiment)
            return &results->outcomes[i];
    return NULL;
}

void view_init(struct view *view, const struct results *results,
               const struct experiment *experiment, const struct chart *chart)
{
    const struct outcome *outcome = outcome_of(results, experiment);

    *view = (struct view){ .experiment = experiment, .chart = chart };
    view->metric = &experiment->metrics[chart->metric];
    if (chart->kind == CHART_CLOUD)
        view->over = &experiment->metrics[chart->x_metric];
    if (outcome == NULL)
        return;
    add_lines(view, outcome);
    add_marks(view, outcome);
    if (chart->kind == CHART_BARS)
        keep_one_x(view);
}

void view_fini(struct view *view)
{
    unsigned i;

    for (i = 0; i < view->len; i++)
        free(view->lines[i].marks);
    free(view->lines);
}

bool view_has_figures(const struct view *view)
{
    unsigned i, j;

    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++)
            if (view->lines[i].marks[j].y.len != 0)
                return true;
    return false;
}

const struct line *view_line(const struct view *view, const char *series)
{
    unsigned i;

    for (i = 0; i < view->len; i++)
        if (strcmp(view->lines[i].series, series) == 0)
            return &view->lines[i];
    return NULL;
}

const struct mark *line_at(const struct line *line, double at)
{
    unsigned i;

    for (i = 0; i < line->len; i++)
        if (line->marks[i].at == at)
            return &line->marks[i];
    return NULL;
}
