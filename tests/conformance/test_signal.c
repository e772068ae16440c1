/* Waiting for signals. The program blocks those of its tests before the first thread. */
#include "waiting.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define STANDARD SIGUSR2
#define LOW SIGRTMIN
#define MIDDLE (SIGRTMIN + 1)
#define HIGH (SIGRTMIN + 2)
/* What the pool would interrupt its threads by, were it not blocked before the first run. */
#define FIRST_OF_POOL (SIGRTMAX - 2)

static sigset_t set_of(int first, int second)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    sigaddset(&set, second);
    return set;
}

static void send_value(int number, int value)
{
    CHECK_EQ(sigqueue(getpid(), number, (union sigval){ .sival_int = value }), 0);
}

static int take_now(int first, int second)
{
    sigset_t set = set_of(first, second);

    return dure_sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 });
}

#define CHECK_NOTHING_PENDING() CHECK_FAILS(take_now(LOW, STANDARD), EAGAIN)

/* A plain thread is told of interruptions: what an io_uring of its own leaves behind is one. */
static int take(const sigset_t *set, siginfo_t *info, struct timespec time)
{
    int result;

    do
        result =
            time.tv_sec < 0 ? dure_sigwaitinfo(set, info) : dure_sigtimedwait(set, info, &time);
    while (result < 0 && errno == EINTR && dure_loop_number() < 0);
    return result;
}

static const struct timespec for_ever = { .tv_sec = -1 };

/* --- what holds for every call that waits --- */

static bool make_nothing(struct waiting *w)
{
    (void)w;
    return true;
}

static int64_t wait_standard(struct waiting *w)
{
    sigset_t set = set_of(STANDARD, STANDARD);

    (void)w;
    return take(&set, NULL, for_ever);
}

static void send_standard(struct waiting *w)
{
    (void)w;
    CHECK_EQ(kill(getpid(), STANDARD), 0);
}

static int64_t wait_real_time(struct waiting *w)
{
    sigset_t set = set_of(LOW, HIGH);
    siginfo_t info;

    (void)w;
    if (take(&set, &info, (struct timespec){ 1000, 0 }) < 0)
        return -1;
    CHECK_EQ(info.si_signo, HIGH);
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_pid, getpid());
    return info.si_value.sival_int;
}

static void send_real_time(struct waiting *w)
{
    (void)w;
    send_value(HIGH, 77);
}

static int64_t wait_by_number(struct waiting *w)
{
    sigset_t set = set_of(STANDARD, LOW);
    int number = 0, error = dure_sigwait(&set, &number);

    (void)w;
    if (!error)
        return number;
    errno = error;
    return -1;
}

static const struct waiting_kind kinds[] = {
    { "sigwaitinfo", make_nothing, wait_standard, send_standard, STANDARD, 0, WAITING_NOT_FD,
      NULL },
    { "sigtimedwait", make_nothing, wait_real_time, send_real_time, 77, 0, WAITING_NOT_FD, NULL },
    { "sigwait", make_nothing, wait_by_number, send_standard, STANDARD, 0, WAITING_NOT_FD, NULL },
};

WAITING_TESTS

/* --- which signal, and how often --- */

TEST(real_time_signals_come_with_their_values_in_order)
{
    sigset_t set = set_of(LOW, MIDDLE);
    siginfo_t info;
    int i;

    for (i = 0; i < 50; i++) {
        send_value(MIDDLE, i);
        send_value(LOW, 100 + i);
    }
    for (i = 0; i < 100; i++) { /* the lower number first, as by the plain call */
        CHECK_EQ(dure_sigwaitinfo(&set, &info), i < 50 ? LOW : MIDDLE);
        CHECK_EQ(info.si_value.sival_int, i < 50 ? 100 + i : i - 50);
    }
    CHECK_NOTHING_PENDING();
}

TEST(standard_signals_merge)
{
    send_standard(NULL);
    send_standard(NULL);
    CHECK_EQ(take_now(STANDARD, LOW), STANDARD);
    CHECK_NOTHING_PENDING();
}

static void check_same(const siginfo_t *twin, const siginfo_t *plain)
{
    CHECK_EQ(twin->si_signo, plain->si_signo);
    CHECK_EQ(twin->si_code, plain->si_code);
    CHECK_EQ(twin->si_errno, plain->si_errno);
    CHECK_EQ(twin->si_pid, plain->si_pid);
    CHECK_EQ(twin->si_uid, plain->si_uid);
    CHECK_EQ(twin->si_value.sival_int, plain->si_value.sival_int);
}

/* Who sent it and how: what the plain call says. */
TEST(the_same_info_as_the_plain_call)
{
    sigset_t set = set_of(STANDARD, STANDARD);
    siginfo_t twin = { 0 }, plain = { 0 };

    send_standard(NULL);
    CHECK_EQ(dure_sigwaitinfo(&set, &twin), STANDARD);
    send_standard(NULL);
    CHECK_EQ(sigwaitinfo(&set, &plain), STANDARD);
    check_same(&twin, &plain);
    CHECK_EQ(raise(STANDARD), 0);
    CHECK_EQ(dure_sigwaitinfo(&set, &twin), STANDARD);
    CHECK_EQ(raise(STANDARD), 0);
    CHECK_EQ(sigwaitinfo(&set, &plain), STANDARD);
    check_same(&twin, &plain);
    send_value(HIGH, 3);
    send_value(HIGH, 3);
    set = set_of(HIGH, HIGH);
    CHECK_EQ(dure_sigwaitinfo(&set, &twin), HIGH);
    CHECK_EQ(sigwaitinfo(&set, &plain), HIGH);
    check_same(&twin, &plain);
}

TEST(a_child_that_ends)
{
    sigset_t set = set_of(SIGCHLD, SIGCHLD);
    siginfo_t info;
    pid_t pid = fork();

    if (pid == 0)
        _exit(3);
    CHECK_EQ(dure_sigwaitinfo(&set, &info), SIGCHLD);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, 3);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* --- who gets it --- */

struct asker {
    struct background b;
    sigset_t set;
};

static int64_t ask(void *arg)
{
    return dure_sigwaitinfo(&((struct asker *)arg)->set, NULL);
}

static void asker_start(struct asker *asker, dure_scope *scope, int place, int first, int second)
{
    asker->set = set_of(first, second);
    background_start(&asker->b, scope, place, ask, asker);
    CHECK(!atomic_load(&asker->b.done));
}

static void overlap(int other_place)
{
    struct asker low, high;
    dure_scope scope;

    dure_scope_open(&scope);
    asker_start(&low, &scope, DURE_THIS_LOOP, LOW, MIDDLE);
    asker_start(&high, &scope, other_place, MIDDLE, HIGH);
    send_value(HIGH, 0);
    YIELD_UNTIL(atomic_load(&high.b.done));
    CHECK_EQ(high.b.result, HIGH);
    CHECK(!atomic_load(&low.b.done));
    asker_start(&high, &scope, other_place, MIDDLE, HIGH);
    send_value(MIDDLE, 0); /* either of them, but only one */
    YIELD_UNTIL(atomic_load(&low.b.done) || atomic_load(&high.b.done));
    one_turn();
    CHECK(atomic_load(&low.b.done) != atomic_load(&high.b.done));
    send_value(MIDDLE, 1); /* the other one */
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(low.b.result, MIDDLE);
    CHECK_EQ(high.b.result, MIDDLE);
    CHECK_NOTHING_PENDING();
}

TEST(sets_that_overlap)
{
    overlap(DURE_THIS_LOOP);
    overlap(DURE_LOOP(1));
}

/* Nobody waits for it, and those who wait for others do not take it. */
TEST(what_nobody_waits_for_stays_pending)
{
    struct asker low;
    dure_scope scope;

    dure_scope_open(&scope);
    asker_start(&low, &scope, DURE_THIS_LOOP, LOW, STANDARD);
    send_value(MIDDLE, 5);
    one_turn();
    CHECK(!atomic_load(&low.b.done));
    send_value(LOW, 5);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(low.b.result, LOW);
    send_value(LOW, 6); /* the loop still watches for it */
    one_turn();
    one_turn();
    CHECK_EQ(take_now(LOW, LOW), LOW);
    CHECK_EQ(take_now(MIDDLE, MIDDLE), MIDDLE);
}

/* --- sent to a thread --- */

static int64_t tell_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
    return 0;
}

TEST(sent_to_a_loop_s_thread)
{
    struct asker here, there;
    struct background b;
    dure_scope scope;
    pthread_t thread;

    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), tell_thread, &thread);
    asker_start(&here, &scope, DURE_LOOP(0), LOW, STANDARD);
    asker_start(&there, &scope, DURE_LOOP(1), LOW, STANDARD);
    CHECK_EQ(pthread_kill(thread, STANDARD), 0);
    YIELD_UNTIL(atomic_load(&there.b.done));
    CHECK_EQ(there.b.result, STANDARD);
    CHECK(!atomic_load(&here.b.done));
    CHECK_EQ(pthread_kill(thread, STANDARD), 0); /* nobody waits there any more */
    one_turn();
    CHECK(!atomic_load(&here.b.done));
    background_start(&b, &scope, DURE_LOOP(1), ask, &here);
    CHECK_EQ(b.result, STANDARD); /* at once */
    send_value(LOW, 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(here.b.result, LOW);
    CHECK_NOTHING_PENDING();
}

static int64_t raise_and_take(void *arg)
{
    int number = *(int *)arg;

    CHECK_EQ(raise(number), 0);
    dure_yield();
    return take_now(number, number);
}

TEST(raised_in_a_task)
{
    int number = LOW;
    struct background b;
    dure_scope scope;

    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), raise_and_take, &number);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, LOW);
    CHECK_NOTHING_PENDING();
}

/* --- many of each: none is lost, none comes twice --- */

#define SIGNALS 2000
#define TAKERS 8

static atomic_int taken, seen[SIGNALS], sent_len;

/* Takes with a time limit that ends many a wait at the very moment of a signal. */
static int take_many(void *arg)
{
    sigset_t set = set_of(LOW, *(int *)arg);
    siginfo_t info;
    int result;

    while (atomic_load(&taken) < SIGNALS) {
        result = -1;
        DURE_WITHIN(dure_after(200 * DURE_MICROSECOND))
        result = dure_sigwaitinfo(&set, &info);
        if (result < 0)
            continue;
        atomic_fetch_add(&seen[info.si_value.sival_int], 1);
        atomic_fetch_add(&taken, 1);
    }
    return 0;
}

static void *send_many(void *arg)
{
    int i;

    (void)arg;
    while ((i = atomic_fetch_add(&sent_len, 1)) < SIGNALS)
        /* EAGAIN: as many wait as may */
        while (sigqueue(getpid(), i % 3 ? LOW : MIDDLE, (union sigval){ .sival_int = i }) < 0)
            sched_yield();
    return NULL;
}

TEST(none_is_lost_and_none_comes_twice)
{
    pthread_t threads[2];
    dure_scope scope;
    int i, number;

    atomic_store(&taken, 0);
    atomic_store(&sent_len, 0);
    for (i = 0; i < SIGNALS; i++)
        atomic_store(&seen[i], 0);
    dure_scope_open(&scope);
    for (i = 0; i < TAKERS; i++) {
        number = i % 2 ? MIDDLE : HIGH;
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 3 % 2) },
                                 take_many, &number, sizeof number),
                 0);
    }
    for (i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, send_many, NULL), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < SIGNALS; i++)
        if (!CHECK_EQ(seen[i], 1))
            break;
    CHECK_EQ(taken, SIGNALS);
    CHECK_FAILS(take_now(LOW, MIDDLE), EAGAIN);
}

/* --- time --- */

static void check_times(void)
{
    sigset_t set = set_of(LOW, STANDARD);
    int64_t begun_ns = dure_now();

    CHECK_FAILS(dure_sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }), EAGAIN);
    CHECK_FAILS(take(&set, NULL, (struct timespec){ 0, 5000000 }), EAGAIN);
    CHECK(dure_now() - begun_ns >= 5 * DURE_MILLISECOND);
    send_value(LOW, 1);
    CHECK_FAILS(dure_sigtimedwait(&set, NULL, &(struct timespec){ 0, -1 }), EINVAL);
    CHECK_FAILS(dure_sigtimedwait(&set, NULL, &(struct timespec){ 0, 1000000000 }), EINVAL);
    CHECK_FAILS(dure_sigtimedwait(&set, NULL, &(struct timespec){ -1, 0 }), EINVAL);
    CHECK_EQ(dure_sigtimedwait(&set, NULL, &(struct timespec){ INT64_MAX, 0 }), LOW);
    send_value(LOW, 1);
    CHECK_EQ(dure_sigtimedwait(&set, NULL, NULL), LOW);
    send_value(LOW, 1);
    CHECK_EQ(dure_sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }), LOW);
    sigemptyset(&set); /* nothing to wait for but the time */
    CHECK_FAILS(take(&set, NULL, (struct timespec){ 0, 1000 }), EAGAIN);
}

TEST(times)
{
    check_times();
}

TEST_OUTSIDE(times_outside)
{
    dure_scope scope;

    check_times();
    dure_scope_open(&scope);
    check_times();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- refused --- */

static void check_refused(int number, const char *words)
{
    sigset_t set = set_of(number, LOW);
    char text[32];
    int got;

    snprintf(text, sizeof text, "signal %d", number);
    CHECK_FAILS(dure_sigwaitinfo(&set, NULL), EINVAL);
    CHECK_HAS(dure_why(), text);
    CHECK_HAS(dure_why(), words);
    CHECK_FAILS(dure_sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }), EINVAL);
    CHECK_EQ(dure_sigwait(&set, &got), EINVAL);
}

TEST(what_cannot_be_waited_for)
{
    sigset_t set;

    check_refused(SIGWINCH, "do not block it");
    check_refused(SIGTERM, "DURE_NO_STOP_SIGNALS");
    check_refused(SIGINT, "DURE_NO_STOP_SIGNALS");
    check_refused(SIGSEGV, "fault");
    check_refused(SIGABRT, "fault");
    sigfillset(&set);
    CHECK_FAILS(dure_sigwaitinfo(&set, NULL), EINVAL);
    CHECK_FAILS(dure_sigwaitinfo(NULL, NULL), EFAULT);
    CHECK_EQ(take_now(SIGKILL, SIGSTOP), -1); /* passed over, as by the plain call */
    CHECK_EQ(errno, EAGAIN);
}

TEST(one_that_this_thread_has_unblocked)
{
    sigset_t set = set_of(HIGH, HIGH);

    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    check_refused(HIGH, "unblocked");
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    CHECK_FAILS(take_now(HIGH, HIGH), EAGAIN);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

TEST_OUTSIDE(what_a_run_cannot_block)
{
    static const int wrong[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGTERM, SIGINT };
    sigset_t set;
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        set = set_of(wrong[i], LOW);
        CHECK_FAILS(dure_run_with(&(dure_run_options){ .wait_signals = &set }, nothing, NULL),
                    EINVAL);
        CHECK_HAS(dure_why(), "wait_signals");
    }
    set = set_of(SIGUSR1, LOW);
    CHECK_FAILS(
        dure_run_with(&(dure_run_options){ .flags = DURE_DUMP_ON_SIGUSR1, .wait_signals = &set },
                      nothing, NULL),
        EINVAL);
    CHECK_EQ(dure_run_with(&(dure_run_options){ .wait_signals = &set }, nothing, NULL), 0);
}

/* --- plain threads --- */

TEST_OUTSIDE(a_thread_in_a_scope)
{
    sigset_t set = set_of(LOW, LOW), other = set_of(SIGWINCH, SIGWINCH);
    dure_scope scope;
    int number;

    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(5 * DURE_MILLISECOND) });
    CHECK_FAILS(dure_sigwaitinfo(&other, NULL), EINVAL);
    CHECK_HAS(dure_why(), "does not block it");
    CHECK_FAILS(dure_sigwaitinfo(&set, NULL), ECANCELED);
    send_value(LOW, 1);
    CHECK_FAILS(dure_sigwaitinfo(&set, NULL), ECANCELED);
    CHECK_EQ(dure_sigwait(&set, &number), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_sigwait(&set, &number), 0);
    CHECK_EQ(number, LOW);
}

static int take_on_this_thread(void *arg)
{
    CHECK_EQ(raise(HIGH), 0);
    (void)arg;
    return take_now(HIGH, HIGH);
}

TEST(a_thread_of_the_pool)
{
    CHECK_EQ(dure_blocking(take_on_this_thread, NULL, 0), HIGH);
}

/* --- the run blocks them; in children, where nobody else has --- */

static void unblock_all(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void *kill_often(void *arg)
{
    int i;

    for (i = 0; i < 100; i++)
        send_value(*(int *)arg, i);
    return NULL;
}

static int take_all(void *arg)
{
    sigset_t set = set_of(*(int *)arg, *(int *)arg), all;
    pthread_t thread;
    siginfo_t info;
    int i;

    /* A thread that a task makes blocks what the task's thread does. */
    pthread_create(&thread, NULL, kill_often, arg);
    for (i = 0; i < 100; i++) {
        CHECK_EQ(dure_sigwaitinfo(&set, &info), *(int *)arg);
        CHECK_EQ(info.si_value.sival_int, i);
    }
    pthread_join(thread, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, NULL, &all);
    CHECK(sigismember(&all, *(int *)arg));
    return dure_blocking(nothing, NULL, 0);
}

static void the_run_blocks_what_its_options_name(void)
{
    static const int offsets[] = { 0, 5 };
    sigset_t set, after;
    int number;
    size_t i;

    unblock_all();
    for (i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        number = SIGRTMIN + offsets[i];
        set = set_of(number, number);
        CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 3, .wait_signals = &set }, take_all,
                               &number),
                 0);
        sigprocmask(SIG_SETMASK, NULL, &after);
        CHECK(!sigismember(&after, number));
    }
    number = FIRST_OF_POOL - 1; /* the one that the pool has interrupted by */
    set = set_of(number, number);
    CHECK_FAILS(dure_run_with(&(dure_run_options){ .wait_signals = &set }, nothing, NULL), EINVAL);
    CHECK_HAS(dure_why(), "interrupts");
}

/* It was blocked when the pool chose. */
static void the_pool_leaves_it_to_the_tasks(void)
{
    int number = FIRST_OF_POOL;
    sigset_t set = set_of(number, number);

    unblock_all();
    CHECK_EQ(
        dure_run_with(&(dure_run_options){ .loops = 2, .wait_signals = &set }, take_all, &number),
        0);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

static int send_and_return(void *arg)
{
    send_value(*(int *)arg, 0);
    send_value(*(int *)arg, 1);
    CHECK_EQ(take_now(*(int *)arg, *(int *)arg), *(int *)arg);
    return 0;
}

static void what_is_left_comes_after_the_run(void)
{
    int number = LOW;
    sigset_t set = set_of(LOW, LOW);

    unblock_all();
    signal(LOW, handle);
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2, .wait_signals = &set }, send_and_return,
                           &number),
             0);
    CHECK_EQ(handled, 1);
}

static int wait_for_stop(void *arg)
{
    sigset_t set = set_of(SIGTERM, SIGINT);

    (void)arg;
    CHECK_EQ(kill(getpid(), SIGTERM), 0);
    CHECK_EQ(dure_sigwaitinfo(&set, NULL), SIGTERM);
    CHECK_EQ(kill(getpid(), SIGINT), 0);
    CHECK_EQ(dure_sigwaitinfo(&set, NULL), SIGINT);
    return dure_sleep_for(DURE_MILLISECOND);
}

static void stop_signals_for_the_tasks(void)
{
    sigset_t set = set_of(SIGTERM, SIGINT);

    unblock_all();
    CHECK_EQ(
        dure_run_with(&(dure_run_options){ .flags = DURE_NO_STOP_SIGNALS, .wait_signals = &set },
                      wait_for_stop, NULL),
        0);
}

TEST_OUTSIDE(the_run_blocks_them)
{
    static void (*const tests[])(void) = {
        the_pool_leaves_it_to_the_tasks,
        what_is_left_comes_after_the_run,
        stop_signals_for_the_tasks,
    };
    struct child child;
    size_t i;

    for (i = 0; i < sizeof tests / sizeof *tests; i++) {
        conformance_child(&child, tests[i]);
        CHECK_CHILD_OK(&child);
    }
}

TEST_OUTSIDE(the_run_blocks_what_it_is_told_to)
{
    struct child child;

    conformance_child(&child, the_run_blocks_what_its_options_name);
    CHECK_CHILD_OK(&child);
}

/* --- on a thread that another event loop owns --- */

static int take_embedded(void *arg)
{
    sigset_t set = set_of(LOW, LOW);

    (void)arg;
    return dure_sigwaitinfo(&set, NULL) == LOW ? 7 : -1;
}

static void wait_for_turn(int timeout_ms)
{
    struct pollfd fd = { .fd = dure_loop_fd(), .events = POLLIN };

    poll(&fd, 1, dure_loop_wait_ns() == 0 ? 0 : timeout_ms);
}

TEST_OUTSIDE(between_the_turns)
{
    int i;

    if (dure_loop_open(NULL, take_embedded, NULL) < 0) {
        CHECK_EQ(errno, ENOTSUP);
        return;
    }
    for (i = 0; i < 5; i++) {
        CHECK_EQ(dure_loop_turn(), 1);
        wait_for_turn(1);
    }
    CHECK_EQ(raise(LOW), 0);
    while (dure_loop_turn())
        wait_for_turn(30000);
    CHECK_EQ(dure_loop_close(), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(real_time_signals_come_with_their_values_in_order),
        cmocka_unit_test(standard_signals_merge),
        cmocka_unit_test(the_same_info_as_the_plain_call),
        cmocka_unit_test(a_child_that_ends),
        cmocka_unit_test(sets_that_overlap),
        cmocka_unit_test(what_nobody_waits_for_stays_pending),
        cmocka_unit_test(sent_to_a_loop_s_thread),
        cmocka_unit_test(raised_in_a_task),
        cmocka_unit_test(none_is_lost_and_none_comes_twice),
        cmocka_unit_test(times),
        cmocka_unit_test(times_outside),
        cmocka_unit_test(what_cannot_be_waited_for),
        cmocka_unit_test(one_that_this_thread_has_unblocked),
        cmocka_unit_test(what_a_run_cannot_block),
        cmocka_unit_test(a_thread_in_a_scope),
        cmocka_unit_test(a_thread_of_the_pool),
        cmocka_unit_test(the_run_blocks_them),
        cmocka_unit_test(the_run_blocks_what_it_is_told_to),
        cmocka_unit_test(between_the_turns),
    };
    sigset_t set = set_of(STANDARD, SIGCHLD), more = set_of(LOW, MIDDLE),
             high = set_of(HIGH, FIRST_OF_POOL);

    sigprocmask(SIG_BLOCK, &set, NULL);
    sigprocmask(SIG_BLOCK, &more, NULL);
    sigprocmask(SIG_BLOCK, &high, NULL);
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
