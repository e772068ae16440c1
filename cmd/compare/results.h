/* What a run has found, for the reports. */
#ifndef CMD_COMPARE_RESULTS_H
#define CMD_COMPARE_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/compare/compare.h"
#include "cmd/compare/memory.h"
#include "cmd/compare/stats.h"

struct point {
    const struct experiment *experiment;
    char *series;
    double x;
    char *labels[LABELS_MAX];
    struct samples *samples; /* one a metric of the experiment */
    struct texts refusals, warnings;
};

/* A name and what it stands for. */
struct setting {
    char *name, *text;
};

struct settings {
    struct setting *items;
    size_t len;
};

/* What one experiment has found. */
struct outcome {
    const struct experiment *experiment;
    struct point **points; /* in the order in which they first came */
    size_t len;
    struct settings settings;
    struct texts failures;
    int64_t took_ns;
    bool complete; /* each point has been measured in every round */
};

struct results {
    struct outcome *outcomes; /* one an experiment that was begun */
    size_t len;
    struct settings machine;  /* what it ran on */
    struct settings settings; /* how it was called */
    bool interrupted;
};

void results_fini(struct results *results);

/* Begins an experiment. Returns: its outcome, which stays where it is until the next one. */
struct outcome *results_begin(struct results *results, const struct experiment *experiment);

/* Returns: the point at a place, made if it is new. Complexity: O(points), of which there are some
   hundreds. */
struct point *outcome_point(struct outcome *outcome, const struct place *place);

/* Returns: the number of metrics of an experiment. */
unsigned experiment_metrics(const struct experiment *experiment);

/* Takes the text over; the same name again replaces it. */
void settings_add(struct settings *settings, const char *name, char *text);
void settings_addf(struct settings *settings, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
