/* Twins on names and lengths of files: made by a thread of the pool, and once begun not broken off. */
#include "loop/loop.h"

#include <dure/file.h>
#include <errno.h>
#include <stdio.h>

/* One of these calls; what it does not need is left out. */
struct call {
    int (*make)(const struct call *call);
    const char *name; /* for the dump */
    int fd;           /* what it works on, or -1 */
    int dir_fd, other_dir_fd;
    const char *path, *other_path;
    int flags;
    mode_t mode;
    off_t len;
    int result;
};

static void make(struct call *call)
{
    do
        call->result = call->make(call) < 0 ? -errno : 0;
    while (call->result == -EINTR);
}

static void make_on_thread(struct offload *offload, void *arg)
{
    (void)offload;
    make(arg);
}

static int run(struct call *call)
{
    int error = io_entry_refused();

    if (error < 0)
        return (int)io_result(error);
    if (!task_current()) {
        make(call);
        return (int)io_result(call->result);
    }
    error = offload_run(POOL_FILES, OFFLOAD_QUEUED, call->name, call->fd, make_on_thread, call);
    if (error == -ECANCELED)
        flow_feel(&task_current()->flow);
    return (int)io_result(error < 0 ? error : call->result);
}

/* The system would say so too; the C library's headers promise that there is a path. */
static int no_path(void)
{
    return (int)io_result(-EFAULT);
}

static int make_rename(const struct call *call)
{
    return renameat(call->dir_fd, call->path, call->other_dir_fd, call->other_path);
}

int dure_renameat(int dir_fd, const char *path, int new_dir_fd, const char *new_path)
{
    if (!path || !new_path)
        return no_path();
    return run(&(struct call){ .make = make_rename,
                               .name = "rename",
                               .fd = -1,
                               .dir_fd = dir_fd,
                               .path = path,
                               .other_dir_fd = new_dir_fd,
                               .other_path = new_path });
}

int dure_rename(const char *path, const char *new_path)
{
    return dure_renameat(AT_FDCWD, path, AT_FDCWD, new_path);
}

static int make_unlink(const struct call *call)
{
    return unlinkat(call->dir_fd, call->path, call->flags);
}

int dure_unlinkat(int dir_fd, const char *path, int flags)
{
    if (!path)
        return no_path();
    return run(&(struct call){ .make = make_unlink,
                               .name = flags & AT_REMOVEDIR ? "rmdir" : "unlink",
                               .fd = -1,
                               .dir_fd = dir_fd,
                               .path = path,
                               .flags = flags });
}

int dure_unlink(const char *path)
{
    return dure_unlinkat(AT_FDCWD, path, 0);
}

int dure_rmdir(const char *path)
{
    return dure_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static int make_mkdir(const struct call *call)
{
    return mkdirat(call->dir_fd, call->path, call->mode);
}

int dure_mkdirat(int dir_fd, const char *path, mode_t mode)
{
    if (!path)
        return no_path();
    return run(&(struct call){ .make = make_mkdir,
                               .name = "mkdir",
                               .fd = -1,
                               .dir_fd = dir_fd,
                               .path = path,
                               .mode = mode });
}

int dure_mkdir(const char *path, mode_t mode)
{
    return dure_mkdirat(AT_FDCWD, path, mode);
}

static int make_truncate(const struct call *call)
{
    return ftruncate(call->fd, call->len);
}

int dure_ftruncate(int fd, off_t len)
{
    return run(&(struct call){ .make = make_truncate, .name = "ftruncate", .fd = fd, .len = len });
}
