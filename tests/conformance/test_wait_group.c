/* Wait groups. */
#include "waiting.h"

#include <pthread.h>

static dure_wait_group group;

/* --- the checks of all calls that wait --- */

static bool make(struct waiting *w)
{
    (void)w;
    CHECK_EQ(dure_wait_group_init(&group, 0), 0);
    dure_wait_group_add(&group, 1);
    return true;
}

static void release(struct waiting *w)
{
    (void)w;
    dure_wait_group_done(&group);
}

static int64_t wait_of(struct waiting *w)
{
    (void)w;
    return dure_wait_group_wait(&group);
}

static const struct waiting_kind kinds[] = {
    { "wait_group_wait", make, wait_of, release, 0, 0, WAITING_OBJECT | WAITING_ALONE, NULL },
};

WAITING_TESTS

/* --- counting --- */

static unsigned parts[16]; /* not atomic: whoever has waited sees them */

struct part {
    dure_wait_group *group;
    unsigned number;
};

static int do_part(void *arg)
{
    const struct part *part = arg;

    if (part->number % 3 == 0)
        dure_yield();
    parts[part->number]++;
    dure_wait_group_done(part->group);
    return 0;
}

static void *do_part_on_thread(void *arg)
{
    do_part(arg);
    return NULL;
}

static int wait_and_look(void *arg)
{
    unsigned i, total = 0;

    CHECK_EQ(dure_wait_group_wait(*(dure_wait_group **)arg), 0);
    for (i = 0; i < 16; i++)
        total += parts[i];
    CHECK_EQ(total, 16);
    return 0;
}

/* Several wait; and the memory may go when they have. */
TEST_WITH(waits_for_tasks_and_threads, .loops = 3)
{
    unsigned round, i, rounds = UNDER_TSAN ? 30 : 300;
    dure_scope scope;

    for (round = 0; round < rounds; round++) {
        dure_wait_group *mine = calloc(1, sizeof *mine);
        struct part part = { .group = mine }, of_thread = { mine, 15 };
        pthread_t thread;

        memset(parts, 0, sizeof parts);
        dure_wait_group_add(mine, 10);
        dure_wait_group_add(mine, 6);
        dure_scope_open(&scope);
        CHECK_EQ(pthread_create(&thread, NULL, do_part_on_thread, &of_thread), 0);
        for (i = 0; i < 2; i++)
            CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)i) },
                                     wait_and_look, &mine, sizeof mine),
                     0);
        for (i = 0; i < 15; i++) {
            part.number = i;
            CHECK_EQ(dure_spawn_with(&scope,
                                     &(dure_spawn_options){ .place = DURE_LOOP((int)i % 3) },
                                     do_part, &part, sizeof part),
                     0);
        }
        if (round % 2) /* alone it may free it at once; else when all have waited */
            CHECK_EQ(dure_wait_group_wait(mine), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        pthread_join(thread, NULL);
        free(mine);
    }
}

static int say_done(void *arg)
{
    dure_wait_group_done(*(dure_wait_group **)arg);
    return 0;
}

TEST(memory_may_go_when_the_wait_returns)
{
    int i, rounds = UNDER_TSAN ? 200 : 2000;
    dure_scope scope;

    for (i = 0; i < rounds; i++) {
        dure_wait_group *mine = calloc(1, sizeof *mine);

        dure_wait_group_add(mine, 2);
        dure_scope_open(&scope);
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 say_done, &mine, sizeof mine),
                 0);
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, say_done,
                                 &mine, sizeof mine),
                 0);
        CHECK_EQ(dure_wait_group_wait(mine), 0);
        free(mine);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
}

static int64_t wait_once(void *arg)
{
    return dure_wait_group_wait(arg);
}

/* One who gives up leaves the count alone, and who comes after it is not kept. */
TEST(canceled_wait_leaves_the_count)
{
    dure_wait_group zeroed = DURE_WAIT_GROUP_INIT;
    struct background b;
    dure_scope scope;

    CHECK_EQ(dure_wait_group_wait(&zeroed), 0); /* nothing is to be waited for */
    dure_wait_group_add(&zeroed, 2);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), wait_once, &zeroed);
    dure_wait_group_done(&zeroed);
    CHECK(!atomic_load(&b.done));
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(b.error, ECANCELED);
    dure_wait_group_add(&zeroed, 1);
    dure_wait_group_done(&zeroed);
    dure_wait_group_done(&zeroed);
    CHECK_EQ(dure_wait_group_wait(&zeroed), 0);
    CHECK_FAILS(dure_wait_group_init(&zeroed, 0x100u), EINVAL);
}

/* --- mistakes --- */

static int too_often(void *arg)
{
    (void)arg;
    dure_task_set_name("careless");
    CHECK_EQ(dure_wait_group_init(&group, 0), 0);
    dure_wait_group_add(&group, 1);
    dure_wait_group_done(&group);
    dure_wait_group_done(&group);
    return 0;
}

static int too_many(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_wait_group_init(&group, 0), 0);
    dure_wait_group_add(&group, 0x7fffffffu);
    dure_wait_group_add(&group, 1);
    return 0;
}

static void run_too_often(void)
{
    dure_run(too_often, NULL);
}

static void run_too_many(void)
{
    dure_run(too_many, NULL);
}

TEST_OUTSIDE(mistakes_stop_with_words)
{
    struct child child;

    conformance_child(&child, run_too_often);
    CHECK_CHILD_ABORTED(&child, "more often than dure_wait_group_add, by task \"careless\"");
    conformance_child(&child, run_too_many);
    CHECK_CHILD_ABORTED(&child, "a wait group of more than");
}

TEST(same_loop)
{
    struct part part = { .group = &group };
    dure_scope scope;
    unsigned i;

    CHECK_EQ(dure_wait_group_init(&group, DURE_SAME_LOOP), 0);
    memset(parts, 0, sizeof parts);
    dure_wait_group_add(&group, 16);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 16; i++) {
        part.number = i;
        CHECK_EQ(dure_spawn(&scope, do_part, &part, sizeof part), 0);
    }
    CHECK_EQ(dure_wait_group_wait(&group), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(waits_for_tasks_and_threads),
        cmocka_unit_test(memory_may_go_when_the_wait_returns),
        cmocka_unit_test(canceled_wait_leaves_the_count),
        cmocka_unit_test(mistakes_stop_with_words),
        cmocka_unit_test(same_loop),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
