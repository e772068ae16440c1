/* Messages between threads: a node in the sender's memory, an inbox a loop. */
#ifndef DURE_SRC_BASE_MESSAGE_H
#define DURE_SRC_BASE_MESSAGE_H

#include <stdatomic.h>
#include <stddef.h>

struct message {
    struct message *next;
    void (*deliver)(struct message *message); /* on the receiver's thread; the node is free again */
};

/* Many senders, one receiver. Unbounded, as every node lives in something that is bounded itself:
   a task, a scope, a waiter. */
struct inbox {
    _Atomic(struct message *) newest;
};

/* Release: what the sender wrote before is seen by the receiver. Sequentially consistent besides:
   the sender goes on to ask whether the receiver sleeps, the receiver announces its sleep and then
   looks into the inbox (see sched_post). */
static inline void inbox_push(struct inbox *inbox, struct message *message)
{
    struct message *newest = atomic_load_explicit(&inbox->newest, memory_order_relaxed);

    do
        message->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&inbox->newest, &newest, message,
                                                  memory_order_seq_cst, memory_order_relaxed));
}

static inline int inbox_empty(struct inbox *inbox)
{
    return atomic_load_explicit(&inbox->newest, memory_order_seq_cst) == NULL;
}

/* Delivers all that has arrived, a sender's messages in the order in which it sent them. */
static inline void inbox_deliver(struct inbox *inbox)
{
    struct message *message, *oldest = NULL;

    if (atomic_load_explicit(&inbox->newest, memory_order_relaxed) == NULL)
        return;
    message = atomic_exchange_explicit(&inbox->newest, NULL, memory_order_acquire);
    while (message) {
        struct message *next = message->next;

        message->next = oldest;
        oldest = message;
        message = next;
    }
    while (oldest) {
        message = oldest;
        oldest = message->next; /* read first: a delivered node may be sent again */
        message->deliver(message);
    }
}

#endif
