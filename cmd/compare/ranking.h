/* Who is first in a chart, as far as the spreads tell. */
#ifndef CMD_COMPARE_RANKING_H
#define CMD_COMPARE_RANKING_H

#include "cmd/compare/view.h"

struct ranked {
    const struct line *line;
    const struct mark *mark;
};

struct ranking {
    struct ranked *items; /* best first; without a better, lowest first */
    unsigned len;
    unsigned leaders; /* the first and those whose spread overlaps with its */
    unsigned last;    /* from here on, those whose spread overlaps with that of the last */
};

/* Ranks the lines that have a figure at an x. The caller ends it with ranking_fini. */
void ranking_init(struct ranking *ranking, const struct view *view, double at);
void ranking_fini(struct ranking *ranking);

/* Finds the x between which lines can be compared: the smallest at which two have figures, and the
   largest at which there are two thirds of the most.
   Returns: false if there is none. Complexity: O(marks * lines). */
bool view_ends(const struct view *view, double *min, double *max);

/* Returns: the largest x of a view with lines, be it refused. */
double view_last(const struct view *view);

/* Returns: "a", "a and b", "a, b and 3 others"; the caller frees it. */
char *names_join(const char *const *names, unsigned len);

/* Returns: "4,096 connections", "1 connection"; the caller frees it. */
char *things_at(const struct view *view, double at);

#endif
