/* What is asked for, in pieces. */
#include "loop/op_call.h"

bool op_call_is_whole(const struct op_call *call)
{
    if (call->flags & OP_DONT_WAIT)
        return false;
    switch (call->code) {
    case OP_WRITE:
    case OP_WRITEV:
    case OP_SEND:
    case OP_SENDMSG:
    case OP_SENDFILE:
        return true;
    default:
        return call->all;
    }
}

size_t op_call_len(const struct op_call *call)
{
    switch (call->code) {
    case OP_WRITEV:
        return op_vector_len(call->u.vec.iov, (size_t)call->u.vec.len);
    case OP_SENDMSG:
    case OP_RECVMSG:
        return op_vector_len(call->u.msg.header->msg_iov, call->u.msg.header->msg_iovlen);
    case OP_SENDFILE:
        return call->u.sendfile.len;
    default:
        return call->u.io.len;
    }
}

/* What is left of the buffer at which a vector stands. */
static void piece_of(struct op *op, enum op_code code, const struct iovec *iov, size_t moved)
{
    for (; moved >= iov->iov_len; iov++)
        moved -= iov->iov_len;
    op->code = (uint8_t)code;
    op->u.io.buf = (char *)iov->iov_base + moved;
    op->u.io.len = iov->iov_len - moved;
}

void op_call_piece(const struct op_call *call, size_t moved, struct op *op)
{
    op->fd = call->fd;
    op->code = call->code;
    op->flags = call->flags;
    op->scratch = 0;
    op->u = call->u;
    if (moved == 0)
        return;
    switch (call->code) {
    case OP_SENDFILE: /* the offset has been moved by the call */
        op->u.sendfile.len -= moved;
        return;
    case OP_WRITEV:
        op->u.io.offset = call->u.vec.offset;
        piece_of(op, OP_WRITE, call->u.vec.iov, moved);
        break;
    case OP_SENDMSG: /* a datagram is never sent in part: this is a stream, the control data are gone */
        op->u.io.flags = call->u.msg.flags;
        piece_of(op, OP_SEND, call->u.msg.header->msg_iov, moved);
        return;
    case OP_RECVMSG:
        op->u.io.flags = call->u.msg.flags;
        piece_of(op, OP_RECV, call->u.msg.header->msg_iov, moved);
        return;
    default:
        op->u.io.buf = (char *)op->u.io.buf + moved;
        op->u.io.len -= moved;
    }
    if (op->code == OP_WRITE && op->u.io.offset != -1)
        op->u.io.offset += (int64_t)moved;
}

int64_t op_call_rest(const struct op_call *call, size_t moved)
{
    size_t len = op_call_is_whole(call) ? op_call_len(call) : 0;
    struct io io;
    int64_t n;

    for (;;) {
        op_call_piece(call, moved, &io.op);
        n = call->on_thread ? io_run_on_thread(&io) : io_run(&io);
        if (n <= 0 || moved + (size_t)n >= len)
            return op_call_result(moved, n);
        moved += (size_t)n;
    }
}

int64_t op_call_run(const struct op_call *call)
{
    return op_call_rest(call, 0);
}
