/* Semaphores. */
#include "waiting.h"

#include <pthread.h>

static dure_sem sem;

/* --- the checks of all calls that wait --- */

static bool make(struct waiting *w)
{
    (void)w;
    CHECK_EQ(dure_sem_init(&sem, 0, 0), 0);
    return true;
}

static void release(struct waiting *w)
{
    (void)w;
    CHECK_EQ(dure_sem_post(&sem), 0);
}

static int64_t sem_wait_of(struct waiting *w)
{
    (void)w;
    return dure_sem_wait(&sem);
}

static int64_t sem_timedwait_of(struct waiting *w)
{
    (void)w;
    return dure_sem_timedwait(&sem, dure_after(DURE_MINUTE));
}

static const struct waiting_kind kinds[] = {
    { "sem_wait", make, sem_wait_of, release, 0, 0, WAITING_OBJECT, NULL },
    { "sem_timedwait", make, sem_timedwait_of, release, 0, 0, WAITING_OBJECT, NULL },
};

WAITING_TESTS

/* --- the value --- */

TEST(value_counts)
{
    dure_sem zeroed = DURE_SEM_INIT;

    CHECK_EQ(dure_sem_value(&zeroed), 0);
    CHECK_FAILS(dure_sem_trywait(&zeroed), EAGAIN);
    CHECK_EQ(dure_sem_init(&sem, 2, 0), 0);
    CHECK_EQ(dure_sem_wait(&sem), 0);
    CHECK_EQ(dure_sem_trywait(&sem), 0);
    CHECK_FAILS(dure_sem_trywait(&sem), EAGAIN);
    CHECK_FAILS(dure_sem_timedwait(&sem, dure_after(DURE_MILLISECOND)), ETIMEDOUT);
    CHECK_EQ(dure_sem_post(&sem), 0);
    CHECK_EQ(dure_sem_value(&sem), 1);
    CHECK_EQ(dure_sem_timedwait(&sem, dure_at(1)), 0); /* it is there: the time says nothing */
}

TEST(value_has_a_limit)
{
    CHECK_FAILS(dure_sem_init(&sem, DURE_SEM_MAX + 1, 0), EINVAL);
    CHECK_FAILS(dure_sem_init(&sem, 0, 0x100u), EINVAL);
    CHECK_EQ(dure_sem_init(&sem, DURE_SEM_MAX - 1, 0), 0);
    CHECK_EQ(dure_sem_post(&sem), 0);
    CHECK_EQ(dure_sem_value(&sem), DURE_SEM_MAX);
    CHECK_FAILS(dure_sem_post(&sem), EOVERFLOW);
    CHECK_EQ(dure_sem_value(&sem), DURE_SEM_MAX);
    CHECK_EQ(dure_sem_wait(&sem), 0);
    CHECK_EQ(dure_sem_value(&sem), DURE_SEM_MAX - 1);
}

static unsigned order[6], order_len;

static int64_t wait_in_order(void *arg)
{
    CHECK_EQ(dure_sem_wait(&sem), 0);
    order[order_len++] = *(unsigned *)arg;
    return 0;
}

/* Whoever comes later does not take what was posted for one who waits. */
TEST(first_come_first_served)
{
    unsigned numbers[6], i;
    struct background b[6];
    dure_scope scope;

    NOT_SIMULATED("the seed chooses who of those who were woken runs first");
    CHECK_EQ(dure_sem_init(&sem, 0, 0), 0);
    order_len = 0;
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++) {
        numbers[i] = i;
        background_start(&b[i], &scope, DURE_THIS_LOOP, wait_in_order, &numbers[i]);
    }
    for (i = 0; i < 6; i++) {
        CHECK_EQ(dure_sem_post(&sem), 0);
        CHECK_FAILS(dure_sem_trywait(&sem), EAGAIN);
        CHECK_EQ(dure_sem_value(&sem), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 6; i++)
        CHECK_EQ(order[i], i);
}

TEST(post_works_in_a_canceled_scope)
{
    dure_scope scope;

    CHECK_EQ(dure_sem_init(&sem, 0, 0), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_sem_post(&sem), 0);
    CHECK_FAILS(dure_sem_wait(&sem), ECANCELED);
    CHECK_EQ(dure_sem_value(&sem), 1); /* nothing was taken */
    CHECK_EQ(dure_sem_trywait(&sem), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

/* --- as many inside as it says, of all loops and threads, some of whom give up --- */

#define PLACES 3
static atomic_int inside, entered;

static int any_wait(unsigned *seed)
{
    int error = 0, result = -1;

    switch (rand_r(seed) % 4) {
    case 0:
        return dure_sem_trywait(&sem);
    case 1:
        return dure_sem_timedwait(&sem, dure_after(rand_r(seed) % 30000));
    case 2:
        DURE_WITHIN(dure_after(rand_r(seed) % 30000))
        {
            result = dure_sem_wait(&sem);
            error = errno;
        }
        errno = error;
        return result;
    default:
        return dure_sem_wait(&sem);
    }
}

static int enter_at_random(void *arg)
{
    unsigned seed = *(unsigned *)arg, i;

    for (i = 0; i < (UNDER_TSAN ? 300 : 3000); i++) {
        errno = 0;
        if (any_wait(&seed) == 0) {
            CHECK(atomic_fetch_add(&inside, 1) < PLACES);
            atomic_fetch_add(&entered, 1);
            if (rand_r(&seed) % 8 == 0)
                dure_yield();
            atomic_fetch_sub(&inside, 1);
            CHECK_EQ(dure_sem_post(&sem), 0);
        } else {
            CHECK(errno == EAGAIN || errno == ETIMEDOUT || errno == ECANCELED);
        }
    }
    return 0;
}

static atomic_bool thread_done;

static void *enter_on_thread(void *arg)
{
    enter_at_random(arg);
    atomic_store(&thread_done, true);
    return NULL;
}

static void crowd(unsigned flags, unsigned loops)
{
    unsigned i, seed = 99;
    pthread_t thread;
    dure_scope scope;

    CHECK_EQ(dure_sem_init(&sem, PLACES, flags), 0);
    atomic_store(&thread_done, loops == 1);
    dure_scope_open(&scope);
    for (i = 0; i < 12; i++) {
        int place = loops == 1 ? DURE_THIS_LOOP : DURE_LOOP((int)(i % loops));

        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, enter_at_random,
                                 &i, sizeof i),
                 0);
    }
    if (loops > 1)
        CHECK_EQ(pthread_create(&thread, NULL, enter_on_thread, &seed), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);  /* a lost post would never let it return */
    YIELD_UNTIL(atomic_load(&thread_done)); /* its scopes need this loop */
    if (loops > 1)
        pthread_join(thread, NULL);
    CHECK_EQ(dure_sem_value(&sem), PLACES);
    CHECK(atomic_load(&entered) > 0);
}

TEST_WITH(so_many_are_inside, .loops = 3)
{
    crowd(0, 3);
}

TEST(same_loop)
{
    crowd(DURE_SAME_LOOP, 1);
}

/* --- whoever has waited may free it --- */

static int post_it(void *arg)
{
    return dure_sem_post(*(dure_sem **)arg);
}

static void *post_on_thread(void *arg)
{
    dure_sem_post(arg);
    return NULL;
}

TEST(memory_may_go_when_the_wait_returns)
{
    int i, rounds = UNDER_TSAN ? 200 : 2000;
    pthread_t thread;
    dure_scope scope;

    for (i = 0; i < rounds; i++) {
        bool by_thread = i % 16 == 0;
        dure_sem *mine = calloc(1, sizeof *mine);

        dure_scope_open(&scope);
        if (by_thread)
            CHECK_EQ(pthread_create(&thread, NULL, post_on_thread, mine), 0);
        else
            CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                     post_it, &mine, sizeof mine),
                     0);
        CHECK_EQ(dure_sem_wait(mine), 0);
        free(mine);
        CHECK_EQ(dure_scope_close(&scope), 0);
        if (by_thread)
            pthread_join(thread, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(value_counts),
        cmocka_unit_test(value_has_a_limit),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(post_works_in_a_canceled_scope),
        cmocka_unit_test(so_many_are_inside),
        cmocka_unit_test(same_loop),
        cmocka_unit_test(memory_may_go_when_the_wait_returns),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
