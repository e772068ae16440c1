/* A stack that overflows names its task and says what to do. */
#include "conformance.h"

#include <signal.h>

static volatile int depth_wanted = 1000000;

static int recurse(int depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    if (depth == 0)
        return 0;
    return recurse(depth - 1) + frame[0];
}

static int overflow(void *arg)
{
    (void)arg;
    dure_yield();
    return recurse(depth_wanted);
}

static int spawn_deep(void *arg)
{
    const dure_spawn_options *options = arg;
    dure_scope scope;

    dure_scope_open(&scope);
    dure_spawn_with(&scope, options, overflow, NULL, 0);
    return dure_scope_close(&scope);
}

static void overflow_here(void)
{
    dure_spawn_options options = { .name = "deep thinker", .stack_size = 64 * 1024 };

    dure_run_with(&(dure_run_options){ .loops = 2 }, spawn_deep, &options);
}

static void overflow_on_another_loop(void)
{
    dure_spawn_options options = { .name = "far thinker", .place = DURE_LOOP(1) };

    dure_run_with(&(dure_run_options){ .loops = 2 }, spawn_deep, &options);
}

static void overflow_the_first_task(void)
{
    dure_run_with(&(dure_run_options){ .stack_size = 32 * 1024 }, overflow, NULL);
}

static void overflow_names_its_task(void **state)
{
    struct child child;

    (void)state;
    if (UNDER_ASAN || UNDER_TSAN || conformance_valgrind())
        skip(); /* they report faults themselves */
    conformance_child(&child, overflow_here);
    CHECK_CHILD_ABORTED(&child, "stack overflow in task 'deep thinker'");
    assert_non_null(strstr(child.text, "64 KiB"));
    assert_non_null(strstr(child.text, "dure_spawn_options.stack_size"));
    conformance_child(&child, overflow_on_another_loop);
    CHECK_CHILD_ABORTED(&child, "stack overflow in task 'far thinker'");
    conformance_child(&child, overflow_the_first_task);
    CHECK_CHILD_ABORTED(&child, "stack overflow in task 'main'");
    assert_int_equal(child.status & 0x7f, SIGABRT);
}

static volatile char *volatile nowhere = (volatile char *)8;

static int fault(void *arg)
{
    (void)arg;
    return *nowhere;
}

static void run_fault(void)
{
    dure_run(fault, NULL);
}

/* Other faults end the process as they would without dure. */
static void other_faults_are_left_alone(void **state)
{
    struct child child;

    (void)state;
    if (UNDER_ASAN || UNDER_TSAN || conformance_valgrind())
        skip();
    conformance_child(&child, run_fault);
    assert_int_equal(child.status & 0x7f, SIGSEGV);
}

/* A stack that is just large enough does not overflow. */
TEST_WITH(depth_that_fits, .loops = 1, .stack_size = 1 << 20)
{
    if (!UNDER_ASAN && !UNDER_TSAN)
        CHECK(recurse(1000) != 12345678);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_names_its_task),
        cmocka_unit_test(other_faults_are_left_alone),
        cmocka_unit_test(depth_that_fits),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
