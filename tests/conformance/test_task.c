/* Tasks among themselves: turns, errno, names, words of failures. */
#include "conformance.h"
#include "plain.h"

#include <stdatomic.h>

/* --- taking turns --- */

static char turns[64];
static size_t turns_len;

static int write_turns(void *arg)
{
    char letter = *(char *)arg;
    int i;

    for (i = 0; i < 4; i++) {
        turns[turns_len++] = letter;
        CHECK_EQ(dure_yield(), 0);
    }
    return 0;
}

TEST(yield_takes_turns)
{
    dure_scope scope;

    NOT_SIMULATED("the seed chooses who runs first");
    turns_len = 0;
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_spawn(&scope, write_turns, "a", 1);
    dure_spawn(&scope, write_turns, "b", 1);
    dure_spawn(&scope, write_turns, "c", 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    turns[turns_len] = '\0';
    CHECK_STR(turns, "abcabcabcabc");
}

static atomic_bool enough;

static int yield_until_enough(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough))
        dure_yield();
    return 0;
}

/* Two tasks that always keep each other ready must starve neither timers, nor descriptors, nor
   tasks that have not started, nor messages from other loops. */
TEST(ready_tasks_starve_nobody)
{
    dure_scope scope, late;
    int fds[2];
    char byte;

    atomic_store(&enough, false);
    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_spawn(&scope, yield_until_enough, NULL, 0);
    dure_spawn(&scope, yield_until_enough, NULL, 0);
    CHECK_EQ(dure_sleep_for(5 * DURE_MILLISECOND), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
    turns_len = 0;
    dure_scope_open_with(&late, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_spawn(&late, write_turns, "l", 1);
    CHECK_EQ(dure_scope_close(&late), 0);
    CHECK_EQ(turns_len, 4);
    atomic_store(&enough, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

struct chatter {
    int fd;
    atomic_bool *other_ran;
};

static int read_until_other_ran(void *arg)
{
    struct chatter *chatter = arg;
    char byte;

    while (!atomic_load(chatter->other_ran))
        CHECK_EQ(dure_read(chatter->fd, &byte, 1), 1);
    return 0;
}

static int note_that_i_ran(void *arg)
{
    atomic_store(*(atomic_bool **)arg, true);
    return 0;
}

/* A descriptor that is always ready must not keep its loop. */
TEST(always_ready_descriptor_starves_nobody)
{
    atomic_bool ran = false, *ran_at = &ran;
    struct chatter chatter = { .other_ran = &ran };
    dure_scope scope;

    NOT_SIMULATED("there are no devices");
    chatter.fd = dure_open("/dev/zero", O_RDONLY);
    CHECK(chatter.fd >= 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_spawn(&scope, read_until_other_ran, &chatter, sizeof chatter);
    dure_yield(); /* it runs first */
    dure_spawn(&scope, note_that_i_ran, &ran_at, sizeof ran_at);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(chatter.fd), 0);
}

/* --- errno --- */

static int keep_errno(void *arg)
{
    int mine = *(int *)arg, i;

    CHECK_EQ(errno, 0);
    errno = mine;
    for (i = 0; i < 20; i++) {
        dure_yield();
        CHECK_EQ(errno, mine);
        if (i % 4 == 0)
            dure_sleep_for(DURE_MICROSECOND * mine);
        CHECK_EQ(errno, mine);
    }
    return 0;
}

TEST(errno_is_kept_over_a_wait)
{
    dure_scope scope;
    int i;

    dure_scope_open(&scope);
    errno = 77;
    for (i = 1; i <= 50; i++)
        CHECK_EQ(dure_spawn(&scope, keep_errno, &i, sizeof i), 0);
    CHECK_EQ(errno, 77);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(errno, 77);
}

/* --- names and words --- */

static int check_name(void *arg)
{
    CHECK_STR(dure_task_name(), (const char *)arg);
    return 0;
}

TEST(names)
{
    static const char long_name[] = "0123456789012345678901234567890123456789";
    char renamed[] = "renamed";
    dure_scope scope;

    CHECK_STR(dure_task_name(), "main");
    dure_scope_open(&scope);
    dure_spawn(&scope, check_name, "main", sizeof "main");
    dure_spawn_with(&scope, &(dure_spawn_options){ .name = "own" }, check_name, "own",
                    sizeof "own");
    dure_spawn_with(&scope, &(dure_spawn_options){ .name = long_name }, check_name,
                    "0123456789012345678901234567890", 32);
    dure_task_set_name(renamed);
    memset(renamed, '?', 3); /* the name was copied */
    CHECK_STR(dure_task_name(), "renamed");
    dure_spawn(&scope, check_name, "renamed", sizeof "renamed");
    dure_task_set_name(long_name);
    CHECK_STR(dure_task_name(), "0123456789012345678901234567890");
    dure_task_set_name("");
    CHECK_STR(dure_task_name(), "");
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST_OUTSIDE(name_outside_a_task_is_empty)
{
    CHECK_STR(dure_task_name(), "");
    dure_task_set_name("nobody");
    CHECK_STR(dure_task_name(), "");
}

static int keep_words(void *arg)
{
    char words[16];

    CHECK_STR(dure_why(), "");
    snprintf(words, sizeof words, "%d", *(int *)arg);
    CHECK_FAILS(dure_fail(EIO, "%s", words), EIO);
    dure_yield();
    CHECK_STR(dure_why(), words);
    CHECK_FAILS(dure_fail(ENOENT, "again %s", words), ENOENT);
    dure_sleep_for(DURE_MILLISECOND);
    CHECK_HAS(dure_why(), "again");
    return 0;
}

TEST(words_belong_to_the_task)
{
    dure_scope scope;
    int i;

    CHECK_STR(dure_why(), "");
    CHECK_FAILS(dure_fail(EPERM, "of %s", "main"), EPERM);
    dure_scope_open(&scope);
    for (i = 0; i < 10; i++)
        dure_spawn(&scope, keep_words, &i, sizeof i);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_STR(dure_why(), "of main");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yield_takes_turns),
        cmocka_unit_test(ready_tasks_starve_nobody),
        cmocka_unit_test(always_ready_descriptor_starves_nobody),
        cmocka_unit_test(errno_is_kept_over_a_wait),
        cmocka_unit_test(names),
        cmocka_unit_test(name_outside_a_task_is_empty),
        cmocka_unit_test(words_belong_to_the_task),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
