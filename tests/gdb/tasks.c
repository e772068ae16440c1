/* What test_gdb.py looks at: one task that is parked and one that runs. */
#include <dure.h>

/* Not inlined, not left before their callees return: each stands in the trace. */
#define FRAME __attribute__((noinline, noclone, noipa))
#ifdef __clang__
#undef FRAME
#define FRAME __attribute__((noinline, optnone))
#endif

static int pipe_fds[2];

FRAME static void stop_here(void)
{
    __asm__ volatile("" ::: "memory");
}

FRAME static int waits_inside(int fd)
{
    char byte;

    return dure_read(fd, &byte, 1) == 1 ? 0 : 1;
}

FRAME static int waits(void *arg)
{
    return waits_inside(pipe_fds[0]) + (arg != NULL);
}

FRAME static int runs_inside(int n)
{
    stop_here();
    return n - 1;
}

FRAME static int runs(void *arg)
{
    return runs_inside(1) + (arg != NULL);
}

static int first(void *arg)
{
    dure_scope scope;

    (void)arg;
    if (dure_pipe2(pipe_fds, 0) < 0)
        return -1;
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    if (dure_spawn(&scope, waits, NULL, 0) < 0 || dure_yield() < 0 ||
        dure_spawn(&scope, runs, NULL, 0) < 0 || dure_yield() < 0 ||
        dure_write_all(pipe_fds[1], "x", 1) < 0)
        dure_scope_cancel(&scope);
    return dure_scope_close(&scope);
}

int main(void)
{
    return dure_run(first, NULL);
}
