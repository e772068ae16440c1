/* Sentences on what a chart shows, computed from its figures. */
#ifndef CMD_COMPARE_FINDINGS_H
#define CMD_COMPARE_FINDINGS_H

#include "cmd/compare/memory.h"
#include "cmd/compare/view.h"

#define SENTENCES_MAX 3

struct sentences {
    struct texts texts; /* at most SENTENCES_MAX */
};

/* The chart's own sentences first, then general ones, up to SENTENCES_MAX; fewer if the figures
   bear no more. The caller ends them with sentences_fini. */
void sentences_init(struct sentences *sentences, const struct view *view);
void sentences_fini(struct sentences *sentences);

/* Says how the series grow over x: which in proportion, which not at all. */
void say_growth(struct sentences *out, const struct view *view);

#endif
