/* A peer: State Threads that sleep again and again, for times between 1 and 50 ms: nanoseconds of
   CPU a sleep. Or that are parked in a sleep: bytes each.
   waits [tasks=N] [sleeps=N] | waits parked=N */
#include <st.h>
#include <unistd.h>

#include "footprint.h"
#include "sleep_times.h"

static long sleeps, left, parked;

static void *sleeper(void *arg)
{
    uint64_t x = sleep_times_seed((long)(intptr_t)arg);
    long i;

    for (i = 0; i < sleeps; i++)
        st_usleep(sleep_times_next_us(&x));
    left--;
    return NULL;
}

static void *parker(void *arg)
{
    parked++;
    st_sleep(3600);
    return arg;
}

static void start(void *(*fn)(void *), long number)
{
    if (!st_thread_create(fn, (void *)(intptr_t)number, 0, 0))
        bench_die("st_thread_create");
}

static void park(long tasks)
{
    long before = footprint(), i;

    for (i = 0; i < tasks; i++)
        start(parker, i);
    while (parked < tasks)
        st_usleep(1000);
    footprint_report(before, tasks);
    _exit(0);
}

int main(int argc, char **argv)
{
    long tasks = bench_number(argv, "tasks", 10000), i;
    int64_t started;

    (void)argc;
    if (st_init() < 0)
        bench_die("st_init");
    if (bench_number(argv, "parked", 0) > 0)
        park(bench_number(argv, "parked", 0));
    sleeps = bench_number(argv, "sleeps", 50);
    left = tasks;
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (i = 0; i < tasks; i++)
        start(sleeper, i);
    while (left > 0)
        st_usleep(10000);
    printf("{\"ns\": %.1f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)(tasks * sleeps));
    return 0;
}
