/* Futures: of tasks, one after the other, set by hand. */
#include "waiting.h"

#include <pthread.h>

/* --- the checks of all calls that wait --- */

static dure_future promise;

static bool make(struct waiting *w)
{
    (void)w;
    dure_future_init(&promise);
    return true;
}

static void release(struct waiting *w)
{
    (void)w;
    if (!dure_future_done(&promise))
        CHECK_EQ(dure_future_set(&promise, 5), 0);
}

static int64_t await(struct waiting *w)
{
    (void)w;
    return dure_await(&promise);
}

static int64_t await_until(struct waiting *w)
{
    (void)w;
    return dure_await_until(&promise, dure_after(DURE_MINUTE));
}

static int64_t await_all(struct waiting *w)
{
    dure_future *futures[] = { &promise, &promise };

    (void)w;
    return dure_all(futures, 2);
}

static int64_t await_first(struct waiting *w)
{
    static dure_future never;
    dure_future *futures[] = { &never, &promise };
    int64_t index;

    (void)w;
    dure_future_init(&never);
    index = dure_race(futures, 2);
    return index;
}

static int64_t await_success(struct waiting *w)
{
    static dure_future failed;
    dure_future *futures[] = { &failed, &promise };
    int64_t index;

    (void)w;
    dure_future_init(&failed);
    CHECK_EQ(dure_future_fail(&failed, EIO, "one of %d", 2), 0);
    index = dure_any(futures, 2);
    return index;
}

static const struct waiting_kind kinds[] = {
    { "await", make, await, release, 5, 0, WAITING_OBJECT, NULL },
    { "await_until", make, await_until, release, 5, 0, WAITING_OBJECT, NULL },
    { "all", make, await_all, release, 0, 0, WAITING_OBJECT, NULL },
    { "race", make, await_first, release, 1, 0, WAITING_OBJECT | WAITING_ALONE, NULL },
    { "any", make, await_success, release, 1, 0, WAITING_OBJECT | WAITING_ALONE, NULL },
};

WAITING_TESTS

/* --- of tasks --- */

static intptr_t add(void *arg)
{
    int *numbers = arg;

    dure_sleep_for(DURE_MILLISECOND);
    return numbers[0] + numbers[1];
}

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t fail_with_words(void *arg)
{
    return dure_fail(ENOTTY, "no %s here", (const char *)arg);
}

/* Wider than an int: a pointer, a count. */
TEST(result_of_a_task)
{
    int numbers[2] = { 3, 4 };
    dure_future sum, pointer, large;
    dure_scope scope;

    dure_scope_open(&scope);
    CHECK_EQ(dure_async(&scope, &sum, add, numbers, sizeof numbers), 0);
    numbers[0] = 100; /* it has a copy */
    CHECK_EQ(dure_async(&scope, &pointer, give_back, &numbers, 0), 0);
    CHECK_EQ(dure_async(&scope, &large, give_back, (void *)INTPTR_MAX, 0), 0);
    CHECK_EQ(dure_await(&sum), 7);
    CHECK_EQ(dure_await(&sum), 7); /* as often as one likes */
    CHECK((int *)dure_await(&pointer) == numbers);
    CHECK_EQ(dure_await(&large), INTPTR_MAX);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_await(&sum), 7); /* after the close, too */
}

/* A failure is the future's: it comes with errno and words, and the scope goes on. */
TEST(failure_is_told_to_who_awaits)
{
    dure_future failed, fine;
    dure_scope scope;

    dure_scope_open(&scope);
    CHECK_EQ(dure_async(&scope, &failed, fail_with_words, "tty", 0), 0);
    CHECK_FAILS(dure_await(&failed), ENOTTY);
    CHECK_STR(dure_why(), "no tty here");
    CHECK_EQ(dure_async(&scope, &fine, give_back, NULL, 0), 0);
    CHECK_EQ(dure_await(&fine), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static intptr_t sleep_for_ever(void *arg)
{
    (void)arg;
    return dure_sleep_until((dure_deadline){ 0 });
}

/* The future of a scope that was cancelled is; the caller that was cancelled is told apart. */
TEST(canceled_future_and_canceled_caller)
{
    dure_future future;
    dure_scope scope;
    intptr_t value = 0;

    dure_scope_open(&scope);
    CHECK_EQ(dure_async(&scope, &future, sleep_for_ever, NULL, 0), 0);
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    value = dure_await(&future);
    CHECK_EQ(value, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(dure_future_done(&future), 0);
    CHECK_FAILS(dure_await_until(&future, dure_after(DURE_MILLISECOND)), ETIMEDOUT);
    CHECK_EQ(dure_future_done(&future), 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_future_done(&future), 1);
    CHECK_FAILS(dure_await(&future), ECANCELED);
}

/* What cannot be spawned has failed: nobody waits for it for ever. */
TEST(refused_task_has_failed)
{
    dure_future future, next;
    dure_scope scope;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_async(&scope, &future, sleep_for_ever, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_then(&scope, &future, &next, NULL, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_FAILS(dure_await(&future), ECANCELED);
    CHECK_FAILS(dure_await(&next), ECANCELED);
}

/* --- one after the other --- */

static intptr_t times(void *arg, intptr_t value)
{
    return value * *(int *)arg;
}

static intptr_t tell_errno(void *arg, intptr_t value)
{
    (void)arg;
    return value == -1 ? errno : 0;
}

TEST(then)
{
    int numbers[2] = { 3, 4 }, ten = 10;
    dure_future sum, product, failed, told;
    dure_scope scope;

    dure_scope_open(&scope);
    CHECK_EQ(dure_async(&scope, &sum, add, numbers, sizeof numbers), 0);
    CHECK_EQ(dure_then(&scope, &sum, &product, times, &ten, sizeof ten), 0);
    CHECK_EQ(dure_await(&product), 70);
    CHECK_EQ(dure_async(&scope, &failed, fail_with_words, "x", 0), 0);
    CHECK_EQ(dure_then(&scope, &failed, &told, tell_errno, NULL, 0), 0);
    CHECK_EQ(dure_await(&told), ENOTTY);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* It runs exactly once, though the scope ends while the first one is pending. */
TEST(then_of_a_canceled_scope)
{
    dure_future never, next;
    dure_scope scope;

    dure_future_init(&never);
    dure_scope_open(&scope);
    CHECK_EQ(dure_then(&scope, &never, &next, tell_errno, NULL, 0), 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_await(&next), ECANCELED);
}

/* --- several --- */

enum { FUTURES = 20 };

static intptr_t sleep_and_give(void *arg)
{
    int i = *(int *)arg;

    dure_sleep_for((FUTURES - i) * DURE_MILLISECOND / 4);
    return i % 2 ? i : dure_fail(EDOM, "the %d", i);
}

TEST(all_any_race_of_many)
{
    dure_future futures[FUTURES], *all[FUTURES];
    dure_scope scope;
    ssize_t index;
    int i;

    dure_scope_open(&scope);
    for (i = 0; i < FUTURES; i++) {
        all[i] = &futures[i];
        CHECK_EQ(dure_async(&scope, &futures[i], sleep_and_give, &i, sizeof i), 0);
    }
    index = dure_race(all, FUTURES);
    CHECK(index >= 0 && dure_future_done(all[index]));
    index = dure_any(all, FUTURES);
    CHECK(index >= 0 && index % 2 == 1);
    CHECK_EQ(dure_await(all[index]), index);
    CHECK_FAILS(dure_all(all, FUTURES), EDOM);
    CHECK_STR(dure_why(), "the 0");
    for (i = 0; i < FUTURES; i++)
        CHECK_EQ(dure_future_done(&futures[i]), 1);
    CHECK_EQ(dure_race(all, FUTURES), 0); /* now the first of the array */
    CHECK_EQ(dure_any(all, FUTURES), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_all(all, 0), 0);
    CHECK_FAILS(dure_any(all, 0), EINVAL);
    CHECK_FAILS(dure_race(all, 0), EINVAL);
    for (i = 0; i < FUTURES; i++)
        all[i] = &futures[0];
    CHECK_FAILS(dure_any(all, 3), EDOM); /* all have failed */
}

/* The loser of a race goes on and can be awaited afterwards. */
TEST(race_leaves_no_trace)
{
    dure_future slow, fast, *both[] = { &slow, &fast };
    dure_scope scope;
    int i;

    for (i = 0; i < 50; i++) {
        dure_scope_open(&scope);
        CHECK_EQ(dure_async(&scope, &slow, sleep_for_ever, NULL, 0), 0);
        CHECK_EQ(dure_async(&scope, &fast, give_back, &slow, 0), 0);
        CHECK_EQ(dure_race(both, 2), 1);
        CHECK_EQ(dure_any(both, 2), 1);
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_FAILS(dure_await(&slow), ECANCELED);
    }
}

/* --- set by hand --- */

static void *set_it(void *arg)
{
    CHECK_EQ(dure_future_set(arg, 42), 0);
    return NULL;
}

TEST(set_once)
{
    dure_future future;

    dure_future_init(&future);
    CHECK_FAILS(dure_future_set(&future, -1), EINVAL);
    CHECK_EQ(dure_future_set(&future, 1), 0);
    CHECK_FAILS(dure_future_set(&future, 2), EALREADY);
    CHECK_FAILS(dure_future_fail(&future, EIO, "no"), EALREADY);
    CHECK_EQ(dure_await(&future), 1);
}

static int64_t await_it(void *arg)
{
    return dure_await(arg);
}

static void *await_on_thread(void *arg)
{
    CHECK_EQ(dure_await(arg), 42);
    return NULL;
}

/* From a thread that dure knows nothing of, to tasks of two loops and a plain thread. The memory goes
   as soon as the last one has it. */
TEST(set_by_a_thread_for_all)
{
    struct background a, b;
    pthread_t setter, waiter;
    dure_future *future;
    dure_scope scope;
    int i;

    for (i = 0; i < 20; i++) {
        future = malloc(sizeof *future);
        dure_future_init(future);
        dure_scope_open(&scope);
        background_start(&a, &scope, DURE_THIS_LOOP, await_it, future);
        background_start(&b, &scope, DURE_LOOP(1), await_it, future);
        pthread_create(&waiter, NULL, await_on_thread, future);
        pthread_create(&setter, NULL, set_it, future);
        CHECK_EQ(dure_scope_close(&scope), 0);
        pthread_join(waiter, NULL);
        free(future); /* though the setter may not have returned */
        pthread_join(setter, NULL);
        CHECK_EQ(a.result, 42);
        CHECK_EQ(b.result, 42);
    }
}

/* Tasks of all loops complete each other's futures: for the sanitizers. */
static intptr_t chain(void *arg)
{
    struct {
        dure_future *in, *out;
    } *link = arg;
    intptr_t value = dure_await(link->in);

    CHECK_EQ(dure_future_set(link->out, value + 1), 0);
    return value;
}

TEST_WITH(chain_across_loops, .loops = 4)
{
    enum { LEN = 100 };
    static dure_future links[LEN + 1], ends[LEN];
    struct {
        dure_future *in, *out;
    } link;
    dure_scope scope;
    int i;

    for (i = 0; i <= LEN; i++)
        dure_future_init(&links[i]);
    dure_scope_open(&scope);
    for (i = 0; i < LEN; i++) {
        link.in = &links[i];
        link.out = &links[i + 1];
        CHECK_EQ(dure_async(&scope, &ends[i], chain, &link, sizeof link), 0);
    }
    CHECK_EQ(dure_future_set(&links[0], 0), 0);
    CHECK_EQ(dure_await(&links[LEN]), LEN);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- its memory --- */

static void let_memory_go(void)
{
    dure_future future;

    memset(&future, 0x5a, sizeof future);
    dure_future_set(&future, 1);
}

TEST_OUTSIDE(memory_that_is_no_future)
{
    struct child child;

    conformance_child(&child, let_memory_go);
    CHECK_CHILD_ABORTED(&child, "the memory of a future has gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(result_of_a_task),
        cmocka_unit_test(failure_is_told_to_who_awaits),
        cmocka_unit_test(canceled_future_and_canceled_caller),
        cmocka_unit_test(refused_task_has_failed),
        cmocka_unit_test(then),
        cmocka_unit_test(then_of_a_canceled_scope),
        cmocka_unit_test(all_any_race_of_many),
        cmocka_unit_test(race_leaves_no_trace),
        cmocka_unit_test(set_once),
        cmocka_unit_test(set_by_a_thread_for_all),
        cmocka_unit_test(chain_across_loops),
        cmocka_unit_test(memory_that_is_no_future),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
