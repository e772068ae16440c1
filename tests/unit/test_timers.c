/* The timing wheel: never early, in order, exact about what comes next; fuzzed against a naive
   model. DURE_TEST_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/timers.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND INT64_C(1000000000)

static struct timers wheel;

static uint64_t random_state;

static uint64_t random_next(void) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static void seed_from_environment(void)
{
    const char *text = getenv("DURE_TEST_SEED");

    random_state = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
    random_state |= 1;
    print_message("seed: DURE_TEST_SEED=%llu\n", (unsigned long long)random_state);
}

static struct timer *fired[16];
static size_t fired_count;

static void note(struct timer *timer)
{
    assert_true(timer_idle(timer));
    if (fired_count < 16)
        fired[fired_count] = timer;
    fired_count++;
}

static void add(struct timer *timer, int64_t at_ns)
{
    timer->at_ns = at_ns;
    timer->fire = note;
    timers_add(&wheel, timer);
}

static int start_at_zero(void **state)
{
    (void)state;
    timers_init(&wheel, 0);
    fired_count = 0;
    return 0;
}

static void empty_wheel_has_no_next(void **state)
{
    (void)state;
    assert_true(timers_next(&wheel) == INT64_MAX);
    assert_int_equal(timers_fire(&wheel, INT64_MAX), 0);
}

/* One nanosecond before its time a timer stays, at its time it fires, on every level. */
static void never_early_exact_to_the_nanosecond(void **state)
{
    struct timer timer = { 0 };
    int64_t at;

    (void)state;
    for (at = 1; at < INT64_MAX / 3; at = at * 3 + 1) {
        timers_init(&wheel, at / 5);
        add(&timer, at);
        assert_true(timers_next(&wheel) == at);
        assert_int_equal(timers_fire(&wheel, at - 1), 0);
        assert_true(timers_next(&wheel) == at);
        assert_int_equal(timers_fire(&wheel, at), 1);
        assert_true(timers_next(&wheel) == INT64_MAX);
    }
}

static void the_end_of_time_is_a_time(void **state)
{
    struct timer timer = { 0 };

    (void)state;
    add(&timer, INT64_MAX);
    assert_int_equal(timers_fire(&wheel, INT64_MAX - 1), 0);
    assert_int_equal(timers_fire(&wheel, INT64_MAX), 1);
}

static void the_past_fires_at_the_next_call(void **state)
{
    struct timer late = { 0 }, later = { 0 };

    (void)state;
    timers_init(&wheel, 10 * SECOND);
    add(&later, 3);
    add(&late, -7);
    assert_true(timers_next(&wheel) == -7);
    assert_int_equal(timers_fire(&wheel, 10 * SECOND), 2);
    assert_ptr_equal(fired[0], &late);
    assert_ptr_equal(fired[1], &later);
}

static void cancel_before_fire(void **state)
{
    struct timer kept = { 0 }, cancelled = { 0 };

    (void)state;
    add(&cancelled, 5 * MILLISECOND);
    add(&kept, 6 * MILLISECOND);
    timers_remove(&wheel, &cancelled);
    timers_remove(&wheel, &cancelled); /* harmless */
    assert_true(timers_next(&wheel) == 6 * MILLISECOND);
    assert_int_equal(timers_fire(&wheel, SECOND), 1);
    assert_ptr_equal(fired[0], &kept);
}

static void equal_times_fire_in_order_of_insertion(void **state)
{
    struct timer timers[4] = { 0 }, early = { 0 };

    (void)state;
    add(&timers[2], 70 * MILLISECOND); /* inserted from afar: on a higher level */
    add(&timers[0], 70 * MILLISECOND);
    add(&early, 69 * MILLISECOND);
    timers_fire(&wheel, 69 * MILLISECOND);
    add(&timers[3], 70 * MILLISECOND); /* inserted from near */
    add(&timers[1], 70 * MILLISECOND - 1);
    assert_int_equal(timers_fire(&wheel, 70 * MILLISECOND), 4);
    assert_ptr_equal(fired[1], &timers[1]);
    assert_ptr_equal(fired[2], &timers[2]);
    assert_ptr_equal(fired[3], &timers[0]);
    assert_ptr_equal(fired[4], &timers[3]);
}

static struct timer victim;

static void fire_and_cancel_victim(struct timer *timer)
{
    note(timer);
    timers_remove(&wheel, &victim);
}

static void fire_may_cancel_another_that_is_due(void **state)
{
    struct timer killer = { .at_ns = 10, .fire = fire_and_cancel_victim };

    (void)state;
    victim = (struct timer){ 0 };
    timers_add(&wheel, &killer);
    add(&victim, 11);
    assert_int_equal(timers_fire(&wheel, 20), 1);
    assert_true(timer_idle(&victim));
    assert_int_equal(timers_fire(&wheel, SECOND), 0);
    assert_int_equal(wheel.count, 0);
}

static void fire_again_at_once(struct timer *timer)
{
    note(timer);
    timers_add(&wheel, timer);
}

/* A timer that is due for ever fires once a call, so that the loop goes on to other things. */
static void rearm_from_fire(void **state)
{
    struct timer timer = { .at_ns = 10, .fire = fire_again_at_once };

    (void)state;
    timers_add(&wheel, &timer);
    assert_int_equal(timers_fire(&wheel, 20), 1);
    assert_true(timers_next(&wheel) == 10);
    assert_int_equal(timers_fire(&wheel, 20), 1);
    timers_remove(&wheel, &timer);
    assert_int_equal(timers_fire(&wheel, 20), 0);
}

static void clock_that_goes_back_is_harmless(void **state)
{
    struct timer first = { 0 }, second = { 0 };

    (void)state;
    add(&first, 2 * SECOND);
    assert_int_equal(timers_fire(&wheel, 2 * SECOND), 1);
    add(&second, SECOND + 5);
    assert_int_equal(timers_fire(&wheel, SECOND), 0);
    assert_int_equal(timers_fire(&wheel, SECOND + 5), 1);
}

/* 64 in a slot of a higher level: the answer is exact; 65: its slot's start, never later. */
static void next_is_exact_up_to_64_in_a_slot(void **state)
{
    struct timer timers[65] = { 0 };
    int64_t next;
    int i, answers = 0;

    (void)state;
    for (i = 0; i < 65; i++)
        add(&timers[i], 10 * SECOND + i);
    timers_remove(&wheel, &timers[0]);
    assert_true(timers_next(&wheel) == 10 * SECOND + 1);
    add(&timers[0], 10 * SECOND);
    assert_true(timers_next(&wheel) == 10 * SECOND);
    add(&victim, 5 * SECOND);
    timers_fire(&wheel, 5 * SECOND);
    while ((next = timers_next(&wheel)) != 10 * SECOND) {
        assert_in_range(next, 5 * SECOND, 10 * SECOND);
        assert_int_equal(timers_fire(&wheel, next), 0);
        answers++;
    }
    assert_in_range(answers, 1, 8);
    assert_int_equal(timers_fire(&wheel, 11 * SECOND), 65);
}

/* The model: an unordered array, searched for what is due. */
#define MODEL_MAX 1000

static struct model {
    struct timer timer;
    bool in;
    uint64_t number; /* of insertion */
} model[MODEL_MAX];
static struct model *expected[MODEL_MAX];
static size_t expected_count, expected_at;
static uint64_t insertions;
static int64_t model_now;
static int64_t crowd_ns; /* not 0: all within this time, many at once and in large slots */

static int64_t random_time(void)
{
    int64_t distance = (int64_t)(random_next() >> (4 + random_next() % 60));

    if (crowd_ns)
        return model_now + distance % crowd_ns / 1024 * 1024;
    if (distance > INT64_MAX - model_now)
        return INT64_MAX;
    return random_next() % 16 ? model_now + distance : model_now - distance % (model_now + 1);
}

static void model_fire(struct timer *timer);

static void model_add(struct model *one)
{
    one->timer.at_ns = random_time();
    one->timer.fire = model_fire;
    one->number = insertions++;
    one->in = true;
    timers_add(&wheel, &one->timer);
}

static void model_remove(struct model *one)
{
    one->in = false;
    timers_remove(&wheel, &one->timer);
}

/* Skips what a fire function has cancelled or moved since the list of expected ones was made. */
static struct model *next_expected(void)
{
    while (expected_at < expected_count && !expected[expected_at])
        expected_at++;
    return expected_at < expected_count ? expected[expected_at++] : NULL;
}

static void unexpect(struct model *one)
{
    size_t i;

    for (i = expected_at; i < expected_count; i++)
        if (expected[i] == one)
            expected[i] = NULL;
}

static void model_fire(struct timer *timer)
{
    struct model *one = container_of(timer, struct model, timer);
    struct model *other = &model[random_next() % MODEL_MAX];

    assert_true(one->in);
    assert_true(timer->at_ns <= model_now);
    assert_ptr_equal(one, next_expected());
    one->in = false;
    if (random_next() % 4 == 0)
        model_add(one);
    if (random_next() % 8 == 0 && other->in && other != one) {
        model_remove(other);
        unexpect(other);
        if (random_next() % 2)
            model_add(other);
    }
}

static int by_time_then_insertion(const void *a, const void *b)
{
    const struct model *x = *(struct model *const *)a, *y = *(struct model *const *)b;

    if (x->timer.at_ns != y->timer.at_ns)
        return x->timer.at_ns < y->timer.at_ns ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static void model_expect(void)
{
    size_t i;

    expected_count = expected_at = 0;
    for (i = 0; i < MODEL_MAX; i++)
        if (model[i].in && model[i].timer.at_ns <= model_now)
            expected[expected_count++] = &model[i];
    qsort(expected, expected_count, sizeof expected[0], by_time_then_insertion);
}

static void model_check_next(void)
{
    int64_t earliest = INT64_MAX, next = timers_next(&wheel);
    size_t i, count = 0;

    for (i = 0; i < MODEL_MAX; i++) {
        count += model[i].in;
        if (model[i].in && model[i].timer.at_ns < earliest)
            earliest = model[i].timer.at_ns;
    }
    assert_int_equal(wheel.count, count);
    assert_true(next <= earliest);
    if (count <= 64)
        assert_true(next == earliest);
}

/* A few timers at any time, or a crowd within some slots of one level: those move in steps. */
static uint64_t model_start(void)
{
    uint64_t size = 1 + random_next() % 300, i;

    memset(model, 0, sizeof model);
    model_now = (int64_t)(random_next() >> (1 + random_next() % 62));
    crowd_ns = 0;
    if (random_next() % 4 == 0) {
        model_now >>= 1;
        crowd_ns = INT64_C(1) << (15 + random_next() % 40);
        model_now = model_now / crowd_ns * crowd_ns;
        size = MODEL_MAX;
    }
    timers_init(&wheel, model_now);
    for (i = 0; crowd_ns && i < size; i++)
        model_add(&model[i]);
    return size;
}

static int64_t model_later(void)
{
    int64_t to = random_next() % 2 ? timers_next(&wheel) : random_time();

    if (crowd_ns && to > model_now && random_next() % 2)
        to = model_now + (to - model_now) / (int64_t)(1 + random_next() % 64);
    return to > model_now && to != INT64_MAX ? to : model_now;
}

static void fuzz_against_model(void **state)
{
    int round, step;

    (void)state;
    seed_from_environment();
    for (round = 0; round < 300; round++) {
        uint64_t size = model_start();

        for (step = 0; step < 600; step++) {
            struct model *one = &model[random_next() % size];

            if (one->in && random_next() % 2)
                model_remove(one);
            else if (!one->in)
                model_add(one);
            if (random_next() % 4 == 0)
                model_check_next();
            if (random_next() % 4 == 0) {
                model_now = model_later();
                model_expect();
                timers_fire(&wheel, model_now);
                assert_null(next_expected());
            }
        }
    }
}

#define STEP (7 * MILLISECOND)

static int64_t last_ns, turned_to_ns;

static void in_order_and_in_time(struct timer *timer)
{
    assert_true(timer->at_ns >= last_ns);
    assert_true(timer->at_ns <= turned_to_ns);
    assert_true(timer->at_ns > turned_to_ns - STEP);
    last_ns = timer->at_ns;
    fired_count++;
}

static struct timer million[1000000];

static void a_million_timers(void **state)
{
    struct timer *timers = million;
    int i;

    (void)state;
    seed_from_environment();
    memset(million, 0, sizeof million);
    last_ns = turned_to_ns = 0;
    for (i = 0; i < 1000000; i++) {
        timers[i].at_ns = 1 + (int64_t)(random_next() % (60 * SECOND));
        timers[i].fire = in_order_and_in_time;
        timers_add(&wheel, &timers[i]);
    }
    for (i = 0; i < 1000000; i += 2)
        timers_remove(&wheel, &timers[i]);
    while (turned_to_ns < 60 * SECOND) {
        /* No earlier than this, and never so late that a sleep till then would miss one. */
        assert_true(timers_next(&wheel) > turned_to_ns);
        turned_to_ns += STEP;
        timers_fire(&wheel, turned_to_ns);
    }
    assert_int_equal(fired_count, 500000);
    assert_int_equal(wheel.count, 0);
    assert_true(timers_next(&wheel) == INT64_MAX);
}

static void exactly_in_time(struct timer *timer)
{
    assert_true(timer->at_ns == turned_to_ns);
    fired_count++;
}

/* Turns the wheel when it asks for it, until it is empty. Returns how many timers the call that
   moved most has moved. */
static uint64_t turn_until_empty(size_t *calls)
{
    uint64_t before, most = 0;

    for (*calls = 0; wheel.count > 0; ++*calls) {
        before = wheel.moved;
        turned_to_ns = timers_next(&wheel);
        timers_fire(&wheel, turned_to_ns);
        if (wheel.moved - before > most)
            most = wheel.moved - before;
    }
    return most;
}

static void add_many(size_t count, int64_t from_ns, int64_t width_ns)
{
    size_t i;

    memset(million, 0, sizeof million);
    for (i = 0; i < count; i++) {
        million[i].at_ns = from_ns + (int64_t)(random_next() % (uint64_t)width_ns);
        million[i].fire = exactly_in_time;
        timers_add(&wheel, &million[i]);
    }
}

/* The bound of src/base/timers.c for timers of which the narrowest full slot, on the level
   `narrow`, has `count`, and that move down from the level `top`. */
static uint64_t bound(size_t count, unsigned top, unsigned narrow)
{
    uint64_t share = 2 * count / (UINT64_C(1) << (5 * narrow)) + 1;

    if (share < TIMERS_STEP)
        share = TIMERS_STEP;
    return share * (top * (top + 1) / 2 + top);
}

static int64_t slot_ns(unsigned level)
{
    return INT64_C(1) << (14 + 5 * level);
}

static void check_moves(const char *what, size_t count, unsigned level, unsigned narrow)
{
    size_t calls;
    uint64_t most = turn_until_empty(&calls);

    print_message("%s, level %u: at most %llu moves of %llu allowed, %zu calls\n", what, level,
                  (unsigned long long)most, (unsigned long long)bound(count, level, narrow), calls);
    assert_true(most <= bound(count, level, narrow));
    /* Beside one for each timer, one a step on each level and some for slots that are not large. */
    assert_true(calls <= count + level * (count / TIMERS_STEP + 32) + 32 * 32);
}

/* All in one slot, of each level in turn: seen from far, and added right before the wheel enters
   the slot before it, the last moment at which they can still come into this slot. Then all in the
   first slot of the level below, which fills while it is being emptied itself. */
static void no_call_moves_many(void **state)
{
    unsigned level;

    (void)state;
    seed_from_environment();
    for (level = 1; level <= 4; level++) {
        size_t count = level <= 2 ? 20000 : 200000; /* 20,000 on level 1 are 625 in a tick */

        timers_init(&wheel, 0);
        add_many(count, 70 * slot_ns(level), slot_ns(level));
        check_moves("from afar", count, level, level);
        timers_init(&wheel, 69 * slot_ns(level) - 1);
        add_many(count, 70 * slot_ns(level), slot_ns(level));
        check_moves("a burst", count, level, level);
        if (level == 1)
            continue;
        timers_init(&wheel, 69 * slot_ns(level) - 1);
        add_many(count, 70 * slot_ns(level), slot_ns(level - 1));
        check_moves("a narrow burst", count, level, level - 1);
    }
    timers_init(&wheel, 0);
    add_many(1000000, 0, 60 * SECOND);
    check_moves("a minute", 1000000, 4, 4);
}

static struct timer *of_tick;

static void fire_and_add_near(struct timer *timer)
{
    exactly_in_time(timer);
    if (!of_tick || !timer_idle(of_tick))
        return;
    of_tick->at_ns = turned_to_ns + (int64_t)(random_next() % 300);
    of_tick->fire = exactly_in_time;
    timers_add(&wheel, of_tick);
}

/* A crowd in one tick, which the clock goes through timer by timer while more are added among them.
   Each call tells the next one exactly. */
static void a_crowd_in_one_tick(void **state)
{
    static struct timer late;
    size_t calls, i;

    (void)state;
    seed_from_environment();
    add_many(10000, SECOND / 16384 * 16384, 16384);
    for (i = 0; i < 10000; i++)
        million[i].fire = fire_and_add_near;
    of_tick = &late;
    turn_until_empty(&calls);
    assert_in_range(calls, 5000, 20000);
    of_tick = NULL;
}

/* Small slots cost an idle loop no call before their timers' own. */
static void few_timers_need_no_steps(void **state)
{
    size_t calls;

    (void)state;
    seed_from_environment();
    add_many(64, 70 * slot_ns(4), slot_ns(4));
    turn_until_empty(&calls);
    assert_in_range(calls, 1, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty_wheel_has_no_next, start_at_zero),
        cmocka_unit_test_setup(never_early_exact_to_the_nanosecond, start_at_zero),
        cmocka_unit_test_setup(the_end_of_time_is_a_time, start_at_zero),
        cmocka_unit_test_setup(the_past_fires_at_the_next_call, start_at_zero),
        cmocka_unit_test_setup(cancel_before_fire, start_at_zero),
        cmocka_unit_test_setup(equal_times_fire_in_order_of_insertion, start_at_zero),
        cmocka_unit_test_setup(fire_may_cancel_another_that_is_due, start_at_zero),
        cmocka_unit_test_setup(rearm_from_fire, start_at_zero),
        cmocka_unit_test_setup(clock_that_goes_back_is_harmless, start_at_zero),
        cmocka_unit_test_setup(next_is_exact_up_to_64_in_a_slot, start_at_zero),
        cmocka_unit_test_setup(fuzz_against_model, start_at_zero),
        cmocka_unit_test_setup(a_million_timers, start_at_zero),
        cmocka_unit_test_setup(no_call_moves_many, start_at_zero),
        cmocka_unit_test_setup(a_crowd_in_one_tick, start_at_zero),
        cmocka_unit_test_setup(few_timers_need_no_steps, start_at_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
