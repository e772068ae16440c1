/* A sendfile that waits neither for the disk nor for the socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backend/attempt.h"
#include "backend/attempt_parts.h"
#include "backend/attempt_scratch.h"
#include "base/descriptors.h"

/* Is the byte at this place of a file in memory? 1 yes, 0 no such byte, or -errno. */
static int64_t is_cached(int fd, int64_t offset)
{
    struct statfs fs;
    char byte;
    struct iovec one = { &byte, 1 };
    int64_t n = result_of(preadv2(fd, &one, 1, offset, RWF_NOWAIT));

    if (n == -EOPNOTSUPP && fstatfs(fd, &fs) == 0 && fs.f_type == 0x01021994 /* tmpfs */)
        return result_of(pread(fd, &byte, 1, offset));
    return n;
}

/* Looks at the end of the piece only: readahead goes in order, so the end comes last. */
static int64_t piece_is_cached(int fd, int64_t offset, size_t len)
{
    struct stat st;
    int64_t n = is_cached(fd, offset + (int64_t)len - 1);

    if (n != 0)
        return n;
    if (fstat(fd, &st) < 0)
        return -errno;
    return st.st_size <= offset ? 1 : is_cached(fd, st.st_size - 1);
}

/* The way around sendfile for a socket on which O_NONBLOCK may not be set. */
static int64_t copy_piece(struct op *op, int64_t offset, size_t len)
{
    struct iovec piece;
    int64_t n;

    piece.iov_len = len < SENDFILE_COPY_MAX ? len : SENDFILE_COPY_MAX;
    piece.iov_base = malloc(piece.iov_len); /* not on a task's stack */
    if (!piece.iov_base)
        return -ENOMEM;
    n = result_of(preadv2(op->u.sendfile.in_fd, &piece, 1, offset,
                          op->scratch & SCRATCH_WARM ? 0 : RWF_NOWAIT));
    if (n == -EAGAIN || n == -EOPNOTSUPP) {
        op->scratch |= SCRATCH_COLD;
        n = -ENOTSUP;
    } else if (n > 0) {
        n = result_of(send(op->fd, piece.iov_base, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    free(piece.iov_base);
    if (n > 0 && op->u.sendfile.offset)
        *op->u.sendfile.offset += n;
    else if (n > 0)
        lseek(op->u.sendfile.in_fd, offset + n, SEEK_SET);
    return n;
}

static int64_t send_piece(struct op *op, enum fd_kind kind, int64_t offset, size_t len)
{
    int flip = descriptors_flip_on(op->fd);
    int64_t n;

    if (flip == -ENOTSUP && is_socket(kind))
        return copy_piece(op, offset, len);
    if (flip < 0)
        return flip;
    n = result_of(sendfile(op->fd, op->u.sendfile.in_fd, op->u.sendfile.offset, len));
    if (flip == 0)
        descriptors_flip_off(op->fd);
    return n;
}

int64_t attempt_sendfile(struct op *op, enum fd_kind kind, size_t transfer_max)
{
    int in_fd = op->u.sendfile.in_fd;
    int64_t offset, n;
    size_t len = cut(op->u.sendfile.len, FD_TCP, transfer_max);

    if (len > SENDFILE_PIECE_MAX)
        len = SENDFILE_PIECE_MAX;
    op->scratch &= (uint8_t)~SCRATCH_COLD;
    offset = op->u.sendfile.offset ? *op->u.sendfile.offset : lseek(in_fd, 0, SEEK_CUR);
    if (kind == FD_FILE || offset < 0)
        return -ENOTSUP; /* a pipe as the source may wait too */
    if (len > 0 && !(op->scratch & SCRATCH_WARM)) {
        n = piece_is_cached(in_fd, offset, len);
        if (n == -EAGAIN || n == -EOPNOTSUPP)
            op->scratch |= SCRATCH_COLD;
        if (n < 0)
            return -ENOTSUP;
    }
    n = send_piece(op, kind, offset, len);
    if (n != -EAGAIN)
        op->scratch &= (uint8_t)~SCRATCH_WARM;
    return n;
}
