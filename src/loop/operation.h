/* Operations that are started and told of, rather than waited for by a task.

   It lies in the memory of whoever starts it, belongs to a scope of its loop, and is the loop's from
   start until it is told; told is called once a start, in a turn of the loop, never inside start.

     start ---> pending, on a thread, asleep ---> ended ---- look ---> told
                          ^                                   |
                          \-- the rest of it, or once more <--/                                */
#ifndef DURE_SRC_LOOP_OPERATION_H
#define DURE_SRC_LOOP_OPERATION_H

#include "loop/op_call.h"

enum operation_state {
    OPERATION_IDLE,
    OPERATION_PENDING,   /* the backend has it */
    OPERATION_ON_THREAD, /* the pool */
    OPERATION_ASLEEP,
    OPERATION_ENDED, /* in loop->ended */
};

struct operation {
    struct op_call call;
    struct op op; /* the piece under way */
    struct op_job job;
    struct timer timer; /* a sleep's, or its socket's time limit */
    struct list queue;  /* in loop->ended */
    struct dependent dependent;
    struct loop *loop;
    void (*told)(struct operation *operation); /* its memory may go in it */
    int64_t result;                            /* then: 0 or more, or -errno */
    size_t moved;
    uint8_t state; /* enum operation_state */
    bool cancel_asked, limit_over, closing;
};

/* Starts it, in a scope or (NULL) in that of the caller: a task's innermost own one; in a callback
   that of the operation told; between the turns of an embedded loop the loop's root. at_once: its
   result if that is known already, or NULL. Returns 0: told will be called; or -EPERM with words,
   -ECANCELED, -EBUSY: it will not. */
int operation_start(struct operation *operation, struct scope *scope, const int64_t *at_once);
/* Asks for its end. Its loop's thread. Returns 0, or -EINVAL if it is not under way. */
int operation_cancel(struct operation *operation);

#endif
