/* What a scope costs: opened and closed without a deadline, and with one. Nanoseconds of CPU.
   scope [rounds=N] [deadline=1] [others=N: so many other deadlines are set meanwhile] */
#include "bench_dure.h"

#include <stdbool.h>

static void open_and_close(long rounds, bool with_deadline)
{
    const dure_scope_options options = { .deadline = with_deadline ? dure_after(DURE_MINUTE)
                                                                   : (dure_deadline){ 0 } };
    dure_scope scope;

    while (rounds-- > 0) {
        if (with_deadline)
            dure_scope_open_with(&scope, &options);
        else
            dure_scope_open(&scope);
        dure_scope_close(&scope);
    }
}

static int measure(void *arg)
{
    long rounds = bench_number(arg, "rounds", 20000000), others = bench_number(arg, "others", 0);
    bool with_deadline = bench_number(arg, "deadline", 0) != 0;
    dure_scope *scopes = malloc((size_t)(others + 1) * sizeof *scopes);
    int64_t started;
    long i;

    if (!scopes)
        bench_die("malloc");
    for (i = 0; i < others; i++)
        dure_scope_open_with(
            &scopes[i], &(dure_scope_options){ .deadline = dure_after(DURE_MINUTE + i * 1000) });
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    open_and_close(rounds, with_deadline);
    printf("{\"ns\": %.3f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)rounds);
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
