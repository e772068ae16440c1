/* Choices between signals and other things. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

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

static const struct waiting_kind kind = {
    "choose, signal", make_channel, receive_or_signal, send_seven, 1, 0, WAITING_OBJECT, NULL
};

TEST(signals_as_whatever_is_waited_for)
{
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

TEST_OUTSIDE(signals_as_whatever_is_waited_for_outside)
{
    waiting_outside(&kind, 1);
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

static void a_time_or_at_once(void)
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

TEST(a_signal_or_a_time_or_at_once)
{
    a_time_or_at_once();
}

TEST_OUTSIDE(a_signal_or_a_time_or_at_once_on_threads)
{
    dure_scope scope;

    a_time_or_at_once();
    CHECK_EQ(dure_scope_open(&scope), 0);
    a_time_or_at_once();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static void one_that_is_not_blocked(void)
{
    dure_case cases[2] = { dure_case_default() };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    cases[1] = dure_case_signal(&set, NULL);
    CHECK_FAILS(dure_choose(cases, 2), EINVAL);
}

TEST(a_signal_that_cannot_be_waited_for)
{
    one_that_is_not_blocked();
    CHECK_HAS(dure_why(), "threads do not block it");
}

TEST_OUTSIDE(a_signal_that_a_thread_cannot_wait_for)
{
    one_that_is_not_blocked();
    CHECK_HAS(dure_why(), "this thread does not block it");
}

/* --- plain threads --- */

/* Of a signal and a descriptor that are ready both have their turn; a signal that was not taken
   stays. */
TEST_OUTSIDE(a_thread_s_signal_and_descriptor)
{
    int fds[2], i, won, of_signal = 0;
    dure_case cases[2];

    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    for (i = 0; i < 200; i++) {
        send_signal(i);
        cases[0] = dure_case_ready(fds[0], POLLIN);
        cases[1] = dure_case_signal(&signals, NULL);
        won = dure_choose(cases, 2);
        of_signal += won;
        CHECK_EQ(cases[won].result, won ? SIGRTMIN : POLLIN);
        CHECK_EQ(take_signal(), won ? -1 : i);
    }
    CHECK(of_signal > 20 && of_signal < 180);
    close(fds[0]);
    close(fds[1]);
}

static void *write_or_signal(void *arg)
{
    if (arg)
        CHECK_EQ(write(*(int *)arg, "x", 1), 1);
    else
        send_signal(8);
    return NULL;
}

/* What comes while it waits. */
TEST_OUTSIDE(a_thread_waits_for_either)
{
    pthread_t thread;
    siginfo_t info;
    dure_case cases[3];
    int fds[2], i;

    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (i = 0; i < 20; i++) {
        cases[0] = dure_case_signal(&signals, &info);
        cases[1] = dure_case_ready(fds[0], POLLIN);
        cases[2] = dure_case_signal(&signals, &info);
        pthread_create(&thread, NULL, write_or_signal, i % 2 ? &fds[1] : NULL);
        CHECK_EQ(dure_choose(cases, 3) == 1, i % 2);
        pthread_join(thread, NULL);
        if (i % 2)
            CHECK_EQ(drain(fds[0]), 1);
        else
            CHECK_EQ(info.si_value.sival_int, 8);
    }
    close(fds[0]);
    close(fds[1]);
}

TEST_OUTSIDE(a_thread_without_descriptors)
{
    dure_case cases[] = { dure_case_signal(&signals, NULL),
                          dure_case_at(dure_after(DURE_MILLISECOND)) };
    struct rlimit before, none;

    CHECK_EQ(dure_choose(cases, 2), 1); /* the thread's own is there from now on */
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    cases[1] = dure_case_at(dure_after(DURE_MINUTE));
    CHECK_FAILS(dure_choose(cases, 2), EMFILE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    send_signal(1);
    CHECK_EQ(dure_choose(cases, 2), 0);
}

static int signal_later(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    send_signal(6);
    return 0;
}

TEST_OUTSIDE(between_the_turns_of_a_loop)
{
    siginfo_t info;
    int item;
    dure_case cases[2];

    use(0);
    if (dure_loop_open(NULL, signal_later, NULL) < 0) {
        CHECK_EQ(errno, ENOTSUP); /* the backend's say */
    } else {
        cases[0] = dure_case_receive(a, &item);
        cases[1] = dure_case_signal(&signals, &info);
        CHECK_EQ(dure_choose(cases, 2), 1);
        CHECK_EQ(info.si_value.sival_int, 6);
        CHECK_EQ(dure_loop_close(), 0);
    }
    done_with();
}

/* --- all together --- */

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

static void *take_on_thread(void *arg)
{
    take_either(arg);
    return NULL;
}

TEST(signals_and_items_each_once)
{
    pthread_t threads[2];
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
    for (i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take_on_thread, NULL);
    for (i = 0; i < SIGNALS; i++) {
        send_signal(i);
        CHECK_EQ(dure_channel_send(a, &i), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++)
        CHECK_EQ(dure_pthread_join(threads[i], NULL), 0);
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
        cmocka_unit_test(signals_as_whatever_is_waited_for_outside),
        cmocka_unit_test(a_signal_that_loses_stays_pending),
        cmocka_unit_test(a_signal_or_a_time_or_at_once),
        cmocka_unit_test(a_signal_or_a_time_or_at_once_on_threads),
        cmocka_unit_test(a_signal_that_cannot_be_waited_for),
        cmocka_unit_test(a_signal_that_a_thread_cannot_wait_for),
        cmocka_unit_test(a_thread_s_signal_and_descriptor),
        cmocka_unit_test(a_thread_waits_for_either),
        cmocka_unit_test(a_thread_without_descriptors),
        cmocka_unit_test(between_the_turns_of_a_loop),
        cmocka_unit_test(signals_and_items_each_once),
    };

    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
