/* How late a sleeper wakes on an idle loop while many other timers are set: the latest of all, in
   microseconds; and whether one was early, which ends the program.
   late [others=N] [sleepers=N] [sleeps=N] */
#include "bench_dure.h"

static int64_t latest_ns;
static long sleeps;

static int sleeper(void *arg)
{
    uint64_t x = (uint64_t)(*(long *)arg + 1) * 0x9e3779b97f4a7c15u;
    long i;

    for (i = 0; i < sleeps; i++) {
        int64_t at_ns, late_ns;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        at_ns = dure_now() + (int64_t)(x % (200 * DURE_MILLISECOND));
        if (dure_sleep_until(dure_at(at_ns)) < 0)
            return -1;
        late_ns = bench_clock_ns(CLOCK_MONOTONIC) - at_ns;
        if (late_ns < 0) {
            fprintf(stderr, "woken %lld ns early\n", (long long)-late_ns);
            abort();
        }
        if (late_ns > latest_ns)
            latest_ns = late_ns;
    }
    return 0;
}

static int measure(void *arg)
{
    long others = bench_number(arg, "others", 1000000),
         sleepers = bench_number(arg, "sleepers", 10);
    dure_scope *scopes = malloc((size_t)(others + 1) * sizeof *scopes);
    dure_scope scope;
    long i;

    if (!scopes)
        bench_die("malloc");
    sleeps = bench_number(arg, "sleeps", 20);
    for (i = 0; i < others; i++)
        dure_scope_open_with(
            &scopes[i], &(dure_scope_options){ .deadline = dure_after(DURE_MINUTE + i * 977) });
    dure_scope_open(&scope);
    for (i = 0; i < sleepers; i++)
        if (dure_spawn(&scope, sleeper, &i, sizeof i) < 0)
            bench_die("dure_spawn");
    dure_scope_close(&scope);
    printf("{\"us\": %.1f}\n", (double)latest_ns / 1e3);
    while (others > 0)
        dure_scope_close(&scopes[--others]);
    free(scopes);
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
