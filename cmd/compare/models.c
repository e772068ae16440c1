/* The experiment `models`: who is measured, where, and the charts. */
#include "cmd/compare/models.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The pools are as large as such are made; what is not a pool has as many as there are connections. */
#define POOL_OF_PROCESSES 64
#define POOL_OF_THREADS 256
#define WORKERS_MAX 4096

static const struct {
    const char *name, *model;
    unsigned workers;
    const char *backend;
} lineup[] = {
    { "iterative", "iterative", 1, NULL },
    { "forking", "forking", WORKERS_MAX, NULL },
    { "preforked", "preforked", POOL_OF_PROCESSES, NULL },
    { "threaded", "threaded", WORKERS_MAX, NULL },
    { "prethreaded", "prethreaded", POOL_OF_THREADS, NULL },
    { "tasks (io_uring)", "tasks", 0, "io_uring" },
    { "tasks (epoll)", "tasks", 0, "epoll" },
    { "tasks (poll)", "tasks", 0, "poll" },
    { "tasks (select)", "tasks", 0, "select" },
};

#define KEPT "keep-alive"
#define EACH "a connection a request"
#define FIXED "2,000 a second"
#define FIXED_RATE 2000

/* What is measured: not each with each, but each question where it has an answer. */
static const struct {
    struct models_point at;
    bool quick; /* in the quick run too */
} plan[] = {
    { { HANDLER_AT_ONCE, 1, false, 0, KEPT }, false },
    { { HANDLER_AT_ONCE, 8, false, 0, KEPT }, true },
    { { HANDLER_AT_ONCE, 64, false, 0, KEPT }, false },
    { { HANDLER_AT_ONCE, 512, false, 0, KEPT }, true },
    { { HANDLER_AT_ONCE, 4096, false, 0, KEPT }, false },
    { { HANDLER_AT_ONCE, 64, true, 0, EACH }, true },
    { { HANDLER_WAITS, 64, false, 0, KEPT }, true },
    { { HANDLER_WAITS, 512, false, 0, KEPT }, false },
    { { HANDLER_WAITS, 4096, false, 0, KEPT }, false },
    { { HANDLER_COMPUTES, 64, false, 0, KEPT }, false },
    { { HANDLER_READS, 64, false, 0, KEPT }, false },
    { { HANDLER_AT_ONCE, 64, true, FIXED_RATE, FIXED }, false },
    { { HANDLER_WAITS, 64, true, FIXED_RATE, FIXED }, true },
};

/* Who says beforehand that it does not hold a load, and once did not, is not asked again. */
struct series {
    struct contestant contestant;
    bool fails[LEN(plan)];
};

static bool is_beyond(const struct contestant *contestant, const struct models_point *at)
{
    return contestant->workers != 0 && contestant->workers < at->connections && !at->reconnects;
}

static void note_settings(struct compare *compare, const struct processors *processors)
{
    char text[128];

    processors_text(&processors->server, text, sizeof text);
    compare_setting(compare, "server", "on processors %s; tasks with as many loops", text);
    processors_text(&processors->client, text, sizeof text);
    compare_setting(compare, "clients", "tasks of another process, on processors %s%s", text,
                    processors->shared ? ", the only ones" : "");
    compare_setting(compare, "request and reply", "%d bytes, and 128; 4,096 of a file",
                    REQUEST_LEN);
    compare_setting(compare, "pools", "%d processes, %d threads", POOL_OF_PROCESSES,
                    POOL_OF_THREADS);
    compare_setting(compare, "twins",
                    "without a scope: under processes and threads the plain calls");
    compare_setting(compare, FIXED,
                    "each in a connection of its own, at fixed times; latency "
                    "counts from when it was to be sent");
}

static bool measure_one(struct compare *compare, struct series *series, unsigned point,
                        const struct handler_world *world, const struct processors *processors)
{
    const struct models_point *at = &plan[point].at;
    int64_t slice_ns = compare_begin(compare, "%s, %u connections, %s", series->contestant.name,
                                     at->connections, handlers[at->handler].name);

    if (slice_ns == 0)
        return false;
    if (!series->fails[point])
        series->fails[point] =
            !models_measure(compare, &series->contestant, at, world, processors, slice_ns) &&
            is_beyond(&series->contestant, at);
    return true;
}

static bool is_wanted(const struct compare *compare, unsigned point)
{
    return plan[point].quick || !compare_quick(compare);
}

/* Point by point, so that those that are compared are measured one after the other. */
static void measure_all(struct compare *compare, struct series *series,
                        const struct handler_world *world, const struct processors *processors)
{
    unsigned round, point, i, points = 0;

    for (point = 0; point < LEN(plan); point++)
        points += is_wanted(compare, point);
    compare_plan(compare, points * LEN(lineup));
    for (round = 0; round < compare_rounds(compare); round++)
        for (point = 0; point < LEN(plan); point++)
            for (i = 0; i < LEN(lineup); i++)
                if (is_wanted(compare, point) &&
                    !measure_one(compare, &series[i], point, world, processors))
                    return;
}

/* A descriptor a connection, for the clients too. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(struct compare *compare)
{
    static struct series series[LEN(lineup)];
    struct handler_world world;
    struct processors processors;
    unsigned i;

    if (handler_world_init(&world) < 0) {
        compare_fail(compare, "a file in memory: %s", strerror(errno));
        return -1;
    }
    for (i = 0; i < LEN(lineup); i++)
        series[i].contestant = (struct contestant){ lineup[i].name, model_find(lineup[i].model),
                                                    lineup[i].workers, lineup[i].backend };
    raise_descriptor_limit();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    processors_split(&processors);
    note_settings(compare, &processors);
    measure_all(compare, series, &world, &processors);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    handler_world_fini(&world);
    return 0;
}

static const struct metric metrics[] = {
    [MODELS_RATE] = { "requests_per_second", "requests a second", UNIT_PER_SECOND, BETTER_HIGHER },
    [MODELS_P50] = { "latency_p50_ns", "latency, median", UNIT_NS, BETTER_LOWER },
    [MODELS_P99] = { "latency_p99_ns", "latency of the slowest hundredth", UNIT_NS, BETTER_LOWER },
    [MODELS_P999] = { "latency_p999_ns", "latency of the slowest thousandth", UNIT_NS,
                      BETTER_LOWER },
    [MODELS_CPU] = { "cpu_ns_per_request", "CPU time a request", UNIT_NS, BETTER_LOWER },
    [MODELS_MEMORY] = { "bytes_per_connection", "memory a connection", UNIT_BYTES, BETTER_LOWER },
    [MODELS_PROCESSES] = { "processes", "processes", UNIT_COUNT, BETTER_LOWER },
    [MODELS_THREADS] = { "threads", "threads, of all processes", UNIT_COUNT, BETTER_LOWER },
    [MODELS_VOLUNTARY] = { "voluntary_switches_per_request", "voluntary context switches a request",
                           UNIT_COUNT, BETTER_LOWER },
    [MODELS_INVOLUNTARY] = { "involuntary_switches_per_request",
                             "involuntary context switches a request", UNIT_COUNT, BETTER_LOWER },
    [MODELS_ERRORS] = { "errors", "requests that failed", UNIT_COUNT, BETTER_LOWER },
    { 0 },
};

#define OF_SERVER "User and system time of the server, its processes and threads included. "
#define AT_ONCE "answers at once"
#define WAITS "waits 10 ms"

static const struct chart charts[] = {
    { .name = "models-cpu",
      .title = "CPU time a request, answered at once, keep-alive",
      .note = OF_SERVER "A model without a figure did not serve all connections.",
      .kind = CHART_LINES,
      .metric = MODELS_CPU,
      .labels = { AT_ONCE, KEPT },
      .log_x = true,
      .log_y = true },
    { .name = "models-reconnect",
      .title = "CPU time a request, with a connection for each",
      .note = OF_SERVER "Each request costs an accept, and what the model makes for a connection.",
      .kind = CHART_BARS,
      .metric = MODELS_CPU,
      .at_x = 64,
      .labels = { AT_ONCE, EACH } },
    { .name = "models-rate",
      .title = "Requests a second, each waiting 10 ms, keep-alive",
      .note = "As for a database. A hundred a second and connection is all there can be.",
      .kind = CHART_LINES,
      .metric = MODELS_RATE,
      .labels = { WAITS, KEPT },
      .log_x = true,
      .log_y = true },
    { .name = "models-latency",
      .title = "Latency of the slowest hundredth, answered at once, keep-alive",
      .note = "Each client asks again as soon as it is answered, so that the server is never idle.",
      .kind = CHART_LINES,
      .metric = MODELS_P99,
      .labels = { AT_ONCE, KEPT },
      .log_x = true,
      .log_y = true },
    { .name = "models-open",
      .title = "Latency of the slowest hundredth, 2,000 requests a second that wait 10 ms",
      .note = "Each in a connection of its own, at times fixed beforehand; latency counts from "
              "when it was to be sent, so that a server that stalls is not spared.",
      .kind = CHART_BARS,
      .metric = MODELS_P99,
      .labels = { WAITS, FIXED },
      .log_y = true },
    { .name = "models-memory",
      .title = "Memory a connection, keep-alive",
      .note = "What the server has more than before it served, by connection: pages of its own, "
              "page tables, kernel stacks; not the kernel's sockets, the same for all.",
      .kind = CHART_LINES,
      .metric = MODELS_MEMORY,
      .labels = { AT_ONCE, KEPT },
      .log_x = true,
      .log_y = true },
    { .name = "models-compute",
      .title = "Latency of the slowest hundredth, 64 clients, each request computing 1 ms",
      .kind = CHART_BARS,
      .metric = MODELS_P99,
      .at_x = 64,
      .labels = { "computes 1 ms", KEPT } },
    { .name = "models-file",
      .title = "CPU time a request that reads 4 KiB of a file, 64 clients",
      .note = OF_SERVER "All of the file is in the page cache.",
      .kind = CHART_BARS,
      .metric = MODELS_CPU,
      .at_x = 64,
      .labels = { "reads a file", KEPT } },
    { .name = "models-threads",
      .title = "Threads, of all processes, keep-alive",
      .kind = CHART_LINES,
      .metric = MODELS_THREADS,
      .labels = { AT_ONCE, KEPT },
      .log_x = true,
      .log_y = true },
    { .name = "models-switches",
      .title = "Voluntary context switches a request, 64 clients, each waiting 10 ms",
      .kind = CHART_BARS,
      .metric = MODELS_VOLUNTARY,
      .at_x = 64,
      .labels = { WAITS, KEPT } },
    { .name = "models-rate-at-once",
      .title = "Requests a second, answered at once, keep-alive",
      .note = "On a machine that does other things besides, CPU time says more.",
      .kind = CHART_LINES,
      .metric = MODELS_RATE,
      .labels = { AT_ONCE, KEPT },
      .log_x = true,
      .log_y = true },
    { .name = "models-open-median",
      .title = "Median latency, 2,000 requests a second that wait 10 ms",
      .kind = CHART_BARS,
      .metric = MODELS_P50,
      .labels = { WAITS, FIXED },
      .log_y = true },
    { .name = "models-open-thousandth",
      .title = "Latency of the slowest thousandth, 2,000 requests a second that wait 10 ms",
      .kind = CHART_BARS,
      .metric = MODELS_P999,
      .labels = { WAITS, FIXED },
      .log_y = true },
    { .name = "models-open-at-once",
      .title = "Latency of the slowest hundredth, 2,000 requests a second, answered at once",
      .kind = CHART_BARS,
      .metric = MODELS_P99,
      .labels = { AT_ONCE, FIXED },
      .log_y = true },
    { .name = "models-processes",
      .title = "Processes, keep-alive",
      .kind = CHART_LINES,
      .metric = MODELS_PROCESSES,
      .labels = { AT_ONCE, KEPT },
      .log_x = true,
      .log_y = true },
    { .name = "models-preempted",
      .title = "Involuntary context switches a request, 64 clients, each computing 1 ms",
      .kind = CHART_BARS,
      .metric = MODELS_INVOLUNTARY,
      .at_x = 64,
      .labels = { "computes 1 ms", KEPT } },
    { 0 },
};

static const char *const labels[] = { "handler", "connection", NULL };

const struct experiment experiment_models = {
    .name = "models",
    .title = "Concurrency models",
    .summary = "servers: processes, threads and tasks, under load",
    .about = "One server at a time, in a process of its own, answers clients that this program "
             "makes itself: tasks in another process, on other processors where there are any. The "
             "function that lives the life of a connection is the same under each model, and so is "
             "what it does for a request: answer at once, wait 10 ms, compute 1 ms, or read a "
             "file. The clients check each byte.",
    .x_title = "connections",
    .labels = labels,
    .metrics = metrics,
    .charts = charts,
    .weight = 60,
    .strong = "tasks",
    .run = run,
};
