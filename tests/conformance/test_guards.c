/* Guards below stacks where the kernel can only mprotect: each takes two of the mappings that a
   process may have. */
#include "conformance.h"

#include <pthread.h>
#include <stdatomic.h>

#define SMALL (16u << 10)

/* How many stacks can be guarded at the most; 0, said aloud, if that is too many to try. */
static unsigned guards_max(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    long mappings = 0;

    if (file) {
        if (fscanf(file, "%ld", &mappings) != 1)
            mappings = 0;
        fclose(file);
    }
    if (UNDER_TSAN || conformance_valgrind() || mappings <= 0 || mappings > 200000) {
        print_message("skipped: %ld mappings are too many tasks here\n", mappings);
        return 0;
    }
    return (unsigned)mappings / 2;
}

static int wait_for_the_end(void *arg)
{
    (void)arg;
    return dure_sleep_until((dure_deadline){ 0 });
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Spawns until it fails, at most so many. Returns how many there are. */
static unsigned fill(dure_scope *scope, unsigned most)
{
    unsigned n = 0;

    while (n < most && dure_spawn(scope, wait_for_the_end, NULL, 0) == 0)
        n++;
    return n;
}

/* --- one more than can be guarded --- */

TEST_WITH(spawn_says_when_guards_run_out, .loops = 1, .stack_size = SMALL)
{
    unsigned most = guards_max();
    dure_scope scope;

    if (!most)
        return;
    dure_scope_open(&scope);
    CHECK(fill(&scope, most) > 1000);
    CHECK_FAILS(dure_spawn(&scope, wait_for_the_end, NULL, 0), EAGAIN);
    CHECK_HAS(dure_why(), "max_map_count");
    CHECK_HAS(dure_why(), "DURE_NO_GUARDS");
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    dure_scope_open(&scope); /* the stacks are there again */
    CHECK_EQ(dure_spawn(&scope, nothing, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- without guards there is no such limit, whoever spawns --- */

struct spawner {
    pthread_t thread;
    dure_scope *scope;
    unsigned most, len;
    atomic_bool done;
};

static void *fill_from_a_thread(void *arg)
{
    struct spawner *spawner = arg;

    spawner->len = fill(spawner->scope, spawner->most);
    atomic_store(&spawner->done, true);
    return NULL;
}

TEST_WITH(no_guards_no_limit, .loops = 1, .stack_size = SMALL, .flags = DURE_NO_GUARDS)
{
    unsigned most = guards_max() + 1;
    dure_scope scope;

    if (most == 1)
        return;
    dure_scope_open(&scope);
    CHECK_EQ(fill(&scope, most), most);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

TEST_WITH(no_guards_no_limit_for_a_thread, .loops = 1, .stack_size = SMALL, .flags = DURE_NO_GUARDS)
{
    struct spawner spawner = { .most = guards_max() + 1 };
    dure_scope scope;

    if (spawner.most == 1)
        return;
    dure_scope_open(&scope);
    spawner.scope = &scope;
    CHECK_EQ(pthread_create(&spawner.thread, NULL, fill_from_a_thread, &spawner), 0);
    YIELD_UNTIL(atomic_load(&spawner.done));
    pthread_join(spawner.thread, NULL);
    CHECK_EQ(spawner.len, spawner.most);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_guards_no_limit),
        cmocka_unit_test(no_guards_no_limit_for_a_thread),
        cmocka_unit_test(spawn_says_when_guards_run_out),
    };

    setenv("DURE_TEST_NO_GUARD_INSTALL", "1", 1); /* as before Linux 6.13 */
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
