/* What can be chosen between. */
#ifndef DURE_SRC_SYNC_CHOOSE_H
#define DURE_SRC_SYNC_CHOOSE_H

#include <dure/choose.h>

#include "base/op.h"
#include "loop/signals.h"
#include "sync/queue.h"

/* A kind of case, const, as the constructor of its cases puts it there. An object's kind has all
   four functions; a choice calls them under the object's guard but for the first two. It holds the
   guards of all its objects together while it looks whether one is ready, and if not, queues in all
   of them. In c->object, item, number and fd a kind keeps what it wants. */
struct dure_case_kind {
    /* The object's guard; NULL: it has none, is never queued, and can never be ready. */
    struct guard *(*guard)(const dure_case *c);
    /* Where to wait for it; the node's item will be c->item. Whoever takes the node out with
       sync_queue_take ends the wait, and changes nothing if it gets NULL. */
    struct sync_queue *(*queue)(const dure_case *c);
    /* If it can take effect now has it do so, sets result (and error) and returns true. *other:
       NULL, or who is to be signaled for that when the guards are free. */
    bool (*take)(dure_case *c, struct sync_node **other);
    /* It was taken out of the queue, after the fact and without the guard: sets result (and error). */
    void (*granted)(dure_case *c, const struct sync_node *node);
};

/* The kinds that have no object: the choice itself knows what to do. */
extern const struct dure_case_kind case_ready, case_signal, case_at, case_default;

/* In place of the index of a case: no index, and no -errno. */
#define CHOICE_NONE (-4096)

struct choice;

/* What a choice keeps for a case. */
struct choice_entry {
    struct choice *choice;
    struct guard *guard; /* the n-th entry has the n-th guard of all, by address */
    bool pending;        /* the backend has its op */
    union {
        struct sync_node node;
        struct op op;
        struct signal_waiter signal;
    } u;
};

struct choice {
    struct sync_wait wait; /* its guard is NULL */
    dure_case *cases;
    struct choice_entry *entries;
    size_t len, guards_len;
    size_t start;   /* where the look at them begins */
    size_t polls;   /* descriptors and signals among them: a look at one costs a system call */
    size_t signals; /* signals among them */
    int otherwise;  /* the index of the default; as the next two, or CHOICE_NONE */
    int at;         /* of the earliest time */
    int ready;      /* of the descriptor or signal that has won the claim */
    int signal_fd;  /* of a thread without a loop that waits for signals; or -1 */
    /* Operations that the backend has. At the end they are called back, and awaited. */
    unsigned pending;
    bool settling;
    struct waiter settled;
};

/* choose_poll.c: the descriptors of a choice. */
/* Looks at them, and at signals; waits: and on a loop begins to wait for descriptors. Returns the
   index of one that is ready, CHOICE_NONE, or -errno. */
int choice_poll(struct choice *choice, bool waits);
/* Until then the backend may write into the entries. */
void choice_settle(struct choice *choice);
/* Sets the result of the one that was ready. Returns 0 or -errno. */
int choice_polled(struct choice *choice, int index);
/* How a plain thread sleeps that waits for descriptors too. */
void choice_sleep(struct waiter *waiter, int64_t until_ns);

/* choose_signal.c: the signals of a choice. */
static inline bool case_is_for_signal(const dure_case *c)
{
    return c->kind == &case_signal && c->object;
}

/* Whether all of them may be waited for here: 0 or -errno, with words for dure_why. */
int choice_check_signals(const struct choice *choice);
/* Takes one that is pending. Returns true if it did, or that failed. */
bool choice_take_signal(struct choice_entry *entry, const dure_case *c);
/* Once it is in all queues. Returns 0 or -errno; until choice_unlisten. */
int choice_listen(struct choice *choice);
void choice_unlisten(struct choice *choice);
/* As choice_polled; -ERESTART: another thread has taken it. */
int choice_signaled(struct choice *choice, int index);
/* A thread without a loop was told of a signal that another thread has taken. Returns an index for
   choice_signaled. */
int choice_miss_signal(struct choice *choice);

#endif
