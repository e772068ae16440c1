/* The channel, as a choice needs it. */
#ifndef DURE_SRC_SYNC_CHANNEL_H
#define DURE_SRC_SYNC_CHANNEL_H

#include <dure/channel.h>
#include <errno.h>
#include <string.h>

#include "sync/queue.h"

/* Senders wait only while it is full, receivers only while it is empty. A node's item is where to
   take it from, or where to put it. */
struct dure_channel {
    struct guard guard; /* of all but what is const */
    size_t len;
    char *in, *out;   /* the next place to fill and to empty, in a ring */
    char *end;        /* of the ring; const */
    size_t item_size; /* const */
    size_t capacity;  /* const */
    struct sync_queue receivers, senders;
    bool closed;
    dure_drop_fn *drop; /* const */
    _Alignas(16) char ring[];
};

/* In place of the item of one who waited when the channel was closed. */
extern char channel_closed;

static inline void channel_copy(void *to, const void *from, size_t size)
{
    if (likely(size == 8))
        memcpy(to, from, 8); /* one register */
    else if (size)
        memcpy(to, from, size);
}

static inline char *channel_next(struct dure_channel *channel, char *place, size_t size)
{
    place += size;
    return place == channel->end ? channel->ring : place;
}

/* Under the guard, as all that follows: into the ring, which has room, and out of it. */
static inline void channel_fill(struct dure_channel *channel, const void *item)
{
    size_t size = channel->item_size;
    char *place = channel->in;

    channel_copy(place, item, size);
    channel->in = channel_next(channel, place, size);
    channel->len++;
}

static inline void channel_empty(struct dure_channel *channel, void *item)
{
    size_t size = channel->item_size;
    char *place = channel->out;

    channel_copy(item, place, size);
    channel->out = channel_next(channel, place, size);
    channel->len--;
}

/* The item goes to whoever waits for one, or into the ring.
   Returns 0, -EPIPE, or -EAGAIN if it would have to wait. *other: who is to be signaled, or NULL. */
static inline __attribute__((always_inline)) int channel_put(struct dure_channel *channel,
                                                             const void *item,
                                                             struct sync_node **other)
{
    *other = NULL;
    if (unlikely(channel->closed))
        return -EPIPE;
    if (!sync_queue_empty(&channel->receivers) &&
        (*other = sync_queue_take(&channel->receivers)) != NULL) {
        channel_copy((*other)->item, item, channel->item_size);
        return 0;
    }
    if (channel->len == channel->capacity)
        return -EAGAIN;
    channel_fill(channel, item);
    return 0;
}

/* An item comes from the ring, to whose end the first waiting sender's goes; or straight from that.
   Returns 1, 0 if it is closed and empty, or -EAGAIN if it would have to wait. */
static inline __attribute__((always_inline)) int channel_get(struct dure_channel *channel,
                                                             void *item, struct sync_node **other)
{
    *other = sync_queue_empty(&channel->senders) ? NULL : sync_queue_take(&channel->senders);
    if (likely(channel->len)) {
        channel_empty(channel, item);
        if (unlikely(*other != NULL))
            channel_fill(channel, (*other)->item);
        return 1;
    }
    if (*other) {
        channel_copy(item, (*other)->item, channel->item_size);
        return 1;
    }
    return channel->closed ? 0 : -EAGAIN;
}

#endif
