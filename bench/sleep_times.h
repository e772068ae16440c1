/* The sleeps of the timer rows, the same for every contestant: 1 to 50 ms at random. */
#ifndef DURE_BENCH_SLEEP_TIMES_H
#define DURE_BENCH_SLEEP_TIMES_H

#include <stdint.h>

static inline uint64_t sleep_times_seed(long number)
{
    return (uint64_t)number * 0x9e3779b97f4a7c15u + 1;
}

/* The next sleep, in microseconds. */
static inline uint64_t sleep_times_next_us(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return 1000 + *x % 49000;
}

#endif
