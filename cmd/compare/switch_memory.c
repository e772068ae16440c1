/* One measurement of dure compare switch, and what memory it finds. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cmd/compare/child.h"
#include "cmd/compare/processors.h"
#include "cmd/compare/room.h"
#include "cmd/compare/switch.h"
#include "cmd/compare/switch_ring.h"

/* So many threads are made to see what the kernel's stacks take: much more than comes and goes
   elsewhere meanwhile. */
#define STACKS 500
#define LIMIT_NS INT64_C(10000000000)

int switch_refuse(struct switch_result *result, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(result->why, sizeof result->why, format, args);
    va_end(args);
    return -1;
}

int64_t switch_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t switch_cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

double switch_footprint(int pid)
{
    char rollup[64], status[64];
    long pages_kb, tables_kb;

    if (pid == 0)
        pid = getpid();
    /* The sum over all mappings is exact; what status says of pages lags behind. */
    snprintf(rollup, sizeof rollup, "/proc/%d/smaps_rollup", pid);
    snprintf(status, sizeof status, "/proc/%d/status", pid);
    pages_kb = room_read(rollup, "Pss:");
    tables_kb = room_read(status, "VmPTE:");
    return 1024.0 * (double)(pages_kb + tables_kb);
}

/* ---- the kernel's stacks ---- */

static void *rest(void *arg)
{
    ring_take_turns(arg, 1);
    return NULL;
}

static int grow(const void *arg, void *result)
{
    struct ring *ring = ring_create(2, false);
    long before = room_read("/proc/meminfo", "KernelStack:");
    pthread_t thread;
    unsigned i;

    (void)arg;
    for (i = 0; ring != NULL && i < STACKS; i++)
        if (pthread_create(&thread, NULL, rest, ring) != 0)
            return -1;
    *(double *)result = 1024.0 * (double)(room_read("/proc/meminfo", "KernelStack:") - before);
    return 0;
}

double switch_kernel_stack(void)
{
    double grown = 0, size;

    if (child_run(grow, NULL, &grown, sizeof grown, LIMIT_NS) < 0)
        return 0;
    for (size = 4096; size <= 65536; size *= 2)
        if (grown / STACKS > size * 0.75 && grown / STACKS <= size * 1.5)
            return size;
    return 0;
}

/* ---- one measurement ---- */

int switch_measure(const void *arg, void *out)
{
    const struct switch_order *order = arg;
    struct switch_result *result = out;

    processors_bind(order->processor);
    if (order->kind->of_kernel ? !room_for_threads(order->count, order->kind->bytes_max,
                                                   result->why, sizeof result->why)
                               : !room_for_memory(order->count, order->kind->bytes_max, result->why,
                                                  sizeof result->why))
        return 0;
    if (order->kind->measure(order, result) < 0 && result->why[0] == '\0')
        switch_refuse(result, "%s", "it failed");
    return 0;
}
