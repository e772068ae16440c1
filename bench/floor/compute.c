/* The floor of computing on several loops: plain threads that take pieces of work of 100 us from
   a common counter. compute [threads=N] [tasks=N] [steps=N]: milliseconds until all is done.
   Without steps it tells how many steps take 100 us here, so that a piece is the same work in
   every run, however many processors share it. */
#include <pthread.h>
#include <stdatomic.h>

#include "bench.h"

#define THREADS_MAX 64

static atomic_long left;
static long steps;

static void *work(void *arg)
{
    (void)arg;
    /* Nothing is published by the counter: each piece stands alone. */
    while (atomic_fetch_sub_explicit(&left, 1, memory_order_relaxed) > 0)
        if (bench_compute(steps) == 0)
            abort();
    return NULL;
}

/* The best of many tries is the one that nobody disturbed. */
static int calibrate(void)
{
    int64_t started, took, best = INT64_MAX;
    uint64_t sum = 0;
    int i;

    for (i = 0; i < 50; i++) {
        started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        sum += bench_compute(1000000);
        took = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started;
        if (took < best)
            best = took;
    }
    printf("{\"steps\": %ld}\n", (long)(1e6 * 100e3 / (double)best));
    return sum == 0;
}

int main(int argc, char **argv)
{
    long threads = bench_number(argv, "threads", 1);
    pthread_t others[THREADS_MAX];
    int64_t started;
    long i;

    (void)argc;
    steps = bench_number(argv, "steps", 0);
    if (steps == 0)
        return calibrate();
    atomic_init(&left, bench_number(argv, "tasks", 10000));
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    started = bench_clock_ns(CLOCK_MONOTONIC);
    for (i = 1; i < threads; i++) {
        errno = pthread_create(&others[i], NULL, work, NULL);
        if (errno)
            bench_die("pthread_create");
    }
    work(NULL);
    for (i = 1; i < threads; i++)
        pthread_join(others[i], NULL);
    printf("{\"ms\": %.3f}\n", (double)(bench_clock_ns(CLOCK_MONOTONIC) - started) / 1e6);
    return 0;
}
