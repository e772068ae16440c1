/* Choices between signals and other things: only tasks make them. */
#include "waiting.h"

#include <signal.h>

static dure_channel *a;

static void done_with(void)
{
    dure_channel_destroy(a);
    a = NULL;
}

static void use(size_t capacity)
{
    done_with(); /* with the last check's */
    a = dure_channel_create(sizeof(int), capacity);
    CHECK(a != NULL);
}

static bool make_channel(struct waiting *w)
{
    (void)w;
    use(2);
    return true;
}

static sigset_t signals; /* blocked by main before the first thread */

static void send_signal(int value)
{
    CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = value }), 0);
}

/* The value of a signal that is pending still, or -1. */
static int take_signal(void)
{
    siginfo_t info;

    return dure_sigtimedwait(&signals, &info, &(struct timespec){ 0, 0 }) < 0
               ? -1
               : info.si_value.sival_int;
}

static int64_t receive_or_signal(struct waiting *w)
{
    int item = -1, won;
    siginfo_t info = { 0 };
    dure_case cases[] = { dure_case_receive(a, &item), dure_case_signal(&signals, &info),
                          dure_case_signal(NULL, NULL) };

    (void)w;
    won = dure_choose(cases, 3);
    CHECK_EQ(info.si_value.sival_int, won == 1 ? 7 : 0);
    if (won == 1)
        CHECK_EQ(cases[1].result, SIGRTMIN);
    return won;
}

static void send_seven(struct waiting *w)
{
    (void)w;
    send_signal(7);
}

TEST(signals_as_whatever_is_waited_for)
{
    static const struct waiting_kind kind = {
        "choose, signal", make_channel, receive_or_signal, send_seven, 1, 0, WAITING_OBJECT, NULL
    };

    waiting_goes_on(&kind, 1);
    waiting_from_another_loop(&kind, 1);
    waiting_canceled_before(&kind, 1);
    while (take_signal() >= 0)
        ;
    waiting_canceled_during(&kind, 1);
    waiting_canceled_after(&kind, 1);
    waiting_deadline(&kind, 1);
    waiting_two_tasks(&kind, 1);
    waiting_keeps_errno(&kind, 1);
    while (take_signal() >= 0)
        ;
    done_with();
}

static int64_t receive_or_signal_later(void *arg)
{
    return receive_or_signal(arg);
}

/* Whatever came first, the signal that came second is left for others. */
TEST(a_signal_that_loses_stays_pending)
{
    static const int places[] = { DURE_THIS_LOOP, DURE_LOOP(1) };
    struct background waiter;
    dure_scope scope;
    int i, item = 3;

    for (i = 0; i < 4; i++) {
        use(1);
        dure_scope_open(&scope);
        background_start(&waiter, &scope, places[i % 2], receive_or_signal_later, NULL);
        if (i < 2)
            CHECK_EQ(dure_channel_trysend(a, &item), 0);
        else
            dure_scope_cancel(&scope);
        if (i % 2) /* over there it may hear of that later than of the signal */
            YIELD_UNTIL(atomic_load(&waiter.done));
        send_signal(9);
        dure_scope_close(&scope);
        CHECK_EQ(waiter.result, i < 2 ? 0 : -1);
        CHECK_EQ(take_signal(), 9);
        done_with();
    }
}

TEST(a_signal_or_a_time_or_at_once)
{
    dure_case cases[] = { dure_case_signal(&signals, NULL), dure_case_default(),
                          dure_case_at(dure_after(DURE_MILLISECOND)) };

    CHECK_EQ(dure_choose(cases, 2), 1);
    cases[1] = dure_case_future(NULL);
    CHECK_EQ(dure_choose(cases, 3), 2);
    send_signal(4);
    send_signal(5);
    CHECK_EQ(dure_choose(cases, 2), 0);
    CHECK_EQ(cases[0].result, SIGRTMIN);
    CHECK_EQ(take_signal(), 5); /* one of them only */
    CHECK_EQ(take_signal(), -1);
}

TEST(a_signal_that_cannot_be_waited_for)
{
    dure_case cases[2] = { dure_case_default() };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    cases[1] = dure_case_signal(&set, NULL);
    CHECK_FAILS(dure_choose(cases, 2), EINVAL);
    CHECK_HAS(dure_why(), "do not block it");
}

TEST_OUTSIDE(threads_do_not_choose_signals)
{
    dure_case cases[] = { dure_case_signal(&signals, NULL), dure_case_default() };
    dure_scope scope;

    CHECK_FAILS(dure_choose(cases, 1), ENOTSUP);
    CHECK_HAS(dure_why(), "only a task");
    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_FAILS(dure_choose(cases, 2), ENOTSUP);
    CHECK_EQ(dure_scope_close(&scope), 0);
    cases[0] = dure_case_signal(NULL, NULL);
    CHECK_EQ(dure_choose(cases, 2), 1);
}

#define SIGNALS 1000

static atomic_int signals_taken, items_taken, signals_seen[SIGNALS];

/* Many a choice ends at the very moment at which another case could. */
static int take_either(void *arg)
{
    int item, won;
    siginfo_t info;

    (void)arg;
    while (atomic_load(&signals_taken) + atomic_load(&items_taken) < 2 * SIGNALS) {
        dure_case cases[] = { dure_case_receive(a, &item), dure_case_signal(&signals, &info),
                              dure_case_at(dure_after(100 * DURE_MICROSECOND)) };

        won = -1;
        DURE_WITHIN(dure_after(150 * DURE_MICROSECOND))
        won = dure_choose(cases, 3);
        if (won == 0) {
            atomic_fetch_add(&items_taken, 1);
        } else if (won == 1) {
            atomic_fetch_add(&signals_seen[info.si_value.sival_int], 1);
            atomic_fetch_add(&signals_taken, 1);
        }
    }
    return 0;
}

TEST(signals_and_items_each_once)
{
    dure_scope scope;
    int i;

    use(0);
    atomic_store(&signals_taken, 0);
    atomic_store(&items_taken, 0);
    for (i = 0; i < SIGNALS; i++)
        atomic_store(&signals_seen[i], 0);
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 take_either, NULL, 0),
                 0);
    for (i = 0; i < SIGNALS; i++) {
        send_signal(i);
        CHECK_EQ(dure_channel_send(a, &i), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(items_taken, SIGNALS);
    for (i = 0; i < SIGNALS; i++)
        if (!CHECK_EQ(signals_seen[i], 1))
            break;
    CHECK_EQ(take_signal(), -1);
    done_with();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_as_whatever_is_waited_for),
        cmocka_unit_test(a_signal_that_loses_stays_pending),
        cmocka_unit_test(a_signal_or_a_time_or_at_once),
        cmocka_unit_test(a_signal_that_cannot_be_waited_for),
        cmocka_unit_test(threads_do_not_choose_signals),
        cmocka_unit_test(signals_and_items_each_once),
    };

    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
