/* A run of dure compare: the chosen experiments one after another. */
#ifndef CMD_COMPARE_RUN_H
#define CMD_COMPARE_RUN_H

#include "cmd/compare/options.h"
#include "cmd/compare/results.h"

/* Runs what was chosen. The results are the caller's, empty before.
   Returns: 0, or -1 if an experiment failed; the results tell why. */
int run_experiments(const struct options *options, struct results *results);

/* dure compare with experiments of the caller's, up to a NULL. Returns: the exit status. */
int compare_main(const struct experiment *const *all, int argc, char **argv);

#endif
