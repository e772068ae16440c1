/* Condition variables. */
#include "waiting.h"

#include <pthread.h>

static dure_mutex mutex;
static dure_cond cond;

static void use(unsigned flags)
{
    CHECK_EQ(dure_mutex_init(&mutex, flags), 0);
    CHECK_EQ(dure_cond_init(&cond, flags & DURE_SAME_LOOP), 0);
}

/* --- the checks of all calls that wait --- */

static atomic_int signals;

static bool make(struct waiting *w)
{
    (void)w;
    use(0);
    atomic_store(&signals, 0);
    return true;
}

static void release(struct waiting *w)
{
    (void)w;
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    atomic_fetch_add(&signals, 1);
    dure_cond_signal(&cond);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
}

/* At entry a cancelled task is refused whatever the state of things. */
static int wait_for_one(dure_deadline deadline)
{
    int result = dure_canceled() ? dure_cond_timedwait(&cond, &mutex, deadline) : 0;

    while (result == 0 && atomic_load(&signals) == 0)
        result = deadline.at_ns ? dure_cond_timedwait(&cond, &mutex, deadline)
                                : dure_cond_wait(&cond, &mutex);
    if (result == 0)
        atomic_fetch_sub(&signals, 1);
    return result;
}

static int64_t wait_locked(dure_deadline deadline)
{
    int result, error;

    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    result = wait_for_one(deadline);
    error = errno;
    CHECK_EQ(dure_mutex_unlock(&mutex), 0); /* it has it again, whatever came */
    errno = error;
    return result;
}

static int64_t cond_wait(struct waiting *w)
{
    (void)w;
    return wait_locked((dure_deadline){ 0 });
}

static int64_t cond_timedwait(struct waiting *w)
{
    (void)w;
    return wait_locked(dure_after(DURE_MINUTE));
}

static const struct waiting_kind kinds[] = {
    { "cond_wait", make, cond_wait, release, 0, 0, WAITING_OBJECT, NULL },
    { "cond_timedwait", make, cond_timedwait, release, 0, 0, WAITING_OBJECT, NULL },
};

WAITING_TESTS

/* --- signal and broadcast --- */

static unsigned order[6], order_len;

static int64_t wait_in_order(void *arg)
{
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    CHECK_EQ(dure_cond_wait(&cond, &mutex), 0);
    order[order_len++] = *(unsigned *)arg;
    return dure_mutex_unlock(&mutex);
}

TEST(signal_wakes_the_first_broadcast_all)
{
    unsigned numbers[6], i;
    struct background b[6];
    dure_scope scope;

    NOT_SIMULATED("the seed chooses who of those who were woken runs first");
    use(0);
    order_len = 0;
    dure_cond_signal(&cond); /* nobody waits: it is not kept */
    dure_cond_broadcast(&cond);
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++) {
        numbers[i] = i;
        background_start(&b[i], &scope, DURE_THIS_LOOP, wait_in_order, &numbers[i]);
    }
    dure_cond_signal(&cond);
    one_turn();
    CHECK_EQ(order_len, 1);
    dure_cond_signal(&cond);
    one_turn();
    CHECK_EQ(order_len, 2);
    dure_cond_broadcast(&cond);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(order_len, 6);
    for (i = 0; i < 6; i++)
        CHECK_EQ(order[i], i);
}

static int64_t wait_once(void *arg)
{
    int result, error;

    (void)arg;
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    result = dure_cond_wait(&cond, &mutex);
    error = errno;
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    errno = error;
    return result;
}

/* A signal that was taken is told, though the scope ended before its taker ran. */
TEST(signal_before_cancel_is_not_lost)
{
    struct background a, b;
    dure_scope scope, other;

    use(0);
    dure_scope_open(&scope);
    dure_scope_open(&other);
    background_start(&a, &scope, DURE_THIS_LOOP, wait_once, NULL);
    background_start(&b, &other, DURE_THIS_LOOP, wait_once, NULL);
    dure_cond_signal(&cond);
    dure_scope_cancel(&scope); /* ends the other one's wait: that scope lies inside */
    CHECK_FAILS(dure_scope_close(&other), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(a.result, 0);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, ECANCELED);
}

/* A wait that is cancelled takes no signal: the next one gets it. */
TEST(cancel_before_signal_takes_none)
{
    struct background a, b;
    dure_scope scope, other;

    use(0);
    dure_scope_open(&other);
    dure_scope_open(&scope);
    background_start(&a, &scope, DURE_LOOP(1), wait_once, NULL);
    background_start(&b, &other, DURE_THIS_LOOP, wait_once, NULL);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    dure_cond_signal(&cond);
    CHECK_EQ(dure_scope_close(&other), 0);
    CHECK_EQ(a.result, -1);
    CHECK_EQ(b.result, 0);
}

/* The re-locking half is not cancelled: who has the mutex keeps it. */
TEST(canceled_wait_still_locks)
{
    struct background b;
    dure_scope scope;

    use(0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), wait_once, NULL);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    dure_scope_cancel(&scope);
    one_turn();
    CHECK(!atomic_load(&b.done));
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(b.error, ECANCELED);
}

TEST(timedwait_times_out)
{
    int64_t begun_ns = dure_now();

    use(0);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    CHECK_FAILS(dure_cond_timedwait(&cond, &mutex, dure_after(2 * DURE_MILLISECOND)), ETIMEDOUT);
    CHECK(dure_now() - begun_ns >= 2 * DURE_MILLISECOND);
    CHECK_FAILS(dure_cond_timedwait(&cond, &mutex, dure_at(1)), ETIMEDOUT);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_FAILS(dure_cond_wait(&cond, &mutex), EPERM);
    CHECK_FAILS(dure_cond_init(&cond, 0x100u), EINVAL);
}

TEST(recursive_mutex_is_let_go_and_regained)
{
    struct background b;
    dure_scope scope;

    CHECK_EQ(dure_mutex_init(&mutex, DURE_RECURSIVE), 0);
    CHECK_EQ(dure_cond_init(&cond, 0), 0);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    dure_scope_open(&scope);
    /* It could not lock, and wait, if this one kept the mutex. */
    background_start(&b, &scope, DURE_THIS_LOOP, wait_once, NULL);
    CHECK_FAILS(dure_cond_timedwait(&cond, &mutex, dure_after(DURE_MILLISECOND)), ETIMEDOUT);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_FAILS(dure_mutex_unlock(&mutex), EPERM);
    while (!atomic_load(&b.done)) {
        dure_cond_signal(&cond);
        dure_yield();
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- a bounded buffer between tasks of all loops and threads --- */

#define PLACES 3
static int buffer[PLACES], buffer_len, items_left;
static long sum;
static dure_cond not_full, not_empty;

static int produce(void *arg)
{
    int i, count = *(int *)arg;

    for (i = 1; i <= count; i++) {
        CHECK_EQ(dure_mutex_lock(&mutex), 0);
        while (buffer_len == PLACES)
            CHECK_EQ(dure_cond_wait(&not_full, &mutex), 0);
        buffer[buffer_len++] = i;
        dure_cond_signal(&not_empty);
        CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    }
    return 0;
}

static bool consume_one(void)
{
    bool more;

    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    while (buffer_len == 0 && items_left > 0)
        CHECK_EQ(dure_cond_wait(&not_empty, &mutex), 0);
    more = items_left > 0;
    if (more) {
        sum += buffer[--buffer_len];
        if (--items_left == 0)
            dure_cond_broadcast(&not_empty);
        dure_cond_signal(&not_full);
    }
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    return more;
}

static int consume(void *arg)
{
    (void)arg;
    while (consume_one())
        ;
    return 0;
}

static void *consume_on_thread(void *arg)
{
    consume(arg);
    return NULL;
}

static void bounded_buffer(unsigned flags, int loops, bool with_thread)
{
    int i, count = UNDER_TSAN ? 300 : 3000;
    pthread_t thread;
    dure_scope scope;

    use(flags);
    CHECK_EQ(dure_cond_init(&not_full, flags), 0);
    CHECK_EQ(dure_cond_init(&not_empty, flags), 0);
    sum = buffer_len = 0;
    items_left = 6 * count;
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++) {
        dure_spawn_options options = { .place = DURE_LOOP(dure_loop_number() + i % loops) };

        if (loops > 1)
            options.place = DURE_LOOP(i % loops);
        CHECK_EQ(dure_spawn_with(&scope, &options, produce, &count, sizeof count), 0);
        CHECK_EQ(dure_spawn_with(&scope, &options, consume, NULL, 0), 0);
    }
    if (with_thread)
        CHECK_EQ(pthread_create(&thread, NULL, consume_on_thread, NULL), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    if (with_thread)
        pthread_join(thread, NULL);
    CHECK_EQ(sum, 6L * count * (count + 1) / 2);
}

TEST_WITH(bounded_buffer_loses_nothing, .loops = 3)
{
    bounded_buffer(0, 3, true);
}

TEST(bounded_buffer_on_one_loop)
{
    bounded_buffer(DURE_SAME_LOOP, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(signal_wakes_the_first_broadcast_all),
        cmocka_unit_test(signal_before_cancel_is_not_lost),
        cmocka_unit_test(cancel_before_signal_takes_none),
        cmocka_unit_test(canceled_wait_still_locks),
        cmocka_unit_test(timedwait_times_out),
        cmocka_unit_test(recursive_mutex_is_let_go_and_regained),
        cmocka_unit_test(bounded_buffer_loses_nothing),
        cmocka_unit_test(bounded_buffer_on_one_loop),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
