/* Open files of a simulated disk. */
#include "backend/sim/disk.h"

#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DISK_MIN_NS 20000
#define DISK_MAX_NS 1000000

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
    if (len < 2 || !sim_chance(sim_world_options.disk_short_ppm))
        return len;
    return 1 + sim_draw(len > 65536 ? 65536 : (unsigned)len - 1);
}

static int64_t file_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct disk_file *open = disk_file_of(file);
    const struct content *seen = &file->inode->seen;
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
        at = (int64_t)file->inode->seen.len;
    data = malloc(len ? len : 1);
    if (!data)
        return -ENOMEM;
    sim_transfer_out(transfer, data, len);
    n = inode_write(file->host->disk, file->inode, at, data, len);
    free(data);
    if (n > 0 && transfer->offset < 0)
        open->position = at + n;
    if (n > 0 && (file->flags & O_DSYNC)) /* O_SYNC is more of the same bits */
        inode_sync(file->inode);
    return n;
}

void disk_file_release(struct sim_file *file, bool crashed)
{
    struct sim_host *host = file->host;

    (void)crashed; /* the disk itself crashes after all its files have gone */
    disk_lock_file_closed(file);
    inode_let_go(host->disk, file->inode);
    free(disk_file_of(file));
}

static const struct sim_kind file_kind = {
    .mode = S_IFREG,
    .slow = true,
    .read = file_read,
    .write = file_write,
    .number_closed = disk_lock_number_closed,
    .release = disk_file_release,
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
    .number_closed = disk_lock_number_closed,
    .release = disk_file_release,
};

/* O_PATH: a place and nothing to be done there, of whatever kind. */
static const struct sim_kind place_kind = {
    .slow = true,
    .release = disk_file_release,
};

/* --- opening --- */

/* What was asked for, by openat or by openat2. */
struct disk_open {
    int dir_fd;
    const char *path;
    int flags;
    mode_t mode;
    unsigned lookup; /* LOOKUP_... */
};

static int read_how(const struct open_how *how, struct disk_open *out)
{
    const uint64_t known = RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
                           RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

    if ((how->resolve & ~known) || how->flags >> 31 || (how->mode & ~UINT64_C(07777)))
        return -EINVAL;
    if (how->mode && !(how->flags & O_CREAT))
        return -EINVAL;
    out->flags = (int)how->flags;
    out->mode = (mode_t)how->mode;
    if (how->resolve & RESOLVE_BENEATH)
        out->lookup |= LOOKUP_BENEATH;
    if (how->resolve & RESOLVE_IN_ROOT)
        out->lookup |= LOOKUP_IN_ROOT;
    if (how->resolve & RESOLVE_NO_SYMLINKS)
        out->lookup |= LOOKUP_NO_LINKS;
    return 0;
}

/* May it be opened so? Returns 0 or -errno. */
static int check_open(const struct inode *inode, int flags)
{
    if (inode_is(inode, S_IFDIR) && !(flags & O_PATH))
        return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) ? -EISDIR : 0;
    if ((flags & O_DIRECTORY) && !inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    if (flags & O_PATH)
        return 0;
    if (inode_is(inode, S_IFLNK)) /* O_NOFOLLOW */
        return -ELOOP;
    return inode_is(inode, S_IFREG) || inode_is(inode, S_IFIFO) ? 0 : -ENXIO;
}

/* The inode that the path leads to, made if asked for; a reference for the caller. */
static struct inode *find_or_make(struct sim_host *host, const struct disk_open *how, int *error)
{
    bool new = (how->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    unsigned follow = new || (how->flags & O_NOFOLLOW) ? 0 : LOOKUP_FOLLOW;
    struct place place;

    if (how->flags & O_CREAT)
        follow |= LOOKUP_NO_SLASH;
    *error = disk_lookup(host, how->dir_fd, how->path, follow | how->lookup, &place);
    if (*error < 0)
        return NULL;
    if (place.inode) {
        *error = new ? -EEXIST : check_open(place.inode, how->flags);
        if (*error == 0 && place.slash && !inode_is(place.inode, S_IFDIR))
            *error = -ENOTDIR;
        if (*error < 0)
            return NULL;
        place.inode->references++;
        return place.inode;
    }
    *error = -ENOENT;
    if (!(how->flags & O_CREAT) || (how->flags & O_PATH))
        return NULL;
    return disk_make(host, &place, S_IFREG | (how->mode & 07777), error);
}

static const struct sim_kind *kind_of(const struct inode *inode, int flags)
{
    if (flags & O_PATH)
        return &place_kind;
    return inode_is(inode, S_IFDIR) ? &dir_kind : &file_kind;
}

/* Takes over the reference. */
static int64_t open_inode(struct sim_host *host, struct inode *inode, int flags)
{
    const int kept = O_ACCMODE | O_APPEND | O_DSYNC | O_NONBLOCK | O_PATH;
    struct disk_file *open = calloc(1, sizeof *open);
    int error = 0;

    if (open && (flags & O_TRUNC) && !(flags & O_PATH))
        error = inode_truncate(host->disk, inode, 0);
    if (!open || error < 0) {
        free(open);
        inode_let_go(host->disk, inode);
        return open ? error : -ENOMEM;
    }
    sim_file_init(&open->file, kind_of(inode, flags), host, flags & kept);
    open->file.inode = inode;
    return sim_number_give(&open->file, flags);
}

int64_t sim_disk_open(struct sim_host *host, struct op *op)
{
    struct disk_open how = { op->fd, op->u.open.path, op->u.open.flags, op->u.open.mode, 0 };
    int error = op->u.open.how ? read_how(op->u.open.how, &how) : 0;
    struct inode *inode;

    if (!host || error < 0)
        return host ? error : -ECANCELED;
    if (sim_fails(&host->memory))
        return -ENOMEM;
    if ((how.flags & O_TMPFILE) == O_TMPFILE)
        return -EOPNOTSUPP;
    inode = find_or_make(host, &how, &error);
    if (!inode)
        return error;
    sim_trace(TRACE_DISK, host->number, inode->number);
    if (inode_is(inode, S_IFIFO) && !(how.flags & O_PATH))
        return sim_fifo_open(host, inode, op, how.flags);
    return open_inode(host, inode, how.flags);
}

/* --- the rest --- */

int64_t sim_disk_sync(struct sim_file *file, bool data_only)
{
    struct inode *inode = file->inode;

    if (file->flags & O_PATH)
        return -EBADF;
    if (!S_ISREG(file->kind->mode) && !S_ISDIR(file->kind->mode))
        return -EINVAL;
    if (sim_chance(sim_world_options.sync_error_ppm)) {
        inode_sync_failed(inode);
        return -EIO;
    }
    if (S_ISDIR(file->kind->mode))
        disk_sync_names(file->host->disk, inode);
    else
        inode_sync(inode);
    if (!data_only)
        inode->durable_attributes = inode->attributes;
    return 0;
}

/* All of a file is data, up to its end. */
static int64_t seek_kind(const struct content *content, int64_t offset, int whence)
{
    if (offset < 0 || (size_t)offset >= content->len)
        return -ENXIO;
    return whence == SEEK_DATA ? offset : (int64_t)content->len;
}

int64_t sim_disk_seek(struct sim_file *file, int64_t offset, int whence)
{
    struct disk_file *open = disk_file_of(file);
    const struct content *content = &file->inode->seen;

    if (whence == SEEK_CUR)
        offset += open->position;
    else if (whence == SEEK_END)
        offset += (int64_t)content->len;
    else if (whence == SEEK_DATA || whence == SEEK_HOLE)
        offset = seek_kind(content, offset, whence);
    else if (whence != SEEK_SET)
        return -EINVAL;
    if (offset < 0)
        return offset == -ENXIO && whence > SEEK_END ? offset : -EINVAL;
    open->position = offset;
    return offset;
}
