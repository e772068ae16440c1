/* The reports of dure compare, each from the results alone. */
#ifndef CMD_COMPARE_REPORT_H
#define CMD_COMPARE_REPORT_H

#include <stdio.h>

#include "cmd/compare/results.h"

/* A table a chart, with bars if the file is a terminal, and the sentences. */
void report_text(FILE *file, const struct results *results);

/* All figures of all points. Returns: 0, or -1 with errno if it could not be written. */
int report_json(FILE *file, const struct results *results);

/* The same in one line that can stand in a script element. */
int report_json_compact(FILE *file, const struct results *results);

/* A page with charts that needs nothing else. Returns: as report_json. */
int report_html(FILE *file, const struct results *results);

#endif
