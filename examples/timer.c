/* A timer: a tick every half second, drift-free, until three seconds are over.

   The two tasks share one thread. Neither knows of the other; the scope around
   them ends both at its deadline. */
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>

#include <dure.h>

/* Sleeps until the n-th multiple of the period, so that lateness never adds up. */
static int tick(void *arg)
{
    int64_t period_ns = *(int64_t *)arg;
    int64_t start_ns = dure_now();

    for (int n = 1; dure_sleep_until(dure_at(start_ns + n * period_ns)) == 0; n++) {
        int64_t now_ns = dure_now();

        printf("tick %d at %5.3f s, %3ld us late\n", n,
               (double)(now_ns - start_ns) / (double)DURE_SECOND,
               (long)((now_ns - start_ns - n * period_ns) / DURE_MICROSECOND));
    }
    return 0; /* told to end: that is no failure */
}

static int run(void *arg)
{
    int64_t period_ns = 500 * DURE_MILLISECOND;
    dure_scope ticking;

    (void)arg;
    dure_scope_open_with(&ticking,
                         &(dure_scope_options){ .deadline = dure_after(3 * DURE_SECOND) });
    dure_spawn(&ticking, tick, &period_ns, sizeof period_ns);
    if (dure_scope_close(&ticking) < 0 && errno != ETIMEDOUT)
        return -1;
    puts("time is up");
    return 0;
}

int main(void)
{
    return dure_run(run, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
