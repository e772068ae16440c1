/* From figures to places on an axis, and the ticks that it has. */
#ifndef CMD_COMPARE_SCALE_H
#define CMD_COMPARE_SCALE_H

#include <stdbool.h>

#include "cmd/compare/compare.h"

#define TICKS_MAX 16

struct scale {
    double min, max; /* the figures at the ends */
    double from, to; /* the places at the ends; from may be the larger one */
    bool log;        /* then min is above 0 */
    double ticks[TICKS_MAX];
    unsigned len;
};

/* Makes a scale for the figures from min to max, with some air and at most about `wanted` ticks at
   round values of the unit. A scale that is not logarithmic begins at 0. Without a figure above 0
   it is not logarithmic. */
void scale_init(struct scale *scale, enum unit unit, bool log, double min, double max,
                unsigned wanted);

/* Lays the ends of a scale somewhere. */
void scale_place(struct scale *scale, double from, double to);

/* Returns: the place of a figure; what lies outside is moved to the end. */
double scale_at(const struct scale *scale, double value);

#endif
