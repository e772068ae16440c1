/* The reports of dure compare, each from the results alone. */
#ifndef CMD_COMPARE_REPORT_H
#define CMD_COMPARE_REPORT_H

#include <stdio.h>

#include "cmd/compare/results.h"

/* Tables, a chart each; with bars if out is a terminal. */
void report_text(FILE *out, const struct results *results);

#endif
