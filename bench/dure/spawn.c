/* Spawning a task that does nothing and waiting for its end: nanoseconds a task, with so many
   alive at once. spawn [alive=N] [tasks=N] */
#include "bench_dure.h"

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void spawn_and_join(long alive)
{
    dure_scope scope;
    long i;

    dure_scope_open(&scope);
    for (i = 0; i < alive; i++)
        if (dure_spawn(&scope, nothing, NULL, 0) < 0)
            bench_die("dure_spawn");
    if (dure_scope_close(&scope) < 0)
        bench_die("dure_scope_close");
}

static int measure(void *arg)
{
    long alive = bench_number(arg, "alive", 1);
    long tasks = bench_number(arg, "tasks", 10000000);
    long done;
    int64_t started;

    /* The first round makes the stacks; what is measured is their reuse. */
    spawn_and_join(alive);
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (done = 0; done < tasks; done += alive)
        spawn_and_join(alive);
    printf("{\"ns\": %.4f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)done);
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
