/* The side that makes events. */
#include "cmd/compare/io_writer.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

/* Without any event read for so long, one is lost. */
#define LOST_NS 5000000000

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Waits for a time: at last without sleeping, to be there in time. */
static void wait_until(const struct io_writer *writer, int64_t at_ns)
{
    const struct timespec at = { .tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000 };

    /* Without a processor of its own it would take the waiter's. */
    if (writer->order->writer_processor < 0)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    while (now_ns() < at_ns)
        ;
}

static unsigned taken(const struct io_writer *writer)
{
    return (unsigned)atomic_load_explicit(&writer->waiter->taken, memory_order_acquire);
}

/* Returns: whether so many have been read, in time. */
static bool await_taken(const struct io_writer *writer, unsigned count)
{
    int64_t at_ns = now_ns(), seen_ns = at_ns;
    unsigned seen = taken(writer), before = seen;

    while (seen < count && at_ns - seen_ns < LOST_NS) {
        if (writer->order->writer_processor < 0)
            sched_yield();
        at_ns = now_ns();
        seen = taken(writer);
        if (seen != before)
            seen_ns = at_ns;
        before = seen;
    }
    return seen >= count;
}

/* Returns: whether there was room in time. */
static bool await_room(struct io_writer *writer, const struct io_source *source)
{
    unsigned written = atomic_load_explicit(&source->written, memory_order_relaxed);

    if (written - atomic_load_explicit(&source->taken, memory_order_acquire) < IO_STAMPS)
        return true;
    writer->held++;
    /* Half of them: then this one has room too. */
    return await_taken(writer, writer->written - IO_STAMPS / 2);
}

/* Marks when the event was written, before it is. */
static void stamp(struct io_source *source)
{
    unsigned number = atomic_load_explicit(&source->written, memory_order_relaxed);

    atomic_store_explicit(&source->stamps[number % IO_STAMPS], now_ns(), memory_order_relaxed);
    /* Releases the stamp to whoever reads the event. */
    atomic_store_explicit(&source->written, number + 1, memory_order_release);
}

static bool write_event(struct io_writer *writer)
{
    struct io_source *source = &writer->waiter->sources[writer->written % writer->waiter->busy];
    size_t len = writer->order->mechanism->kind == IO_EVENTFD ? sizeof(uint64_t) : 1;
    const uint64_t one = 1;
    ssize_t result;

    if (!await_room(writer, source))
        return false;
    stamp(source);
    result = write(source->write_fd, &one, len);
    if (result < 0 && errno == EAGAIN) {
        /* The socket's queue is full of what was written before. */
        writer->held++;
        if (!await_taken(writer, writer->written))
            return false;
        result = write(source->write_fd, &one, len);
    }
    writer->written++;
    return result > 0;
}

/* Waits for the time of the next burst. Who comes late does not hurry afterwards: single events
   stay single. Returns: when the burst began. */
static int64_t begin_burst(struct io_writer *writer, int64_t before_ns)
{
    const struct io_order *order = writer->order;
    int64_t due_ns = before_ns + order->interval_ns, at_ns;

    wait_until(writer, due_ns);
    at_ns = now_ns();
    if (at_ns - due_ns < order->interval_ns)
        return due_ns;
    writer->late += order->burst;
    return at_ns;
}

bool io_write(struct io_writer *writer, unsigned count)
{
    int64_t burst_ns = now_ns();
    unsigned i;

    for (i = 0; i < count; i++) {
        if (i % writer->order->burst == 0)
            burst_ns = begin_burst(writer, burst_ns);
        if (!write_event(writer))
            return false;
    }
    return await_taken(writer, writer->written);
}
