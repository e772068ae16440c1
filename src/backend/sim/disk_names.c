/* Calls that make, move and remove names on a simulated disk. */
#include "backend/sim/disk.h"

#include <stdio.h>
#include <limits.h>
#include <string.h>

/* A directory without a name, to which nothing can be added. */
static bool is_gone(const struct sim_disk *disk, const struct inode *dir)
{
    return dir->links == 0 && dir != disk->root;
}

static int check_new(const struct sim_disk *disk, const struct place *place, bool as_dir)
{
    if (place->inode)
        return -EEXIST;
    if (is_gone(disk, place->dir) || (place->slash && !as_dir))
        return -ENOENT;
    return 0;
}

struct inode *disk_make(struct sim_host *host, const struct place *place, mode_t mode, int *error)
{
    struct inode *inode;

    *error = check_new(host->disk, place, S_ISDIR(mode));
    if (*error < 0)
        return NULL;
    inode = inode_create(host->disk, mode & ~host->umask);
    *error = inode ? disk_link(host->disk, place->dir, place->name, inode) : -ENOSPC;
    if (*error == 0 || !inode)
        return inode;
    inode_let_go(host->disk, inode);
    return NULL;
}

static int make(struct sim_host *host, int dir_fd, const char *path, mode_t mode, dev_t device)
{
    struct place place = { 0 };
    struct inode *inode;
    int error = disk_lookup(host, dir_fd, path, LOOKUP_LAST, &place);

    if (error < 0)
        return error;
    inode = disk_make(host, &place, mode, &error);
    if (!inode)
        return error;
    inode->device = device;
    inode_let_go(host->disk, inode);
    return 0;
}

int sim_disk_mkdir(struct sim_host *host, int dir_fd, const char *path, mode_t mode)
{
    return make(host, dir_fd, path, S_IFDIR | (mode & 01777), 0);
}

int sim_disk_mknod(struct sim_host *host, int dir_fd, const char *path, mode_t mode, dev_t device)
{
    mode_t kind = mode & S_IFMT;

    if (kind == 0)
        mode |= kind = S_IFREG;
    if (kind == S_IFDIR)
        return -EPERM;
    if (kind != S_IFREG && kind != S_IFIFO && kind != S_IFCHR && kind != S_IFBLK &&
        kind != S_IFSOCK)
        return -EINVAL;
    return make(host, dir_fd, path, kind | (mode & 07777),
                kind == S_IFCHR || kind == S_IFBLK ? device : 0);
}

int sim_disk_symlink(struct sim_host *host, const char *target, int dir_fd, const char *path)
{
    struct place place = { 0 };
    struct inode *inode;
    int error;

    if (!target || !*target)
        return target ? -ENOENT : -EFAULT;
    if (strlen(target) >= PATH_MAX)
        return -ENAMETOOLONG;
    error = disk_lookup(host, dir_fd, path, LOOKUP_LAST, &place);
    if (error == 0)
        error = check_new(host->disk, &place, false);
    if (error < 0)
        return error;
    inode = inode_create(host->disk, S_IFLNK | 0777);
    if (!inode)
        return -ENOSPC;
    error = inode_set_target(inode, target);
    if (error == 0)
        error = disk_link(host->disk, place.dir, place.name, inode);
    inode_let_go(host->disk, inode);
    return error;
}

int sim_disk_link(struct sim_host *host, int dir_fd, const char *path, int new_dir_fd,
                  const char *new_path, int flags)
{
    unsigned how = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
                   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    struct place place = { 0 };
    struct inode *inode;
    int error;

    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    inode = disk_find(host, dir_fd, path, how, &error);
    if (!inode)
        return error;
    error = disk_lookup(host, new_dir_fd, new_path, LOOKUP_LAST, &place);
    if (error == 0)
        error = check_new(host->disk, &place, false);
    if (error < 0)
        return error;
    if (inode_is(inode, S_IFDIR))
        return -EPERM;
    if (inode->links == 0) /* the last name has gone: what is open stays without */
        return -ENOENT;
    return disk_link(host->disk, place.dir, place.name, inode);
}

/* --- names that go --- */

static bool is_empty(const struct inode *dir)
{
    const struct list *node;

    for (node = dir->entries.next; node != &dir->entries; node = node->next)
        if (container_of(node, const struct entry, link)->seen)
            return false;
    return true;
}

/* May the name go? Returns 0 or -errno. */
static int check_goes(const struct inode *inode, bool as_dir)
{
    bool is_dir = inode_is(inode, S_IFDIR);

    if (is_dir != as_dir)
        return is_dir ? -EISDIR : -ENOTDIR;
    return is_dir && !is_empty(inode) ? -ENOTEMPTY : 0;
}

/* The root and "..", which somebody stands on; ".". */
static int refuse_dots(const struct place *place, bool as_dir)
{
    if (!as_dir)
        return -EISDIR;
    if (strcmp(place->name, ".") == 0)
        return -EINVAL;
    return strcmp(place->name, "..") == 0 ? -ENOTEMPTY : -EBUSY;
}

int sim_disk_unlink(struct sim_host *host, int dir_fd, const char *path, int flags)
{
    bool as_dir = flags & AT_REMOVEDIR;
    struct place place = { 0 };
    int error;

    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    error = disk_lookup(host, dir_fd, path, LOOKUP_LAST, &place);
    if (error < 0)
        return error;
    if (!place.inode)
        return -ENOENT;
    if (!place.dir)
        return refuse_dots(&place, as_dir);
    error = check_goes(place.inode, as_dir);
    if (error == 0 && place.slash && !as_dir)
        error = -ENOTDIR;
    if (error < 0)
        return error;
    return disk_journal(host->disk, &(struct change){ .goes = disk_entry(place.dir, place.name),
                                                      .dirs = { place.dir, place.dir } });
}

/* --- names that move --- */

/* Does the directory lie in, or is it, the other? */
static bool lies_in(const struct inode *dir, const struct inode *other)
{
    for (; dir; dir = dir->parent)
        if (dir == other)
            return true;
    return false;
}

static int check_rename(const struct sim_disk *disk, const struct place *from,
                        const struct place *to, unsigned flags)
{
    bool is_dir;

    if (!from->dir || !to->dir)
        return from->dir && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
    if (!from->inode)
        return -ENOENT;
    is_dir = inode_is(from->inode, S_IFDIR);
    if (to->inode && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if ((from->slash || to->slash) && !is_dir)
        return -ENOTDIR;
    if (is_dir && lies_in(to->dir, from->inode))
        return -EINVAL;
    if (is_gone(disk, to->dir))
        return -ENOENT;
    if (to->inode && lies_in(from->dir, to->inode))
        return -ENOTEMPTY;
    return to->inode && to->inode != from->inode ? check_goes(to->inode, is_dir) : 0;
}

int sim_disk_rename(struct sim_host *host, int dir_fd, const char *path, int new_dir_fd,
                    const char *new_path, unsigned flags)
{
    struct place from = { 0 }, to = { 0 };
    struct change change;
    int error;

    if (flags & ~RENAME_NOREPLACE) /* what a filesystem may say that cannot exchange */
        return -EINVAL;
    error = disk_lookup(host, dir_fd, path, LOOKUP_LAST, &from);
    if (error == 0)
        error = disk_lookup(host, new_dir_fd, new_path, LOOKUP_LAST, &to);
    if (error == 0)
        error = check_rename(host->disk, &from, &to, flags);
    if (error < 0 || to.inode == from.inode) /* two names of one file: nothing is to be done */
        return error;
    change = (struct change){ .appears = disk_entry_create(to.dir, to.name, from.inode),
                              .goes = disk_entry(from.dir, from.name),
                              .dirs = { from.dir, to.dir } };
    if (!change.appears)
        return -ENOSPC;
    change.replaced = to.inode ? disk_entry(to.dir, to.name) : NULL;
    error = disk_journal(host->disk, &change);
    if (error < 0)
        disk_entry_let_go(host->disk, change.appears);
    return error;
}
