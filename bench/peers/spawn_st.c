/* A peer: State Threads, spawned and joined: nanoseconds a thread, with so many alive at once.
   spawn_st [alive=N] [tasks=N] */
#include <st.h>

#include "bench.h"

static void *nothing(void *arg)
{
    return arg;
}

static void spawn_and_join(st_thread_t *threads, long alive)
{
    long i;

    for (i = 0; i < alive; i++) {
        threads[i] = st_thread_create(nothing, NULL, 1, 0);
        if (!threads[i])
            bench_die("st_thread_create");
    }
    for (i = 0; i < alive; i++)
        if (st_thread_join(threads[i], NULL) < 0)
            bench_die("st_thread_join");
}

int main(int argc, char **argv)
{
    long alive = bench_number(argv, "alive", 1);
    long tasks = bench_number(argv, "tasks", 5000000);
    st_thread_t *threads = calloc((size_t)alive, sizeof(st_thread_t));
    int64_t started;
    long done;

    (void)argc;
    if (!threads || st_init() < 0)
        bench_die("st_init");
    spawn_and_join(threads, alive); /* makes the stacks, which are reused */
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (done = 0; done < tasks; done += alive)
        spawn_and_join(threads, alive);
    printf("{\"ns\": %.4f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)done);
    free(threads);
    return 0;
}
