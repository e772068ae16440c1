/* The memory of a parked task: resident pages and page tables, before and after.
   parked [tasks=N] [stack=BYTES] [wait=sleep|read] */
#include <unistd.h>

#include "bench_dure.h"
#include "footprint.h"

static long tasks;
static long parked;
static int pipe_fds[2];

static int sleeper(void *arg)
{
    (void)arg;
    parked++;
    return dure_sleep_for(3600 * DURE_SECOND);
}

static int reader(void *arg)
{
    char byte;

    (void)arg;
    parked++;
    return (int)dure_read(pipe_fds[0], &byte, 1);
}

static int measure(void *arg)
{
    dure_fn *fn = strcmp(bench_text(arg, "wait", "sleep"), "read") == 0 ? reader : sleeper;
    dure_scope scope;
    long before, i;

    tasks = bench_number(arg, "tasks", 100000);
    if (dure_pipe2(pipe_fds, 0) < 0)
        bench_die("dure_pipe2");
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    before = footprint();
    for (i = 0; i < tasks; i++) {
        if (dure_spawn(&scope, fn, NULL, 0) < 0) {
            fprintf(stderr, "task %ld: %s: %s\n", i, strerror(errno), dure_why());
            break;
        }
        if (i % 1000 == 999)
            dure_yield();
    }
    while (parked < i)
        dure_yield();
    /* Nothing moves any more when the loop has slept twice. */
    dure_sleep_for(50 * DURE_MILLISECOND);
    footprint_report(before, i);
    /* The end of a million tasks is not measured here. */
    _exit(i == tasks ? 0 : 1);
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
