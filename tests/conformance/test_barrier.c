/* Barriers. */
#include "waiting.h"

#include <pthread.h>

static dure_barrier barrier;

/* --- the checks of all calls that wait; a thread is the second to come --- */

static pthread_t second;
static atomic_bool second_comes;

static bool make(struct waiting *w)
{
    (void)w;
    CHECK_EQ(dure_barrier_init(&barrier, 2, 0), 0);
    atomic_store(&second_comes, false);
    return true;
}

static void *come(void *arg)
{
    (void)arg;
    CHECK(dure_barrier_wait(&barrier) >= 0);
    return NULL;
}

static void release(struct waiting *w)
{
    (void)w;
    CHECK_EQ(pthread_create(&second, NULL, come, NULL), 0);
    atomic_store(&second_comes, true);
}

static int64_t wait_of(struct waiting *w)
{
    int result = dure_barrier_wait(&barrier), error = errno;

    (void)w;
    if (result >= 0) {
        YIELD_UNTIL(atomic_load(&second_comes));
        pthread_join(second, NULL);
    }
    errno = error;
    return result;
}

static const struct waiting_kind kinds[] = {
    { "barrier_wait", make, wait_of, release, -1, 0, WAITING_OBJECT | WAITING_ALONE, NULL },
};

WAITING_TESTS

/* --- rounds --- */

#define PARTIES 7
static atomic_uint round_of[PARTIES], serials;

static int go_rounds(void *arg)
{
    unsigned me = *(unsigned *)arg, rounds = UNDER_TSAN ? 50 : 300, i, other;

    for (i = 1; i <= rounds; i++) {
        int result;

        atomic_store(&round_of[me], i);
        result = dure_barrier_wait(&barrier);
        CHECK(result == 0 || result == DURE_BARRIER_SERIAL_TASK);
        if (result == DURE_BARRIER_SERIAL_TASK)
            atomic_fetch_add(&serials, 1);
        for (other = 0; other < PARTIES; other++) /* nobody is behind, or a round ahead */
            CHECK(atomic_load(&round_of[other]) >= i && atomic_load(&round_of[other]) <= i + 1);
    }
    CHECK(atomic_load(&serials) >= 1);
    return 0;
}

static void *go_rounds_on_thread(void *arg)
{
    go_rounds(arg);
    return NULL;
}

TEST_WITH(rounds_of_tasks_and_threads, .loops = 3)
{
    unsigned i, numbers[PARTIES];
    pthread_t threads[2];
    dure_scope scope;

    CHECK_EQ(dure_barrier_init(&barrier, PARTIES, 0), 0);
    atomic_store(&serials, 0);
    for (i = 0; i < PARTIES; i++)
        atomic_store(&round_of[i], 0);
    dure_scope_open(&scope);
    for (i = 0; i < PARTIES; i++) {
        numbers[i] = i;
        if (i < 2)
            CHECK_EQ(pthread_create(&threads[i], NULL, go_rounds_on_thread, &numbers[i]), 0);
        else
            CHECK_EQ(dure_spawn_with(&scope,
                                     &(dure_spawn_options){ .place = DURE_LOOP((int)i % 3) },
                                     go_rounds, &i, sizeof i),
                     0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(atomic_load(&serials), UNDER_TSAN ? 50 : 300);
}

static int64_t wait_once(void *arg)
{
    (void)arg;
    return dure_barrier_wait(&barrier);
}

/* Who was cancelled is not counted: two more have to come. */
TEST(canceled_has_not_come)
{
    struct background gone, one;
    dure_scope canceled, scope;

    CHECK_EQ(dure_barrier_init(&barrier, 2, 0), 0);
    dure_scope_open(&scope);
    dure_scope_open(&canceled);
    background_start(&gone, &canceled, DURE_LOOP(1), wait_once, NULL);
    dure_scope_cancel(&canceled);
    CHECK_FAILS(dure_barrier_wait(&barrier), ECANCELED);
    CHECK_FAILS(dure_scope_close(&canceled), ECANCELED);
    CHECK_EQ(gone.error, ECANCELED);
    background_start(&one, &scope, DURE_LOOP(1), wait_once, NULL);
    CHECK(!atomic_load(&one.done));
    CHECK_EQ(dure_barrier_wait(&barrier), DURE_BARRIER_SERIAL_TASK); /* it is the last */
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(one.result, 0);
}

TEST(mistakes_and_a_barrier_for_one)
{
    dure_barrier zeroed = { { 0 } }, one = DURE_BARRIER_INIT(1);

    CHECK_FAILS(dure_barrier_wait(&zeroed), EINVAL);
    CHECK_FAILS(dure_barrier_init(&barrier, 0, 0), EINVAL);
    CHECK_FAILS(dure_barrier_init(&barrier, 1, 0x100u), EINVAL);
    CHECK_EQ(dure_barrier_wait(&one), DURE_BARRIER_SERIAL_TASK);
    CHECK_EQ(dure_barrier_wait(&one), DURE_BARRIER_SERIAL_TASK);
}

static int wait_in_task(void *arg)
{
    (void)arg;
    return dure_barrier_wait(&barrier) < 0;
}

TEST(same_loop)
{
    dure_scope scope;
    int i;

    CHECK_EQ(dure_barrier_init(&barrier, 4, DURE_SAME_LOOP), 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 8; i++)
        CHECK_EQ(dure_spawn(&scope, wait_in_task, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(rounds_of_tasks_and_threads),
        cmocka_unit_test(canceled_has_not_come),
        cmocka_unit_test(mistakes_and_a_barrier_for_one),
        cmocka_unit_test(same_loop),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
