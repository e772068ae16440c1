/* The charts of dure compare io. */
#ifndef CMD_COMPARE_IO_CHARTS_H
#define CMD_COMPARE_IO_CHARTS_H

#include "cmd/compare/compare.h"

/* The experiment's metrics. */
enum { IO_CPU_NS, IO_CALLS, IO_MEDIAN_NS, IO_P99_NS, IO_WASTED };

/* Its label: how the events come. */
#define IO_SINGLE "one at a time"
#define IO_BURSTS "bursts of 10"

/* At so many descriptors the charts show bursts. */
#define IO_BURSTS_AT 1000

/* Up to one without a name. */
extern const struct chart io_charts[];

#endif
