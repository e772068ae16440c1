/* The virtual clock, and a heap of what will happen when. */
#include "backend/sim/inside.h"

#include <stdlib.h>

/* Not 0, so that a deadline that has passed can lie before it. */
#define BEGIN_NS INT64_C(1000000000)
/* The start of 2026, less the second that the clock begins with. */
#define WALL_BEGINS INT64_C(1767225599)

static struct sim_event **heap; /* heap[1] is the earliest */
static size_t heap_len, heap_size;
static uint64_t order_next;
static int64_t now_ns;

void sim_events_init(void)
{
    now_ns = BEGIN_NS;
    order_next = 0;
    heap_len = 0;
}

void sim_events_fini(void)
{
    free(heap);
    heap = NULL;
    heap_len = heap_size = 0;
}

int64_t sim_now(void)
{
    return now_ns;
}

void sim_time_pass(int64_t ns)
{
    now_ns += ns;
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static void put(struct sim_event *event, size_t at)
{
    heap[at] = event;
    event->at = at;
}

static void rise(struct sim_event *event, size_t at)
{
    for (; at > 1 && before(event, heap[at / 2]); at /= 2)
        put(heap[at / 2], at);
    put(event, at);
}

static void sink(struct sim_event *event, size_t at)
{
    for (;;) {
        size_t child = at * 2;

        if (child > heap_len)
            break;
        if (child < heap_len && before(heap[child + 1], heap[child]))
            child++;
        if (!before(heap[child], event))
            break;
        put(heap[child], at);
        at = child;
    }
    put(event, at);
}

static int grow(void)
{
    size_t size = heap_size ? heap_size * 2 : 1024;
    struct sim_event **larger = realloc(heap, size * sizeof *larger);

    if (!larger)
        return -ENOMEM;
    heap = larger;
    heap_size = size;
    return 0;
}

int sim_event_add(struct sim_event *event, int64_t at_ns)
{
    ASSERT(event->at == 0);
    if (heap_len + 1 >= heap_size && grow() < 0)
        return -ENOMEM;
    event->at_ns = at_ns > now_ns ? at_ns : now_ns;
    event->order = order_next++;
    rise(event, ++heap_len);
    return 0;
}

void sim_event_remove(struct sim_event *event)
{
    size_t at = event->at;
    struct sim_event *last;

    if (at == 0)
        return;
    ASSERT(at <= heap_len && heap[at] == event);
    event->at = 0;
    last = heap[heap_len--];
    if (last == event)
        return;
    if (at > 1 && before(last, heap[at / 2]))
        rise(last, at);
    else
        sink(last, at);
}

void sim_events_due(void)
{
    while (heap_len > 0 && heap[1]->at_ns <= now_ns) {
        struct sim_event *event = heap[1];

        sim_event_remove(event);
        event->fire(event); /* may free it */
    }
}

bool sim_advance(int64_t until_ns)
{
    int64_t next_ns = heap_len > 0 ? heap[1]->at_ns : INT64_MAX;

    if (until_ns < next_ns)
        next_ns = until_ns;
    if (next_ns == INT64_MAX)
        return false;
    if (next_ns > now_ns)
        now_ns = next_ns;
    sim_events_due();
    return true;
}

void sim_wall(struct timespec *out)
{
    out->tv_sec = (time_t)(WALL_BEGINS + now_ns / 1000000000);
    out->tv_nsec = now_ns % 1000000000;
}
