/* What the measurements of dure compare stand on: processes of their own, room for threads, and what
   a switch costs. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/compare/child.h"
#include "cmd/compare/processors.h"
#include "cmd/compare/room.h"
#include "cmd/compare/switch.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)

/* ---- a process of its own ---- */

static int answer(const void *arg, void *result)
{
    *(int *)result = *(const int *)arg + 1;
    return 0;
}

static void a_child_answers(void **state)
{
    int arg = 41, result = 0;

    (void)state;
    assert_int_equal(child_run(answer, &arg, &result, sizeof result, MINUTE), 0);
    assert_int_equal(result, 42);
}

static int give_up(const void *arg, void *result)
{
    *(int *)result = 1;
    return *(const int *)arg;
}

static int die(const void *arg, void *result)
{
    (void)arg;
    (void)result;
    raise(SIGKILL);
    return 0;
}

static void a_child_that_dies_has_no_result(void **state)
{
    int arg = -1, result = 7;

    (void)state;
    errno = 0;
    assert_int_equal(child_run(give_up, &arg, &result, sizeof result, MINUTE), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(child_run(die, &arg, &result, sizeof result, MINUTE), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(result, 7);
}

static int hang(const void *arg, void *result)
{
    (void)arg;
    (void)result;
    for (;;)
        pause();
    return 0;
}

static void a_child_that_hangs_is_ended(void **state)
{
    int result = 7;

    (void)state;
    assert_int_equal(child_run(hang, NULL, &result, sizeof result, SECOND / 10), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(result, 7);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Leaves a child that has a child, both asleep; the inner one's number is the result. */
static int leave_children(const void *arg, void *result)
{
    int told[2];
    pid_t inner;
    char byte;

    (void)arg;
    if (pipe(told) < 0)
        return 1;
    if (fork() == 0) {
        inner = fork();
        if (inner == 0)
            hang(NULL, NULL);
        *(pid_t *)result = inner;
        (void)!write(told[1], "", 1);
        hang(NULL, NULL);
    }
    return read(told[0], &byte, 1) == 1 ? 0 : 1;
}

static void no_process_of_a_child_is_left(void **state)
{
    pid_t inner = 0;

    (void)state;
    assert_int_equal(child_run(leave_children, NULL, &inner, sizeof inner, MINUTE), 0);
    assert_true(inner > 0);
    assert_int_equal(kill(inner, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* ---- room ---- */

static void room_ends_at_the_process_ids(void **state)
{
    char why[160] = "";
    long ids = room_read("/proc/sys/kernel/pid_max", "");

    (void)state;
    assert_true(ids > 0);
    assert_true(room_for_threads(1, 1, why, sizeof why));
    assert_string_equal(why, "");
    assert_false(room_for_threads((unsigned)ids, 1, why, sizeof why));
    assert_non_null(strstr(why, "no room for"));
}

static void room_ends_at_half_the_memory(void **state)
{
    char why[160] = "";
    long free_kb = room_read("/proc/meminfo", "MemAvailable:");

    (void)state;
    assert_true(free_kb > 0);
    assert_true(room_for_memory(1, (size_t)free_kb * 256, why, sizeof why));
    assert_false(room_for_memory(1, (size_t)free_kb * 1024, why, sizeof why));
    assert_non_null(strstr(why, "MB are free"));
}

static void what_cannot_be_read_is_no_number(void **state)
{
    (void)state;
    assert_int_equal(room_read("/proc/meminfo", "NoSuchKey:"), -1);
    assert_int_equal(room_read("/proc/no-such-file", ""), -1);
}

static void processors_differ(void **state)
{
    int found[8];
    unsigned len = processors_choose(found, 8), i, j;

    (void)state;
    assert_in_range(len, 1, 8);
    for (i = 0; i < len; i++)
        for (j = 0; j < i; j++)
            assert_int_not_equal(found[i], found[j]);
    assert_int_equal(processors_choose(found, 1), 1);
}

/* ---- switches ---- */

static struct switch_result measured(const struct switch_kind *kind, unsigned count)
{
    struct switch_order order = {
        .kind = kind, .count = count, .slice_ns = SECOND / 20, .processor = -1
    };
    struct switch_result result = { "" };

    processors_choose(&order.processor, 1);
    assert_int_equal(child_run(switch_measure, &order, &result, sizeof result, 2 * MINUTE), 0);
    assert_string_equal(result.why, "");
    assert_true(result.switch_ns > 0);
    return result;
}

static void every_kind_has_its_figures(void **state)
{
    static const unsigned counts[] = { 1, 2, 150 };
    struct switch_result result;
    unsigned i, count;

    (void)state;
    for (i = 0; switch_kinds[i] != NULL; i++)
        for (count = 0; count < sizeof counts / sizeof counts[0]; count++) {
            result = measured(switch_kinds[i], counts[count]);
            if (switch_kinds[i] == &switch_tasks_yielding)
                continue;
            assert_true(result.spawn_ns > 0);
            assert_true(result.parked_bytes > 0);
        }
}

/* A process has page tables of its own, a thread a stack; a task a page or two. */
static void tasks_take_less_than_threads_and_those_than_processes(void **state)
{
    struct switch_result process = measured(&switch_processes, 150);
    struct switch_result thread = measured(&switch_threads, 150);
    struct switch_result task = measured(&switch_tasks, 150);

    (void)state;
    print_message("parked, without the kernel's stacks: %.0f, %.0f, %.0f bytes\n",
                  process.parked_bytes, thread.parked_bytes, task.parked_bytes);
    /* A sanitizer has a world of its own for each task and thread. */
    if (SANITIZED)
        return;
    assert_true(task.parked_bytes < thread.parked_bytes);
    assert_true(thread.parked_bytes < process.parked_bytes);
    assert_true(task.switch_ns < thread.switch_ns);
    assert_true(task.spawn_ns < thread.spawn_ns);
    assert_true(thread.spawn_ns < process.spawn_ns);
}

static void more_than_the_machine_has_room_for_is_refused(void **state)
{
    struct switch_order order = { .kind = &switch_processes, .slice_ns = SECOND, .processor = -1 };
    struct switch_result result = { "" };

    (void)state;
    order.count = (unsigned)room_read("/proc/sys/kernel/pid_max", "");
    assert_int_equal(child_run(switch_measure, &order, &result, sizeof result, MINUTE), 0);
    assert_non_null(strstr(result.why, "no room for"));
    assert_true(result.switch_ns == 0);
}

static void kernel_stacks_are_some_pages(void **state)
{
    double size = switch_kernel_stack();

    (void)state;
    print_message("a stack in the kernel: %.0f bytes\n", size);
    /* 0: too much else happened meanwhile. */
    assert_true(size == 0 || (size >= 4096 && size <= 65536));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_answers),
        cmocka_unit_test(a_child_that_dies_has_no_result),
        cmocka_unit_test(a_child_that_hangs_is_ended),
        cmocka_unit_test(no_process_of_a_child_is_left),
        cmocka_unit_test(room_ends_at_the_process_ids),
        cmocka_unit_test(room_ends_at_half_the_memory),
        cmocka_unit_test(what_cannot_be_read_is_no_number),
        cmocka_unit_test(processors_differ),
        cmocka_unit_test(every_kind_has_its_figures),
        cmocka_unit_test(tasks_take_less_than_threads_and_those_than_processes),
        cmocka_unit_test(more_than_the_machine_has_room_for_is_refused),
        cmocka_unit_test(kernel_stacks_are_some_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
