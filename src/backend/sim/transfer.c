/* The calls that move bytes: read, readv, recv, recvmsg and their counterparts, as one. */
#include "backend/sim/inside.h"

#include <limits.h>
#include <string.h>

static void set_one(struct sim_transfer *transfer, void *buf, size_t len)
{
    transfer->one = (struct iovec){ buf, len };
    transfer->iov = &transfer->one;
    transfer->iov_len = 1;
}

int sim_transfer_init(struct sim_transfer *transfer, const struct op *op)
{
    *transfer = (struct sim_transfer){ .offset = -1 };
    switch (op->code) {
    case OP_READ:
    case OP_WRITE:
        set_one(transfer, op->u.io.buf, op->u.io.len);
        transfer->offset = op->u.io.offset;
        break;
    case OP_RECV:
    case OP_SEND:
        set_one(transfer, op->u.io.buf, op->u.io.len);
        transfer->flags = op->u.io.flags;
        break;
    case OP_READV:
    case OP_WRITEV:
        if (op->u.vec.len < 0 || op->u.vec.len > IOV_MAX)
            return -EINVAL;
        transfer->iov = op->u.vec.iov;
        transfer->iov_len = (size_t)op->u.vec.len;
        transfer->offset = op->u.vec.offset;
        break;
    default:
        transfer->header = op->u.msg.header;
        transfer->flags = op->u.msg.flags;
        transfer->iov = transfer->header->msg_iov;
        transfer->iov_len = transfer->header->msg_iovlen;
        if (transfer->iov_len > IOV_MAX)
            return -EMSGSIZE;
    }
    for (size_t i = 0; i < transfer->iov_len; i++)
        transfer->len += transfer->iov[i].iov_len;
    return 0;
}

/* Copies one way or the other, piece by piece. */
static void copy(struct sim_transfer *transfer, char *bytes, size_t len, bool in)
{
    size_t skip = transfer->done, i, n;

    transfer->done += len;
    for (i = 0; i < transfer->iov_len && len > 0; i++) {
        const struct iovec *piece = &transfer->iov[i];

        if (skip >= piece->iov_len) {
            skip -= piece->iov_len;
            continue;
        }
        n = piece->iov_len - skip < len ? piece->iov_len - skip : len;
        if (in)
            memcpy((char *)piece->iov_base + skip, bytes, n);
        else
            memcpy(bytes, (char *)piece->iov_base + skip, n);
        bytes += n;
        len -= n;
        skip = 0;
    }
    ASSERT(len == 0);
}

void sim_transfer_in(struct sim_transfer *transfer, const void *from, size_t len)
{
    copy(transfer, (char *)(uintptr_t)from, len, true);
}

void sim_transfer_out(struct sim_transfer *transfer, void *to, size_t len)
{
    copy(transfer, to, len, false);
}

bool sim_never_waits(const struct sim_file *file, const struct sim_transfer *transfer)
{
    return (file->flags & O_NONBLOCK) || (transfer->flags & MSG_DONTWAIT);
}
