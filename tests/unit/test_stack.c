/* Stacks: reuse, colours, guards, what they cost, and the words at the end of one. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "task/fiber.h"
#include "task/overflow.h"
#include "task/stack.h"

#define DEFAULT_SIZE ((size_t)256 << 10)

#if DURE_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

/* Sanitizers and emulators keep memory and mappings of their own for ours: what a stack costs
   cannot be seen there. Valgrind also searches its list of stacks one by one. */
static bool costs_hidden(void)
{
    return FIBER_ASAN || FIBER_TSAN || RUNNING_ON_VALGRIND || getenv("DURE_TEST_EMULATED") != NULL;
}

static struct stack_cache *cache;
static const char *why;

static int set_up(void **state)
{
    (void)state;
    cache = stack_cache_create(true);
    why = NULL;
    return cache == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    stack_cache_destroy(cache);
    return 0;
}

static struct stack take(size_t size)
{
    struct stack stack;

    assert_int_equal(stack_take(cache, size, &stack, &why), 0);
    return stack;
}

/* ---- sizes, order, colours ---- */

static void sizes_are_rounded_up_to_a_class(void **state)
{
    size_t size, usable;
    struct stack stack;

    (void)state;
    for (size = 16 << 10; size <= STACK_SIZE_MAX; size *= 2) {
        stack = take(size);
        usable = (size_t)(stack.top - stack.low);
        /* One page of 4 KiB for the guard and 960 bytes of colour; pages of 64 KiB exist too. */
        assert_true(usable + 65536 + 960 >= size);
        assert_int_equal((uintptr_t)stack.top % STACK_COLOUR_SIZE, 0);
        stack.low[0] = stack.top[-1] = 1;
        stack_give(cache, &stack);
        stack = take(size - 1);
        assert_int_equal(stack.top - stack.low, usable);
        stack_give(cache, &stack);
    }
}

static void size_beyond_the_largest_is_refused(void **state)
{
    struct stack stack = take(STACK_SIZE_MAX);

    (void)state;
    stack_give(cache, &stack);
    assert_int_equal(stack_take(cache, STACK_SIZE_MAX + 1, &stack, &why), -EINVAL);
    assert_non_null(why);
}

static void last_given_is_taken_first(void **state)
{
    struct stack a = take(DEFAULT_SIZE), b = take(DEFAULT_SIZE), again;

    (void)state;
    stack_give(cache, &b);
    stack_give(cache, &a);
    again = take(DEFAULT_SIZE);
    assert_ptr_equal(again.low, a.low);
    assert_ptr_equal(again.top, a.top);
    stack_give(cache, &again);
}

static void neighbours_differ_in_colour(void **state)
{
    struct stack stacks[STACK_COLOURS];
    unsigned seen = 0, i;

    (void)state;
    for (i = 0; i < STACK_COLOURS; i++) {
        stacks[i] = take(DEFAULT_SIZE);
        seen |= 1u << ((uintptr_t)stacks[i].top % 4096 / STACK_COLOUR_SIZE % 32);
    }
    for (i = 0; i < STACK_COLOURS; i++)
        stack_give(cache, &stacks[i]);
    /* Earlier tests may have left stacks that are not neighbours: most colours will do. */
    assert_in_range(__builtin_popcount(seen), STACK_COLOURS / 2, STACK_COLOURS);
}

/* ---- caches ---- */

static void stacks_move_between_caches(void **state)
{
    struct stack_cache *other = stack_cache_create(true);
    struct stack stack = take(DEFAULT_SIZE), again;

    (void)state;
    stack_give(other, &stack);
    assert_int_equal(stack_take(other, DEFAULT_SIZE, &again, &why), 0);
    assert_ptr_equal(again.low, stack.low);
    stack_give(other, &again);
    stack_cache_destroy(other);
}

static void unguarded_stacks_stay_unguarded(void **state)
{
    struct stack_cache *bare = stack_cache_create(false);
    struct stack stack, again;
    char *low;
    size_t size;

    (void)state;
    assert_int_equal(stack_take(bare, 16 << 10, &stack, &why), 0);
    *stack.low = 1;
    assert_false(stack_guard_hit(stack.low, &low, &size));
    /* A cache that guards takes it back, but not into use. */
    stack_give(cache, &stack);
    again = take(16 << 10);
    assert_ptr_not_equal(again.low, stack.low);
    stack_give(cache, &again);
    stack_cache_destroy(bare);
}

static int by_low(const void *a, const void *b)
{
    char *left = ((const struct stack *)a)->low, *right = ((const struct stack *)b)->low;

    return (left > right) - (left < right);
}

/* Against a naive model: no stack is ever out twice, whatever the order, with trims in between. */
static void no_stack_is_out_twice(void **state)
{
    enum { MOST = 1000, STEPS = 50000 };
    static struct stack out[MOST];
    unsigned seed = 12345;
    int len = 0, i, at;

    (void)state;
    for (i = 0; i < STEPS; i++) {
        /* Runs in one direction, so that the cache fills and empties to and from the store. */
        if (rand_r(&seed) % 100 < (i / 1000 % 2 == 0 ? 80 : 20) && len < MOST) {
            out[len] = take(32 << 10);
            *(int *)(void *)(out[len].top - 64) = len;
            len++;
        } else if (len > 0) {
            at = (int)(rand_r(&seed) % (unsigned)len);
            stack_give(cache, &out[at]);
            out[at] = out[--len];
        }
        if (i % 100 == 0)
            stack_cache_trim(cache, (int64_t)i * 1000000000);
    }
    qsort(out, (size_t)len, sizeof out[0], by_low);
    for (i = 1; i < len; i++)
        assert_true(out[i].low - out[i - 1].low >= 32 << 10);
    for (i = 0; i < len; i++)
        stack_give(cache, &out[i]);
}

/* ---- what they cost ---- */

static long kib_of(const char *key)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = -1;

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtol(line + strlen(key), NULL, 10);
    if (file != NULL)
        fclose(file);
    return kib;
}

static void a_used_stack_costs_one_page(void **state)
{
    enum { COUNT = 100000 };
    static struct stack stacks[COUNT];
    long rss, tables, i;
    int64_t now_ns = 0;

    (void)state;
    if (costs_hidden())
        skip();
    memset(stacks, 0, sizeof stacks);
    rss = kib_of("RssAnon:");
    tables = kib_of("VmPTE:");
    for (i = 0; i < COUNT; i++) {
        stacks[i] = take(DEFAULT_SIZE);
        memset(stacks[i].top - 1024, 1, 1024);
    }
    rss = kib_of("RssAnon:") - rss;
    tables = kib_of("VmPTE:") - tables;
    print_message("           a stack costs %ld bytes and %ld of page tables\n", rss * 1024 / COUNT,
                  tables * 1024 / COUNT);
    assert_in_range(rss * 1024 / COUNT, 4096, 4096 + 64);
    /* One page of the table spans eight stacks. */
    assert_in_range(tables * 1024 / COUNT, 1, 600);

    for (i = 0; i < COUNT; i++)
        stack_give(cache, &stacks[i]);
    /* All but what the cache holds goes back, a bounded piece at a time. */
    for (i = 0; i < 2 * COUNT / 64; i++, now_ns += 1000000000)
        stack_cache_trim(cache, now_ns);
    assert_in_range(kib_of("RssAnon:"), 0, 16 << 10);
}

static bool resident(char *address)
{
    unsigned char answer = 0;

    mincore((void *)((uintptr_t)address & ~(uintptr_t)4095), 1, &answer);
    return answer & 1;
}

static void trim_gives_back_what_a_deep_call_dirtied(void **state)
{
    struct stack stack = take(DEFAULT_SIZE);
    const int64_t second_ns = 1000000000;
    int64_t now_ns;

    (void)state;
    if (costs_hidden()) {
        stack_give(cache, &stack);
        skip();
    }
    /* What earlier tests left may take several turns. */
    for (now_ns = second_ns; now_ns < 100 * second_ns; now_ns += second_ns)
        stack_cache_trim(cache, now_ns);
    memset(stack.low, 1, (size_t)(stack.top - stack.low));
    stack_give(cache, &stack);
    stack_cache_trim(cache, now_ns - 1);
    assert_true(resident(stack.low));
    stack_cache_trim(cache, now_ns);
    assert_false(resident(stack.low));
    assert_true(resident(stack.top - 1));
}

/* ---- guards ---- */

/* Runs act in a child. Returns its status, and what it wrote to standard error. */
static int in_child(void (*act)(void), char *text, size_t size)
{
    int pipe_fds[2], status;
    size_t len = 0;
    ssize_t n;
    pid_t pid;

    assert_int_equal(pipe(pipe_fds), 0);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(pipe_fds[1], STDERR_FILENO);
        /* cmocka's own handler would make a failed test of a fault. */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    close(pipe_fds[1]);
    while (len < size - 1 && (n = read(pipe_fds[0], text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static struct fiber outside, inside;
static struct stack used;

__attribute__((noinline)) static int recurse(int depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

static void overflow(void *arg)
{
    (void)arg;
    fiber_entered();
    recurse(0);
    fiber_switch_last(&outside);
}

static const char *name_of_running(const void *stack_low)
{
    return stack_low == used.low ? "digger" : NULL;
}

static void overflow_in_a_task(void)
{
    struct overflow_thread thread;

    if (overflow_init(name_of_running) != 0 || overflow_thread_init(&thread) != 0)
        _exit(1);
    used = take(64 << 10);
    fiber_init_thread(&outside);
    fiber_init(&inside, used.low, used.top, overflow, NULL);
    fiber_switch(&outside, &inside);
}

static void overflow_names_the_task_and_what_to_do(void **state)
{
    char text[4096];
    int status = in_child(overflow_in_a_task, text, sizeof text);

    (void)state;
    assert_non_null(strstr(text, "stack overflow in task 'digger'"));
    assert_non_null(strstr(text, "64 KiB"));
    assert_non_null(strstr(text, "dure_spawn_options.stack_size"));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void exit_42(int signal)
{
    (void)signal;
    _exit(42);
}

static void touch_anothers_guard(void)
{
    struct stack stack;

    signal(SIGSEGV, exit_42);
    if (overflow_init(name_of_running) != 0)
        _exit(1);
    stack = take(64 << 10);
    *(volatile char *)(stack.low - 1) = 1;
}

static void stray_pointer_goes_to_the_handler_before(void **state)
{
    char text[4096];
    int status;

    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip(); /* It has words of its own for this. */
    status = in_child(touch_anothers_guard, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_string_equal(text, "");
}

static void fault_elsewhere(void)
{
    volatile uintptr_t nowhere = 16;

    if (overflow_init(name_of_running) != 0)
        _exit(1);
    *(volatile char *)nowhere = 1;
}

static void send_a_fault(void)
{
    if (overflow_init(name_of_running) != 0)
        _exit(1);
    raise(SIGBUS);
}

static void other_faults_kill_as_ever(void **state)
{
    char text[4096];
    int status;

    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip(); /* It has words of its own for this. */
    status = in_child(fault_elsewhere, text, sizeof text);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    status = in_child(send_a_fault, text, sizeof text);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

static void fini_restores_the_handler(void **state)
{
    struct sigaction before, after;

    (void)state;
    sigaction(SIGSEGV, NULL, &before);
    assert_int_equal(overflow_init(name_of_running), 0);
    overflow_fini();
    sigaction(SIGSEGV, NULL, &after);
    assert_ptr_equal(before.sa_sigaction, after.sa_sigaction);
}

static void guard_hit_knows_its_stack(void **state)
{
    struct stack stack = take(64 << 10);
    char *low = NULL;
    size_t size = 0;

    (void)state;
    assert_false(stack_guard_hit(stack.low, &low, &size));
    assert_true(stack_guard_hit(stack.low - 1, &low, &size));
    assert_ptr_equal(low, stack.low);
    assert_int_equal(size, 64 << 10);
    assert_false(stack_guard_hit(&stack, &low, &size));
    stack_give(cache, &stack);
}

/* ---- guards by mprotect ---- */

static long mappings_max(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    long mappings = 0;

    if (file != NULL) {
        if (fscanf(file, "%ld", &mappings) != 1)
            mappings = 0;
        fclose(file);
    }
    return mappings;
}

static void take_until_refused(void)
{
    struct stack stack, last = { 0 };
    long n = 0;
    int rc;

    setenv("DURE_TEST_NO_GUARD_INSTALL", "1", 1);
    while ((rc = stack_take(cache, 16 << 10, &stack, &why)) == 0) {
        last = stack;
        n++;
    }
    dprintf(STDERR_FILENO, "%d after %ld: %s\n", rc, n, why);
    /* What comes back can be taken again, but no more; and the program still has mappings. */
    stack_give(cache, &last);
    if (stack_take(cache, 16 << 10, &stack, &why) != 0)
        _exit(1);
    if (stack_take(cache, 16 << 10, &stack, &why) != -EAGAIN)
        _exit(2);
    if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        _exit(3);
}

/* The first test: how to guard is found out once in a process, and its child must find it out. */
static void too_many_mprotected_guards_say_eagain_and_why(void **state)
{
    char text[4096];
    int status, rc = 0;
    long n = 0;

    (void)state;
    if (mappings_max() == 0 || mappings_max() > 200000 || costs_hidden())
        skip();
    status = in_child(take_until_refused, text, sizeof text);
    assert_int_equal(sscanf(text, "%d after %ld", &rc, &n), 2);
    assert_int_equal(rc, -EAGAIN);
    assert_in_range(n, mappings_max() / 2 - 1024, mappings_max() / 2);
    assert_non_null(strstr(text, "vm.max_map_count"));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void overflow_mprotected(void)
{
    setenv("DURE_TEST_NO_GUARD_INSTALL", "1", 1);
    overflow_in_a_task();
}

static void mprotected_guard_names_the_task(void **state)
{
    char text[4096];
    int status = in_child(overflow_mprotected, text, sizeof text);

    (void)state;
    assert_non_null(strstr(text, "stack overflow in task 'digger'"));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(too_many_mprotected_guards_say_eagain_and_why),
        TEST(mprotected_guard_names_the_task),
        TEST(neighbours_differ_in_colour),
        TEST(sizes_are_rounded_up_to_a_class),
        TEST(size_beyond_the_largest_is_refused),
        TEST(last_given_is_taken_first),
        TEST(stacks_move_between_caches),
        TEST(unguarded_stacks_stay_unguarded),
        TEST(no_stack_is_out_twice),
        TEST(a_used_stack_costs_one_page),
        TEST(trim_gives_back_what_a_deep_call_dirtied),
        TEST(guard_hit_knows_its_stack),
        TEST(overflow_names_the_task_and_what_to_do),
        TEST(stray_pointer_goes_to_the_handler_before),
        TEST(other_faults_kill_as_ever),
        TEST(fini_restores_the_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
