/* Open files and directories of a simulated disk. */
#include "backend/sim/disk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DISK_MIN_NS 20000
#define DISK_MAX_NS 1000000

struct disk_file {
    struct sim_file file;
    struct inode *inode;
    int64_t position;
};

static struct disk_file *disk_file_of(struct sim_file *file)
{
    return container_of(file, struct disk_file, file);
}

struct inode *disk_inode_of(struct sim_file *file)
{
    return disk_file_of(file)->inode;
}

int64_t sim_disk_ns(void)
{
    const struct sim_options *o = &sim_world_options;
    int64_t low = o->disk_min_ns ? o->disk_min_ns : DISK_MIN_NS;
    int64_t high = o->disk_max_ns ? o->disk_max_ns : DISK_MAX_NS;

    return sim_draw_between(low, high > low ? high : low);
}

/* By chance less than was asked for, as a disk may answer. */
static size_t shortened(size_t len)
{
    if (len < 2 || sim_draw(8))
        return len;
    return 1 + sim_draw(len > 65536 ? 65536 : (unsigned)len - 1);
}

static int64_t file_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct disk_file *open = disk_file_of(file);
    const struct content *seen = &open->inode->seen;
    int64_t at = transfer->offset < 0 ? open->position : transfer->offset;
    size_t len = shortened(transfer->len);

    if (sim_chance(sim_world_options.disk_error_ppm))
        return -EIO;
    if ((size_t)at >= seen->len)
        return 0;
    if (len > seen->len - (size_t)at)
        len = seen->len - (size_t)at;
    sim_transfer_in(transfer, seen->data + at, len);
    if (transfer->offset < 0)
        open->position += (int64_t)len;
    return (int64_t)len;
}

static int64_t file_write(struct sim_file *file, struct sim_transfer *transfer)
{
    struct disk_file *open = disk_file_of(file);
    int64_t at = transfer->offset < 0 ? open->position : transfer->offset, n;
    size_t len = shortened(transfer->len);
    char *data;

    if (sim_chance(sim_world_options.disk_error_ppm))
        return -EIO;
    if (file->flags & O_APPEND)
        at = (int64_t)open->inode->seen.len;
    data = malloc(len ? len : 1);
    if (!data)
        return -ENOMEM;
    sim_transfer_out(transfer, data, len);
    n = inode_write(file->host->disk, open->inode, at, data, len);
    free(data);
    if (n > 0 && transfer->offset < 0)
        open->position = at + n;
    if (n > 0 && (file->flags & O_DSYNC)) /* O_SYNC is more of the same bits */
        inode_sync(open->inode);
    return n;
}

static void file_release(struct sim_file *file, bool crashed)
{
    struct disk_file *open = disk_file_of(file);
    struct sim_host *host = file->host;

    (void)crashed; /* the disk itself crashes after all its files have gone */
    inode_let_go(host->disk, open->inode);
    free(open);
}

static const struct sim_kind file_kind = {
    .mode = S_IFREG,
    .slow = true,
    .read = file_read,
    .write = file_write,
    .release = file_release,
};

static int64_t dir_refuses(struct sim_file *file, struct sim_transfer *transfer)
{
    (void)file;
    (void)transfer;
    return -EISDIR;
}

static const struct sim_kind dir_kind = {
    .mode = S_IFDIR,
    .slow = true,
    .read = dir_refuses,
    .write = dir_refuses,
    .release = file_release,
};

/* --- opening --- */

/* The inode that the name leads to, made if asked for; a reference for the caller. */
static struct inode *find_or_make(struct sim_host *host, int dir_fd, const char *path, int flags,
                                  mode_t mode, int *error)
{
    const char *name = "";
    struct inode *dir = disk_find(host, dir_fd, path, &name, error), *inode;
    struct entry *entry;

    if (!dir)
        return NULL;
    entry = *name ? disk_entry(dir, name) : NULL;
    if (entry || !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        *error = -EEXIST;
        if ((flags & O_CREAT) && (flags & O_EXCL))
            return NULL;
        inode = entry ? entry->inode : disk_find(host, dir_fd, path, NULL, error);
        if (inode)
            inode->references++;
        return inode;
    }
    *error = strchr(name, '/') ? -EISDIR : -ENOENT;
    if (!(flags & O_CREAT) || strchr(name, '/'))
        return NULL;
    inode = inode_create(host->disk, S_IFREG | (mode & 0777));
    *error = inode ? disk_link(host->disk, dir, name, inode) : -ENOSPC;
    if (*error < 0 && inode) {
        inode_let_go(host->disk, inode);
        inode = NULL;
    }
    return inode;
}

static int check_open(const struct inode *inode, int flags)
{
    if (S_ISDIR(inode->mode))
        return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) ? -EISDIR : 0;
    return flags & O_DIRECTORY ? -ENOTDIR : 0;
}

int64_t sim_disk_open(struct sim_host *host, int dir_fd, const char *path, int flags, mode_t mode)
{
    struct disk_file *open;
    struct inode *inode;
    int error;

    if (!path || !host)
        return path ? -ECANCELED : -EFAULT;
    if (sim_fails(&host->memory))
        return -ENOMEM;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return -EOPNOTSUPP;
    inode = find_or_make(host, dir_fd, path, flags, mode, &error);
    if (!inode)
        return error;
    error = check_open(inode, flags);
    if (error == 0 && (flags & O_TRUNC) && inode->seen.len)
        error = inode_truncate(host->disk, inode, 0);
    open = error < 0 ? NULL : calloc(1, sizeof *open);
    if (!open) {
        inode_let_go(host->disk, inode);
        return error < 0 ? error : -ENOMEM;
    }
    open->inode = inode;
    sim_file_init(&open->file, S_ISDIR(inode->mode) ? &dir_kind : &file_kind, host,
                  flags & (O_ACCMODE | O_APPEND | O_DSYNC | O_NONBLOCK));
    sim_trace(TRACE_DISK, host->number, inode->number);
    return sim_number_give(&open->file, flags);
}

/* --- the rest --- */

int64_t sim_disk_sync(struct sim_file *file)
{
    struct inode *inode;

    if (!S_ISREG(file->kind->mode) && !S_ISDIR(file->kind->mode))
        return -EINVAL;
    inode = disk_inode_of(file);
    if (sim_chance(sim_world_options.sync_error_ppm)) {
        inode_sync_failed(inode);
        return -EIO;
    }
    if (S_ISDIR(inode->mode))
        disk_sync_names(file->host->disk, inode);
    else
        inode_sync(inode);
    return 0;
}

static void describe(const struct inode *inode, struct stat *out)
{
    memset(out, 0, sizeof *out);
    out->st_ino = inode->number;
    out->st_mode = inode->mode;
    out->st_nlink = 1;
    out->st_size = (off_t)inode->seen.len;
    out->st_blksize = 4096;
    out->st_blocks = (blkcnt_t)((inode->seen.len + 511) / 512);
}

int sim_disk_stat(struct sim_file *file, struct stat *out)
{
    describe(disk_inode_of(file), out);
    return 0;
}

int sim_disk_stat_path(struct sim_host *host, int dir_fd, const char *path, struct stat *out)
{
    int error;
    struct inode *inode = disk_find(host, dir_fd, path, NULL, &error);

    if (!inode)
        return error;
    describe(inode, out);
    return 0;
}

int sim_disk_truncate(struct sim_file *file, int64_t len)
{
    if ((file->flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    return inode_truncate(file->host->disk, disk_inode_of(file), len);
}

int64_t sim_disk_seek(struct sim_file *file, int64_t offset, int whence)
{
    struct disk_file *open = disk_file_of(file);

    if (whence == SEEK_CUR)
        offset += open->position;
    else if (whence == SEEK_END)
        offset += (int64_t)open->inode->seen.len;
    if (offset < 0)
        return -EINVAL;
    open->position = offset;
    return offset;
}
