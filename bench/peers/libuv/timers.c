/* A peer: timers of libuv that are started again and again, for times between 1 and 50 ms (whole
   ones, which is what it has): nanoseconds of CPU a sleep. timers [tasks=N] [sleeps=N] */
#include <uv.h>

#include "bench.h"
#include "sleep_times.h"

struct sleeper {
    uv_timer_t timer;
    uint64_t x;
    long left;
};

static void sleep_again(uv_timer_t *timer)
{
    struct sleeper *sleeper = (struct sleeper *)timer;

    if (sleeper->left-- > 0)
        uv_timer_start(timer, sleep_again, sleep_times_next_us(&sleeper->x) / 1000, 0);
    else
        uv_close((uv_handle_t *)timer, NULL);
}

int main(int argc, char **argv)
{
    long tasks = bench_number(argv, "tasks", 10000), sleeps = bench_number(argv, "sleeps", 50);
    struct sleeper *sleepers = calloc((size_t)tasks, sizeof *sleepers);
    int64_t started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    long i;

    (void)argc;
    if (!sleepers)
        bench_die("calloc");
    for (i = 0; i < tasks; i++) {
        sleepers[i].x = sleep_times_seed(i);
        sleepers[i].left = sleeps;
        uv_timer_init(uv_default_loop(), &sleepers[i].timer);
        sleep_again(&sleepers[i].timer);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    printf("{\"ns\": %.1f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)(tasks * sleeps));
    free(sleepers);
    return 0;
}
