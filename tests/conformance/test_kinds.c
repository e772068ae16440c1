/* Descriptors that are neither files nor streams: counters, timers, watches, signals. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* Blocked in every thread, as signalfd wants it. */
#define SIGNAL SIGUSR2

/* --- how each is made, and made to go on --- */

static bool counter(struct waiting *w)
{
    w->fd = dure_eventfd(0, EFD_CLOEXEC);
    return CHECK(w->fd >= 0);
}

static bool semaphore(struct waiting *w)
{
    w->fd = dure_eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    return CHECK(w->fd >= 0);
}

/* The counter is at its highest: nothing can be added. */
static bool full_counter(struct waiting *w)
{
    uint64_t most = UINT64_MAX - 1;

    return counter(w) && CHECK_EQ(plain_write(w->fd, &most, sizeof most), sizeof most);
}

static bool timer(struct waiting *w)
{
    w->fd = dure_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    return CHECK(w->fd >= 0);
}

static bool watch(struct waiting *w)
{
    strcpy(w->path, "/tmp/dure-conformance-XXXXXX");
    w->other = mkostemp(w->path, O_CLOEXEC);
    w->fd = inotify_init1(IN_CLOEXEC);
    return CHECK(w->fd >= 0) && CHECK(inotify_add_watch(w->fd, w->path, IN_MODIFY) >= 0);
}

static bool signals(struct waiting *w)
{
    struct timespec at_once = { 0, 0 };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    while (sigtimedwait(&set, NULL, &at_once) == SIGNAL) /* left by a poll before */
        ;
    w->fd = signalfd(-1, &set, SFD_CLOEXEC);
    return CHECK(w->fd >= 0);
}

static void add_one(struct waiting *w)
{
    uint64_t one = 1;

    CHECK_EQ(plain_write(w->fd, &one, sizeof one), sizeof one);
}

static void take_all(struct waiting *w)
{
    uint64_t count;

    CHECK_EQ(plain_read(w->fd, &count, sizeof count), sizeof count);
}

static void fill_counter(struct waiting *w)
{
    uint64_t most = UINT64_MAX - 1;

    take_all(w);
    CHECK_EQ(plain_write(w->fd, &most, sizeof most), sizeof most);
}

static void expire(struct waiting *w)
{
    struct itimerspec soon = { .it_value.tv_nsec = 1 };
    struct pollfd poll_fd = { .fd = w->fd, .events = POLLIN };

    CHECK_EQ(dure_timerfd_settime(w->fd, 0, &soon, NULL), 0);
    (void)plain_poll(&poll_fd, 1, 0);
}

static void modify(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "x", 1), 1);
}

static void send_signal(struct waiting *w)
{
    (void)w;
    CHECK_EQ(kill(getpid(), SIGNAL), 0);
}

/* --- the calls --- */

static int64_t read_count(struct waiting *w)
{
    uint64_t count = 0;
    int64_t n = dure_read(w->fd, &count, sizeof count);

    return n == sizeof count ? (int64_t)count : n < 0 ? -1 : -2;
}

static int64_t readv_count(struct waiting *w)
{
    uint64_t count = 0;
    struct iovec iov = { &count, sizeof count };

    return dure_readv(w->fd, &iov, 1) == sizeof count ? (int64_t)count : -1;
}

static int64_t write_count(struct waiting *w)
{
    return dure_write(w->fd, &(uint64_t){ 5 }, sizeof(uint64_t));
}

static int64_t poll_fd(struct waiting *w)
{
    struct pollfd fd = { .fd = w->fd, .events = POLLIN };

    return dure_poll(&fd, 1, -1);
}

static int64_t read_event(struct waiting *w)
{
    _Alignas(struct inotify_event) char buf[512];
    int64_t n = dure_read(w->fd, buf, sizeof buf);

    if (n > 0)
        CHECK_EQ(((struct inotify_event *)(void *)buf)->mask, IN_MODIFY);
    return n;
}

static int64_t read_signal(struct waiting *w)
{
    struct signalfd_siginfo info = { 0 };
    int64_t n = dure_read(w->fd, &info, sizeof info);

    if (n > 0) {
        CHECK_EQ(info.ssi_signo, SIGNAL);
        CHECK_EQ(info.ssi_pid, getpid());
    }
    return n;
}

static const struct waiting_kind kinds[] = {
    { "read, counter", counter, read_count, add_one, 1, EAGAIN, WAITING_ANON, NULL },
    { "read, semaphore", semaphore, read_count, add_one, 1, EAGAIN, WAITING_ANON, NULL },
    { "readv, counter", counter, readv_count, add_one, 1, EAGAIN, WAITING_ANON, NULL },
    { "write, full counter", full_counter, write_count, take_all, 8, EAGAIN,
      WAITING_ANON | WAITING_ALONE, fill_counter },
    { "poll, counter", counter, poll_fd, add_one, 1, 0, WAITING_ANON | WAITING_POLL, NULL },
    { "read, timer", timer, read_count, expire, 1, EAGAIN, WAITING_ANON, NULL },
    { "poll, timer", timer, poll_fd, expire, 1, 0, WAITING_ANON | WAITING_POLL, NULL },
    { "read, watch", watch, read_event, modify, sizeof(struct inotify_event), EAGAIN,
      WAITING_ANON | WAITING_REAL, NULL },
    { "poll, watch", watch, poll_fd, modify, 1, 0, WAITING_ANON | WAITING_POLL | WAITING_REAL,
      NULL },
};

WAITING_TESTS

/* Of what is pending all descriptors tell, so that one cannot be taken for another. */
static const struct waiting_kind of_signals[] = {
    { "read, signals", signals, read_signal, send_signal, sizeof(struct signalfd_siginfo), EAGAIN,
      WAITING_ANON, NULL },
    { "poll, signals", signals, poll_fd, send_signal, 1, 0, WAITING_ANON | WAITING_POLL, NULL },
};

TEST(waiting_for_signals)
{
    NOT_SIMULATED("signals");
    waiting_goes_on(of_signals, 2);
    waiting_from_another_loop(of_signals, 2);
    waiting_canceled_before(of_signals, 2);
    waiting_canceled_during(of_signals, 2);
    waiting_canceled_after(of_signals, 2);
    waiting_deadline(of_signals, 2);
    waiting_closed_here(of_signals, 2);
    waiting_closed_elsewhere(of_signals, 2);
    waiting_closed_by_thread(of_signals, 2);
    waiting_nonblock(of_signals, 2);
    waiting_two_tasks(of_signals, 2);
    waiting_dup(of_signals, 2);
}

TEST_OUTSIDE(waiting_for_signals_outside)
{
    waiting_outside(of_signals, 2);
}

/* --- counters --- */

/* A counter is read whole, a semaphore one by one, each reader once. */
static int take_one(void *arg)
{
    struct waiting *w = *(struct waiting **)arg;

    CHECK_EQ(read_count(w), 1);
    return 0;
}

TEST(semaphores_let_as_many_pass_as_they_count)
{
    struct waiting w = { .fd = -1 }, *at = &w;
    uint64_t three = 3, count;
    dure_scope scope;
    int i;

    if (!semaphore(&w))
        return;
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 take_one, &at, sizeof at),
                 0);
    one_turn();
    CHECK_EQ(dure_write(w.fd, &three, sizeof three), 8);
    CHECK_EQ(dure_write(w.fd, &three, sizeof three), 8);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_fcntl(w.fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_FAILS(dure_read(w.fd, &count, 8), EAGAIN); /* none is left */
    CHECK_EQ(dure_close(w.fd), 0);
    if (!counter(&w))
        return;
    CHECK_EQ(dure_write(w.fd, &three, sizeof three), 8);
    CHECK_EQ(dure_write(w.fd, &three, sizeof three), 8);
    CHECK_EQ(read_count(&w), 6);
    CHECK_FAILS(dure_read(w.fd, &count, 7), EINVAL);
    CHECK_FAILS(dure_write(w.fd, &count, 7), EINVAL);
    CHECK_FAILS(dure_write(w.fd, &(uint64_t){ UINT64_MAX }, 8), EINVAL);
    CHECK_EQ(dure_close(w.fd), 0);
}

/* --- timers --- */

TEST(timers_count_what_was_missed)
{
    struct itimerspec often = { .it_value.tv_nsec = 1000, .it_interval.tv_nsec = 1000000 };
    struct waiting w = { .fd = -1 };
    uint64_t count;

    if (!timer(&w))
        return;
    CHECK_EQ(dure_timerfd_settime(w.fd, 0, &often, NULL), 0);
    dure_sleep_for(10 * DURE_MILLISECOND);
    CHECK(read_count(&w) >= 9);
    CHECK(read_count(&w) >= 1); /* and waits for the next */
    CHECK_FAILS(dure_read(w.fd, &count, 7), EINVAL);
    CHECK_FAILS(dure_write(w.fd, &count, 8), EINVAL);
    CHECK_EQ(dure_close(w.fd), 0);
}

/* --- what makes them --- */

/* The same in a task, on a thread, and in a simulation. */
static void make_and_ask(void)
{
    struct itimerspec at = { .it_value.tv_sec = 3600, .it_interval.tv_nsec = 5 }, old, left;
    struct itimerspec bad = { .it_value.tv_nsec = 1000000000 }, none = { { 0, 0 }, { 0, 0 } };
    uint64_t count = 0;
    int fd, timer;

    CHECK_FAILS(dure_eventfd(0, 0x40000000), EINVAL);
    CHECK_FAILS(dure_timerfd_create(12345, 0), EINVAL);
    fd = timerfd_create(CLOCK_MONOTONIC, 0x40000000);
    if (fd < 0)
        CHECK_FAILS(dure_timerfd_create(CLOCK_MONOTONIC, 0x40000000), EINVAL);
    else
        close(fd); /* qemu-user 7.2 drops flags that it does not know */
    fd = dure_eventfd(7, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK_EQ(dure_fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK(dure_fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK_EQ(dure_read(fd, &count, sizeof count), sizeof count);
    CHECK_EQ(count, 7);
    timer = dure_timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK_FAILS(dure_timerfd_settime(-1, 0, &at, NULL), EBADF);
    CHECK_FAILS(dure_timerfd_settime(fd, 0, &at, NULL), EINVAL); /* it is no timer */
    CHECK_FAILS(dure_timerfd_gettime(fd, &left), EINVAL);
    CHECK_FAILS(dure_timerfd_settime(timer, 0x40000000, &at, NULL), EINVAL);
    CHECK_FAILS(dure_timerfd_settime(timer, 0, &bad, NULL), EINVAL);
    CHECK_FAILS(dure_read(timer, &count, sizeof count), EAGAIN);
    CHECK_EQ(dure_timerfd_settime(timer, 0, &at, &old), 0);
    CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_nsec == 0);
    CHECK_EQ(dure_timerfd_gettime(timer, &left), 0);
    CHECK(left.it_value.tv_sec >= 3599 && left.it_interval.tv_nsec == 5);
    CHECK_EQ(dure_timerfd_settime(timer, 0, &none, &old), 0); /* stopped */
    CHECK(old.it_value.tv_sec >= 3599);
    CHECK_EQ(dure_timerfd_gettime(timer, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    at.it_value = (struct timespec){ .tv_nsec = 1 }; /* long ago */
    CHECK_EQ(dure_timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL), 0);
    dure_sleep_for(DURE_MICROSECOND);
    CHECK_EQ(dure_read(timer, &count, sizeof count), sizeof count);
    CHECK(count > 1);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(timer), 0);
}

TEST(are_made_and_asked)
{
    make_and_ask();
}

TEST_OUTSIDE(are_made_and_asked_outside)
{
    dure_scope scope;

    make_and_ask();
    dure_scope_open(&scope);
    make_and_ask();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- watches --- */

TEST(watches_give_what_fits)
{
    struct waiting w = { .fd = -1, .other = -1 };
    _Alignas(struct inotify_event) char buf[512];
    int64_t n;

    NOT_SIMULATED("watches");
    if (!watch(&w))
        return;
    modify(&w);
    CHECK_FAILS(dure_read(w.fd, buf, sizeof(struct inotify_event) - 1), EINVAL);
    CHECK_EQ(inotify_add_watch(w.fd, w.path, IN_ATTRIB | IN_MASK_ADD) >= 0, 1);
    CHECK_EQ(fchmod(w.other, 0644), 0);
    modify(&w); /* no two in a row are the same, which would be one */
    n = dure_read(w.fd, buf, 2 * sizeof(struct inotify_event));
    CHECK_EQ(n, 2 * sizeof(struct inotify_event));
    CHECK_EQ(dure_read(w.fd, buf, sizeof buf), sizeof(struct inotify_event));
    CHECK_EQ(dure_close(w.fd), 0);
    CHECK_EQ(dure_close(w.other), 0);
    unlink(w.path);
}

/* --- signals --- */

TEST(signals_come_in_their_number)
{
    struct signalfd_siginfo info[4];
    struct waiting w = { .fd = -1 };

    NOT_SIMULATED("signals");
    if (!signals(&w))
        return;
    send_signal(&w);
    send_signal(&w); /* pending already: one */
    CHECK_EQ(dure_read(w.fd, info, sizeof info), sizeof *info);
    CHECK_EQ(dure_fcntl(w.fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_FAILS(dure_read(w.fd, info, sizeof info), EAGAIN);
    CHECK_FAILS(dure_read(w.fd, info, sizeof *info - 1), EINVAL);
    CHECK_EQ(dure_close(w.fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(waiting_for_signals),
        cmocka_unit_test(waiting_for_signals_outside),
        cmocka_unit_test(semaphores_let_as_many_pass_as_they_count),
        cmocka_unit_test(timers_count_what_was_missed),
        cmocka_unit_test(are_made_and_asked),
        cmocka_unit_test(are_made_and_asked_outside),
        cmocka_unit_test(watches_give_what_fits),
        cmocka_unit_test(signals_come_in_their_number),
    };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
