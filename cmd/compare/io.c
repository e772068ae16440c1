/* dure compare io: the ways of waiting for descriptors, side by side. */
#include "cmd/compare/io.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/compare/child.h"
#include "cmd/compare/experiments.h"
#include "cmd/compare/format.h"
#include "cmd/compare/io_charts.h"
#include "cmd/compare/io_point.h"
#include "cmd/compare/processors.h"

#define SECOND INT64_C(1000000000)
/* Events at the same rate under both loads, so that the figures differ by the bursts alone. At
   2,000 a second every mechanism but the pausing ones comes to rest between two. */
#define RATE 2000
#define BURST IO_BUSY
/* The part of a measurement's time in which events are counted; the rest makes descriptors and
   threads, and ends them. */
#define COUNTED_OF_10 6
#define EVENTS_MIN 40
/* Of so many events one may be late before the figures are called doubtful. */
#define LATE_OF 10
/* When a measurement is ended that was to take so much less. */
#define LIMIT_NS (10 * SECOND)
/* A point that took so many times its slice is not measured again: it would use up the time of the
   others. */
#define TOO_LONG 8

const struct io_mechanism *const io_mechanisms[] = {
    &io_blocking,     &io_polled,     &io_polled_100us, &io_polled_1ms,  &io_polled_10ms,
    &io_select,       &io_poll,       &io_epoll_level,  &io_epoll_edge,  &io_signals,
    &io_aio_signal,   &io_aio_thread, &io_uring_one,    &io_uring_batch, &io_uring_buffers,
    &io_uring_sqpoll, NULL,
};

static const struct metric metrics[] = {
    [IO_CPU_NS] = { "cpu_ns_per_event", "CPU time an event", UNIT_NS, BETTER_LOWER },
    [IO_CALLS] = { "calls_per_event", "system calls an event", UNIT_COUNT, BETTER_LOWER },
    [IO_MEDIAN_NS] = { "latency_p50_ns", "latency (median)", UNIT_NS, BETTER_LOWER },
    [IO_P99_NS] = { "latency_p99_ns", "latency (p99)", UNIT_NS, BETTER_LOWER },
    [IO_WASTED] = { "wasted_per_event", "calls in vain an event", UNIT_COUNT, BETTER_LOWER },
    { NULL, NULL, UNIT_COUNT, BETTER_NEITHER },
};

static const char *const labels[] = { "load", NULL };

static const struct load {
    const char *name;
    unsigned burst;
} loads[] = {
    { IO_SINGLE, 1 },
    { IO_BURSTS, BURST },
};

static const unsigned descriptors[] = { 10, IO_BURSTS_AT, 10000 };

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* Which processors are used: the writer's, the waiter's, one for a thread of the kernel's. */
static void choose_processors(struct compare *compare, struct io_order *order)
{
    int found[3];
    unsigned len = processors_choose(found, 3);

    order->waiter_processor = len > 0 ? found[0] : -1;
    order->writer_processor = len > 1 ? found[1] : -1;
    order->kernel_processor = len > 2 ? found[2] : -1;
    if (len > 1)
        compare_setting(compare, "processors", "waiting on %d, writing on %d", found[0], found[1]);
    else
        compare_setting(compare, "processors", "waiting and writing share the only one");
    if (len > 2)
        compare_setting(compare, "SQPOLL", "the kernel's thread is on processor %d", found[2]);
}

static void tell_settings(struct compare *compare)
{
    const struct io_mechanism *const *mechanism;

    compare_setting(compare, "events", "%s a second, on %d descriptors in turn",
                    shown_count(RATE).text, IO_BUSY);
    compare_setting(compare, "descriptors", "eventfds, unless said otherwise");
    for (mechanism = io_mechanisms; *mechanism != NULL; mechanism++)
        if ((*mechanism)->note != NULL)
            compare_setting(compare, (*mechanism)->name, "%s", (*mechanism)->note);
}

static void add_doubts(struct point *point, const struct io_order *order,
                       const struct io_result *result)
{
    if (order->writer_processor < 0)
        point_warn(point, "writer and waiter share the only processor");
    if (order->mechanism == &io_uring_sqpoll && order->kernel_processor < 0)
        point_warn(point, "the kernel's thread has no processor of its own");
    if (result->strange > 0)
        point_warn(point, "reads brought what was not written: the figures are wrong");
    if (result->late * LATE_OF > result->events)
        point_warn(point, "the writer came late: others used its processor");
    if (result->held > 0)
        point_warn(point, "it did not keep up: the writer had to wait");
}

static void add_samples(struct point *point, const struct io_result *result)
{
    double events = (double)result->events;

    point_sample(point, IO_CPU_NS, (double)result->cpu_ns / events);
    point_sample(point, IO_CALLS, (double)result->calls / events);
    point_sample(point, IO_MEDIAN_NS, (double)result->median_ns);
    point_sample(point, IO_P99_NS, (double)result->p99_ns);
    point_sample(point, IO_WASTED, (double)result->wasted / events);
}

static void tell(struct point *point, const struct io_order *order, const struct io_result *result,
                 int error)
{
    if (error == ETIMEDOUT)
        point_refuse(point, "it did not end in time");
    else if (error != 0)
        point_refuse(point, "its process failed: %s", strerror(error));
    else if (result->outcome == IO_REFUSED)
        point_refuse(point, "%s", result->why);
    else if (result->outcome == IO_LOST)
        point_refuse(point, "an event was not read");
    else
        add_samples(point, result);
    if (error == 0 && result->outcome == IO_DONE)
        add_doubts(point, order, result);
}

/* One point of a round. */
struct candidate {
    const struct io_mechanism *mechanism;
    const struct load *load;
    unsigned descriptors;
    int64_t took_ns; /* the last time; 0: it was not measured yet */
};

struct plan {
    struct candidate points[LEN(loads) * LEN(descriptors) * LEN(io_mechanisms)];
    unsigned len;
};

/* A quick run has bursts only where a chart shows them. */
static bool is_wanted(const struct compare *compare, const struct load *load, unsigned count)
{
    return !compare_quick(compare) || load->burst == 1 || count == IO_BURSTS_AT;
}

static void make_plan(const struct compare *compare, struct plan *plan)
{
    unsigned load, count, i;

    plan->len = 0;
    for (load = 0; load < LEN(loads); load++)
        for (count = 0; count < LEN(descriptors); count++)
            for (i = 0; io_mechanisms[i] != NULL; i++)
                if (is_wanted(compare, &loads[load], descriptors[count]))
                    plan->points[plan->len++] =
                        (struct candidate){ io_mechanisms[i], &loads[load], descriptors[count], 0 };
}

static void set_order(struct io_order *order, const struct candidate *candidate, int64_t slice_ns)
{
    int64_t events = slice_ns / 10 * COUNTED_OF_10 * RATE / SECOND;
    unsigned burst = candidate->load->burst;

    order->mechanism = candidate->mechanism;
    order->descriptors = candidate->descriptors;
    order->events = (unsigned)(events < EVENTS_MIN ? EVENTS_MIN : events) / burst * burst;
    order->burst = burst;
    order->interval_ns = burst * SECOND / RATE;
}

/* Measures one point once, if time allows. Returns: 0; 1 when the experiment has to return. */
static int measure(struct compare *compare, struct io_order *order, struct candidate *candidate)
{
    const char *name = candidate->mechanism->name;
    struct place place = { name, candidate->descriptors, { candidate->load->name } };
    struct io_result result = { .outcome = IO_LOST };
    int64_t start_ns = now_ns(), slice_ns;
    int error = 0;

    slice_ns = compare_begin(compare, "%s, %s descriptors, %s", name,
                             shown_count(candidate->descriptors).text, candidate->load->name);
    if (slice_ns == 0)
        return 1;
    if (candidate->took_ns / TOO_LONG > slice_ns)
        return 0;
    set_order(order, candidate, slice_ns);
    if (child_run(io_measure, order, &result, sizeof result, slice_ns + LIMIT_NS) < 0)
        error = errno;
    if (error == ECANCELED)
        return 1;
    tell(compare_point(compare, &place), order, &result, error);
    candidate->took_ns = now_ns() - start_ns;
    return 0;
}

static int run(struct compare *compare)
{
    struct io_order order = { NULL };
    unsigned round, i, over = 0;
    struct plan plan;

    choose_processors(compare, &order);
    tell_settings(compare);
    make_plan(compare, &plan);
    compare_plan(compare, plan.len);
    for (round = 0; round < compare_rounds(compare) && !over; round++)
        for (i = 0; i < plan.len && !over; i++)
            over = (unsigned)measure(compare, &order, &plan.points[i]);
    return 0;
}

const struct experiment experiment_io = {
    .name = "io",
    .title = "Ways of waiting",
    .summary = "waiting for descriptors: select, poll, epoll, signals, AIO, io_uring",
    .about =
        "One thread makes ten of many descriptors ready, one after the other or all at once, "
        "2,000 times a second. A second thread, on another processor, waits for them by one "
        "mechanism and reads. Counted are its system calls and the CPU time of all threads but "
        "the writer's; the latency goes from just before the write to just after the read. "
        "Every event is read exactly once, or the point has no figure.",
    .x_title = "descriptors",
    .labels = labels,
    .metrics = metrics,
    .charts = io_charts,
    .weight = 30,
    .run = run,
};
