/* Where a path on a simulated disk leads, through directories and symbolic links. */
#include "backend/sim/disk.h"

#include <limits.h>
#include <string.h>

/* As many symbolic links as Linux follows on one way. */
#define LINKS_MAX 40

struct walk {
    struct sim_host *host;
    struct inode *at;    /* where it stands: a directory, or what the last name was */
    struct inode *begin; /* where it began, which some may not leave */
    unsigned flags, links;
    char left[2 * PATH_MAX]; /* what is still to be gone, behind that what a link says */
};

static int begin_at(struct walk *walk, int dir_fd, const char *path)
{
    struct sim_file *file;

    walk->at = walk->begin = walk->host->disk->root;
    if (dir_fd == AT_FDCWD || (*path == '/' && !(walk->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))))
        return 0;
    file = sim_file_of(dir_fd);
    if (!file)
        return -EBADF;
    walk->at = walk->begin = file->inode;
    if (!file->inode)
        return -ENOTDIR;
    return inode_is(file->inode, S_IFDIR) || (!*path && (walk->flags & LOOKUP_EMPTY)) ? 0
                                                                                      : -ENOTDIR;
}

/* An absolute path, or link. */
static int go_to_root(struct walk *walk)
{
    if (walk->flags & LOOKUP_BENEATH)
        return -EXDEV;
    walk->at = walk->flags & LOOKUP_IN_ROOT ? walk->begin : walk->host->disk->root;
    return 0;
}

static int go_up(struct walk *walk)
{
    if (walk->at == walk->begin && (walk->flags & LOOKUP_BENEATH))
        return -EXDEV;
    if (walk->at == walk->begin && (walk->flags & LOOKUP_IN_ROOT))
        return 0;
    if (walk->at->parent)
        walk->at = walk->at->parent;
    return 0;
}

/* What the link says comes before what is left. */
static int follow(struct walk *walk, const struct inode *link, const char *rest)
{
    size_t len = link->seen.len, rest_len = strlen(rest);

    if ((walk->flags & LOOKUP_NO_LINKS) || ++walk->links > LINKS_MAX)
        return -ELOOP;
    if (len + rest_len >= sizeof walk->left)
        return -ENAMETOOLONG;
    memmove(walk->left + len, rest, rest_len + 1);
    memcpy(walk->left, link->seen.data, len);
    return walk->left[0] == '/' ? go_to_root(walk) : 0;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Is a link gone through? A slash behind the last name asks for what it leads to. */
static bool goes_on(const struct walk *walk, const struct place *place, bool last)
{
    return !last || (walk->flags & LOOKUP_FOLLOW) || (place->slash && !(walk->flags & LOOKUP_LAST));
}

/* One name. Returns 0: gone on, 1: this was the last, or -errno. */
static int step(struct walk *walk, struct place *out)
{
    const char *name = walk->left + strspn(walk->left, "/");
    size_t len = strcspn(name, "/");
    const char *rest = name + len;
    bool last = rest[strspn(rest, "/")] == '\0';
    struct entry *entry;

    if (len > DISK_NAME_MAX)
        return -ENAMETOOLONG;
    if (!inode_is(walk->at, S_IFDIR))
        return -ENOTDIR;
    memcpy(out->name, name, len);
    out->name[len] = '\0';
    out->slash = last && *rest == '/';
    out->dir = NULL;
    if (len == 0 || is_dots(out->name)) {
        int error = len == 2 ? go_up(walk) : 0;

        out->inode = walk->at;
        memmove(walk->left, rest, strlen(rest) + 1);
        return error < 0 ? error : last;
    }
    if (out->slash && (walk->flags & LOOKUP_NO_SLASH))
        return -EISDIR;
    entry = disk_entry(walk->at, out->name);
    out->dir = walk->at;
    out->inode = entry ? entry->inode : NULL;
    if (!entry)
        return last ? 1 : -ENOENT;
    if (inode_is(entry->inode, S_IFLNK) && goes_on(walk, out, last))
        return follow(walk, entry->inode, rest);
    walk->at = entry->inode;
    memmove(walk->left, rest, strlen(rest) + 1);
    return last;
}

int disk_lookup(struct sim_host *host, int dir_fd, const char *path, unsigned flags,
                struct place *out)
{
    struct walk walk = { .host = host, .flags = flags };
    int result;

    if (!path || !host)
        return path ? -ECANCELED : -EFAULT;
    if (strlen(path) >= PATH_MAX)
        return -ENAMETOOLONG;
    if (!*path && !(flags & LOOKUP_EMPTY))
        return -ENOENT;
    result = begin_at(&walk, dir_fd, path);
    if (result < 0)
        return result;
    *out = (struct place){ .inode = walk.at };
    if (!*path)
        return 0;
    strcpy(walk.left, path);
    result = *path == '/' ? go_to_root(&walk) : 0;
    while (result == 0)
        result = step(&walk, out);
    return result < 0 ? result : 0;
}

struct inode *disk_find(struct sim_host *host, int dir_fd, const char *path, unsigned flags,
                        int *error)
{
    struct place place;

    *error = disk_lookup(host, dir_fd, path, flags, &place);
    if (*error == 0 && !place.inode)
        *error = -ENOENT;
    else if (*error == 0 && place.slash && !inode_is(place.inode, S_IFDIR))
        *error = -ENOTDIR;
    return *error < 0 ? NULL : place.inode;
}
