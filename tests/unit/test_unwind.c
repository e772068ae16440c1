/* Stack traces of parked contexts: the functions are there, in order; a broken stack does no
   harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "inspect/unwind.h"
#include "task/context.h"

#define STACK_SIZE 65536

static struct context test, parked;
static char *stack;

/* Not inlined, not left before their callees return: each stands in the trace. */
#define FRAME __attribute__((noinline, noclone, noipa))
#ifdef __clang__
#undef FRAME
#define FRAME __attribute__((noinline, optnone))
#endif

FRAME static int innermost_waits(int n)
{
    context_switch(&parked, &test);
    return n + 1;
}

FRAME static int middle_calls(int n)
{
    return innermost_waits(n + 1) * 2;
}

FRAME static int outermost_calls(int n)
{
    return middle_calls(n + 1) * 2;
}

static void enter(void *arg)
{
    *(int *)arg = outermost_calls(1);
    context_switch(&parked, &test);
}

static int park(void **state)
{
    static int result;

    (void)state;
    stack = aligned_alloc(4096, STACK_SIZE);
    assert_non_null(stack);
    memset(stack, 0, STACK_SIZE);
    context_make(&parked, stack, stack + STACK_SIZE, enter, &result);
    context_switch(&test, &parked);
    return 0;
}

static int unpark(void **state)
{
    (void)state;
    free(stack);
    return 0;
}

static void the_functions_stand_in_order(void **state)
{
    static const char *const wanted[] = { "innermost_waits+0x", "middle_calls+0x",
                                          "outermost_calls+0x", "enter+0x" };
    struct text text = { 0 };
    const char *at;
    size_t i;

    (void)state;
#if !DURE_HAVE_UNWIND
    print_message("skipped: without libunwind static functions have no names\n");
    skip();
#endif
    unwind_write(&text, &parked, stack, stack + STACK_SIZE);
    print_message("%s", text.data);
    at = text.data;
    for (i = 0; i < 4; i++) {
        at = strstr(at, wanted[i]);
        assert_non_null(at);
    }
    text_fini(&text);
}

static void each_line_has_number_address_and_binary(void **state)
{
    struct text text = { 0 };
    int number, lines = 0;
    unsigned long pc;
    char *line;

    (void)state;
    unwind_write(&text, &parked, stack, stack + STACK_SIZE);
    for (line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
        assert_int_equal(sscanf(line, " #%d 0x%lx", &number, &pc), 2);
        assert_int_equal(number, lines);
        assert_int_not_equal(pc, 0);
        assert_non_null(strchr(line, '('));
        lines++;
    }
    assert_in_range(lines, 1, 64);
    text_fini(&text);
}

/* The same task again, and after it has gone on: still there, still right. */
static void a_trace_leaves_the_context_as_it_was(void **state)
{
    struct text first = { 0 }, second = { 0 };

    (void)state;
    unwind_write(&first, &parked, stack, stack + STACK_SIZE);
    unwind_write(&second, &parked, stack, stack + STACK_SIZE);
    assert_string_equal(first.data, second.data);
    context_switch(&test, &parked);
    text_fini(&second);
    unwind_write(&second, &parked, stack, stack + STACK_SIZE);
    assert_string_not_equal(first.data, second.data);
    text_fini(&first);
    text_fini(&second);
}

static void a_broken_stack_does_no_harm(void **state)
{
    const char *seed_text = getenv("DURE_TEST_SEED");
    unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 0) : (unsigned)time(NULL);
    uintptr_t *words = (uintptr_t *)(void *)stack, *saved = malloc(STACK_SIZE);
    size_t used = STACK_SIZE - (size_t)((char *)parked.sp - stack), i;
    int round;

    (void)state;
    print_message("seed: DURE_TEST_SEED=%u\n", seed);
    assert_non_null(saved);
    memcpy(saved, stack, STACK_SIZE);
    for (round = 0; round < 2000; round++) {
        struct text text = { 0 };

        for (i = (STACK_SIZE - used) / sizeof *words; i < STACK_SIZE / sizeof *words; i++)
            if (rand_r(&seed) % 8 == 0)
                switch (rand_r(&seed) % 4) {
                case 0:
                    words[i] = (uintptr_t)rand_r(&seed);
                    break;
                case 1:
                    words[i] = (uintptr_t)stack + (uintptr_t)rand_r(&seed) % STACK_SIZE;
                    break;
                case 2:
                    words[i] = words[rand_r(&seed) % (STACK_SIZE / sizeof *words)];
                    break;
                default:
                    words[i] = (uintptr_t)printf + (uintptr_t)rand_r(&seed) % 4096;
                }
        unwind_write(&text, &parked, stack, stack + STACK_SIZE);
        text_fini(&text);
        memcpy(stack, saved, STACK_SIZE);
    }
    free(saved);
}

static void a_stack_pointer_out_of_bounds_is_said(void **state)
{
    struct context elsewhere = { .sp = &elsewhere };
    struct text text = { 0 };

    (void)state;
    unwind_write(&text, &elsewhere, stack, stack + STACK_SIZE);
    assert_non_null(strstr(text.data, "outside of the stack"));
    text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_functions_stand_in_order, park, unpark),
        cmocka_unit_test_setup_teardown(each_line_has_number_address_and_binary, park, unpark),
        cmocka_unit_test_setup_teardown(a_trace_leaves_the_context_as_it_was, park, unpark),
        cmocka_unit_test_setup_teardown(a_broken_stack_does_no_harm, park, unpark),
        cmocka_unit_test_setup_teardown(a_stack_pointer_out_of_bounds_is_said, park, unpark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
