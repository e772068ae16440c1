/* Which signals may be waited for. */
#include "loop/runtime.h"

#include <dure/task.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

static int refuse(int number, const char *why)
{
    dure_fail(EINVAL, "cannot wait for signal %d (%s): %s", number, strsignal(number), why);
    return -EINVAL;
}

/* One that some thread does not block could be delivered there, and be lost to who waits. */
int signals_check_for_task(const sigset_t *set)
{
    sigset_t blocked;
    const char *why;
    int number;

    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(set, number) != 1 || number == SIGKILL || number == SIGSTOP)
            continue; /* the plain calls pass over those two as well */
        why = watch_refuses(runtime_active->flags, number);
        if (why)
            return refuse(number, why);
        if (!sigismember(&runtime_active->blocked, number))
            return refuse(number, "the run's threads do not block it; its wait_signals would");
        if (!sigismember(&blocked, number))
            return refuse(number, "this loop's thread has unblocked it");
    }
    return 0;
}

int signals_check_for_thread(const sigset_t *set)
{
    sigset_t blocked;
    int number;

    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (number = 1; number <= SIGRTMAX; number++)
        if (sigismember(set, number) == 1 && number != SIGKILL && number != SIGSTOP &&
            !sigismember(&blocked, number))
            return refuse(number, "this thread does not block it");
    return 0;
}
