/* dure compare with experiments that are made up: what they find is known beforehand, so that the
   reports can be checked. FAKE_STOP=N: when measurement N begins, says so on standard error and
   waits for the interruption. */
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/compare/compare.h"
#include "cmd/compare/format.h"
#include "cmd/compare/run.h"
#include "cmd/compare/view.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The signal counts from here on; it is let in only while waiting for it. */
static void wait_for_interruption(void)
{
    sigset_t stop, before;

    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, &before);
    fputs("waiting\n", stderr);
    while (!compare_interrupted())
        sigsuspend(&before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* An experiment may fork: it begins with one thread. */
static bool is_alone(struct compare *compare)
{
    struct dirent *entry;
    unsigned threads = 0;
    DIR *tasks = opendir("/proc/self/task");

    while (tasks != NULL && (entry = readdir(tasks)) != NULL)
        threads += entry->d_name[0] != '.';
    if (tasks != NULL)
        closedir(tasks);
    if (threads > 1)
        compare_fail(compare, "there are %u threads", threads);
    return threads <= 1;
}

static bool begin(struct compare *compare, const char *series, double x)
{
    static long measurement;
    const char *stop = getenv("FAKE_STOP");

    if (compare_begin(compare, "%s, %g at a time", series, x) == 0)
        return false;
    if (stop != NULL && ++measurement == atol(stop)) {
        wait_for_interruption();
        return false;
    }
    return true;
}

/* The same in every run: a round is a little above or under. */
static double jitter(unsigned round, double part)
{
    static const double of_round[] = { 1, -1, 0.3 };

    return 1 + part * of_round[round % 3];
}

/* Servers: a line a model, over connections. */
enum { CPU, LATENCY, RATE, THREADS };

static const struct metric server_metrics[] = {
    [CPU] = { "cpu_ns_per_request", "CPU time a request", UNIT_NS, BETTER_LOWER },
    [LATENCY] = { "latency_p99_ns", "latency of the slowest hundredth", UNIT_NS, BETTER_LOWER },
    [RATE] = { "requests_per_second", "requests a second", UNIT_PER_SECOND, BETTER_HIGHER },
    [THREADS] = { "threads", "processes and threads", UNIT_COUNT, BETTER_LOWER },
    { 0 },
};

/* Adds a sentence that only a hook can know. */
static void say_of_threaded(const struct view *view, struct sentences *out)
{
    const struct line *line = view_line(view, "threaded");

    if (line != NULL && line->marks[0].y.len != 0)
        sentence_add(out, "The hook sees %u marks of threaded, the first at %s <&>.", line->len,
                     shown(view->metric->unit, line->marks[0].y.median).text);
}

static const char *const server_labels[] = { "handler", "connection", NULL };

static const struct chart server_charts[] = {
    { .name = "servers-cpu",
      .title = "CPU time a request, answered at once",
      .note = "User and system time of the server, its processes and threads included.",
      .kind = CHART_LINES,
      .metric = CPU,
      .labels = { "at once", "keep-alive" },
      .log_x = true },
    { .name = "servers-rate",
      .title = "Requests a second, each waiting 10 ms",
      .kind = CHART_LINES,
      .metric = RATE,
      .labels = { "waits 10 ms", "keep-alive" },
      .log_x = true,
      .log_y = true,
      .say = say_of_threaded },
    { .name = "servers-threads",
      .title = "Processes and threads at the most connections",
      .kind = CHART_BARS,
      .metric = THREADS,
      .labels = { "at once", "keep-alive" } },
    { 0 },
};

static const struct server {
    const char *name;
    double cpu_ns, growth, most, spread, threads; /* 0 threads: one a connection */
} servers[] = {
    { "iterative", 14000, 0, 1, 0.02, 1 },
    { "forking", 190000, 0.05, 512, 0.04, 0 },
    { "preforked", 16500, 0.02, 4096, 0.03, 65 },
    { "threaded", 31000, 0.08, 4096, 0.06, 0 },
    { "prethreaded", 17000, 0.03, 4096, 0.03, 65 },
    { "tasks (io_uring)", 9000, 0.01, 4096, 0.02, 4 },
    { "tasks (epoll)", 11000, 0.01, 4096, 0.02, 4 },
    { "tasks (poll)", 11000, 0.12, 4096, 0.02, 4 },
    { "tasks (select)", 11000, 0.12, 512, 0.02, 4 },
};

static double threads_of(const struct server *server, double x)
{
    return server->threads != 0 ? server->threads : x + 1;
}

static void sample_server(struct compare *compare, const struct server *server, double x,
                          const char *handler, unsigned round)
{
    struct point *point =
        compare_point(compare, &(struct place){ server->name, x, { handler, "keep-alive" } });
    double near = jitter(round, server->spread), cpu_ns = server->cpu_ns * pow(x, server->growth);

    if (x > server->most) {
        if (server->most == 1)
            point_refuse(point, "%s: one at a time", server->name);
        else
            point_refuse(point, "at most %g at a time", server->most);
        return;
    }
    point_sample(point, CPU, cpu_ns * near);
    point_sample(point, LATENCY, (1e6 + cpu_ns * x) * near);
    point_sample(point, RATE, near * fmin(x * 98, 2e9 / cpu_ns));
    point_sample(point, THREADS, threads_of(server, x));
    if (x == 4096 && server->spread > 0.05)
        point_warn(point, "the client used %s of its processor", shown(UNIT_SHARE, 0.97).text);
}

static int run_servers(struct compare *compare)
{
    static const double xs[] = { 1, 8, 64, 512, 4096 };
    static const char *const handlers[] = { "at once", "waits 10 ms" };
    unsigned round, i, j, k;

    if (!is_alone(compare))
        return -1;
    compare_plan(compare, LEN(servers) * LEN(xs) * LEN(handlers));
    compare_setting(compare, "clients", "%u tasks on processors 2 and 3", 4096U);
    for (round = 0; round < compare_rounds(compare); round++)
        for (i = 0; i < LEN(servers); i++)
            for (j = 0; j < LEN(xs); j++)
                for (k = 0; k < LEN(handlers); k++) {
                    if (!begin(compare, servers[i].name, xs[j]))
                        return 0;
                    sample_server(compare, &servers[i], xs[j], handlers[k], round);
                }
    return 0;
}

static const struct experiment fake_servers = {
    .name = "servers",
    .title = "Servers that are made up",
    .summary = "servers that are made up, under clients that are not there",
    .about = "Nothing is measured here: the figures are formulas, so that what the reports say "
             "of them can be checked.",
    .x_title = "connections",
    .labels = server_labels,
    .metrics = server_metrics,
    .charts = server_charts,
    .weight = 60,
    .strong = "tasks",
    .run = run_servers,
};

/* Waits: O(n) against O(1), and one metric against another. */
enum { WAIT_CPU, WAIT_LATENCY, WAIT_CALLS };

static const struct metric wait_metrics[] = {
    [WAIT_CPU] = { "cpu_ns_per_event", "CPU time an event", UNIT_NS, BETTER_LOWER },
    [WAIT_LATENCY] = { "latency_ns", "latency", UNIT_NS, BETTER_LOWER },
    [WAIT_CALLS] = { "calls_per_event", "system calls an event", UNIT_COUNT, BETTER_LOWER },
    { 0 },
};

static const struct chart wait_charts[] = {
    { .name = "waits-cpu",
      .title = "CPU time an event, few of many descriptors busy",
      .note = "What grows with the descriptors looks at all of them each time.",
      .kind = CHART_LINES,
      .metric = WAIT_CPU,
      .log_x = true,
      .log_y = true },
    { .name = "waits-latency",
      .title = "Latency against CPU time",
      .note = "Down and to the left is better.",
      .kind = CHART_CLOUD,
      .metric = WAIT_LATENCY,
      .x_metric = WAIT_CPU,
      .log_x = true,
      .log_y = true },
    { .name = "waits-calls",
      .title = "System calls an event, 1,000 descriptors",
      .kind = CHART_BARS,
      .metric = WAIT_CALLS,
      .at_x = 1000,
      .log_y = true },
    { 0 },
};

static const struct wait {
    const char *name;
    double cpu_ns, each_ns, latency_ns, calls, most;
} waits[] = {
    { "blocking, a thread each", 5200, 0, 6800, 1, 1000 },
    { "polled", 1000, 310, 900, 40, 1e9 },
    { "polled every 1 ms", 400, 5, 510000, 11, 1e9 },
    { "select", 1100, 22, 4100, 2, 1000 },
    { "poll", 1150, 19, 4200, 2, 1e9 },
    { "epoll (level-triggered)", 980, 0, 3400, 2, 1e9 },
    { "epoll (edge-triggered)", 940, 0, 3350, 1.5, 1e9 },
    { "signal-driven", 1900, 0, 5100, 2.1, 1e9 },
    { "POSIX AIO (signal)", 14000, 0.1, 22000, 6, 1e9 },
    { "POSIX AIO (thread)", 31000, 0.1, 41000, 7, 1e9 },
    { "io_uring (single)", 1020, 0, 3600, 1, 1e9 },
    { "io_uring (batched)", 610, 0, 3900, 0.25, 1e9 },
    { "io_uring (provided buffers)", 640, 0, 3950, 0.25, 1e9 },
    { "io_uring (kernel thread)", 450, 0, 2100, 0.02, 1e9 },
};

static int run_waits(struct compare *compare)
{
    static const double xs[] = { 10, 1000, 100000 };
    unsigned round, i, j;

    compare_plan(compare, LEN(waits) * LEN(xs));
    for (round = 0; round < compare_rounds(compare); round++)
        for (i = 0; i < LEN(waits); i++)
            for (j = 0; j < LEN(xs); j++) {
                const struct wait *wait = &waits[i];
                double near = jitter(round, 0.01 + 0.004 * i), x = xs[j];
                struct point *point;

                if (!begin(compare, wait->name, x))
                    return 0;
                point = compare_point(compare, &(struct place){ .series = wait->name, .x = x });
                if (x > wait->most) {
                    point_refuse(point, "at most 1,024 descriptors");
                    continue;
                }
                point_sample(point, WAIT_CPU, (wait->cpu_ns + wait->each_ns * x) * near);
                point_sample(point, WAIT_LATENCY, (wait->latency_ns + wait->each_ns * x) * near);
                point_sample(point, WAIT_CALLS, wait->calls);
            }
    return 0;
}

static const struct experiment fake_waits = {
    .name = "waits",
    .title = "Ways of waiting that are made up",
    .summary = "ways of waiting that are made up",
    .about = "Formulas again: some grow with the descriptors, some do not.",
    .x_title = "descriptors",
    .metrics = wait_metrics,
    .charts = wait_charts,
    .weight = 30,
    .run = run_waits,
};

static int run_broken(struct compare *compare)
{
    compare_fail(compare, "nothing works here: %s", "\"quoted\" </script> & more");
    return -1;
}

static const struct experiment fake_broken = {
    .name = "broken",
    .title = "One that cannot be run",
    .summary = "one that fails",
    .about = "It only says why.",
    .x_title = "things",
    .metrics = wait_metrics,
    .charts = wait_charts,
    .weight = 10,
    .run = run_broken,
};

int main(int argc, char **argv)
{
    static const struct experiment *const fakes[] = { &fake_servers, &fake_waits, &fake_broken,
                                                      NULL };

    return compare_main(fakes, argc, argv);
}
