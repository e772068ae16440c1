/* Who waits for signals on a loop: claimed first, taken then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include <dure/run.h>
#include <dure/signal.h>
#include <dure/time.h>

#include "loop/loop.h"

static sigset_t one_signal;

struct chooser {
    struct signal_waiter waiter;
    siginfo_t info;
    bool refuses;
    int claims, told;
    struct task *task;
};

static bool claim(struct signal_waiter *waiter)
{
    struct chooser *chooser = container_of(waiter, struct chooser, waiter);

    chooser->claims++;
    return !chooser->refuses;
}

static void told(struct signal_waiter *waiter)
{
    struct chooser *chooser = container_of(waiter, struct chooser, waiter);

    chooser->told++;
    if (chooser->task && chooser->task->state == TASK_PARKED)
        task_ready(chooser->task);
}

static struct chooser make(bool refuses)
{
    struct chooser chooser = {
        .waiter = { .set = &one_signal, .claim = claim, .told = told },
        .refuses = refuses,
    };

    sigemptyset(&one_signal);
    sigaddset(&one_signal, SIGRTMIN);
    return chooser;
}

static int failed;
#define CHECK(condition) (failed += !(condition))

static void send_one(void)
{
    CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 9 }) == 0);
}

/* Those who refuse get nothing, and lose nothing for the others. */
static int refused_goes_to_the_next(void *arg)
{
    struct chooser first = make(true), second = make(false);
    struct wait wait = { .what = "test", .fd = -1 };
    struct loop *loop = loop_here();

    (void)arg;
    second.task = task_current();
    second.waiter.info = &second.info;
    CHECK(signals_register(loop, &first.waiter) == 0);
    CHECK(signals_register(loop, &second.waiter) == 0);
    send_one();
    task_park(&wait);
    CHECK(first.claims == 1 && first.told == 0 && !first.waiter.waits);
    CHECK(second.claims == 1 && second.told == 1 && !second.waiter.waits);
    CHECK(second.waiter.result == SIGRTMIN && second.info.si_value.sival_int == 9);
    return 0;
}

static int refused_by_all_stays_pending(void *arg)
{
    struct chooser only = make(true);
    struct loop *loop = loop_here();
    siginfo_t info;

    (void)arg;
    send_one();
    CHECK(signals_register(loop, &only.waiter) == 0);
    while (only.claims == 0)
        dure_sleep_for(DURE_MILLISECOND); /* until the backend has told */
    CHECK(only.claims == 1 && only.told == 0 && !only.waiter.waits);
    signals_withdraw(&only.waiter);
    CHECK(signals_take(only.waiter.set, &info) == SIGRTMIN);
    CHECK(signals_take(only.waiter.set, &info) == -EAGAIN);
    return 0;
}

static int withdrawn_is_not_asked(void *arg)
{
    struct chooser gone = make(false), here = make(false);
    struct wait wait = { .what = "test", .fd = -1 };
    struct loop *loop = loop_here();

    (void)arg;
    here.task = task_current();
    CHECK(signals_register(loop, &gone.waiter) == 0);
    CHECK(signals_register(loop, &here.waiter) == 0);
    signals_withdraw(&gone.waiter);
    send_one();
    task_park(&wait);
    CHECK(gone.claims == 0 && gone.told == 0);
    CHECK(here.told == 1 && here.waiter.result == SIGRTMIN);
    return 0;
}

static void run(int (*fn)(void *arg))
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    failed = 0;
    assert_int_equal(
        dure_run_with(&(dure_run_options){ .loops = 1, .wait_signals = &set }, fn, NULL), 0);
    assert_int_equal(failed, 0);
}

static void claims(void **state)
{
    (void)state;
    run(refused_goes_to_the_next);
    run(refused_by_all_stays_pending);
    run(withdrawn_is_not_asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(claims) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
