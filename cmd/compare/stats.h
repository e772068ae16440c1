/* Repeated figures and their spread. */
#ifndef CMD_COMPARE_STATS_H
#define CMD_COMPARE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The figures of one metric at one point, in the order in which they came. All 0: none. */
struct samples {
    double *values;
    size_t len, cap;
};

struct summary {
    size_t len; /* 0: there is no figure, and the rest is 0 */
    double min, median, max;
};

/* Adds a figure; memory that is not there ends the process. */
void samples_add(struct samples *samples, double value);
void samples_fini(struct samples *samples);

/* The median of an even number is the mean of the two in the middle.
   Complexity: O(n log n); there are a handful. */
struct summary samples_summary(const struct samples *samples);

/* Returns: whether the spreads of two have a value in common; then nothing is claimed of which
   is larger. A single figure counts as right to a tenth; none overlaps with everything. */
bool summary_overlaps(const struct summary *a, const struct summary *b);

/* Latencies by the million: a count a bucket, 64 buckets a power of two, so that a quantile is
   right to 1.6 %. No pointers: it may lie in memory shared between processes, each with its own. */
#define HISTOGRAM_SUB 64
#define HISTOGRAM_LEN ((64 - 5) * HISTOGRAM_SUB)

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_LEN];
};

void histogram_add(struct histogram *histogram, uint64_t value);
/* Adds all of another. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);
/* share: 0.5 is the median, 0.999 what one in a thousand exceeds.
   Returns: the middle of the bucket where that value lies, never above the largest added; 0 if
   there is none. */
double histogram_quantile(const struct histogram *histogram, double share);

#endif
