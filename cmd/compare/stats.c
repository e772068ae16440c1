/* Repeated figures and their spread. */
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/memory.h"
#include "cmd/compare/stats.h"

/* What was measured once is believed to a tenth. */
#define SPREAD_OF_ONE 0.1

void samples_add(struct samples *samples, double value)
{
    if (samples->len == samples->cap) {
        samples->cap = samples->cap != 0 ? 2 * samples->cap : 4;
        samples->values = memory_resize(samples->values, samples->cap * sizeof *samples->values);
    }
    samples->values[samples->len++] = value;
}

void samples_fini(struct samples *samples)
{
    free(samples->values);
    *samples = (struct samples){ 0 };
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

struct summary samples_summary(const struct samples *samples)
{
    size_t len = samples->len;
    struct summary summary = { .len = len };
    double *sorted;

    if (len == 0)
        return summary;
    sorted = memory_resize(NULL, len * sizeof *sorted);
    memcpy(sorted, samples->values, len * sizeof *sorted);
    qsort(sorted, len, sizeof *sorted, by_value);
    summary.min = sorted[0];
    summary.max = sorted[len - 1];
    summary.median = len % 2 != 0 ? sorted[len / 2] : sorted[len / 2 - 1] / 2 + sorted[len / 2] / 2;
    free(sorted);
    return summary;
}

static double low_of(const struct summary *summary)
{
    return summary->len == 1 ? summary->min * (1 - SPREAD_OF_ONE) : summary->min;
}

static double high_of(const struct summary *summary)
{
    return summary->len == 1 ? summary->max * (1 + SPREAD_OF_ONE) : summary->max;
}

bool summary_overlaps(const struct summary *a, const struct summary *b)
{
    if (a->len == 0 || b->len == 0)
        return true;
    return low_of(a) <= high_of(b) && low_of(b) <= high_of(a);
}
