/* A count that is added to and taken away, as eventfd has it. */
#include "backend/sim/inside.h"

#include <stdlib.h>

#define COUNT_MAX (UINT64_MAX - 1)

struct counter {
    struct sim_file file;
    uint64_t count;
    bool semaphore; /* a read takes one */
};

static struct counter *counter_of(struct sim_file *file)
{
    return container_of(file, struct counter, file);
}

static int64_t counter_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct counter *counter = counter_of(file);
    uint64_t taken = counter->semaphore ? 1 : counter->count;

    if (transfer->len < sizeof taken)
        return -EINVAL;
    if (counter->count == 0)
        return -EAGAIN;
    counter->count -= taken;
    sim_transfer_in(transfer, &taken, sizeof taken);
    sim_file_changed(file);
    return sizeof taken;
}

static int64_t counter_write(struct sim_file *file, struct sim_transfer *transfer)
{
    struct counter *counter = counter_of(file);
    uint64_t added;

    if (transfer->len < sizeof added)
        return -EINVAL;
    sim_transfer_out(transfer, &added, sizeof added);
    if (added > COUNT_MAX)
        return -EINVAL;
    if (added > COUNT_MAX - counter->count) {
        transfer->done = 0;
        return -EAGAIN;
    }
    counter->count += added;
    sim_file_changed(file);
    return sizeof added;
}

static unsigned counter_poll(struct sim_file *file)
{
    uint64_t count = counter_of(file)->count;

    return (count > 0 ? POLLIN : 0) | (count < COUNT_MAX ? POLLOUT : 0);
}

static void counter_release(struct sim_file *file, bool crashed)
{
    (void)crashed;
    free(counter_of(file));
}

static const struct sim_kind counter_kind = {
    .read = counter_read,
    .write = counter_write,
    .poll = counter_poll,
    .release = counter_release,
};

struct sim_file *sim_counter_create(struct sim_host *host, uint64_t count, bool semaphore)
{
    struct counter *counter = sim_fails(&host->memory) ? NULL : calloc(1, sizeof *counter);

    if (!counter)
        return NULL;
    sim_file_init(&counter->file, &counter_kind, host, O_RDWR);
    counter->count = count;
    counter->semaphore = semaphore;
    return &counter->file;
}
