/* The twin of pthread_join. */
#include "kids.h"
#include "waiting.h"

#include <pthread.h>
#include <semaphore.h>

static sem_t gate;

static void *pass_gate(void *arg)
{
    while (sem_wait(&gate) != 0)
        ;
    return arg;
}

static void *at_once(void *arg)
{
    return arg;
}

static pthread_t start(void *(*fn)(void *arg), void *arg)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

struct call {
    pthread_t thread;
    void *result;
    struct background background;
};

static int64_t join(void *arg)
{
    struct call *call = arg;

    return dure_pthread_join(call->thread, &call->result);
}

static void call_start(struct call *call, dure_scope *scope, int place, pthread_t thread)
{
    call->thread = thread;
    call->result = NULL;
    background_start(&call->background, scope, place, join, call);
}

/* --- what it gives --- */

static void check_result(void)
{
    void *result = NULL;
    pthread_t thread;
    int word, i;

    for (i = 0; i < 20; i++) {
        CHECK_EQ(dure_pthread_join(start(at_once, &word), &result), 0);
        CHECK(result == &word);
        CHECK_EQ(dure_pthread_join(start(at_once, NULL), NULL), 0);
    }
    thread = start(pass_gate, &word);
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_EQ(dure_pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    errno = 77;
    CHECK_EQ(dure_pthread_join(pthread_self(), NULL), EDEADLK);
    CHECK_EQ(errno, 77);
}

TEST(result)
{
    check_result();
}

TEST_OUTSIDE(result_outside)
{
    check_result();
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_result();
}

TEST(detached_is_refused)
{
    pthread_t thread;

    if (UNDER_TSAN) /* it has a word of its own for that */
        return;
    sem_init(&gate, 0, 0);
    thread = start(pass_gate, NULL);
    CHECK_EQ(pthread_detach(thread), 0);
    CHECK_EQ(dure_pthread_join(thread, NULL), EINVAL);
    sem_post(&gate);
}

TEST(waits)
{
    dure_scope scope;
    struct call call;
    int word, place;

    for (place = 0; place < 2; place++) {
        sem_init(&gate, 0, 0);
        dure_scope_open(&scope);
        call_start(&call, &scope, DURE_LOOP(place), start(pass_gate, &word));
        CHECK(!atomic_load(&call.background.done));
        sem_post(&gate);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(call.background.result, 0);
        CHECK(call.result == &word);
    }
}

TEST(two_join_one)
{
    struct call calls[2];
    dure_scope scope;
    pthread_t thread;

    sem_init(&gate, 0, 0);
    thread = start(pass_gate, NULL);
    dure_scope_open(&scope);
    call_start(&calls[0], &scope, DURE_LOOP(0), thread);
    call_start(&calls[1], &scope, DURE_LOOP(1), thread);
    CHECK_EQ(calls[1].background.result, EINVAL);
    sem_post(&gate);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(calls[0].background.result, 0);
}

/* --- cancelled --- */

TEST(canceled_before)
{
    pthread_t thread = start(at_once, NULL);
    dure_scope scope;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_pthread_join(thread, NULL), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_pthread_join(thread, NULL), 0);
}

TEST(canceled_during)
{
    dure_scope scope;
    pthread_t thread;
    struct call call;
    int place;

    for (place = 0; place < 2; place++) {
        sem_init(&gate, 0, 0);
        thread = start(pass_gate, NULL);
        dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
        call_start(&call, &scope, DURE_LOOP(place), thread);
        dure_scope_cancel(&scope);
        dure_scope_close(&scope);
        CHECK_EQ(call.background.result, ECANCELED);
        sem_post(&gate);
        CHECK_EQ(dure_pthread_join(thread, NULL), 0);
    }
}

/* The end and the cancel meet: it was joined or it was not. */
TEST(canceled_as_it_ends)
{
    dure_scope scope;
    pthread_t thread;
    struct call call;
    int word, i;

    for (i = 0; i < 30; i++) {
        sem_init(&gate, 0, 0);
        thread = start(pass_gate, &word);
        dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
        call_start(&call, &scope, DURE_LOOP(1), thread);
        sem_post(&gate);
        dure_scope_cancel(&scope);
        dure_scope_close(&scope);
        if (call.background.result == 0) {
            CHECK(call.result == &word);
            continue;
        }
        CHECK_EQ(call.background.result, ECANCELED);
        CHECK_EQ(dure_pthread_join(thread, &call.result), 0);
        CHECK(call.result == &word);
    }
}

static void check_deadline(void)
{
    pthread_t thread;

    sem_init(&gate, 0, 0);
    thread = start(pass_gate, NULL);
    errno = 0;
    DURE_WITHIN(dure_after(20 * DURE_MILLISECOND))
    CHECK_EQ(dure_pthread_join(thread, NULL), ECANCELED);
    CHECK_EQ(errno, ETIMEDOUT);
    sem_post(&gate);
    CHECK_EQ(dure_pthread_join(thread, NULL), 0);
}

TEST(deadline)
{
    check_deadline();
}

TEST_OUTSIDE(deadline_outside)
{
    check_deadline();
}

/* --- many --- */

static int join_one(void *arg)
{
    void *result = NULL;

    CHECK_EQ(dure_pthread_join(*(pthread_t *)arg, &result), 0);
    CHECK(result == &gate);
    return 0;
}

TEST(many)
{
    pthread_t threads[100];
    dure_scope scope;
    int i;

    sem_init(&gate, 0, 0);
    dure_scope_open(&scope);
    for (i = 0; i < 100; i++) {
        threads[i] = start(pass_gate, &gate);
        CHECK_EQ(dure_spawn(&scope, join_one, &threads[i], sizeof threads[i]), 0);
    }
    for (i = 0; i < 100; i++) {
        sem_post(&gate);
        dure_yield();
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result),
        cmocka_unit_test(result_outside),
        cmocka_unit_test(detached_is_refused),
        cmocka_unit_test(waits),
        cmocka_unit_test(two_join_one),
        cmocka_unit_test(canceled_before),
        cmocka_unit_test(canceled_during),
        cmocka_unit_test(canceled_as_it_ends),
        cmocka_unit_test(deadline),
        cmocka_unit_test(deadline_outside),
        cmocka_unit_test(many),
    };

    kids_without_pidfd();
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
