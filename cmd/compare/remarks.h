/* What was said of the points that a chart shows: refusals and warnings. */
#ifndef CMD_COMPARE_REMARKS_H
#define CMD_COMPARE_REMARKS_H

#include "cmd/compare/memory.h"
#include "cmd/compare/view.h"

enum remark { REMARK_REFUSAL, REMARK_WARNING };

/* Adds them in the charts' order: "select at 10,000 descriptors: at most 1,024 descriptors". What
   is said of several points is said once; of many series the first are named. */
void remarks_collect(struct texts *remarks, const struct view *view, enum remark kind);

/* Returns: the words of a remark without the series' name, if they begin with it. */
const char *remark_text(const struct point *point, const char *text);

#endif
