/* What one chart shows: the points that it selects, as lines of summaries. */
#ifndef CMD_COMPARE_VIEW_H
#define CMD_COMPARE_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/compare/compare.h"
#include "cmd/compare/stats.h"

struct results;

/* One point in a chart. */
struct mark {
    double x;            /* the point's x; in CHART_CLOUD the median of the other metric */
    double at;           /* the point's x */
    struct summary y;    /* y.len is 0 if there is no figure: it was refused */
    struct summary over; /* CHART_CLOUD: the spread of the other metric */
    const struct point *point;
};

/* One series, its marks by rising x. */
struct line {
    const char *series;
    struct mark *marks;
    unsigned len;
};

struct view {
    const struct experiment *experiment;
    const struct chart *chart;
    const struct metric *metric; /* upwards */
    const struct metric *over;   /* CHART_CLOUD: to the right; else NULL */
    struct line *lines;
    unsigned len;
};

/* Selects what a chart shows. The view is the caller's, to be given to view_fini; it refers to the
   results. */
void view_init(struct view *view, const struct results *results,
               const struct experiment *experiment, const struct chart *chart);
void view_fini(struct view *view);

/* Returns: whether it has a single figure: else there is no chart to draw. */
bool view_has_figures(const struct view *view);

/* Returns: a line by its series, or NULL. */
const struct line *view_line(const struct view *view, const char *series);

/* Returns: a line's mark at an x, with a figure or refused; NULL if there is none. */
const struct mark *line_at(const struct line *line, double at);

#endif
