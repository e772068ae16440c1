/* Twins that make, move and remove names: not broken off once begun. */
#include "loop/loop.h"

#include <dure/path.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* The arguments of one of these calls; what it does not need is left out. */
struct names {
    int dir_fd, new_dir_fd;
    const char *path, *new_path;
    int flags;
    mode_t mode;
    dev_t device;
};

static int make(const char *what, int64_t (*call)(void *arg), struct names *names)
{
    /* The system would say so too; the C library's headers promise that there is a path. */
    if (!names->path || !names->new_path)
        return (int)io_result(-EFAULT);
    return (int)io_result(offload_world(POOL_FILES, what, -1, call, names));
}

static int64_t make_rename(void *arg)
{
    const struct names *names = arg;

    return world_here()->files->renameat2(names->dir_fd, names->path, names->new_dir_fd,
                                          names->new_path, (unsigned)names->flags);
}

int dure_renameat2(int dir_fd, const char *path, int new_dir_fd, const char *new_path,
                   unsigned flags)
{
    struct names names = { dir_fd, new_dir_fd, path, new_path, (int)flags, 0, 0 };

    return make("rename", make_rename, &names);
}

int dure_renameat(int dir_fd, const char *path, int new_dir_fd, const char *new_path)
{
    return dure_renameat2(dir_fd, path, new_dir_fd, new_path, 0);
}

int dure_rename(const char *path, const char *new_path)
{
    return dure_renameat2(AT_FDCWD, path, AT_FDCWD, new_path, 0);
}

static int64_t make_link(void *arg)
{
    const struct names *names = arg;

    return world_here()->files->linkat(names->dir_fd, names->path, names->new_dir_fd,
                                       names->new_path, names->flags);
}

int dure_linkat(int dir_fd, const char *path, int new_dir_fd, const char *new_path, int flags)
{
    struct names names = { dir_fd, new_dir_fd, path, new_path, flags, 0, 0 };

    return make("link", make_link, &names);
}

int dure_link(const char *path, const char *new_path)
{
    return dure_linkat(AT_FDCWD, path, AT_FDCWD, new_path, 0);
}

static int64_t make_symlink(void *arg)
{
    const struct names *names = arg;

    return world_here()->files->symlinkat(names->path, names->new_dir_fd, names->new_path);
}

int dure_symlinkat(const char *target, int new_dir_fd, const char *new_path)
{
    struct names names = { AT_FDCWD, new_dir_fd, target, new_path, 0, 0, 0 };

    return make("symlink", make_symlink, &names);
}

int dure_symlink(const char *target, const char *new_path)
{
    return dure_symlinkat(target, AT_FDCWD, new_path);
}

static int64_t make_unlink(void *arg)
{
    const struct names *names = arg;

    return world_here()->files->unlinkat(names->dir_fd, names->path, names->flags);
}

int dure_unlinkat(int dir_fd, const char *path, int flags)
{
    struct names names = { dir_fd, AT_FDCWD, path, "", flags, 0, 0 };

    return make(flags & AT_REMOVEDIR ? "rmdir" : "unlink", make_unlink, &names);
}

int dure_unlink(const char *path)
{
    return dure_unlinkat(AT_FDCWD, path, 0);
}

int dure_rmdir(const char *path)
{
    return dure_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* As the C library's: a directory says that it is one. */
static int64_t make_remove(void *arg)
{
    const struct names *names = arg;
    const struct world_files *files = world_here()->files;
    int result = files->unlinkat(AT_FDCWD, names->path, 0);

    return result < 0 && errno == EISDIR ? files->unlinkat(AT_FDCWD, names->path, AT_REMOVEDIR)
                                         : result;
}

int dure_remove(const char *path)
{
    struct names names = { AT_FDCWD, AT_FDCWD, path, "", 0, 0, 0 };

    return make("remove", make_remove, &names);
}

mode_t dure_umask(mode_t mask)
{
    return world_here()->files->umask(mask);
}

static int64_t make_mkdir(void *arg)
{
    const struct names *names = arg;

    return world_here()->files->mkdirat(names->dir_fd, names->path, names->mode);
}

int dure_mkdirat(int dir_fd, const char *path, mode_t mode)
{
    struct names names = { dir_fd, AT_FDCWD, path, "", 0, mode, 0 };

    return make("mkdir", make_mkdir, &names);
}

int dure_mkdir(const char *path, mode_t mode)
{
    return dure_mkdirat(AT_FDCWD, path, mode);
}

static int64_t make_mknod(void *arg)
{
    const struct names *names = arg;

    return world_here()->files->mknodat(names->dir_fd, names->path, names->mode, names->device);
}

int dure_mknodat(int dir_fd, const char *path, mode_t mode, dev_t device)
{
    struct names names = { dir_fd, AT_FDCWD, path, "", 0, mode, device };

    return make("mknod", make_mknod, &names);
}

int dure_mknod(const char *path, mode_t mode, dev_t device)
{
    return dure_mknodat(AT_FDCWD, path, mode, device);
}

int dure_mkfifoat(int dir_fd, const char *path, mode_t mode)
{
    return dure_mknodat(dir_fd, path, mode | S_IFIFO, 0);
}

int dure_mkfifo(const char *path, mode_t mode)
{
    return dure_mkfifoat(AT_FDCWD, path, mode);
}
