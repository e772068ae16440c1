/* A peer: State Threads that yield, or that are spawned and joined: nanoseconds of CPU.
   tasks yield=ROUNDS | tasks alive=N tasks=N
   A sleep of no time is the yield that it has. */
#include <st.h>

#include "bench.h"

static long rounds;

static void *nothing(void *arg)
{
    return arg;
}

static void *yielder(void *arg)
{
    long i;

    for (i = 0; i < rounds; i++)
        st_usleep(0);
    return arg;
}

static void spawn_and_join(void *(*fn)(void *), st_thread_t *threads, long alive)
{
    long i;

    for (i = 0; i < alive; i++) {
        threads[i] = st_thread_create(fn, NULL, 1, 0);
        if (!threads[i])
            bench_die("st_thread_create");
    }
    for (i = 0; i < alive; i++)
        if (st_thread_join(threads[i], NULL) < 0)
            bench_die("st_thread_join");
}

int main(int argc, char **argv)
{
    long alive = bench_number(argv, "alive", 2);
    long tasks = bench_number(argv, "tasks", 5000000);
    st_thread_t *threads = calloc((size_t)alive, sizeof(st_thread_t));
    int64_t started;
    long done = 0;

    (void)argc;
    rounds = bench_number(argv, "yield", 0);
    if (!threads || st_init() < 0)
        bench_die("st_init");
    spawn_and_join(nothing, threads, alive); /* makes the stacks, which are reused */
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (rounds > 0)
        spawn_and_join(yielder, threads, 2);
    for (; rounds == 0 && done < tasks; done += alive)
        spawn_and_join(nothing, threads, alive);
    printf("{\"ns\": %.4f}\n", (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) /
                                   (double)(rounds > 0 ? rounds : done));
    free(threads);
    return 0;
}
