/* Room in the files of a simulated disk, copies between them, and syncs of more than one. */
#include "backend/sim/disk.h"

#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_FLAGS \
    (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)

/* Zeroes, as far as the file goes. */
static int zero(struct sim_file *file, int64_t offset, int64_t len)
{
    int64_t end = (int64_t)file->inode->seen.len, n = 0;
    char *zeroes;

    if (offset >= end)
        return 0;
    if (len > end - offset)
        len = end - offset;
    zeroes = calloc(1, (size_t)len);
    if (!zeroes)
        return -ENOSPC;
    n = inode_write(file->host->disk, file->inode, offset, zeroes, (size_t)len);
    free(zeroes);
    return n < 0 ? (int)n : 0;
}

static int grow(struct sim_file *file, int64_t len)
{
    if ((size_t)len <= file->inode->seen.len)
        return 0;
    return inode_truncate(file->host->disk, file->inode, len);
}

int sim_disk_allocate(struct sim_file *file, int mode, int64_t offset, int64_t len)
{
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    int64_t end;
    int error;

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (offset < 0 || len <= 0)
        return -EINVAL;
    if ((mode & ~(punch | FALLOC_FL_ZERO_RANGE)) ||
        ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE)))
        return -EOPNOTSUPP;
    if (!file->kind->type && (file->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (S_ISFIFO(file->kind->mode))
        return -ESPIPE;
    if (!S_ISREG(file->kind->mode))
        return -ENODEV;
    if (__builtin_add_overflow(offset, len, &end))
        return -EFBIG;
    error = mode & FALLOC_FL_KEEP_SIZE ? 0 : grow(file, end);
    if (error == 0 && (mode & ~FALLOC_FL_KEEP_SIZE))
        error = zero(file, offset, len);
    if (error == 0)
        inode_touch(file->inode, INODE_MODIFIED | INODE_CHANGED);
    return error;
}

int sim_disk_sync_range(struct sim_file *file, int64_t offset, int64_t len, unsigned flags)
{
    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if ((flags & ~(unsigned)SYNC_FLAGS) || offset < 0 || len < 0)
        return -EINVAL;
    if (!S_ISREG(file->kind->mode) && !S_ISDIR(file->kind->mode))
        return -ESPIPE;
    return 0; /* it starts the writing, and promises nothing */
}

int sim_disk_sync_all(struct sim_host *host)
{
    if (!host)
        return -ECANCELED;
    if (sim_chance(sim_world_options.sync_error_ppm))
        return -EIO;
    disk_sync_all(host->disk);
    return 0;
}

/* --- copies --- */

static int check_copy(const struct sim_file *in, const struct sim_file *out, unsigned flags)
{
    if (!in || !out || ((in->flags | out->flags) & O_PATH))
        return -EBADF;
    if (flags)
        return -EINVAL;
    if (S_ISDIR(in->kind->mode) || S_ISDIR(out->kind->mode))
        return -EISDIR;
    if (!S_ISREG(in->kind->mode) || !S_ISREG(out->kind->mode))
        return -EINVAL;
    if ((in->flags & O_ACCMODE) == O_WRONLY || (out->flags & O_ACCMODE) == O_RDONLY ||
        (out->flags & O_APPEND))
        return -EBADF;
    return 0;
}

static int64_t copy_bytes(struct sim_file *in, int64_t from, struct sim_file *out, int64_t to,
                          size_t len)
{
    const struct content *seen = &in->inode->seen;
    char *data;
    int64_t n;

    if (from < 0 || to < 0)
        return -EINVAL;
    if (len == 0 || (size_t)from >= seen->len)
        return 0;
    if (len > seen->len - (size_t)from)
        len = seen->len - (size_t)from;
    if (in->inode == out->inode && from < to + (int64_t)len && to < from + (int64_t)len)
        return -EINVAL;
    if (sim_chance(sim_world_options.disk_error_ppm))
        return -EIO;
    data = malloc(len); /* both may be one file, whose bytes move as it grows */
    if (!data)
        return -ENOMEM;
    memcpy(data, seen->data + from, len);
    n = inode_write(out->host->disk, out->inode, to, data, len);
    free(data);
    return n;
}

static int64_t place_of(struct sim_file *file, const off_t *offset)
{
    return offset ? *offset : disk_file_of(file)->position;
}

static void move_on(struct sim_file *file, off_t *offset, int64_t n)
{
    if (offset)
        *offset += n;
    else
        disk_file_of(file)->position += n;
}

int64_t sim_disk_copy(struct sim_file *in, off_t *in_offset, struct sim_file *out,
                      off_t *out_offset, size_t len, unsigned flags)
{
    int64_t n = check_copy(in, out, flags);

    if (n < 0)
        return n;
    n = copy_bytes(in, place_of(in, in_offset), out, place_of(out, out_offset), len);
    if (n > 0) {
        move_on(in, in_offset, n);
        move_on(out, out_offset, n);
    }
    return n;
}
