/* Intrusive queues, first in, first out: singly linked, so that to go in and out costs half the
   stores of a list, and the next one's address does not hang on what the last one held. */
#ifndef DURE_SRC_BASE_FIFO_H
#define DURE_SRC_BASE_FIFO_H

#include <stdbool.h>
#include <stddef.h>

struct fifo_node {
    struct fifo_node *next;
};

struct fifo {
    struct fifo_node *first;
    struct fifo_node **end; /* where the next one's address goes */
};

static inline void fifo_init(struct fifo *fifo)
{
    fifo->first = NULL;
    fifo->end = &fifo->first;
}

static inline bool fifo_empty(const struct fifo *fifo)
{
    return fifo->first == NULL;
}

static inline void fifo_push(struct fifo *fifo, struct fifo_node *node)
{
    node->next = NULL;
    *fifo->end = node;
    fifo->end = &node->next;
}

static inline struct fifo_node *fifo_pop(struct fifo *fifo)
{
    struct fifo_node *node = fifo->first;

    if (node == NULL)
        return NULL;
    fifo->first = node->next;
    if (fifo->first == NULL)
        fifo->end = &fifo->first;
    return node;
}

/* Takes the node that *link leads to, which is one of the queue, to the front. */
static inline void fifo_bring_forward(struct fifo *fifo, struct fifo_node **link)
{
    struct fifo_node *node = *link;

    *link = node->next;
    if (fifo->end == &node->next)
        fifo->end = link;
    node->next = fifo->first;
    fifo->first = node;
    if (node->next == NULL)
        fifo->end = &node->next;
}

#endif
