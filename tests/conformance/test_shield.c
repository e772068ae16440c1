/* What cancellation leaves time for: shields and graces. */
#include "conformance.h"

#include <stdatomic.h>
#include <sys/stat.h>

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

/* --- shields --- */

TEST(shield_lets_clean_up_talk)
{
    int fds[2], result = -2;
    dure_scope scope;
    ssize_t n = -2;
    char byte;

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_yield(), ECANCELED);
    DURE_SHIELD(DURE_MINUTE)
    {
        CHECK_EQ(dure_canceled(), 0);
        CHECK_EQ(dure_stopping(), 1);
        CHECK_EQ(dure_write(fds[1], "x", 1), 1);
        n = dure_read(fds[0], &byte, 1);
        result = dure_sleep_for(DURE_MICROSECOND);
    }
    CHECK_EQ(n, 1);
    CHECK_EQ(result, 0);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* From the shield's begin, if the end had come before. */
TEST(shield_holds_for_its_grace_from_its_begin)
{
    int64_t begun_ns;
    dure_scope scope;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    begun_ns = dure_now();
    while (dure_now() - begun_ns < 30 * DURE_MILLISECOND)
        ; /* the loop's own time is old by now */
    begun_ns = dure_now();
    DURE_SHIELD(20 * DURE_MILLISECOND)
    {
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK(dure_now() - begun_ns >= 20 * DURE_MILLISECOND);
        CHECK_EQ(dure_canceled(), 1);
    }
    CHECK_EQ(errno, ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

/* From the end around it, if that comes during the shield. */
TEST(shield_holds_for_its_grace_from_the_end_around_it)
{
    int64_t begun_ns = dure_now();
    dure_scope scope;

    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(10 * DURE_MILLISECOND) });
    DURE_SHIELD(20 * DURE_MILLISECOND)
    {
        CHECK(dure_deadline_left() > 20 * DURE_MILLISECOND);
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK(dure_now() - begun_ns >= 30 * DURE_MILLISECOND);
    }
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
}

TEST(shields_inside_one_another_and_scopes_inside_shields)
{
    int64_t begun_ns;
    dure_scope scope, inner;
    int result = -2;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    begun_ns = dure_now();
    DURE_SHIELD(5 * DURE_MILLISECOND)
    DURE_SHIELD(5 * DURE_MILLISECOND)
    {
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK(dure_now() - begun_ns >= 10 * DURE_MILLISECOND);
    }
    DURE_SHIELD(DURE_MINUTE)
    {
        dure_scope_open(&inner); /* its own end is felt at once */
        dure_spawn(&inner, sleep_for_ever, NULL, 0);
        dure_scope_cancel(&inner);
        CHECK_FAILS(dure_yield(), ECANCELED);
        CHECK_FAILS(dure_scope_close(&inner), ECANCELED);
        DURE_WITHIN(dure_after(DURE_MILLISECOND))
        result = dure_sleep_until((dure_deadline){ 0 });
        CHECK_EQ(result, -1);
        CHECK_EQ(errno, ETIMEDOUT);
        CHECK_EQ(dure_yield(), 0);
    }
    DURE_SHIELD(0)
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

/* --- graces --- */

static atomic_int waiting, finished, told;

static int finish_in_the_grace(void *arg)
{
    (void)arg;
    atomic_fetch_add(&waiting, 1);
    YIELD_UNTIL(dure_stopping());
    CHECK_EQ(dure_canceled(), 0);
    atomic_fetch_add(&told, 1);
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0); /* calls go on */
    atomic_fetch_add(&finished, 1);
    return 0;
}

TEST(grace_is_for_the_tasks_not_for_the_opener)
{
    dure_scope scope;
    int i;

    atomic_store(&finished, 0);
    atomic_store(&told, 0);
    atomic_store(&waiting, 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = DURE_MINUTE });
    for (i = 0; i < 20; i++)
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                        finish_in_the_grace, NULL, 0);
    YIELD_UNTIL(waiting == 20);
    CHECK_EQ(told, 0);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_canceled(), 1);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(finished, 20);
}

static int sleep_through_the_grace(void *arg)
{
    (void)arg;
    atomic_fetch_add(&waiting, 1);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    CHECK_EQ(dure_canceled(), 1);
    return 0;
}

static int end_first(void *arg)
{
    dure_scope first, inner;

    (void)arg;
    dure_scope_open_with(&first, &(dure_scope_options){ .flags = DURE_ENDS_FIRST });
    dure_spawn(&first, sleep_for_ever, NULL, 0);
    atomic_fetch_add(&waiting, 1);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    dure_scope_open(&inner);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_scope_close(&inner), ECANCELED);
    CHECK_FAILS(dure_scope_close(&first), ECANCELED);
    CHECK_EQ(dure_canceled(), 0); /* the grace lasts */
    CHECK_EQ(dure_sleep_for(DURE_MICROSECOND), 0);
    dure_scope_open_with(&first, &(dure_scope_options){ .flags = DURE_ENDS_FIRST });
    CHECK_FAILS(dure_yield(), ECANCELED); /* opened during the grace */
    CHECK_FAILS(dure_scope_close(&first), ECANCELED);
    atomic_fetch_add(&finished, 1);
    return 0;
}

TEST(grace_ends)
{
    int64_t begun_ns;
    dure_scope scope;
    int place;

    for (place = DURE_LOOP(0); place <= DURE_LOOP(1); place++) {
        dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = 30 * DURE_MILLISECOND });
        atomic_store(&waiting, 0);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, sleep_through_the_grace,
                        NULL, 0);
        YIELD_UNTIL(waiting == 1);
        begun_ns = dure_now();
        while (dure_now() - begun_ns < 40 * DURE_MILLISECOND)
            ; /* the loop's own time is old by now: the grace counts from the cancel all the same */
        begun_ns = dure_now();
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK(dure_now() - begun_ns >= 30 * DURE_MILLISECOND);
    }
}

TEST(scope_that_ends_first_does_not_wait_for_the_grace)
{
    dure_scope scope;
    int place;

    atomic_store(&finished, 0);
    for (place = DURE_LOOP(0); place <= DURE_LOOP(1); place++) {
        dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = DURE_MINUTE });
        atomic_store(&waiting, 0);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, end_first, NULL, 0);
        YIELD_UNTIL(waiting == 1);
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
    CHECK_EQ(finished, 2);
}

TEST(grace_after_a_deadline_and_under_an_outer_end)
{
    dure_scope outer, scope;

    atomic_store(&finished, 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = DURE_MINUTE,
                                                        .deadline = dure_after(DURE_MILLISECOND) });
    dure_spawn(&scope, finish_in_the_grace, NULL, 0);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    dure_scope_open(&outer);
    dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = DURE_MINUTE });
    dure_spawn(&scope, finish_in_the_grace, NULL, 0);
    dure_yield();
    dure_scope_cancel(&outer);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_FAILS(dure_scope_close(&outer), ECANCELED);
    CHECK_EQ(finished, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shield_lets_clean_up_talk),
        cmocka_unit_test(shield_holds_for_its_grace_from_its_begin),
        cmocka_unit_test(shield_holds_for_its_grace_from_the_end_around_it),
        cmocka_unit_test(shields_inside_one_another_and_scopes_inside_shields),
        cmocka_unit_test(grace_is_for_the_tasks_not_for_the_opener),
        cmocka_unit_test(grace_ends),
        cmocka_unit_test(scope_that_ends_first_does_not_wait_for_the_grace),
        cmocka_unit_test(grace_after_a_deadline_and_under_an_outer_end),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
