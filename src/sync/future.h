/* The future, as operations and choices need it. */
#ifndef DURE_SRC_SYNC_FUTURE_H
#define DURE_SRC_SYNC_FUTURE_H

#include <dure/future.h>

#include "sync/queue.h"

/* Bytes of a failure's words, with the final 0. */
#define FUTURE_WORDS 96

/* Not small numbers, so that memory which has become something else shows. */
#define FUTURE_PENDING UINT64_C(0x7065646e2d667574)
#define FUTURE_DONE UINT64_C(0x646f6e652d667574)

/* Who waits lies in the queue until it is done, and is then granted and signaled. What the result
   consists of is written before that, under the guard, and never again. */
struct future {
    struct guard guard;
    struct sync_queue queue;
    _Atomic uint64_t state; /* relaxed: written under the guard */
    intptr_t value;         /* -1: it has failed */
    int error;              /* then */
    char words[FUTURE_WORDS];
    union { /* what its task runs */
        dure_async_fn *async;
        dure_then_fn *then;
    } fn;
    dure_future *first; /* and after which future */
};
_Static_assert(sizeof(struct future) <= sizeof(dure_future), "the public future is too small");

static inline struct future *future_of(dure_future *future)
{
    return (struct future *)(void *)future;
}

/* Its guard; stops whoever uses memory that is no future. */
struct guard *future_guard(struct future *future);
/* Enters it. */
void future_enter(struct future *future);
/* Under it. */
static inline bool future_is_done(const struct future *future)
{
    return LOAD(future->state) == FUTURE_DONE;
}

/* Gives it its result; value -1: with errno and words. Any thread. Returns 0 or -EALREADY; the
   memory may go as soon as it is done. */
int future_settle(struct future *future, intptr_t value, int error, const char *words);
/* Waits until it is done; until_ns: 0 or when to give up. Returns 0, -ECANCELED, -ETIMEDOUT,
   -EDEADLK. */
int future_wait(struct future *future, int64_t until_ns);
/* The result of one that is done, with errno and words of a failure. */
intptr_t future_result(const struct future *future);

#endif
