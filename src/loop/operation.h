/* Operations that are started and told of, rather than waited for by a task.

   It lies in the memory of whoever starts it, belongs to a scope of its loop, and is the loop's from
   start until it is told; told is called once a start, in a turn of the loop, never inside start.

     start ---> pending, on a thread, asleep ---> ended ---- look ---> told
                          ^                                   |
                          \-- the rest of it, or once more <--/                                */
#ifndef DURE_SRC_LOOP_OPERATION_H
#define DURE_SRC_LOOP_OPERATION_H

#include "loop/loop.h"

/* What is asked for. It stays as it is, so that it can be asked for again. */
struct op_call {
    union op_args u;
    int fd;
    uint8_t code;     /* enum op_code */
    uint8_t flags;    /* OP_DONT_WAIT */
    uint8_t kind;     /* enum op_call_kind */
    bool on_thread;   /* a thread makes the call, whatever the backend could do */
    int64_t until_ns; /* a sleep's; 0: for ever */
};

enum op_call_kind {
    OP_CALL_IO,
    OP_CALL_SLEEP,
    OP_CALL_CLOSE,
    OP_CALL_INVALID, /* its arguments are wrong */
};

/* op_call.c */
/* True if, as a blocking call, it goes on until all its bytes have moved. */
bool op_call_is_whole(const struct op_call *request);
/* How many bytes that are. */
size_t op_call_len(const struct op_call *request);
/* Makes the operation that moves what is left when `moved` bytes have. */
void op_call_piece(const struct op_call *request, size_t moved, struct op *op);
/* The result of all pieces: progress wins. last: the one that ended it. */
static inline int64_t op_call_result(size_t moved, int64_t last)
{
    return moved && last < 0 ? (int64_t)moved : (int64_t)moved + last;
}
/* Runs it and waits for it, as a task or as a thread. Returns as io_run. */
int64_t op_call_run(const struct op_call *request);

enum operation_state {
    OPERATION_IDLE,
    OPERATION_PENDING,   /* the backend has it */
    OPERATION_ON_THREAD, /* the pool */
    OPERATION_ASLEEP,
    OPERATION_ENDED, /* in loop->ended */
};

struct operation {
    struct op_call request;
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
