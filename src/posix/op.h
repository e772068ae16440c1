/* A public operation, as it is inside. */
#ifndef DURE_SRC_POSIX_OP_H
#define DURE_SRC_POSIX_OP_H

#include <dure/op.h>

#include "loop/operation.h"

struct public_op {
    struct operation operation;
    dure_op_done *on_done;
    void *arg;
};
_Static_assert(sizeof(struct public_op) <= sizeof(dure_op), "the public operation is too small");

static inline struct public_op *op_of(dure_op *op)
{
    return (struct public_op *)(void *)op;
}

#endif
