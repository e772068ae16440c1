/* One chart drawn as SVG, for a wide or for a narrow page. */
#ifndef CMD_COMPARE_DRAWING_H
#define CMD_COMPARE_DRAWING_H

#include <stdio.h>

#include "cmd/compare/format.h"
#include "cmd/compare/results.h"
#include "cmd/compare/scale.h"
#include "cmd/compare/view.h"

/* A chart under way. Lengths are those of the SVG's own grid; a wide drawing has as many as the
   page has pixels at 1280, a narrow one as at 400. */
struct drawing {
    FILE *out;
    const struct outcome *outcome;
    const struct view *view;
    bool wide;
    double width, height;
    double left, right, top, bottom; /* of the area with the figures */
    struct scale x, y;
};

/* Draws it. */
void drawing_lines(struct drawing *drawing); /* CHART_LINES, CHART_CLOUD */
void drawing_bars(struct drawing *drawing);

/* For the two of them: what is around the figures. */
void drawing_open(const struct drawing *drawing);
void drawing_close(const struct drawing *drawing);
/* Lines across, their values, the titles of both axes. x_unit: of the values along x. */
void drawing_axes(const struct drawing *drawing, enum unit x_unit, const char *x_title,
                  const char *y_title);

/* A group of all that belongs to a series. */
void drawing_series_open(const struct drawing *drawing, const struct line *line);
void drawing_series_close(const struct drawing *drawing);

/* The words that appear when one points at a mark. */
void drawing_tip(const struct drawing *drawing, const struct mark *mark);

/* Writes the names at the right, each as near to the end of its line as the others let it. */
void drawing_labels(const struct drawing *drawing);
/* Returns: how much room they need beside the area. */
double drawing_labels_width(const struct view *view);

/* Returns: a tick's figure: 0 needs no unit. */
struct shown drawing_tick(enum unit unit, double value);

/* Returns: the line's last mark with a figure, or NULL. */
const struct mark *line_end(const struct line *line);

/* Returns: its figure, and where that is if the line was refused further on: "4 µs at 512"; the
   caller frees it. */
char *line_end_words(const struct view *view, const struct line *line);

/* Returns: the least and the largest figure shown, spreads included; over: of the metric to the
   right. Without any, 0 and 0. least: only of those above 0. */
void view_range(const struct view *view, bool over, double *least, double *largest);

#endif
