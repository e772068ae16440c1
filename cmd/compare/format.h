/* Figures as people read them: three digits and a prefix. */
#ifndef CMD_COMPARE_FORMAT_H
#define CMD_COMPARE_FORMAT_H

#include <stddef.h>

#include "cmd/compare/compare.h"

struct shown {
    char text[24];
};

/* Returns: the value with its unit, as "1.25 µs", "34.0 KiB", "9,120", "12.3k/s", "4.5 %". To be
   used at once: printf("%s", shown(UNIT_NS, ns).text). */
struct shown shown(enum unit unit, double value);

/* Returns: a factor in words' form, as "1.8 times", "34 times". */
struct shown shown_times(double factor);

/* Returns: a number of things without a unit, all its digits, as "10,000". */
struct shown shown_count(double value);

/* Returns: the columns that a UTF-8 text takes on a terminal; those of double width are not in
   it. */
size_t text_columns(const char *text);

#endif
