/* What dure compare can measure: each defined in a file of its own, listed in experiments.c. */
#ifndef CMD_COMPARE_EXPERIMENTS_H
#define CMD_COMPARE_EXPERIMENTS_H

#include "cmd/compare/compare.h"

extern const struct experiment experiment_io, experiment_switch;

#endif
