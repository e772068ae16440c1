/* Time: the clock, deadlines and sleeping. */
#include "waiting.h"

#include <limits.h>
#include <pthread.h>
#include <time.h>

static int64_t monotonic(void)
{
    struct timespec now;

    if (simulated())
        return dure_now();
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * DURE_SECOND + now.tv_nsec;
}

static void check_clock(void)
{
    int64_t before = monotonic(), now = dure_now(), after = monotonic();

    CHECK(before <= now && now <= after);
}

static void check_deadlines(void)
{
    int64_t now = dure_now();

    CHECK_EQ(dure_at(7).at_ns, 7);
    CHECK_EQ(dure_at(0).at_ns, 0);
    CHECK(dure_after(DURE_SECOND).at_ns - now >= DURE_SECOND);
    CHECK(dure_after(DURE_SECOND).at_ns - now < 30 * DURE_SECOND);
    CHECK(dure_after(-DURE_SECOND).at_ns >= now); /* passed, and not none */
    CHECK(dure_after(INT64_MIN).at_ns >= now);
    CHECK_EQ(dure_after(INT64_MAX).at_ns, 0);
}

static void check_left(void)
{
    dure_scope outer, inner;
    int64_t left;

    CHECK_EQ(dure_deadline_left(), INT64_MAX);
    dure_scope_open_with(&outer, &(dure_scope_options){ .deadline = dure_after(DURE_MINUTE) });
    dure_scope_open(&inner);
    left = dure_deadline_left();
    CHECK(left > 0 && left <= DURE_MINUTE);
    dure_scope_set_deadline(&inner, dure_after(2 * DURE_MINUTE)); /* the nearest counts */
    CHECK(dure_deadline_left() <= left);
    dure_scope_set_deadline(&inner, dure_after(DURE_SECOND));
    CHECK(dure_deadline_left() <= DURE_SECOND);
    dure_scope_set_deadline(&inner, dure_after(0));
    CHECK_EQ(dure_deadline_left(), 0);
    dure_scope_close(&inner);
    CHECK(dure_deadline_left() > DURE_SECOND);
    CHECK_EQ(dure_scope_close(&outer), 0);
    CHECK_EQ(dure_deadline_left(), INT64_MAX);
}

TEST(clock_and_deadlines)
{
    check_clock();
    check_deadlines();
    check_left();
}

TEST_OUTSIDE(clock_and_deadlines_outside)
{
    check_clock();
    check_deadlines();
    check_left();
}

/* --- never early --- */

#define CHECK_SLEPT(call, duration_ns)                   \
    do {                                                 \
        int64_t begun_ns_ = monotonic();                 \
        CHECK_EQ(call, 0);                               \
        CHECK(monotonic() - begun_ns_ >= (duration_ns)); \
    } while (0)

static void check_sleeps(void)
{
    static const int64_t durations[] = { 1, 999, 1000, 50001, 999999, 1000000, 1500001, 3000000 };
    struct timespec ts = { 0, 0 }, remain = { 77, 77 };
    size_t i;

    for (i = 0; i < sizeof durations / sizeof *durations; i++) {
        ts.tv_nsec = durations[i];
        CHECK_SLEPT(dure_sleep_for(durations[i]), durations[i]);
        CHECK_SLEPT(dure_sleep_until(dure_after(durations[i])), durations[i]);
        CHECK_SLEPT(dure_nanosleep(&ts, &remain), durations[i]);
        CHECK_SLEPT(dure_usleep((unsigned)(durations[i] / 1000)), durations[i] / 1000 * 1000);
    }
    if (*dure_task_name()) /* outside, the plain call may have written it and gone on */
        CHECK_EQ(remain.tv_sec, 77);
    CHECK_EQ(dure_sleep_for(0), 0);
    CHECK_EQ(dure_sleep_for(-5), 0);
    CHECK_EQ(dure_sleep_for(INT64_MIN), 0);
    CHECK_EQ(dure_sleep_until(dure_at(1)), 0);
    CHECK_EQ(dure_sleep(0), 0);
    CHECK_EQ(dure_usleep(0), 0);
    CHECK_EQ(dure_nanosleep(&(struct timespec){ 0, 0 }, NULL), 0);
    CHECK_FAILS(dure_nanosleep(&(struct timespec){ -1, 0 }, NULL), EINVAL);
    CHECK_FAILS(dure_nanosleep(&(struct timespec){ 0, -1 }, NULL), EINVAL);
    CHECK_FAILS(dure_nanosleep(&(struct timespec){ 0, DURE_SECOND }, NULL), EINVAL);
}

static void check_clocks(void)
{
    struct timespec before, now, after;

    clock_gettime(CLOCK_REALTIME, &before);
    CHECK_EQ(dure_clock_gettime(CLOCK_REALTIME, &now), 0);
    clock_gettime(CLOCK_REALTIME, &after);
    CHECK(before.tv_sec <= now.tv_sec && now.tv_sec <= after.tv_sec);
    CHECK_EQ(dure_clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    CHECK_FAILS(dure_clock_gettime(77777, &now), EINVAL);
}

TEST(clocks_tell_the_system_s_time)
{
    NOT_SIMULATED("its time is its own");
    check_clocks();
}

TEST_OUTSIDE(clocks_outside)
{
    check_clocks();
}

TEST(never_early)
{
    check_sleeps();
}

TEST_OUTSIDE(never_early_outside)
{
    dure_scope scope;

    check_sleeps();
    dure_scope_open(&scope);
    check_sleeps();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static int64_t second(void *arg)
{
    (void)arg;
    CHECK_SLEPT((int)dure_sleep(1), DURE_SECOND);
    return 0;
}

/* Many at once, in whatever order, wake in the order of their times. */
struct sleeper {
    int64_t ready_ns; /* well before the first is due */
    int64_t at_ns;
    int64_t *last;
    bool *too_late; /* one began to sleep after that: the order says nothing */
};

static int sleep_in_order(void *arg)
{
    struct sleeper *sleeper = arg;

    if (dure_now() >= sleeper->ready_ns)
        *sleeper->too_late = true;
    CHECK_EQ(dure_sleep_until(dure_at(sleeper->at_ns)), 0);
    CHECK(dure_now() >= sleeper->at_ns);
    CHECK(*sleeper->too_late || *sleeper->last <= sleeper->at_ns);
    *sleeper->last = sleeper->at_ns;
    return 0;
}

/* Returns whether all were asleep well before the first of them was due. */
static bool wake_in_order(int64_t lead_ns)
{
    dure_spawn_options here = { .place = DURE_THIS_LOOP };
    struct sleeper sleeper;
    struct background b;
    dure_scope scope;
    bool too_late = false;
    int64_t first = dure_now() + lead_ns, last = 0;
    unsigned i;

    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), second, NULL);
    for (i = 0; i < 500; i++) {
        sleeper =
            (struct sleeper){ first - lead_ns / 2,
                              first + (i * 7919 % 500) * 100 * DURE_MICROSECOND, &last, &too_late };
        CHECK_EQ(dure_spawn_with(&scope, &here, sleep_in_order, &sleeper, sizeof sleeper), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(last >= first);
    return !too_late;
}

TEST(in_order)
{
    int64_t lead_ns = 100 * DURE_MILLISECOND;

    /* A starved machine may take longer than that to start them. */
    while (!wake_in_order(lead_ns))
        lead_ns *= 2;
}

/* --- cancelled --- */

static int64_t sleep_for_ever(void *arg)
{
    (void)arg;
    return dure_sleep_until((dure_deadline){ 0 });
}

static int64_t sleep_far(void *arg)
{
    (void)arg;
    return dure_sleep_for(INT64_MAX);
}

static int64_t sleep_seconds(void *arg)
{
    unsigned left = dure_sleep(100);

    (void)arg;
    CHECK_EQ(errno, ECANCELED);
    CHECK(left > 60 && left <= 100);
    return -1;
}

static int64_t sleep_micro(void *arg)
{
    (void)arg;
    return dure_usleep(900000000);
}

static int64_t sleep_nano(void *arg)
{
    struct timespec remain = { 0, 0 };
    int result = dure_nanosleep(&(struct timespec){ 100, 5 }, &remain), error = errno;

    (void)arg;
    CHECK(remain.tv_sec > 60 && remain.tv_sec <= 100);
    CHECK(remain.tv_nsec >= 0 && remain.tv_nsec < DURE_SECOND);
    errno = error;
    return result;
}

static int64_t sleep_nano_far(void *arg)
{
    (void)arg;
    return dure_nanosleep(&(struct timespec){ INT64_MAX, 0 }, NULL);
}

static int64_t (*const sleeps[])(void *) = { sleep_for_ever, sleep_far,  sleep_seconds,
                                             sleep_micro,    sleep_nano, sleep_nano_far };

TEST(canceled)
{
    struct background b;
    dure_scope scope;
    size_t i;

    for (i = 0; i < 2 * (sizeof sleeps / sizeof *sleeps); i++) {
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), sleeps[i / 2], NULL);
        CHECK(!atomic_load(&b.done));
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(b.result, -1);
        CHECK_EQ(b.error, ECANCELED);
    }
}

static void check_deadline_and_before(void)
{
    dure_scope scope;
    int64_t begun_ns, result = 0;
    size_t i;

    for (i = 0; i < sizeof sleeps / sizeof *sleeps; i++) {
        begun_ns = dure_now();
        DURE_WITHIN(dure_after(3 * DURE_MILLISECOND))
        result = sleeps[i](NULL);
        CHECK_EQ(errno, ETIMEDOUT);
        CHECK_EQ(result, -1);
        CHECK(dure_now() - begun_ns >= 3 * DURE_MILLISECOND);
        dure_scope_open(&scope);
        dure_scope_cancel(&scope);
        CHECK_FAILS(sleeps[i](NULL), ECANCELED);
        CHECK_FAILS(dure_sleep_for(0), ECANCELED);
        CHECK_FAILS(dure_sleep_for(-1), ECANCELED);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
}

TEST(deadline_and_before)
{
    check_deadline_and_before();
}

TEST_OUTSIDE(deadline_and_before_outside)
{
    check_deadline_and_before();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_and_deadlines),
        cmocka_unit_test(clock_and_deadlines_outside),
        cmocka_unit_test(clocks_tell_the_system_s_time),
        cmocka_unit_test(clocks_outside),
        cmocka_unit_test(never_early),
        cmocka_unit_test(never_early_outside),
        cmocka_unit_test(in_order),
        cmocka_unit_test(canceled),
        cmocka_unit_test(deadline_and_before),
        cmocka_unit_test(deadline_and_before_outside),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
