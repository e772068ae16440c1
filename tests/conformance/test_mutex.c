/* Mutexes: between tasks of several loops and plain threads. */
#include "waiting.h"

#include <pthread.h>
#include <semaphore.h>

static dure_mutex mutex;

static void use(unsigned flags)
{
    CHECK_EQ(dure_mutex_init(&mutex, flags), 0);
}

/* --- the checks of all calls that wait; a thread has the mutex --- */

static pthread_t holder;
static sem_t held, let_go;

static void *hold(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    sem_post(&held);
    while (sem_wait(&let_go) != 0)
        ;
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    return NULL;
}

static bool make_held(struct waiting *w)
{
    (void)w;
    use(0);
    sem_init(&held, 0, 0);
    sem_init(&let_go, 0, 0);
    CHECK_EQ(pthread_create(&holder, NULL, hold, NULL), 0);
    while (sem_wait(&held) != 0)
        ;
    return true;
}

static void release(struct waiting *w)
{
    (void)w;
    sem_post(&let_go);
    pthread_join(holder, NULL);
}

static int64_t unlock_after(int result)
{
    if (result == 0)
        CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    return result;
}

static int64_t lock_cancelable(struct waiting *w)
{
    (void)w;
    return unlock_after(dure_mutex_lock_cancelable(&mutex));
}

static int64_t timedlock(struct waiting *w)
{
    (void)w;
    return unlock_after(dure_mutex_timedlock(&mutex, dure_after(DURE_MINUTE)));
}

static const struct waiting_kind kinds[] = {
    { "mutex_lock_cancelable", make_held, lock_cancelable, release, 0, 0,
      WAITING_OBJECT | WAITING_ALONE, NULL },
    { "mutex_timedlock", make_held, timedlock, release, 0, 0, WAITING_OBJECT | WAITING_ALONE,
      NULL },
};

WAITING_TESTS

/* --- one owner at a time --- */

static unsigned inside, entered;

static int enter_often(void *arg)
{
    int i, rounds = *(int *)arg;

    for (i = 0; i < rounds; i++) {
        CHECK_EQ(dure_mutex_lock(&mutex), 0);
        CHECK_EQ(inside++, 0);
        entered++;
        if (i % 7 == 0)
            dure_yield(); /* on a thread too */
        CHECK_EQ(--inside, 0);
        CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    }
    return 0;
}

static void *enter_on_thread(void *arg)
{
    enter_often(arg);
    return NULL;
}

/* Not atomic: whatever was not excluded would show in the counters, or under ThreadSanitizer. */
TEST_WITH(tasks_and_threads_exclude_each_other, .loops = 3)
{
    int i, rounds = UNDER_TSAN ? 200 : 2000;
    pthread_t threads[2];
    dure_scope scope;

    use(0);
    inside = entered = 0;
    dure_scope_open(&scope);
    for (i = 0; i < 12; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 3) },
                                 enter_often, &rounds, sizeof rounds),
                 0);
    for (i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, enter_on_thread, &rounds), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(entered, 14 * rounds);
}

/* Each kind of lock, at random, some of them given up. */
static int any_lock(unsigned *seed)
{
    int error = 0, result;

    switch (rand_r(seed) % 4) {
    case 0:
        return dure_mutex_trylock(&mutex);
    case 1:
        return dure_mutex_timedlock(&mutex, dure_after(rand_r(seed) % 30000));
    case 2:
        result = -1;
        DURE_WITHIN(dure_after(rand_r(seed) % 30000))
        {
            result = dure_mutex_lock_cancelable(&mutex);
            error = errno;
        }
        errno = error;
        return result;
    default:
        return dure_mutex_lock(&mutex);
    }
}

static int lock_at_random(void *arg)
{
    unsigned seed = *(unsigned *)arg, i;

    for (i = 0; i < (UNDER_TSAN ? 300 : 3000); i++) {
        errno = 0;
        if (any_lock(&seed) == 0) {
            CHECK_EQ(inside++, 0);
            entered++;
            if (rand_r(&seed) % 8 == 0)
                dure_yield();
            CHECK_EQ(--inside, 0);
            CHECK_EQ(dure_mutex_unlock(&mutex), 0);
        } else {
            CHECK(errno == EBUSY || errno == ETIMEDOUT || errno == ECANCELED);
        }
        if (rand_r(&seed) % 4 == 0)
            dure_yield();
    }
    return 0;
}

static atomic_bool thread_done;

static void *lock_at_random_on_thread(void *arg)
{
    lock_at_random(arg);
    atomic_store(&thread_done, true);
    return NULL;
}

TEST_WITH(giving_up_loses_no_wake, .loops = 3)
{
    unsigned i, seed, thread_seed = 77;
    dure_scope scope;
    pthread_t thread;

    use(0);
    inside = entered = 0;
    atomic_store(&thread_done, false);
    dure_scope_open(&scope);
    for (i = 0; i < 9; i++) {
        seed = i;
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)i % 3) },
                                 lock_at_random, &seed, sizeof seed),
                 0);
    }
    CHECK_EQ(pthread_create(&thread, NULL, lock_at_random_on_thread, &thread_seed), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);  /* a lost wake would never let it return */
    YIELD_UNTIL(atomic_load(&thread_done)); /* its scopes need this loop */
    pthread_join(thread, NULL);
    CHECK(entered > 0);
    CHECK_EQ(dure_mutex_trylock(&mutex), 0);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
}

/* --- the last one to have it frees it, whoever has given up meanwhile --- */

struct counted {
    dure_mutex mutex;
    unsigned users;
};

static int leave(void *arg)
{
    struct counted *counted = *(struct counted **)arg;
    bool last;
    int i;

    for (i = 0; i < 3; i++)
        if (dure_mutex_timedlock(&counted->mutex, dure_after(DURE_MICROSECOND)) == 0) {
            dure_yield();
            dure_mutex_unlock(&counted->mutex);
        }
    CHECK_EQ(dure_mutex_lock(&counted->mutex), 0);
    last = --counted->users == 0;
    CHECK_EQ(dure_mutex_unlock(&counted->mutex), 0);
    if (last)
        free(counted);
    return 0;
}

TEST_WITH(memory_may_go_after_the_last_unlock, .loops = 3)
{
    int round, i, rounds = UNDER_TSAN ? 30 : 300;
    dure_scope scope;

    for (round = 0; round < rounds; round++) {
        struct counted *counted = calloc(1, sizeof *counted);

        counted->users = 6;
        dure_scope_open(&scope);
        for (i = 0; i < 6; i++)
            CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 3) },
                                     leave, &counted, sizeof counted),
                     0);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
}

/* --- order --- */

static unsigned order[8], order_len;

static int64_t lock_in_order(void *arg)
{
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    order[order_len++] = *(unsigned *)arg;
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    return 0;
}

TEST(first_come_first_served)
{
    unsigned numbers[8], i;
    struct background b[8];
    dure_scope scope;

    use(0);
    order_len = 0;
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    dure_scope_open(&scope);
    for (i = 0; i < 8; i++) {
        numbers[i] = i;
        background_start(&b[i], &scope, DURE_THIS_LOOP, lock_in_order, &numbers[i]);
    }
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_FAILS(dure_mutex_trylock(&mutex), EBUSY); /* it was handed over */
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(order_len, 8);
    for (i = 0; i < 8; i++)
        CHECK_EQ(order[i], i);
}

static atomic_bool got_it;

static int64_t lock_once(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    atomic_store(&got_it, true);
    return dure_mutex_unlock(&mutex);
}

/* Somebody who locks again as soon as it has unlocked does not keep others out. */
static void nobody_starves_on(int place)
{
    struct background b;
    dure_scope scope;

    use(0);
    atomic_store(&got_it, false);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, place, lock_once, NULL);
    while (!atomic_load(&got_it)) {
        CHECK_EQ(dure_mutex_unlock(&mutex), 0);
        CHECK_EQ(dure_mutex_lock(&mutex), 0);
    }
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(nobody_starves)
{
    nobody_starves_on(DURE_THIS_LOOP);
    nobody_starves_on(DURE_LOOP(1));
}

/* --- plain lock, and giving up --- */

TEST(lock_is_never_canceled)
{
    struct background b;
    dure_scope scope;

    use(0);
    atomic_store(&got_it, false);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), lock_once, NULL);
    dure_scope_cancel(&scope);
    one_turn();
    CHECK(!atomic_load(&b.done));
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK(atomic_load(&got_it));
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_mutex_lock(&mutex), 0); /* nor at entry */
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_EQ(dure_mutex_trylock(&mutex), 0);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    dure_scope_close(&scope);
}

static int64_t timedlock_briefly(void *arg)
{
    (void)arg;
    return dure_mutex_timedlock(&mutex, dure_after(2 * DURE_MILLISECOND));
}

static void times_out(int place)
{
    int64_t begun_ns = dure_now();
    struct background b;
    dure_scope scope;

    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, place, timedlock_briefly, NULL);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, ETIMEDOUT);
    CHECK(dure_now() - begun_ns >= 2 * DURE_MILLISECOND);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_EQ(dure_mutex_timedlock(&mutex, dure_at(1)), 0); /* it is free: the time says nothing */
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
}

TEST(timedlock_times_out)
{
    use(0);
    times_out(DURE_THIS_LOOP);
    times_out(DURE_LOOP(1));
}

static void *timedlock_on_thread(void *arg)
{
    dure_scope scope;

    (void)arg;
    CHECK_FAILS(dure_mutex_timedlock(&mutex, dure_after(DURE_MILLISECOND)), ETIMEDOUT);
    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_FAILS(dure_mutex_timedlock(&mutex, dure_after(DURE_MILLISECOND)), ETIMEDOUT);
    CHECK_EQ(dure_scope_close(&scope), 0);
    return NULL;
}

TEST_OUTSIDE(timedlock_times_out_on_threads)
{
    pthread_t thread;

    use(0);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_create(&thread, NULL, timedlock_on_thread, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
}

/* --- mistakes, and recursion --- */

static int not_mine(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_mutex_unlock(&mutex), EPERM);
    CHECK_FAILS(dure_mutex_trylock(&mutex), EBUSY);
    return 0;
}

static void *not_mine_on_thread(void *arg)
{
    not_mine(arg);
    return NULL;
}

TEST(mistakes)
{
    pthread_t thread;
    dure_scope scope;

    CHECK_FAILS(dure_mutex_init(&mutex, 0x100u), EINVAL);
    use(0);
    CHECK_FAILS(dure_mutex_unlock(&mutex), EPERM);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    CHECK_FAILS(dure_mutex_lock(&mutex), EDEADLK);
    CHECK_FAILS(dure_mutex_trylock(&mutex), EDEADLK);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, not_mine, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(pthread_create(&thread, NULL, not_mine_on_thread, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
}

TEST(recursive)
{
    dure_scope scope;

    use(DURE_RECURSIVE);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    CHECK_EQ(dure_mutex_trylock(&mutex), 0);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    dure_scope_open(&scope); /* it is still locked once */
    CHECK_EQ(dure_spawn(&scope, not_mine, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_FAILS(dure_mutex_unlock(&mutex), EPERM);
}

/* --- one loop --- */

TEST(same_loop)
{
    int i, rounds = 500;
    dure_scope scope;

    use(DURE_SAME_LOOP);
    inside = entered = 0;
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 10; i++)
        CHECK_EQ(dure_spawn(&scope, enter_often, &rounds, sizeof rounds), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(entered, 5000);
    times_out(DURE_THIS_LOOP);
}

static int lock_elsewhere(void *arg)
{
    (void)arg;
    return dure_mutex_lock(&mutex);
}

static int use_on_two_loops(void *arg)
{
    dure_scope scope;

    (void)arg;
    use(DURE_SAME_LOOP);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope,
                             &(dure_spawn_options){ .place = DURE_LOOP(1), .name = "stranger" },
                             lock_elsewhere, NULL, 0),
             0);
    return dure_scope_close(&scope);
}

static void run_on_two_loops(void)
{
    dure_run_with(&(dure_run_options){ .loops = 2 }, use_on_two_loops, NULL);
}

TEST_OUTSIDE(same_loop_is_checked)
{
    struct child child;

    CHECK_FAILS(dure_mutex_init(&mutex, DURE_SAME_LOOP), EPERM);
    conformance_child(&child, run_on_two_loops);
    CHECK_CHILD_ABORTED(&child, "used elsewhere, by task \"stranger\"");
}

/* --- the thread of an embedded loop, between its turns --- */

static int hold_for_a_while(void *arg)
{
    CHECK_EQ(dure_mutex_lock(&mutex), 0);
    atomic_store((atomic_bool *)arg, true);
    CHECK_EQ(dure_sleep_for(2 * DURE_MILLISECOND), 0);
    return dure_mutex_unlock(&mutex);
}

TEST_OUTSIDE(between_the_turns_of_a_loop)
{
    atomic_bool locked = false;

    use(0);
    if (dure_loop_open(NULL, hold_for_a_while, &locked) < 0) {
        CHECK_EQ(errno, ENOTSUP); /* the backend's say */
        return;
    }
    while (!atomic_load(&locked))
        CHECK_EQ(dure_loop_turn(), 1);
    CHECK_FAILS(dure_mutex_timedlock(&mutex, dure_after(DURE_MICROSECOND)), ETIMEDOUT);
    CHECK_EQ(dure_mutex_lock(&mutex), 0); /* its holder goes on meanwhile */
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    CHECK_EQ(dure_loop_close(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(tasks_and_threads_exclude_each_other),
        cmocka_unit_test(giving_up_loses_no_wake),
        cmocka_unit_test(memory_may_go_after_the_last_unlock),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test(lock_is_never_canceled),
        cmocka_unit_test(timedlock_times_out),
        cmocka_unit_test(timedlock_times_out_on_threads),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(recursive),
        cmocka_unit_test(same_loop),
        cmocka_unit_test(same_loop_is_checked),
        cmocka_unit_test(between_the_turns_of_a_loop),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
