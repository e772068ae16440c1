/* What the page's parts share. */
#ifndef CMD_COMPARE_HTML_H
#define CMD_COMPARE_HTML_H

#include <stdio.h>

#include "cmd/compare/results.h"
#include "cmd/compare/view.h"

/* Writes a text that is nothing but text, in HTML or SVG. */
void html_text(FILE *out, const char *text);
/* The same with its first letter large, and with no break behind a number. */
void html_title(FILE *out, const char *text);
void html_sentence(FILE *out, const char *text);
/* And with the names of the view's series, if there is one, set apart. */
void html_sentence_of(FILE *out, const struct view *view, const char *text);

/* How series look, the same in all charts of an experiment: colour and sign by the order in which
   they first came. */
#define LOOKS 21
#define LOOK_COLOURS 7

/* Returns: 0 to LOOKS - 1. */
unsigned look_of(const struct outcome *outcome, const char *series);

/* Writes the classes of a look: "c3 open". */
void look_classes(FILE *out, unsigned look);

/* Returns: whether a series is one that the experiment wants to stand out. */
bool look_is_strong(const struct experiment *experiment, const char *series);

/* Writes the sign of a look, centred: an SVG element. Its colour is that of the class around. */
void look_sign(FILE *out, unsigned look, double x, double y);

/* A chart with its words and its table. */
void html_chart(FILE *out, const struct outcome *outcome, const struct view *view);

/* The figures of a chart: a row a series, a column an x. */
void html_chart_table(FILE *out, const struct view *view);

/* All points with all metrics. */
void html_points(FILE *out, const struct outcome *outcome);

#endif
