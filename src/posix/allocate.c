/* Twins on a file's room and its way to the disk, and copies inside the kernel: made by a thread. */
#include "loop/loop.h"

#include <dure/file.h>
#include <errno.h>
#include <fcntl.h>

/* A part of a file. */
struct part {
    int fd;
    int mode; /* or flags */
    off_t offset, len;
};

static int64_t allocate(void *arg)
{
    const struct part *part = arg;

    return world_here()->files->fallocate(part->fd, part->mode, part->offset, part->len);
}

int dure_fallocate(int fd, int mode, off_t offset, off_t len)
{
    struct part part = { fd, mode, offset, len };

    return (int)io_result(offload_world(POOL_FILES, "fallocate", fd, allocate, &part));
}

static int64_t allocate_by_hand(void *arg)
{
    const struct part *part = arg;
    int error = world_here()->files->posix_fallocate(part->fd, part->offset, part->len);

    errno = error;
    return error ? -1 : 0;
}

int dure_posix_fallocate(int fd, off_t offset, off_t len)
{
    struct part part = { fd, 0, offset, len };
    int saved = errno;
    int64_t result = offload_world(POOL_FILES, "fallocate", fd, allocate_by_hand, &part);

    errno = saved;
    return (int)-result;
}

static int64_t sync_part(void *arg)
{
    const struct part *part = arg;

    return world_here()->files->sync_file_range(part->fd, part->offset, part->len,
                                                (unsigned)part->mode);
}

int dure_sync_file_range(int fd, off_t offset, off_t len, unsigned flags)
{
    struct part part = { fd, (int)flags, offset, len };

    return (int)io_result(offload_world(POOL_FILES, "sync_file_range", fd, sync_part, &part));
}

static int64_t sync_filesystem(void *arg)
{
    return world_here()->files->syncfs(((const struct part *)arg)->fd);
}

int dure_syncfs(int fd)
{
    struct part part = { .fd = fd };

    return (int)io_result(offload_world(POOL_FILES, "syncfs", fd, sync_filesystem, &part));
}

static int64_t sync_all(void *arg)
{
    (void)arg;
    world_here()->files->sync();
    return 0;
}

void dure_sync(void)
{
    int saved = errno;

    offload_world(POOL_FILES, "sync", -1, sync_all, NULL);
    errno = saved;
}

/* What one job copies at most: some ten milliseconds' work, after which a cancel is heard. A power of
   two, so that filesystems that share blocks instead of copying can go on doing so. */
#define COPY_PIECE_MAX (64u << 20)

struct copy {
    int in_fd, out_fd;
    off_t *in_offset, *out_offset;
    size_t len;
    unsigned flags;
};

static int64_t copy_piece(void *arg)
{
    const struct copy *copy = arg;

    return world_here()->files->copy_file_range(copy->in_fd, copy->in_offset, copy->out_fd,
                                                copy->out_offset, copy->len, copy->flags);
}

ssize_t dure_copy_file_range(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
                             unsigned flags)
{
    struct copy copy = { in_fd, out_fd, in_offset, out_offset, len, flags };
    size_t moved = 0;
    int64_t n;

    do {
        copy.len = len - moved < COPY_PIECE_MAX ? len - moved : COPY_PIECE_MAX;
        n = offload_world(POOL_FILES, "copy_file_range", out_fd, copy_piece, &copy);
        if (n > 0)
            moved += (size_t)n;
    } while (n == COPY_PIECE_MAX && moved < len);
    /* Progress wins: the next call meets the error again. */
    return moved ? (ssize_t)moved : io_result(n);
}
