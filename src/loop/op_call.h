/* What is asked for, as one call, however many pieces it takes. */
#ifndef DURE_SRC_LOOP_OP_CALL_H
#define DURE_SRC_LOOP_OP_CALL_H

#include "loop/loop.h"

/* It stays as it is, so that it can be asked for again. */
struct op_call {
    union op_args u;
    int fd;
    uint8_t code;     /* enum op_code */
    uint8_t flags;    /* OP_DONT_WAIT */
    uint8_t kind;     /* enum op_call_kind */
    bool on_thread;   /* a thread makes the call, whatever the backend could do */
    bool all;         /* a receive that goes on until all is there */
    int64_t until_ns; /* a sleep's; 0: for ever */
};

enum op_call_kind {
    OP_CALL_IO,
    OP_CALL_SLEEP,
    OP_CALL_CLOSE,
    OP_CALL_INVALID, /* its arguments are wrong */
};

/* True if, as a blocking call, it goes on until all its bytes have moved. */
bool op_call_is_whole(const struct op_call *call);
/* How many bytes that are. */
size_t op_call_len(const struct op_call *call);
/* Makes the operation that moves what is left when `moved` bytes have. */
void op_call_piece(const struct op_call *call, size_t moved, struct op *op);
/* The result of all pieces: progress wins. last: the one that ended it. */
static inline int64_t op_call_result(size_t moved, int64_t last)
{
    return moved && last < 0 ? (int64_t)moved : (int64_t)moved + last;
}
/* Runs it and waits for it, as a task or as a thread. Returns as io_run. */
int64_t op_call_run(const struct op_call *call);
/* The same for what is left when `moved` bytes have. */
int64_t op_call_rest(const struct op_call *call, size_t moved);

#endif
