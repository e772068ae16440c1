/* A thread a descriptor, asleep in read. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/io.h"
#include "cmd/compare/room.h"

/* What read and the counting need; the usual 8 MiB are only address space, but 10,000 of them. */
#define STACK_SIZE ((size_t)64 << 10)

struct reader {
    struct io_waiter *waiter;
    unsigned index;
};

static void *read_always(void *arg)
{
    struct reader reader = *(struct reader *)arg;

    free(arg);
    for (;;)
        (void)io_read(reader.waiter, reader.index);
    return NULL;
}

static int start(struct io_waiter *waiter, unsigned index, const pthread_attr_t *attr)
{
    struct reader *reader = malloc(sizeof *reader);
    pthread_t thread;
    int error;

    if (reader == NULL)
        return io_refuse(waiter, "no memory for a thread each");
    *reader = (struct reader){ waiter, index };
    error = pthread_create(&thread, attr, read_always, reader);
    if (error == 0)
        return 0;
    free(reader);
    return io_refuse(waiter, "a thread each: %u were made, then: %s", index, strerror(error));
}

static int open_threads(struct io_waiter *waiter)
{
    pthread_attr_t attr;
    unsigned i;
    int result = 0;

    if (!room_for_threads(waiter->len, ROOM_THREAD_BYTES, waiter->why, sizeof waiter->why))
        return -1;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (i = 0; i < waiter->len && result == 0; i++)
        result = start(waiter, i, &attr);
    pthread_attr_destroy(&attr);
    return result;
}

const struct io_mechanism io_blocking = {
    .name = "blocking",
    .open = open_threads,
    .take = io_rest,
};
