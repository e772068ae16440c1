/* What a mechanism finds, counted. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cmd/compare/io.h"

void io_called(struct io_waiter *waiter, unsigned count)
{
    /* Relaxed, as all counts: whoever reads them has first seen `taken`. */
    atomic_fetch_add_explicit(&waiter->calls, count, memory_order_relaxed);
}

void io_wasted(struct io_waiter *waiter)
{
    atomic_fetch_add_explicit(&waiter->wasted, 1, memory_order_relaxed);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct io_source *source_of(struct io_waiter *waiter, unsigned index)
{
    if (index % waiter->step != 0 || index / waiter->step >= waiter->busy)
        return NULL;
    return &waiter->sources[index / waiter->step];
}

void io_took(struct io_waiter *waiter, unsigned index, uint64_t count)
{
    struct io_source *source = source_of(waiter, index);
    /* Acquires what the writer did before its write; io_uring's completions, which no
       ThreadSanitizer knows, order the same. */
    unsigned written = source ? atomic_load_explicit(&source->written, memory_order_acquire) : 0;
    unsigned taken = source ? atomic_load_explicit(&source->taken, memory_order_relaxed) : 0, i;
    int64_t at_ns = now_ns();

    /* Two threads never read one descriptor, so nobody else changes its `taken`. */
    if (count == 0 || count > written - taken) {
        atomic_fetch_add_explicit(&waiter->strange, 1, memory_order_relaxed);
        return;
    }
    for (i = 0; i < count; i++)
        waiter->latencies_ns[atomic_fetch_add_explicit(&waiter->stored, 1, memory_order_relaxed)] =
            at_ns -
            atomic_load_explicit(&source->stamps[(taken + i) % IO_STAMPS], memory_order_relaxed);
    atomic_store_explicit(&source->taken, taken + (unsigned)count, memory_order_release);
    /* Releases all that was stored to the writer, which looks at it. */
    atomic_fetch_add_explicit(&waiter->taken, count, memory_order_release);
}

bool io_read(struct io_waiter *waiter, unsigned index)
{
    uint64_t value = 0;
    ssize_t len = read(waiter->fds[index], &value, sizeof value);

    io_called(waiter, 1);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        io_wasted(waiter);
        return false;
    }
    /* A datagram is an event, an eventfd's value so many. */
    io_took(waiter, index, len < 0 ? 0 : waiter->mechanism->kind == IO_EVENTFD ? value : 1);
    return true;
}

void io_rest(struct io_waiter *waiter)
{
    (void)waiter;
    pause();
}

int io_refuse(struct io_waiter *waiter, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(waiter->why, sizeof waiter->why, format, args);
    va_end(args);
    return -1;
}
