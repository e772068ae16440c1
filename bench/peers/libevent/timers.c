/* A peer: timers of libevent that are added again and again, for times between 1 and 50 ms:
   nanoseconds of CPU a sleep. timers [tasks=N] [sleeps=N] */
#include <event2/event.h>

#include "bench.h"
#include "sleep_times.h"

struct sleeper {
    struct event *timer;
    uint64_t x;
    long left;
};

static void sleep_again(evutil_socket_t fd, short what, void *arg)
{
    struct sleeper *sleeper = arg;
    struct timeval time = { 0 };

    (void)fd;
    (void)what;
    if (sleeper->left-- <= 0) {
        event_free(sleeper->timer);
        return;
    }
    time.tv_usec = (suseconds_t)sleep_times_next_us(&sleeper->x);
    event_add(sleeper->timer, &time);
}

int main(int argc, char **argv)
{
    long tasks = bench_number(argv, "tasks", 10000), sleeps = bench_number(argv, "sleeps", 50);
    struct sleeper *sleepers = calloc((size_t)tasks, sizeof *sleepers);
    int64_t started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    struct event_base *base = event_base_new();
    long i;

    (void)argc;
    if (!sleepers || !base)
        bench_die("event_base_new");
    for (i = 0; i < tasks; i++) {
        sleepers[i].x = sleep_times_seed(i);
        sleepers[i].left = sleeps;
        sleepers[i].timer = event_new(base, -1, 0, sleep_again, &sleepers[i]);
        if (!sleepers[i].timer)
            bench_die("event_new");
        sleep_again(-1, 0, &sleepers[i]);
    }
    event_base_dispatch(base);
    printf("{\"ns\": %.1f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)(tasks * sleeps));
    free(sleepers);
    event_base_free(base);
    return 0;
}
