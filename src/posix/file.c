/* Twins on files. */
#include "posix/transfer.h"

#include "backend/attempt.h"
#include "base/descriptors.h"

#include <dure/file.h>
#include <dure/io.h>
#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/uio.h>
#include <unistd.h>

static int open_by(struct io *io)
{
    int64_t fd = io_run(io);

    return fd < 0 ? (int)io_result(fd) : descriptor_born((int)fd);
}

static int open_at(int dir_fd, const char *path, int flags, mode_t mode)
{
    struct io io;

    io_init(&io, OP_OPENAT, dir_fd);
    io.op.u.open.path = path;
    io.op.u.open.flags = flags;
    io.op.u.open.mode = mode;
    io.op.u.open.how = NULL;
    return open_by(&io);
}

int dure_openat2(int dir_fd, const char *path, const struct open_how *how, size_t size)
{
    struct io io;

    if (!how || size < sizeof *how)
        return (int)io_result(how ? -EINVAL : -EFAULT);
    io_init(&io, OP_OPENAT, dir_fd);
    io.op.u.open.path = path;
    io.op.u.open.flags = (int)how->flags; /* what decides whether it waits */
    io.op.u.open.mode = 0;
    io.op.u.open.how = how;
    io.op.u.open.how_size = size;
    return open_by(&io);
}

static bool takes_mode(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

int dure_openat(int dir_fd, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (takes_mode(flags)) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return open_at(dir_fd, path, flags, mode);
}

int dure_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (takes_mode(flags)) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return open_at(AT_FDCWD, path, flags, mode);
}

off_t dure_lseek(int fd, off_t offset, int whence)
{
    return world_here()->files->lseek(fd, offset, whence);
}

/* io_uring ignores the position where there is none, and would wait on a pipe or an eventfd. A
   transfer of nothing says whether there is one, and never waits. The answer, which costs 0.16 us
   of a read's 1, holds for the rest of the loop's turn: what plain code closes and opens again
   under the same number meanwhile is not noticed before the next one. */
static bool asks_position(int fd, bool write)
{
    const struct world *world = world_here();

    return (write ? world->pwritev(fd, NULL, 0, 0) : world->preadv(fd, NULL, 0, 0)) == 0;
}

bool transfer_has_position(int fd, bool write)
{
    struct task *task = task_current();
    struct loop_position *known, now;

    if (!task) /* the call itself says so */
        return true;
    known = &loop_here()->positions[((unsigned)fd * 2 + write) % LOOP_POSITIONS];
    now = (struct loop_position){ sched_here->now_ns, fd, descriptors_version(fd), write };
    if (known->turn_ns == now.turn_ns && known->fd == fd && known->version == now.version &&
        known->write == write)
        return true;
    if (!asks_position(fd, write))
        return false;
    if (now.version)
        *known = now;
    return true;
}

ssize_t dure_pread(int fd, void *buf, size_t len, off_t offset)
{
    if (offset < 0)
        return io_result(-EINVAL);
    if (!transfer_has_position(fd, false))
        return -1;
    if (unlikely(len == 0) && (task_current() || thread_has_scope()))
        return io_result(transfer_nothing(fd, false, offset));
    return io_result(transfer_read(fd, buf, len, offset));
}

ssize_t dure_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    int64_t n;

    if (offset < 0)
        return io_result(-EINVAL);
    if (!transfer_has_position(fd, true))
        return -1;
    if (unlikely(len == 0) && (task_current() || thread_has_scope()))
        return io_result(transfer_nothing(fd, true, offset));
    n = transfer_write(fd, buf, len, offset);
    if (n <= 0 || (size_t)n == len)
        return io_result(n);
    return (ssize_t)transfer_write_rest(fd, buf, len, offset, (size_t)n);
}

static bool fits_vector(int iov_len, off_t offset)
{
    return iov_len >= 0 && iov_len <= IOV_MAX && offset >= 0;
}

ssize_t dure_preadv(int fd, const struct iovec *iov, int iov_len, off_t offset)
{
    if (!fits_vector(iov_len, offset))
        return world_here()->preadv(fd, iov, iov_len,
                                    offset); /* of two errors the system chooses */
    if (!transfer_has_position(fd, false))
        return -1;
    return io_result(transfer_vector(fd, OP_READV, iov, iov_len, offset));
}

ssize_t dure_pwritev(int fd, const struct iovec *iov, int iov_len, off_t offset)
{
    struct op_call call = { .code = OP_WRITEV, .fd = fd };

    if (!fits_vector(iov_len, offset))
        return world_here()->pwritev(fd, iov, iov_len, offset);
    if (!transfer_has_position(fd, true))
        return -1;
    call.u.vec.iov = iov;
    call.u.vec.len = iov_len;
    call.u.vec.offset = offset;
    return io_result(op_call_run(&call));
}

struct vector {
    int fd;
    const struct iovec *iov;
    int iov_len;
    off_t offset;
    int flags;
    bool write;
};

static int64_t move_vector(void *arg)
{
    const struct vector *v = arg;

    const struct world_files *files = world_here()->files;

    return (v->write ? files->pwritev2 : files->preadv2)(v->fd, v->iov, v->iov_len, v->offset,
                                                         v->flags);
}

/* The flags that say nothing to pipes and sockets, and are taken all the same. */
#define FLAGS_OF_DISKS (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)

/* Other than a file, for a plain thread with a scope open, which no pool's thread waits for: the call
   that ends with the scope, as the flags make no difference. With others, or a position, it fails at
   once, and can be made. */
static bool waits_without_flags(const struct vector *v)
{
    return !task_current() && thread_has_scope() && v->offset == -1 &&
           !(v->flags & ~FLAGS_OF_DISKS);
}

/* Flags are for files and their disks: a thread makes the call. What shall not wait needs none. */
static ssize_t with_flags(const char *what, struct vector *v)
{
    enum pool_class class = POOL_FILES;
    int64_t refused;

    if (!(v->flags & RWF_NOWAIT)) {
        if (!world_here()->simulated && attempt_kind(v->fd) != FD_FILE)
            class = POOL_WAITS;
        if (class == POOL_WAITS && waits_without_flags(v))
            return (v->write ? dure_writev : dure_readv)(v->fd, v->iov, v->iov_len);
        return io_result(offload_world(class, what, v->fd, move_vector, v));
    }
    refused = io_entry_refused();
    return refused < 0 ? io_result(refused) : (ssize_t)move_vector(v);
}

ssize_t dure_preadv2(int fd, const struct iovec *iov, int iov_len, off_t offset, int flags)
{
    struct vector vector = { fd, iov, iov_len, offset, flags, false };

    if (flags)
        return with_flags("preadv2", &vector);
    return offset == -1 ? dure_readv(fd, iov, iov_len) : dure_preadv(fd, iov, iov_len, offset);
}

ssize_t dure_pwritev2(int fd, const struct iovec *iov, int iov_len, off_t offset, int flags)
{
    struct vector vector = { fd, iov, iov_len, offset, flags, true };

    if (flags)
        return with_flags("pwritev2", &vector);
    return offset == -1 ? dure_writev(fd, iov, iov_len) : dure_pwritev(fd, iov, iov_len, offset);
}

static int sync_file(int fd, bool data_only)
{
    struct io io;

    io_init(&io, OP_FSYNC, fd);
    io.op.u.sync.data_only = data_only;
    return (int)io_result(io_run(&io));
}

int dure_fsync(int fd)
{
    return sync_file(fd, false);
}

int dure_fdatasync(int fd)
{
    return sync_file(fd, true);
}

ssize_t dure_sendfile(int out_fd, int in_fd, off_t *offset, size_t len)
{
    struct op_call call = { .code = OP_SENDFILE, .fd = out_fd };

    if (offset && *offset < 0 && !world_here()->simulated)
        return sendfile(out_fd, in_fd, offset, len); /* of two errors the system chooses */
    call.u.sendfile.in_fd = in_fd;
    call.u.sendfile.offset = offset;
    call.u.sendfile.len = len;
    return io_result(op_call_run(&call));
}
