/* How Ctrl-C ends dure compare. */
#include <signal.h>
#include <stdatomic.h>

#include "cmd/compare/compare.h"
#include "cmd/compare/interrupt.h"

/* Relaxed: it guards nothing, and whoever looks once more sees it. */
static atomic_bool interrupted;

static void note(int signal)
{
    (void)signal;
    atomic_store_explicit(&interrupted, true, memory_order_relaxed);
}

void interrupt_watch(void)
{
    struct sigaction once = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND };

    sigemptyset(&once.sa_mask);
    sigaction(SIGINT, &once, NULL);
    sigaction(SIGTERM, &once, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool compare_interrupted(void)
{
    return atomic_load_explicit(&interrupted, memory_order_relaxed);
}
