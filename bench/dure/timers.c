/* Many tasks that sleep again and again, for times between 1 and 50 ms: nanoseconds of CPU a
   sleep. timers [tasks=N] [sleeps=N] */
#include "bench_dure.h"
#include "sleep_times.h"

static long sleeps;

static int sleeper(void *arg)
{
    uint64_t x = sleep_times_seed(*(long *)arg);
    long i;

    for (i = 0; i < sleeps; i++)
        if (dure_sleep_for((int64_t)sleep_times_next_us(&x) * DURE_MICROSECOND) < 0)
            return -1;
    return 0;
}

static int measure(void *arg)
{
    long tasks = bench_number(arg, "tasks", 10000);
    int64_t started;
    dure_scope scope;
    int result;
    long i;

    sleeps = bench_number(arg, "sleeps", 50);
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    dure_scope_open(&scope);
    for (i = 0; i < tasks; i++)
        if (dure_spawn(&scope, sleeper, &i, sizeof i) < 0)
            bench_die("dure_spawn");
    result = dure_scope_close(&scope);
    printf("{\"ns\": %.1f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)(tasks * sleeps));
    return result;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
