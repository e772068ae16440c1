/* The command line of dure compare. */
#ifndef CMD_COMPARE_OPTIONS_H
#define CMD_COMPARE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/compare/compare.h"

#define EXPERIMENTS_MAX 16

struct options {
    const struct experiment *chosen[EXPERIMENTS_MAX + 1]; /* in the order of the table, then NULL */
    bool quick;
    unsigned rounds;  /* 0: not said */
    unsigned seconds; /* for all that was chosen; 0: not said */
    const char *json, *html;
};

/* Reads the command line. all: up to a NULL.
   Returns: 0 to go on, else the exit status plus one, after having said what is wrong or answered
   --help. */
int options_read(struct options *options, const struct experiment *const *all, int argc,
                 char **argv);

/* Returns: how often each point is measured. */
unsigned options_rounds(const struct options *options);

/* Returns: the nanoseconds that an experiment may take, by its weight: of the seconds given among
   those chosen, else of the usual time among all. */
int64_t options_budget_ns(const struct options *options, const struct experiment *experiment);

#endif
