/* dure compare switch: what processes, threads and tasks cost. */
#include "cmd/compare/switch.h"

#include <errno.h>
#include <string.h>

#include "cmd/compare/child.h"
#include "cmd/compare/experiments.h"
#include "cmd/compare/format.h"
#include "cmd/compare/processors.h"

/* When a measurement is ended that was to take so much less: 10,000 processes take some seconds. */
#define LIMIT_NS INT64_C(20000000000)

const struct switch_kind *const switch_kinds[] = { &switch_processes, &switch_threads,
                                                   &switch_tasks, &switch_tasks_yielding, NULL };

enum { SWITCH_NS, SPAWN_NS, PARKED_BYTES };

static const struct metric metrics[] = {
    [SWITCH_NS] = { "switch_ns", "CPU time a switch", UNIT_NS, BETTER_LOWER },
    [SPAWN_NS] = { "spawn_ns", "CPU time a spawn and join", UNIT_NS, BETTER_LOWER },
    [PARKED_BYTES] = { "parked_bytes", "memory of one that waits", UNIT_BYTES, BETTER_LOWER },
    { NULL, NULL, UNIT_COUNT, BETTER_NEITHER },
};

static const unsigned counts[] = { 1, 1000, 10000, 100000 };

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define POINTS (LEN(counts) * (LEN(switch_kinds) - 1))

static const struct chart charts[] = {
    {
        .name = "switch-switch",
        .title = "To hand over to the next, all on one processor",
        .note = "All take turns in a ring on one processor. With many, each finds its memory gone "
                "from the caches when its turn comes.",
        .kind = CHART_LINES,
        .metric = SWITCH_NS,
        .log_x = true,
        .log_y = true,
    },
    {
        .name = "switch-spawn",
        .title = "To make one, and to wait for its end",
        .note = "So many that do nothing are made, then all are waited for: fork and waitpid, "
                "pthread_create and pthread_join, dure_spawn and dure_scope_close.",
        .kind = CHART_LINES,
        .metric = SPAWN_NS,
        .log_x = true,
        .log_y = true,
    },
    {
        .name = "switch-parked",
        .title = "To let one wait",
        .note = "Its own pages, its part of those that are shared, page tables, and its stack in "
                "the kernel. What else the kernel keeps of it is not counted.",
        .kind = CHART_LINES,
        .metric = PARKED_BYTES,
        .log_x = true,
        .log_y = true,
    },
    { NULL },
};

static void tell(struct point *point, const struct switch_order *order,
                 const struct switch_result *result, double kernel_stack, int error)
{
    if (error == ETIMEDOUT)
        point_refuse(point, "it did not end in time");
    else if (error != 0)
        point_refuse(point, "its process failed: %s", strerror(error));
    else if (result->why[0] != '\0')
        point_refuse(point, "%s", result->why);
    if (error != 0 || result->why[0] != '\0')
        return;
    point_sample(point, SWITCH_NS, result->switch_ns);
    if (result->spawn_ns > 0)
        point_sample(point, SPAWN_NS, result->spawn_ns);
    if (result->parked_bytes <= 0)
        return;
    point_sample(point, PARKED_BYTES,
                 result->parked_bytes + (order->kind->kernel_stack ? kernel_stack : 0));
    if (order->kind->kernel_stack && kernel_stack == 0)
        point_warn(point, "without the kernel's stacks, whose size cannot be told here");
}

/* A point that took so many times its slice is not measured again: it would use up the time of the
   others. */
#define TOO_LONG 10

/* Measures one point once, if time allows. took_ns: of the last time, 0 if there was none.
   Returns: 0; 1 when the experiment has to return. */
static int measure(struct compare *compare, struct switch_order *order, double kernel_stack,
                   int64_t *took_ns)
{
    struct place place = { order->kind->name, order->count, { NULL } };
    struct switch_result result = { "" };
    int64_t start_ns = switch_now_ns();
    int error = 0;

    order->slice_ns =
        compare_begin(compare, "%s %s", shown_count(order->count).text, order->kind->name);
    if (order->slice_ns == 0)
        return 1;
    if (*took_ns / TOO_LONG > order->slice_ns)
        return 0;
    if (child_run(switch_measure, order, &result, sizeof result, order->slice_ns + LIMIT_NS) < 0)
        error = errno;
    if (error == ECANCELED)
        return 1;
    tell(compare_point(compare, &place), order, &result, kernel_stack, error);
    *took_ns = switch_now_ns() - start_ns;
    return 0;
}

/* took_ns: of each point, in the order of the round. */
static int measure_round(struct compare *compare, struct switch_order *order, double kernel_stack,
                         int64_t *took_ns)
{
    unsigned i, kind;

    /* The most first: what they take more than their part of the time, the others give. */
    for (i = LEN(counts); i-- > 0;)
        for (kind = 0; switch_kinds[kind] != NULL; kind++) {
            order->kind = switch_kinds[kind];
            order->count = counts[i];
            if (measure(compare, order, kernel_stack, took_ns++) != 0)
                return 1;
        }
    return 0;
}

static int run(struct compare *compare)
{
    struct switch_order order = { .processor = -1 };
    double kernel_stack = switch_kernel_stack();
    int64_t took_ns[POINTS] = { 0 };
    unsigned round;

    if (processors_choose(&order.processor, 1) == 1)
        compare_setting(compare, "processor", "all on %d", order.processor);
    if (kernel_stack > 0)
        compare_setting(compare, "kernel's stack", "%.0f KiB each, as KernelStack in /proc/meminfo",
                        kernel_stack / 1024);
    compare_setting(compare, "tasks", "one loop, semaphores, stacks of 256 KiB");
    compare_setting(compare, "threads", "stacks as the C library makes them");
    compare_plan(compare, POINTS);
    for (round = 0; round < compare_rounds(compare); round++)
        if (measure_round(compare, &order, kernel_stack, took_ns) != 0)
            break;
    return 0;
}

const struct experiment experiment_switch = {
    .name = "switch",
    .title = "Switches",
    .summary = "what processes, threads and tasks cost: a switch, a spawn, a parked one",
    .about = "Processes, threads and tasks take turns in a ring: each sleeps on a futex (tasks: on "
             "a semaphore) until the one before wakes it. Tasks that yield are all ready, and only "
             "let the next go on. Everything is bound to one processor, and the CPU time of all "
             "who take part is counted. Before so many are made, the machine's limits are read: "
             "where they are met the point says so.",
    .x_title = "at once",
    .metrics = metrics,
    .charts = charts,
    .weight = 14,
    .run = run,
};
