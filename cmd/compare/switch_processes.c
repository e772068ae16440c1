/* Processes: fork and wait. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/compare/room.h"
#include "cmd/compare/switch.h"
#include "cmd/compare/switch_ring.h"

/* Of so many the memory is looked at, and stands for all: that of each takes some 0.1 ms. */
#define LOOK_AT 50

static int64_t nanoseconds(const struct timeval *time)
{
    return time->tv_sec * INT64_C(1000000000) + time->tv_usec * INT64_C(1000);
}

/* Returns: the CPU time of the children that have been waited for. */
static int64_t dead_cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    return nanoseconds(&usage.ru_utime) + nanoseconds(&usage.ru_stime);
}

/* Returns: the CPU time of those that live. */
static int64_t living_cpu_ns(const pid_t *pids, unsigned count)
{
    struct timespec time;
    int64_t sum_ns = 0;
    clockid_t clock;
    unsigned i;

    for (i = 0; i < count; i++)
        if (clock_getcpuclockid(pids[i], &clock) == 0 && clock_gettime(clock, &time) == 0)
            sum_ns += time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
    return sum_ns;
}

static void reap(const pid_t *pids, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        while (waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
}

/* A child's life. It ends with its parent, also if that is gone already. */
static void live(pid_t parent, struct ring *ring, unsigned number)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (ring != NULL && getppid() == parent)
        ring_take_turns(ring, number);
    _exit(0);
}

/* Forks so many that take turns in the ring, or without one end at once. Returns: 0 or -1; then
   none is left. */
static int fork_all(pid_t *pids, unsigned count, struct ring *ring, struct switch_result *result)
{
    pid_t parent = getpid();
    unsigned i;

    for (i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            live(parent, ring, i + 1);
        if (pids[i] < 0)
            break;
    }
    if (i == count)
        return 0;
    switch_refuse(result, "%u processes were made, then: %s", i, strerror(errno));
    for (count = 0; count < i; count++)
        kill(pids[count], SIGKILL);
    reap(pids, i);
    return -1;
}

static int measure_spawn(const struct switch_order *order, pid_t *pids,
                         struct switch_result *result)
{
    int64_t cpu_ns = switch_cpu_ns() + dead_cpu_ns();
    int64_t end_ns = switch_now_ns() + order->slice_ns / 2;
    double done = 0;

    do {
        if (fork_all(pids, order->count, NULL, result) < 0)
            return -1;
        reap(pids, order->count);
        done += order->count;
    } while (switch_now_ns() < end_ns);
    result->spawn_ns = (double)(switch_cpu_ns() + dead_cpu_ns() - cpu_ns) / done;
    return 0;
}

/* What the parent and the first child have: less, when others share it too. */
static double elders(pid_t first)
{
    return switch_footprint(0) + switch_footprint(first);
}

/* What one takes: the mean of some, and the elders' part of what all share. */
static double parked(const struct switch_order *order, const pid_t *pids, double elders_change)
{
    unsigned step = order->count > LOOK_AT ? order->count / LOOK_AT : 1, looked = 0, i;
    double sum = 0;

    for (i = 0; i < order->count; i += step, looked++)
        sum += switch_footprint(pids[i]);
    return sum / looked + elders_change / order->count;
}

static void measure_turns(const struct switch_order *order, const pid_t *pids, struct ring *ring,
                          struct switch_result *result)
{
    int64_t cpu_ns = switch_cpu_ns() + living_cpu_ns(pids, order->count);
    int64_t end_ns = switch_now_ns() + order->slice_ns / 4;
    double done = 0;

    do {
        ring_laps(ring, order->count < 100 ? 100 : 1);
        done += ring->len * (order->count < 100 ? 100.0 : 1.0);
    } while (switch_now_ns() < end_ns);
    result->switch_ns =
        (double)(switch_cpu_ns() + living_cpu_ns(pids, order->count) - cpu_ns) / done;
}

/* One process waits already when the memory is looked at first: it made the parent copy what it
   writes to. It ends with the measurement. */
static int start_first(pid_t *first, struct switch_result *result)
{
    struct ring *ring = ring_create(2, true);

    if (ring == NULL || fork_all(first, 1, ring, result) < 0)
        return -1;
    ring_laps(ring, 1);
    return 0;
}

static int measure_parked(const struct switch_order *order, pid_t *pids, struct ring *ring,
                          struct switch_result *result)
{
    double before;
    pid_t first;

    if (start_first(&first, result) < 0)
        return -1;
    before = elders(first);
    if (fork_all(pids, order->count, ring, result) < 0)
        return -1;
    ring_laps(ring, 1);
    result->parked_bytes = parked(order, pids, elders(first) - before);
    measure_turns(order, pids, ring, result);
    ring_end(ring);
    reap(pids, order->count);
    return 0;
}

static int measure(const struct switch_order *order, struct switch_result *result)
{
    pid_t *pids = calloc(order->count, sizeof *pids);
    struct ring *ring = ring_create(order->count + 1, true);
    int outcome = -1;

    if (pids == NULL || ring == NULL)
        switch_refuse(result, "no memory");
    else if (measure_spawn(order, pids, result) == 0)
        outcome = measure_parked(order, pids, ring, result);
    if (ring != NULL)
        ring_destroy(ring);
    free(pids);
    return outcome;
}

const struct switch_kind switch_processes = {
    .name = "processes",
    .kernel_stack = true,
    .of_kernel = true,
    .bytes_max = ROOM_PROCESS_BYTES,
    .measure = measure,
};
