/* One measurement of one mechanism: descriptors, the thread that waits, and the figures. The
   first thread is the writer. */
#include "cmd/compare/io_writer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cmd/compare/processors.h"

/* How long the waiter's threads may take to come to rest before it begins, and how often that is
   looked at: most rest at once, 10,000 threads of one processor do not. */
#define SETTLE_NS 10000000
#define SETTLE_TIMES 50

struct io_point {
    const struct io_order *order;
    struct io_result *result;
    struct io_waiter waiter;
    struct io_source sources[IO_BUSY];
    struct io_writer writer;
    sem_t opened;
    bool open;
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- descriptors ---- */

static int open_eventfd(struct io_point *point, struct io_source *source)
{
    int flags = point->order->mechanism->nonblocking ? EFD_CLOEXEC | EFD_NONBLOCK : EFD_CLOEXEC;
    int fd = eventfd(0, flags);

    if (source != NULL)
        source->write_fd = fd;
    return fd;
}

/* The idle ones need nobody who could write to them: that would be as many descriptors again. */
static int open_datagrams(struct io_point *point, struct io_source *source)
{
    int type = SOCK_DGRAM | SOCK_CLOEXEC, pair[2];

    if (point->order->mechanism->nonblocking)
        type |= SOCK_NONBLOCK;
    if (source == NULL)
        return socket(AF_UNIX, type, 0);
    if (socketpair(AF_UNIX, type, 0, pair) < 0)
        return -1;
    source->write_fd = pair[1];
    return pair[0];
}

static int open_descriptor(struct io_point *point, unsigned index)
{
    const struct io_waiter *waiter = &point->waiter;
    struct io_source *source = NULL;

    if (index % waiter->step == 0 && index / waiter->step < waiter->busy)
        source = &point->sources[index / waiter->step];
    return point->order->mechanism->kind == IO_EVENTFD ? open_eventfd(point, source)
                                                       : open_datagrams(point, source);
}

static int open_descriptors(struct io_point *point, int *fds)
{
    struct rlimit limit = { 0, 0 };
    unsigned i;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (i = 0; i < point->waiter.len; i++) {
        fds[i] = open_descriptor(point, i);
        if (fds[i] < 0)
            return io_refuse(&point->waiter,
                             "%u descriptors were made, then: %s (RLIMIT_NOFILE %ju)", i,
                             strerror(errno), (uintmax_t)limit.rlim_cur);
    }
    return 0;
}

/* ---- the side that waits ---- */

static void *wait_always(void *arg)
{
    struct io_point *point = arg;
    const struct io_mechanism *mechanism = point->order->mechanism;

    processors_bind(point->order->waiter_processor);
    point->open = mechanism->open(&point->waiter) == 0;
    sem_post(&point->opened);
    while (point->open)
        mechanism->take(&point->waiter);
    return NULL;
}

static int prepare(struct io_point *point)
{
    const struct io_order *order = point->order;
    struct io_waiter *waiter = &point->waiter;
    int *fds = calloc(order->descriptors, sizeof *fds);

    waiter->mechanism = order->mechanism;
    waiter->fds = fds;
    waiter->len = order->descriptors;
    waiter->kernel_processor = order->kernel_processor;
    waiter->sources = point->sources;
    waiter->busy = order->descriptors < IO_BUSY ? order->descriptors : IO_BUSY;
    waiter->step = order->descriptors / waiter->busy;
    /* As many come before as are counted, at most. */
    waiter->latencies_ns = calloc(2 * (size_t)order->events, sizeof *waiter->latencies_ns);
    sem_init(&point->opened, 0, 0);
    if (fds == NULL || waiter->latencies_ns == NULL)
        return io_refuse(waiter, "no memory");
    return open_descriptors(point, fds);
}

static int start(struct io_point *point)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, wait_always, point);

    if (error != 0)
        return io_refuse(&point->waiter, "a thread: %s", strerror(error));
    pthread_detach(thread);
    while (sem_wait(&point->opened) < 0 && errno == EINTR)
        ;
    return point->open ? 0 : -1;
}

/* ---- the figures ---- */

/* What the other threads have used, those of the kernel's that work for them included. */
static int64_t waiter_cpu_ns(void)
{
    int64_t own_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_ns;
}

/* Waits until the threads that were made have come to rest. */
static void settle(const struct io_point *point)
{
    const struct timespec pause = { .tv_nsec = SETTLE_NS };
    int64_t before_ns, used_ns = SETTLE_NS;
    int i;

    for (i = 0; i < SETTLE_TIMES && used_ns > SETTLE_NS / 5; i++) {
        before_ns = waiter_cpu_ns();
        nanosleep(&pause, NULL);
        used_ns = waiter_cpu_ns() - before_ns;
        if (point->order->mechanism->restless)
            break;
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static void summarise(struct io_point *point, unsigned before)
{
    int64_t *latencies = point->waiter.latencies_ns + before;
    unsigned len = point->writer.written - before;

    qsort(latencies, len, sizeof *latencies, by_value);
    point->result->events = len;
    point->result->median_ns = latencies[len / 2];
    point->result->p99_ns = latencies[len * 99 / 100];
}

/* Returns: whether all events were read. */
static bool measure(struct io_point *point)
{
    const struct io_order *order = point->order;
    struct io_result *result = point->result;
    struct io_waiter *waiter = &point->waiter;
    unsigned before = order->burst * (order->events / 10 / order->burst + 1);

    if (!io_write(&point->writer, before))
        return false;
    point->writer.late = point->writer.held = 0;
    result->calls = atomic_load_explicit(&waiter->calls, memory_order_relaxed);
    result->wasted = atomic_load_explicit(&waiter->wasted, memory_order_relaxed);
    result->cpu_ns = waiter_cpu_ns();
    if (!io_write(&point->writer, order->events))
        return false;
    result->cpu_ns = waiter_cpu_ns() - result->cpu_ns;
    result->calls_all = atomic_load_explicit(&waiter->calls, memory_order_relaxed);
    result->calls = result->calls_all - result->calls;
    result->wasted = atomic_load_explicit(&waiter->wasted, memory_order_relaxed) - result->wasted;
    result->late = point->writer.late;
    result->held = point->writer.held;
    summarise(point, before);
    return true;
}

/* What a mechanism waits for with sigwaitinfo must not find a thread that it could kill. */
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGIO);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int io_measure(const void *arg, void *out)
{
    static struct io_point point;
    struct io_result *result = out;

    point.order = arg;
    point.result = result;
    point.writer = (struct io_writer){ .order = arg, .waiter = &point.waiter };
    block_signals();
    if (prepare(&point) < 0 || start(&point) < 0) {
        result->outcome = IO_REFUSED;
        memcpy(result->why, point.waiter.why, sizeof result->why);
        return 0;
    }
    processors_bind(point.order->writer_processor);
    settle(&point);
    result->outcome = measure(&point) ? IO_DONE : IO_LOST;
    result->strange = atomic_load_explicit(&point.waiter.strange, memory_order_relaxed);
    return 0;
}
