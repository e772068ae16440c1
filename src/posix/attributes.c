/* Twins that change a file's attributes, by its name or by a descriptor: not broken off once begun. */
#include "loop/loop.h"

#include <dure/path.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* What is to change of which file. */
struct change {
    int fd; /* the file, or with a path the directory */
    const char *path;
    int flags;
    mode_t mode;
    uid_t owner;
    gid_t group;
    const struct timespec *times;
    off_t len;
};

static int change_of_fd(const char *what, int64_t (*call)(void *arg), struct change *change)
{
    return (int)io_result(offload_world(POOL_FILES, what, change->fd, call, change));
}

static int change_of_path(const char *what, int64_t (*call)(void *arg), struct change *change)
{
    /* The system would say so too; the C library's headers promise that there is a path. */
    if (!change->path)
        return (int)io_result(-EFAULT);
    return (int)io_result(offload_world(POOL_FILES, what, -1, call, change));
}

static int64_t make_fchmod(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->fchmod(change->fd, change->mode);
}

int dure_fchmod(int fd, mode_t mode)
{
    return change_of_fd("fchmod", make_fchmod, &(struct change){ .fd = fd, .mode = mode });
}

static int64_t make_chmod(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->fchmodat(change->fd, change->path, change->mode, change->flags);
}

int dure_fchmodat(int dir_fd, const char *path, mode_t mode, int flags)
{
    struct change change = { .fd = dir_fd, .path = path, .mode = mode, .flags = flags };

    return change_of_path("chmod", make_chmod, &change);
}

int dure_chmod(const char *path, mode_t mode)
{
    return dure_fchmodat(AT_FDCWD, path, mode, 0);
}

static int64_t make_fchown(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->fchown(change->fd, change->owner, change->group);
}

int dure_fchown(int fd, uid_t owner, gid_t group)
{
    struct change change = { .fd = fd, .owner = owner, .group = group };

    return change_of_fd("fchown", make_fchown, &change);
}

static int64_t make_chown(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->fchownat(change->fd, change->path, change->owner, change->group,
                                         change->flags);
}

int dure_fchownat(int dir_fd, const char *path, uid_t owner, gid_t group, int flags)
{
    struct change change = {
        .fd = dir_fd, .path = path, .owner = owner, .group = group, .flags = flags
    };

    return change_of_path("chown", make_chown, &change);
}

int dure_chown(const char *path, uid_t owner, gid_t group)
{
    return dure_fchownat(AT_FDCWD, path, owner, group, 0);
}

int dure_lchown(const char *path, uid_t owner, gid_t group)
{
    return dure_fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW);
}

static int64_t make_futimens(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->futimens(change->fd, change->times);
}

int dure_futimens(int fd, const struct timespec *times)
{
    return change_of_fd("futimens", make_futimens, &(struct change){ .fd = fd, .times = times });
}

static int64_t make_utimens(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->utimensat(change->fd, change->path, change->times, change->flags);
}

int dure_utimensat(int dir_fd, const char *path, const struct timespec *times, int flags)
{
    struct change change = { .fd = dir_fd, .path = path, .times = times, .flags = flags };

    if (!path) /* the kernel would take it for futimens, the C library does not */
        return (int)io_result(-EINVAL);
    return change_of_path("utimens", make_utimens, &change);
}

static int64_t make_ftruncate(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->ftruncate(change->fd, change->len);
}

int dure_ftruncate(int fd, off_t len)
{
    struct change change = { .fd = fd, .len = len };

    return (int)io_result(offload_world(POOL_FILES, "ftruncate", fd, make_ftruncate, &change));
}

static int64_t make_truncate(void *arg)
{
    const struct change *change = arg;

    return world_here()->files->truncate(change->path, change->len);
}

int dure_truncate(const char *path, off_t len)
{
    struct change change = { .fd = AT_FDCWD, .path = path, .len = len };

    return change_of_path("truncate", make_truncate, &change);
}
