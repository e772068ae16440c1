/* Tasks of 100 us of computation, all spawned from one loop: milliseconds until all have ended.
   compute [loops=N] [tasks=N] [steps=N]: steps as floor/compute counted them. */
#include "bench_dure.h"

static long steps;

static int task(void *arg)
{
    (void)arg;
    return bench_compute(steps) == 0;
}

static int measure(void *arg)
{
    long tasks = bench_number(arg, "tasks", 10000);
    int64_t started;
    dure_scope scope;
    int result;
    long i;

    steps = bench_number(arg, "steps", 50000);
    started = bench_clock_ns(CLOCK_MONOTONIC);
    dure_scope_open(&scope);
    for (i = 0; i < tasks; i++)
        if (dure_spawn(&scope, task, NULL, 0) < 0)
            bench_die("dure_spawn");
    result = dure_scope_close(&scope);
    printf("{\"ms\": %.3f}\n", (double)(bench_clock_ns(CLOCK_MONOTONIC) - started) / 1e6);
    return result;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
