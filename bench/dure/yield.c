/* Two tasks on one loop that yield in turn: nanoseconds for both to have yielded once.
   yield [rounds=N] */
#include "bench_dure.h"

static long rounds;

static int yielder(void *arg)
{
    long i;

    (void)arg;
    for (i = 0; i < rounds; i++)
        if (dure_yield() < 0)
            return -1;
    return 0;
}

static int measure(void *arg)
{
    dure_scope scope;
    int64_t started;
    int i, result;

    rounds = bench_number(arg, "rounds", 20000000);
    dure_scope_open(&scope);
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (i = 0; i < 2; i++)
        if (dure_spawn(&scope, yielder, NULL, 0) < 0)
            bench_die("dure_spawn");
    result = dure_scope_close(&scope);
    printf("{\"ns\": %.4f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)rounds);
    return result;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
