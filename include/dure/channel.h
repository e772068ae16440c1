/* Channels: items handed from one task or thread to another. */
#ifndef DURE_CHANNEL_H
#define DURE_CHANNEL_H

#include <dure/base.h>
#include <dure/scope.h>
#include <dure/time.h>

DURE_BEGIN_DECLS

/* A channel between tasks of any loop and plain threads. Items of one size are
   copied in and out: what is large goes through it as a pointer. Who waits is
   served first come, first served, on both sides. */
typedef struct dure_channel dure_channel;

/* Gives an item back that nobody received. */
typedef void dure_drop_fn(void *item);

typedef struct dure_channel_options {
    dure_drop_fn *drop; /* called by dure_channel_destroy for each item that is left; or NULL */
    uint32_t flags;     /* DURE_SAME_LOOP (dure/mutex.h says more), or 0 */
} dure_channel_options;

/* Creates a channel.
   item_size: bytes an item, 0 or more. capacity: items that it holds when nobody
     waits for them; 0: a send waits until a receive takes the item straight from
     the sender's memory.
   Returns: the channel, or NULL with errno
     ENOMEM   no memory for it, or so much that no number tells it.
   Blocks: never. Threads: any. Ownership: the caller's, until
   dure_channel_destroy. */
DURE_API dure_channel *dure_channel_create(size_t item_size, size_t capacity);

/* Creates a channel with options; NULL options are the plain case.
   Returns: as dure_channel_create, and NULL with errno
     EINVAL   a flag is unknown.
     EPERM    DURE_SAME_LOOP, and the caller is on no loop.
   Otherwise as dure_channel_create. */
DURE_API dure_channel *dure_channel_create_with(size_t item_size, size_t capacity,
                                                const dure_channel_options *options);

/* Destroys a channel; the drop function gets the items that are left in it,
   oldest first. NULL is allowed. To destroy one in whose calls somebody still
   waits stops the program.
   Blocks: never. Threads: any, when all calls with this channel have returned. */
DURE_API void dure_channel_destroy(dure_channel *channel);

/* Sends an item.
   item: item_size bytes, which are copied.
   Returns: 0, or -1 with errno; then the item is still the caller's alone:
     EPIPE       the channel is closed.
     ECANCELED   a scope around the caller has ended.
     EDEADLK     it would have to wait in a callback, which must not.
   Blocks: the task (the thread outside one) until there is room, or without a
   capacity until the item is received. Cancellation: exact. Threads: any. */
DURE_API int dure_channel_send(dure_channel *channel, const void *item);

/* Sends an item until a time at the latest.
   deadline: when to give up; {0} is never.
   Returns: as dure_channel_send, and
     ETIMEDOUT   the time came. Where no waiting is needed the item is sent all
                 the same, at any time.
   Blocks: as dure_channel_send. Cancellation: exact. */
DURE_API int dure_channel_timedsend(dure_channel *channel, const void *item,
                                    dure_deadline deadline);

/* Sends an item if that needs no waiting.
   Returns: 0, or -1 with errno
     EAGAIN   there is no room, or without a capacity nobody who waits for it.
     EPIPE    the channel is closed.
   Blocks: never, and is not cancelled. Threads: any. */
DURE_API int dure_channel_trysend(dure_channel *channel, const void *item);

/* Receives the oldest item.
   item: gets item_size bytes.
   Returns: 1 with an item; 0 when the channel is closed and empty; or -1 with
   errno
     ECANCELED   a scope around the caller has ended; nothing was received.
     EDEADLK     as dure_channel_send.
   Blocks: the task (the thread outside one) until there is an item.
   Cancellation: exact. Threads: any. */
DURE_API int dure_channel_receive(dure_channel *channel, void *item);

/* Receives the oldest item until a time at the latest.
   deadline: when to give up; {0} is never.
   Returns: as dure_channel_receive, and -1 with errno
     ETIMEDOUT   the time came. An item that is there is received all the same, at
                 any time.
   Blocks: as dure_channel_receive. Cancellation: exact. */
DURE_API int dure_channel_timedreceive(dure_channel *channel, void *item, dure_deadline deadline);

/* Receives the oldest item if there is one.
   Returns: 1 with an item; 0 when the channel is closed and empty; or -1 with
   errno
     EAGAIN   there is none.
   Blocks: never, and is not cancelled. Threads: any. */
DURE_API int dure_channel_tryreceive(dure_channel *channel, void *item);

/* Closes a channel: sends fail with EPIPE, those that wait and those to come;
   receives get the items that are in it, and then 0.
   Returns: 0; to close it again changes nothing.
   Blocks: never; its time grows with the number of those who wait. Threads:
   any. */
DURE_API int dure_channel_close(dure_channel *channel);

/* Counts the items in a channel; others may change that meanwhile.
   Returns: how many a receiver would find, those of waiting senders not counted.
   Blocks: never. Threads: any. */
DURE_API size_t dure_channel_len(dure_channel *channel);

/* Tells how many items a channel holds.
   Returns: its capacity. Blocks: never. Threads: any. */
DURE_API size_t dure_channel_capacity(const dure_channel *channel);

DURE_END_DECLS

#endif
