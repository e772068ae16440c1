/* Threads: pthread_create and join. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/room.h"
#include "cmd/compare/switch.h"
#include "cmd/compare/switch_ring.h"

struct member {
    pthread_t thread;
    struct ring *ring; /* NULL: it ends at once */
    unsigned number;
};

static void *live(void *arg)
{
    const struct member *member = arg;

    if (member->ring != NULL)
        ring_take_turns(member->ring, member->number);
    return NULL;
}

static void join_all(const struct member *members, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        pthread_join(members[i].thread, NULL);
}

/* Makes so many that take turns in the ring, or without one end at once. Returns: 0 or -1; those
   that were made end with the process. */
static int create_all(struct member *members, unsigned count, struct ring *ring,
                      struct switch_result *result)
{
    unsigned i;
    int error;

    for (i = 0; i < count; i++) {
        members[i].ring = ring;
        members[i].number = i + 1;
        error = pthread_create(&members[i].thread, NULL, live, &members[i]);
        if (error != 0)
            return switch_refuse(result, "%u threads were made, then: %s", i, strerror(error));
    }
    return 0;
}

static int measure_spawn(const struct switch_order *order, struct member *members,
                         struct switch_result *result)
{
    int64_t cpu_ns = switch_cpu_ns(), end_ns = switch_now_ns() + order->slice_ns / 2;
    double done = 0;

    do {
        if (create_all(members, order->count, NULL, result) < 0)
            return -1;
        join_all(members, order->count);
        done += order->count;
    } while (switch_now_ns() < end_ns);
    result->spawn_ns = (double)(switch_cpu_ns() - cpu_ns) / done;
    return 0;
}

static void measure_turns(const struct switch_order *order, struct ring *ring,
                          struct switch_result *result)
{
    int64_t cpu_ns = switch_cpu_ns(), end_ns = switch_now_ns() + order->slice_ns / 4;
    unsigned laps = order->count < 100 ? 100 : 1;
    double done = 0;

    do {
        ring_laps(ring, laps);
        done += (double)ring->len * laps;
    } while (switch_now_ns() < end_ns);
    result->switch_ns = (double)(switch_cpu_ns() - cpu_ns) / done;
}

/* One thread waits already when the memory is looked at first: with it come the pages of code and
   data that all use. It ends with the process. */
static int start_first(struct switch_result *result)
{
    static struct member first;
    struct ring *ring = ring_create(2, false);

    if (ring == NULL || create_all(&first, 1, ring, result) < 0)
        return -1;
    ring_laps(ring, 1);
    return 0;
}

/* Before the spawning, whose stacks the C library keeps for the next. */
static int measure_parked(const struct switch_order *order, struct member *members,
                          struct ring *ring, struct switch_result *result)
{
    double before;

    if (start_first(result) < 0)
        return -1;
    before = switch_footprint(0);
    if (create_all(members, order->count, ring, result) < 0)
        return -1;
    ring_laps(ring, 1);
    result->parked_bytes = (switch_footprint(0) - before) / order->count;
    measure_turns(order, ring, result);
    ring_end(ring);
    join_all(members, order->count);
    return 0;
}

static int measure(const struct switch_order *order, struct switch_result *result)
{
    struct member *members = calloc(order->count, sizeof *members);
    struct ring *ring = ring_create(order->count + 1, false);
    int outcome = -1;

    if (members == NULL || ring == NULL)
        switch_refuse(result, "no memory");
    else if (measure_parked(order, members, ring, result) == 0)
        outcome = measure_spawn(order, members, result);
    /* Threads that were made before a failure still use both. */
    if (outcome == 0) {
        ring_destroy(ring);
        free(members);
    }
    return outcome;
}

const struct switch_kind switch_threads = {
    .name = "threads",
    .kernel_stack = true,
    .of_kernel = true,
    .bytes_max = ROOM_THREAD_BYTES,
    .measure = measure,
};
