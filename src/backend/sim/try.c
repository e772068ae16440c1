/* Trying an operation on a description, once. */
#include "backend/sim/inside.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

unsigned sim_side_of(const struct op *op)
{
    switch (op->code) {
    case OP_WRITE:
    case OP_WRITEV:
    case OP_SEND:
    case OP_SENDMSG:
    case OP_CONNECT:
    case OP_SENDFILE:
        return SIM_WRITERS;
    default:
        return SIM_READERS;
    }
}

/* Where a stream may be cut; chance makes short counts, and transfer_max shorter ones. */
static void shorten(struct sim_transfer *transfer, const struct sim_file *file, const struct op *op)
{
    size_t max = sim_transfer_max(op);

    if (file->kind->type != SOCK_STREAM && !S_ISFIFO(file->kind->mode))
        return;
    if ((transfer->flags & MSG_PEEK) && (transfer->flags & MSG_WAITALL))
        return; /* it wants all or nothing */
    if (max && transfer->len > max)
        transfer->len = max;
    else if (transfer->len > 1 && sim_draw(8) == 0)
        transfer->len = 1 + sim_draw(transfer->len > 65536 ? 65536 : (unsigned)transfer->len - 1);
}

/* A read of nothing takes no message, where a receive of nothing does. */
static bool is_empty_read(const struct op *op, const struct sim_file *file)
{
    return file->kind->type && (op->code == OP_READ || op->code == OP_READV);
}

static int64_t try_transfer(struct sim_file *file, struct op *op)
{
    bool of_socket = op->code == OP_RECV || op->code == OP_SEND || op->code == OP_RECVMSG ||
                     op->code == OP_SENDMSG;
    bool writes = sim_side_of(op) == SIM_WRITERS;
    struct sim_transfer transfer;
    int error = sim_transfer_init(&transfer, op);
    int64_t (*move)(struct sim_file *, struct sim_transfer *) =
        writes ? file->kind->write : file->kind->read;

    if (of_socket && !file->kind->type)
        return -ENOTSOCK;
    if (!file->kind->type && (file->flags & O_ACCMODE) == (writes ? O_RDONLY : O_WRONLY))
        return -EBADF;
    if (error < 0 || !move)
        return error < 0 ? error : -EINVAL;
    if (transfer.offset != -1 && !S_ISREG(file->kind->mode) && !S_ISDIR(file->kind->mode))
        return -ESPIPE;
    if (transfer.header && transfer.header->msg_controllen && writes && file->family != AF_UNIX)
        return -EOPNOTSUPP;
    if (transfer.len == 0 && is_empty_read(op, file))
        return 0;
    shorten(&transfer, file, op);
    return move(file, &transfer);
}

/* What a description says of itself, and what was asked. */
static int64_t try_poll(struct sim_file *file, const struct op *op)
{
    unsigned revents = file->kind->poll ? file->kind->poll(file) : POLLIN | POLLOUT;

    revents &= op->u.poll.events | POLLERR | POLLHUP;
    return revents ? (int64_t)revents : -EAGAIN;
}

/* A piece is read, and what of it can be written is taken. */
static int64_t try_sendfile(struct sim_file *out, struct op *op)
{
    struct sim_file *in = sim_file_of_host(op->u.sendfile.in_fd, out->host);
    size_t len = op->u.sendfile.len < 65536 ? op->u.sendfile.len : 65536;
    int64_t at = op->u.sendfile.offset ? *op->u.sendfile.offset : -1, n;
    struct op piece = { .code = OP_READ, .scratch = op->scratch };

    if (!in)
        return -EBADF;
    if (!S_ISREG(in->kind->mode) || (op->u.sendfile.offset && at < 0))
        return -EINVAL;
    if (at < 0)
        at = sim_disk_seek(in, 0, SEEK_CUR);
    piece.u.io.buf = malloc(len ? len : 1);
    if (!piece.u.io.buf)
        return -ENOMEM;
    piece.u.io.len = len;
    piece.u.io.offset = at;
    n = try_transfer(in, &piece);
    if (n > 0) {
        piece.code = OP_WRITE;
        piece.u.io.len = (size_t)n;
        piece.u.io.offset = -1;
        n = try_transfer(out, &piece);
    }
    free(piece.u.io.buf);
    if (n > 0 && op->u.sendfile.offset)
        *op->u.sendfile.offset += n;
    else if (n > 0)
        sim_disk_seek(in, at + n, SEEK_SET);
    return n;
}

int64_t sim_try_flags(struct op *op, int flags)
{
    const int known = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND;
    struct sim_file *file = sim_file_of(op->fd);
    int before, more = (flags & RWF_APPEND ? O_APPEND : 0) | (flags & RWF_DSYNC ? O_DSYNC : 0) |
                       (flags & RWF_SYNC ? O_SYNC : 0);
    int64_t n;

    if (!file)
        return -EBADF;
    if (op->u.vec.len < 0 || op->u.vec.len > IOV_MAX)
        return -EINVAL;
    if (flags & ~known)
        return -EOPNOTSUPP;
    before = file->flags;
    file->flags |= more;
    n = sim_try(file, op);
    file->flags = before;
    return n == -EAGAIN && !(flags & RWF_NOWAIT) && !(before & O_NONBLOCK) ? -ENOSYS : n;
}

bool sim_can(const struct op *op)
{
    switch (op->code) {
    case OP_READ:
    case OP_WRITE:
    case OP_READV:
    case OP_WRITEV:
    case OP_RECV:
    case OP_SEND:
    case OP_RECVMSG:
    case OP_SENDMSG:
    case OP_ACCEPT:
    case OP_CONNECT:
    case OP_POLL:
    case OP_SENDFILE:
    case OP_OPENAT:
    case OP_FSYNC:
    case OP_STAT:
    case OP_LOCK:
        return true;
    default:
        return false;
    }
}

int64_t sim_try(struct sim_file *file, struct op *op)
{
    if (file->flags & O_PATH)
        return -EBADF;
    switch (op->code) {
    case OP_OPENAT: /* of a FIFO, which waits */
        return sim_fifo_try_open(file);
    case OP_LOCK:
        return sim_lock_try(file, op);
    case OP_ACCEPT:
        return file->kind->accept ? file->kind->accept(file, op)
               : file->kind->type ? -EOPNOTSUPP
                                  : -ENOTSOCK;
    case OP_CONNECT:
        return file->kind->connect ? file->kind->connect(file, op)
               : file->kind->type  ? -EOPNOTSUPP
                                   : -ENOTSOCK;
    case OP_POLL:
        return try_poll(file, op);
    case OP_SENDFILE:
        return try_sendfile(file, op);
    default:
        return try_transfer(file, op);
    }
}
