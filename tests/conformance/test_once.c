/* What is done once. */
#include "waiting.h"

#include <pthread.h>
#include <semaphore.h>

static dure_once once;
static atomic_uint calls;

static int count(void *arg)
{
    (void)arg;
    atomic_fetch_add(&calls, 1);
    return 0;
}

/* --- the checks of all calls that wait; a thread is at it, and fails --- */

static pthread_t thread;
static sem_t begun, let_go;

static int fail_when_told(void *arg)
{
    (void)arg;
    sem_post(&begun);
    while (sem_wait(&let_go) != 0)
        ;
    errno = ENODEV;
    return -1;
}

static void *be_first(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_call_once(&once, fail_when_told, NULL), ENODEV);
    return NULL;
}

static bool make(struct waiting *w)
{
    (void)w;
    memset(&once, 0, sizeof once);
    sem_init(&begun, 0, 0);
    sem_init(&let_go, 0, 0);
    CHECK_EQ(pthread_create(&thread, NULL, be_first, NULL), 0);
    while (sem_wait(&begun) != 0)
        ;
    return true;
}

static void release(struct waiting *w)
{
    (void)w;
    sem_post(&let_go);
    pthread_join(thread, NULL);
}

static int64_t call_once_of(struct waiting *w)
{
    (void)w;
    return dure_call_once(&once, count, NULL);
}

static const struct waiting_kind kinds[] = {
    { "call_once", make, call_once_of, release, 0, 0, WAITING_OBJECT | WAITING_ALONE, NULL },
};

WAITING_TESTS

/* --- done once --- */

static int value; /* not atomic: whoever is told that it is done sees it */

static int make_value(void *arg)
{
    (void)arg;
    atomic_fetch_add(&calls, 1);
    dure_sleep_for(DURE_MILLISECOND);
    value = 42;
    return 0;
}

static int need_value(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_call_once(&once, make_value, NULL), 0);
    CHECK_EQ(value, 42);
    return 0;
}

static void *need_on_thread(void *arg)
{
    need_value(arg);
    return NULL;
}

TEST_WITH(done_once_for_tasks_and_threads, .loops = 3)
{
    pthread_t threads[3];
    dure_scope scope;
    int i;

    memset(&once, 0, sizeof once);
    atomic_store(&calls, 0);
    value = 0;
    dure_scope_open(&scope);
    for (i = 0; i < 12; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 3) },
                                 need_value, NULL, 0),
                 0);
    for (i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, need_on_thread, NULL), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(atomic_load(&calls), 1);
}

/* Who fails is told; the others go on until one succeeds. */
static int fail_twice(void *arg)
{
    (void)arg;
    dure_yield();
    errno = EDOM;
    return atomic_fetch_add(&calls, 1) < 2 ? -1 : 0;
}

static atomic_uint failures;

static int try_it(void *arg)
{
    (void)arg;
    errno = 0;
    if (dure_call_once(&once, fail_twice, NULL) == 0)
        return 0;
    CHECK_EQ(errno, EDOM);
    atomic_fetch_add(&failures, 1);
    return 0;
}

TEST(failure_is_tried_again_by_the_next)
{
    dure_scope scope;
    int i;

    memset(&once, 0, sizeof once);
    atomic_store(&calls, 0);
    atomic_store(&failures, 0);
    dure_scope_open(&scope);
    for (i = 0; i < 8; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) }, try_it,
                                 NULL, 0),
                 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&calls), 3);
    CHECK_EQ(atomic_load(&failures), 2);
}

static int sleep_long(void *arg)
{
    (void)arg;
    atomic_fetch_add(&calls, 1);
    return dure_sleep_for(DURE_MINUTE);
}

static int64_t call_sleep_long(void *arg)
{
    (void)arg;
    return dure_call_once(&once, sleep_long, NULL);
}

static int64_t call_count(void *arg)
{
    (void)arg;
    return dure_call_once(&once, count, NULL);
}

/* The one who was at it is cancelled: it is the next one's. */
TEST(cancel_passes_it_on)
{
    struct background first, next;
    dure_scope scope, canceled;

    memset(&once, 0, sizeof once);
    atomic_store(&calls, 0);
    dure_scope_open(&scope);
    dure_scope_open(&canceled);
    background_start(&first, &canceled, DURE_LOOP(1), call_sleep_long, NULL);
    background_start(&next, &scope, DURE_THIS_LOOP, call_count, NULL);
    dure_scope_cancel(&canceled);
    CHECK_FAILS(dure_scope_close(&canceled), ECANCELED);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(first.error, ECANCELED);
    CHECK_EQ(next.result, 0);
    CHECK_EQ(atomic_load(&calls), 2);
}

static int call_itself(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_call_once(&once, count, NULL), EDEADLK);
    return 0;
}

TEST(what_is_done_needs_no_waiting)
{
    dure_scope scope;

    memset(&once, 0, sizeof once);
    atomic_store(&calls, 0);
    CHECK_EQ(dure_call_once(&once, call_itself, NULL), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_call_once(&once, count, NULL), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(atomic_load(&calls), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(done_once_for_tasks_and_threads),
        cmocka_unit_test(failure_is_tried_again_by_the_next),
        cmocka_unit_test(cancel_passes_it_on),
        cmocka_unit_test(what_is_done_needs_no_waiting),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
