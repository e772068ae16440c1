/* Latencies by the million, in buckets that grow with the value. */
#include "cmd/compare/stats.h"

#define SUB_BITS 6 /* HISTOGRAM_SUB is 2 to that */

_Static_assert(HISTOGRAM_SUB == 1 << SUB_BITS, "a power of two");

/* Values below HISTOGRAM_SUB have a bucket each. Above, a value's highest bit chooses a row and
   the SUB_BITS after it the bucket in the row. */
static unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < HISTOGRAM_SUB)
        return (unsigned)value;
    shift = 63 - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return (shift + 1) * HISTOGRAM_SUB + (unsigned)(value >> shift & (HISTOGRAM_SUB - 1));
}

static double middle_of(unsigned bucket)
{
    unsigned shift;

    if (bucket < HISTOGRAM_SUB)
        return bucket;
    shift = bucket / HISTOGRAM_SUB - 1;
    return ((double)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB) + 0.5) * (double)(1ULL << shift);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->buckets[bucket_of(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    unsigned i;

    histogram->count += other->count;
    if (other->max > histogram->max)
        histogram->max = other->max;
    for (i = 0; i < HISTOGRAM_LEN; i++)
        histogram->buckets[i] += other->buckets[i];
}

double histogram_quantile(const struct histogram *histogram, double share)
{
    double middle, wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    unsigned i;

    if (histogram->count == 0)
        return 0;
    for (i = 0; i < HISTOGRAM_LEN - 1; i++) {
        seen += histogram->buckets[i];
        if (seen != 0 && (double)seen >= wanted)
            break;
    }
    middle = middle_of(i);
    return middle < (double)histogram->max ? middle : (double)histogram->max;
}
