/* What is known of the files of a simulated disk, and how it is changed. Programs are privileged:
   permissions are kept and told, and refuse nothing but to run what cannot be run. */
#include "backend/sim/disk.h"

#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BLOCK 4096
/* The root is made first. */
#define ROOT_NUMBER 1
/* Of a disk without a bound: 4 TiB. */
#define BLOCKS_MAX (UINT64_C(1) << 30)
/* All hosts' disks look like this one; they cannot meet. */
#define DEVICE makedev(8, 1)

/* --- where a file is named, by a path or by a descriptor --- */

static struct inode *find(struct sim_host *host, const struct disk_file_name *name, int *error)
{
    unsigned flags = (name->flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
                     (name->flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);

    return disk_find(host, name->fd, name->path, flags, error);
}

/* For a change: not by a descriptor that is only a place. */
static struct inode *find_for_change(struct sim_host *host, const struct disk_file_name *name,
                                     int *error)
{
    struct sim_file *file;

    if (name->path)
        return find(host, name, error);
    file = sim_file_of(name->fd);
    *error = !file || (file->flags & O_PATH) ? -EBADF : -EINVAL;
    return *error == -EINVAL ? file->inode : NULL;
}

/* --- questions --- */

static unsigned links_of(const struct inode *inode)
{
    const struct list *node;
    unsigned links = inode->links;

    if (!inode_is(inode, S_IFDIR))
        return links;
    if (links || inode->number == ROOT_NUMBER)
        links = 2; /* its name and its "."; below, each ".." */
    for (node = inode->entries.next; node != &inode->entries; node = node->next) {
        const struct entry *entry = container_of(node, const struct entry, link);

        links += entry->seen && inode_is(entry->inode, S_IFDIR);
    }
    return links;
}

static void describe(const struct inode *inode, struct stat *out)
{
    const struct attributes *a = &inode->attributes;

    memset(out, 0, sizeof *out);
    out->st_dev = DEVICE;
    out->st_ino = inode->number;
    out->st_mode = a->mode;
    out->st_nlink = links_of(inode);
    out->st_uid = a->owner;
    out->st_gid = a->group;
    out->st_rdev = inode->device;
    out->st_size = (off_t)inode->seen.len;
    out->st_blksize = BLOCK;
    out->st_blocks = (blkcnt_t)((inode->seen.len + 511) / 512);
    out->st_atim = a->accessed;
    out->st_mtim = a->modified;
    out->st_ctim = a->changed;
}

int sim_disk_fstat(struct sim_file *file, struct stat *out)
{
    if (!file)
        return -EBADF;
    if (file->inode) {
        describe(file->inode, out);
        return 0;
    }
    memset(out, 0, sizeof *out);
    out->st_mode = file->kind->mode | 0600;
    out->st_nlink = 1;
    return 0;
}

int sim_disk_stat(struct sim_host *host, const struct disk_file_name *name, struct stat *out)
{
    const int known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
    struct inode *inode;
    int error;

    if (name->flags & ~known)
        return -EINVAL;
    if (name->path && !*name->path && (name->flags & AT_EMPTY_PATH) && name->fd != AT_FDCWD)
        return sim_disk_fstat(sim_file_of(name->fd), out);
    inode = find(host, name, &error);
    if (inode)
        describe(inode, out);
    return error;
}

static struct statx_timestamp stamp(struct timespec time)
{
    return (struct statx_timestamp){ .tv_sec = time.tv_sec, .tv_nsec = (unsigned)time.tv_nsec };
}

int sim_disk_statx(struct sim_host *host, const struct disk_file_name *name, unsigned mask,
                   struct statx *out)
{
    struct disk_file_name plain = *name;
    struct inode *inode;
    struct stat st = { 0 };
    int error;

    if (mask & STATX__RESERVED)
        return -EINVAL;
    plain.flags &= ~AT_STATX_SYNC_TYPE;
    error = sim_disk_stat(host, &plain, &st);
    if (error < 0)
        return error;
    *out = (struct statx){ .stx_mask = STATX_BASIC_STATS,
                           .stx_blksize = BLOCK,
                           .stx_nlink = (unsigned)st.st_nlink,
                           .stx_uid = st.st_uid,
                           .stx_gid = st.st_gid,
                           .stx_mode = (uint16_t)st.st_mode,
                           .stx_ino = st.st_ino,
                           .stx_size = (uint64_t)st.st_size,
                           .stx_blocks = (uint64_t)st.st_blocks,
                           .stx_atime = stamp(st.st_atim),
                           .stx_mtime = stamp(st.st_mtim),
                           .stx_ctime = stamp(st.st_ctim),
                           .stx_rdev_major = major(st.st_rdev),
                           .stx_rdev_minor = minor(st.st_rdev),
                           .stx_dev_major = major(st.st_dev),
                           .stx_dev_minor = minor(st.st_dev) };
    inode = find(host, &plain, &error);
    if (inode) {
        out->stx_mask |= STATX_BTIME;
        out->stx_btime = stamp(inode->born);
    }
    return 0;
}

int sim_disk_statvfs(struct sim_host *host, const struct disk_file_name *name, struct statvfs *out)
{
    uint64_t size = sim_world_options.disk_size;
    struct sim_file *file;
    int error = 0;

    if (name->path)
        find(host, name, &error);
    else if (!(file = sim_file_of(name->fd)))
        error = -EBADF;
    else
        error = file->inode ? 0 : -ENOSYS;
    if (error < 0)
        return error;
    memset(out, 0, sizeof *out);
    out->f_bsize = out->f_frsize = BLOCK;
    out->f_blocks = size ? size / BLOCK : BLOCKS_MAX;
    out->f_bfree = out->f_bavail =
        size ? disk_room(host->disk) / BLOCK : BLOCKS_MAX - host->disk->used / BLOCK;
    out->f_files = out->f_ffree = out->f_favail = BLOCKS_MAX;
    out->f_namemax = DISK_NAME_MAX;
    return 0;
}

int sim_disk_access(struct sim_host *host, const struct disk_file_name *name, int mode)
{
    struct inode *inode;
    int error;

    if ((mode & ~(R_OK | W_OK | X_OK)) ||
        (name->flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    inode = find(host, name, &error);
    if (!inode)
        return error;
    if ((mode & X_OK) && !inode_is(inode, S_IFDIR) && !(inode->attributes.mode & 0111))
        return -EACCES;
    return 0;
}

int64_t sim_disk_readlink(struct sim_host *host, int dir_fd, const char *path, char *buf,
                          size_t len)
{
    int error;
    struct inode *inode;

    if (len == 0)
        return -EINVAL;
    inode = disk_find(host, dir_fd, path, LOOKUP_EMPTY, &error);
    if (!inode)
        return error;
    if (!inode_is(inode, S_IFLNK))
        return path && !*path ? -ENOENT : -EINVAL;
    if (len > inode->seen.len)
        len = inode->seen.len;
    memcpy(buf, inode->seen.data, len);
    return (int64_t)len;
}

/* --- changes --- */

int sim_disk_chmod(struct sim_host *host, const struct disk_file_name *name, mode_t mode)
{
    struct inode *inode;
    int error;

    if (name->flags & ~AT_SYMLINK_NOFOLLOW)
        return -EINVAL;
    inode = find_for_change(host, name, &error);
    if (!inode)
        return error;
    if (inode_is(inode, S_IFLNK))
        return -EOPNOTSUPP;
    inode->attributes.mode = (inode->attributes.mode & S_IFMT) | (mode & 07777);
    inode_touch(inode, INODE_CHANGED);
    return 0;
}

int sim_disk_chown(struct sim_host *host, const struct disk_file_name *name, uid_t owner,
                   gid_t group)
{
    struct inode *inode;
    int error;

    if (name->flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    inode = find_for_change(host, name, &error);
    if (!inode)
        return error;
    if (owner != (uid_t)-1)
        inode->attributes.owner = owner;
    if (group != (gid_t)-1)
        inode->attributes.group = group;
    inode_touch(inode, INODE_CHANGED);
    return 0;
}

static bool is_time(const struct timespec *time)
{
    return time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT ||
           (time->tv_nsec >= 0 && time->tv_nsec < 1000000000);
}

static void set_time(struct inode *inode, struct timespec *at, const struct timespec *time,
                     unsigned which)
{
    if (time->tv_nsec == UTIME_NOW)
        inode_touch(inode, which);
    else if (time->tv_nsec != UTIME_OMIT)
        *at = *time;
}

int sim_disk_set_times(struct sim_host *host, const struct disk_file_name *name,
                       const struct timespec *times)
{
    static const struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
    struct inode *inode;
    int error;

    if (!times)
        times = now;
    if (name->flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    inode = find_for_change(host, name, &error);
    if (!inode)
        return error;
    if (!is_time(&times[0]) || !is_time(&times[1]))
        return -EINVAL;
    set_time(inode, &inode->attributes.accessed, &times[0], INODE_ACCESSED);
    set_time(inode, &inode->attributes.modified, &times[1], INODE_MODIFIED);
    inode_touch(inode, INODE_CHANGED);
    return 0;
}

int sim_disk_truncate(struct sim_host *host, const char *path, int64_t len)
{
    int error;
    struct inode *inode;

    if (len < 0)
        return -EINVAL;
    inode = disk_find(host, AT_FDCWD, path, LOOKUP_FOLLOW, &error);
    if (!inode)
        return error;
    if (!inode_is(inode, S_IFREG))
        return inode_is(inode, S_IFDIR) ? -EISDIR : -EINVAL;
    return inode_truncate(host->disk, inode, len);
}

int sim_disk_ftruncate(struct sim_file *file, int64_t len)
{
    if (len < 0)
        return -EINVAL;
    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!S_ISREG(file->kind->mode) || (file->flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    return inode_truncate(file->host->disk, file->inode, len);
}
