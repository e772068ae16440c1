/* Channels. */
#include "sync/channel.h"

#include "loop/loop.h"

#include <stdlib.h>

/* A cache line, and twice that on machines that fetch two: what two loops write is not mixed with
   what others read. */
#define CHANNEL_ALIGN 128

char channel_closed;

/* --- from its beginning to its end --- */

dure_channel *dure_channel_create_with(size_t item_size, size_t capacity,
                                       const dure_channel_options *options)
{
    uint32_t flags = options ? options->flags : 0;
    int error = guard_check(flags, 0);
    struct dure_channel *channel;
    size_t ring, all;

    if (error < 0) {
        errno = -error;
        return NULL;
    }
    if (__builtin_mul_overflow(item_size, capacity, &ring) ||
        __builtin_add_overflow(ring, sizeof *channel + CHANNEL_ALIGN, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    channel = aligned_alloc(CHANNEL_ALIGN, all / CHANNEL_ALIGN * CHANNEL_ALIGN);
    if (!channel)
        return NULL;
    *channel = (struct dure_channel){
        .guard = guard_make(flags),
        .in = channel->ring,
        .out = channel->ring,
        .end = channel->ring + ring,
        .item_size = item_size,
        .capacity = capacity,
        .drop = options ? options->drop : NULL,
    };
    return channel;
}

dure_channel *dure_channel_create(size_t item_size, size_t capacity)
{
    return dure_channel_create_with(item_size, capacity, NULL);
}

void dure_channel_destroy(dure_channel *channel)
{
    if (!channel)
        return;
    if (!sync_queue_empty(&channel->receivers) || !sync_queue_empty(&channel->senders))
        die("a channel is destroyed while somebody waits for it");
    for (; channel->drop && channel->len; channel->len--) {
        channel->drop(channel->out);
        channel->out = channel_next(channel, channel->out, channel->item_size);
    }
    free(channel);
}

/* Under the guard: whoever waits finds out. Their nodes, to be signaled. */
static struct sync_node *end_waits(struct sync_queue *queue)
{
    struct sync_node *all = sync_queue_take_all(queue), *node;

    for (node = all; node; node = node->next)
        node->item = &channel_closed;
    return all;
}

int dure_channel_close(dure_channel *channel)
{
    struct sync_node *receivers, *senders;

    guard_enter(&channel->guard, "a channel");
    channel->closed = true;
    receivers = end_waits(&channel->receivers);
    senders = end_waits(&channel->senders);
    guard_leave(&channel->guard);
    sync_signal_all(receivers);
    sync_signal_all(senders);
    return 0;
}

/* --- sending and receiving --- */

/* What a call that has waited returns. */
static int result_of(const struct sync_wait *wait, int error)
{
    bool receives = wait->queue != &container_of(wait->guard, struct dure_channel, guard)->senders;

    if (unlikely(error < 0))
        return (int)io_result(error);
    if (likely(wait->node.item != &channel_closed))
        return receives;
    return receives ? 0 : (int)io_result(-EPIPE);
}

/* Leaves the guard with the caller in the queue. */
static inline void queue_up(struct sync_wait *wait, struct dure_channel *channel,
                            struct sync_queue *queue, void *item)
{
    sync_wait_init(wait, queue == &channel->senders ? "channel send" : "channel receive",
                   &channel->guard, queue);
    waiter_init(&wait->waiter);
    wait->node.item = item;
    sync_queue_push(queue, &wait->node);
    guard_leave(&channel->guard);
}

/* Waits in a queue; comes with the guard. */
static __attribute__((noinline)) int wait_otherwise(struct dure_channel *channel,
                                                    struct sync_queue *queue, void *item,
                                                    int64_t until_ns)
{
    struct sync_wait wait;

    if (unlikely(!sched_may_wait())) {
        guard_leave(&channel->guard);
        return (int)io_result(-EDEADLK);
    }
    queue_up(&wait, channel, queue, item);
    return result_of(&wait, sync_wait_for(&wait, until_ns));
}

/* The same, in line for a task without a limit. A call's last act, so that it is a jump: tasks that
   take turns mislead the processor in each return that they have not in common, at some 5 ns each. */
static __attribute__((noinline)) int wait_in(struct dure_channel *channel, struct sync_queue *queue,
                                             void *item, int64_t until_ns)
{
    struct sync_wait wait;

    if (unlikely(!task_current()) || unlikely(until_ns))
        return wait_otherwise(channel, queue, item, until_ns);
    queue_up(&wait, channel, queue, item);
    return result_of(&wait, sync_wait_parked(&wait));
}

/* The rest of a call; comes with the guard. */
static __attribute__((noinline)) int send_guarded(struct dure_channel *channel, const void *item,
                                                  int64_t until_ns)
{
    struct sync_node *other;
    int result = channel_put(channel, item, &other);

    if (result == -EAGAIN) /* only read, as long as it is in senders */
        return wait_in(channel, &channel->senders, (void *)(uintptr_t)item, until_ns);
    guard_leave(&channel->guard);
    if (other)
        sync_signal(other);
    return (int)io_result(result);
}

static __attribute__((noinline)) int receive_guarded(struct dure_channel *channel, void *item,
                                                     int64_t until_ns)
{
    struct sync_node *other;
    int result = channel_get(channel, item, &other);

    if (result == -EAGAIN)
        return wait_in(channel, &channel->receivers, item, until_ns);
    guard_leave(&channel->guard);
    if (other)
        sync_signal(other);
    return result;
}

/* A call that has to look at more than its own task first, or finds the guard taken. */
static __attribute__((noinline)) int send_slowly(struct dure_channel *channel, const void *item,
                                                 int64_t until_ns)
{
    int error = sync_enter();

    if (error < 0)
        return (int)io_result(error);
    guard_enter(&channel->guard, "a channel");
    return send_guarded(channel, item, until_ns);
}

static __attribute__((noinline)) int receive_slowly(struct dure_channel *channel, void *item,
                                                    int64_t until_ns)
{
    int error = sync_enter();

    if (error < 0)
        return (int)io_result(error);
    guard_enter(&channel->guard, "a channel");
    return receive_guarded(channel, item, until_ns);
}

/* What most calls do is here, and calls nothing but as the last act: so it has no frame, whose
   stores the next exchange of a guard would have to wait for. */
static inline int send_until(struct dure_channel *channel, const void *item, int64_t until_ns)
{
    if (unlikely(!sync_enter_at_once()) || unlikely(!guard_try(&channel->guard)))
        return send_slowly(channel, item, until_ns);
    if (sync_queue_empty(&channel->receivers) && likely(!channel->closed)) {
        if (channel->len == channel->capacity)
            return wait_in(channel, &channel->senders, (void *)(uintptr_t)item, until_ns);
        if (likely(channel->item_size == 8)) {
            channel_fill(channel, item);
            guard_leave(&channel->guard);
            return 0;
        }
    }
    return send_guarded(channel, item, until_ns);
}

static inline int receive_until(struct dure_channel *channel, void *item, int64_t until_ns)
{
    if (unlikely(!sync_enter_at_once()) || unlikely(!guard_try(&channel->guard)))
        return receive_slowly(channel, item, until_ns);
    if (sync_queue_empty(&channel->senders)) {
        if (channel->len && likely(channel->item_size == 8)) {
            channel_empty(channel, item);
            guard_leave(&channel->guard);
            return 1;
        }
        if (!channel->len && likely(!channel->closed))
            return wait_in(channel, &channel->receivers, item, until_ns);
    }
    return receive_guarded(channel, item, until_ns);
}

int dure_channel_send(dure_channel *channel, const void *item)
{
    return send_until(channel, item, 0);
}

int dure_channel_timedsend(dure_channel *channel, const void *item, dure_deadline deadline)
{
    return send_until(channel, item, deadline.at_ns);
}

int dure_channel_receive(dure_channel *channel, void *item)
{
    return receive_until(channel, item, 0);
}

int dure_channel_timedreceive(dure_channel *channel, void *item, dure_deadline deadline)
{
    return receive_until(channel, item, deadline.at_ns);
}

int dure_channel_trysend(dure_channel *channel, const void *item)
{
    struct sync_node *other;
    int result;

    guard_enter(&channel->guard, "a channel");
    result = channel_put(channel, item, &other);
    guard_leave(&channel->guard);
    if (other)
        sync_signal(other);
    return (int)io_result(result);
}

int dure_channel_tryreceive(dure_channel *channel, void *item)
{
    struct sync_node *other;
    int result;

    guard_enter(&channel->guard, "a channel");
    result = channel_get(channel, item, &other);
    guard_leave(&channel->guard);
    if (other)
        sync_signal(other);
    return (int)io_result(result);
}

size_t dure_channel_len(dure_channel *channel)
{
    size_t len;

    guard_enter(&channel->guard, "a channel");
    len = channel->len;
    guard_leave(&channel->guard);
    return len;
}

size_t dure_channel_capacity(const dure_channel *channel)
{
    return channel->capacity;
}
