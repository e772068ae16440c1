/* A chart as a table: a row a series, a column an x. */
#ifndef CMD_COMPARE_TEXT_TABLE_H
#define CMD_COMPARE_TEXT_TABLE_H

#include "cmd/compare/text_out.h"
#include "cmd/compare/view.h"

/* Prints it, in several blocks if the columns are too many for the width; with a bar for the last
   column, if there is room. Complexity: O(series * columns * points of a series). */
void text_table(const struct text_out *out, const struct view *view);

#endif
