/* Twins that ask about files. */
#include "loop/loop.h"
#include "posix/question.h"

#include <dure/path.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Returns 0 or more, or -1 and errno. */
static int64_t put(const struct question *question)
{
    return io_result(question_put(question));
}

static int64_t put_of_path(const struct question *question)
{
    /* The system would say so too; the C library's headers promise that there is a path. */
    return question->path ? put(question) : io_result(-EFAULT);
}

static int64_t ask_fstat(const struct question *question)
{
    return world_here()->files->fstat(question->fd, question->answer) < 0
               ? -1
               : (int64_t)sizeof(struct stat);
}

int dure_fstat(int fd, struct stat *buf)
{
    struct question question = { "stat", ask_fstat, fd, NULL, 0, 0, buf, sizeof *buf };

    return put(&question) < 0 ? -1 : 0;
}

static int64_t ask_stat(const struct question *question)
{
    int result = world_here()->files->fstatat(question->fd, question->path, question->answer,
                                              question->flags);

    return result < 0 ? -1 : (int64_t)sizeof(struct stat);
}

int dure_fstatat(int dir_fd, const char *path, struct stat *buf, int flags)
{
    struct question question = { "stat", ask_stat, dir_fd, path, flags, 0, buf, sizeof *buf };

    return put_of_path(&question) < 0 ? -1 : 0;
}

int dure_stat(const char *path, struct stat *buf)
{
    return dure_fstatat(AT_FDCWD, path, buf, 0);
}

int dure_lstat(const char *path, struct stat *buf)
{
    return dure_fstatat(AT_FDCWD, path, buf, AT_SYMLINK_NOFOLLOW);
}

static int64_t ask_statx(const struct question *question)
{
    int result = world_here()->files->statx(question->fd, question->path, question->flags,
                                            question->mode, question->answer);

    return result < 0 ? -1 : (int64_t)sizeof(struct statx);
}

int dure_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    struct question question = { "statx", ask_statx, dir_fd, path, flags, mask, buf, sizeof *buf };

    return put_of_path(&question) < 0 ? -1 : 0;
}

static int64_t ask_fstatvfs(const struct question *question)
{
    return world_here()->files->fstatvfs(question->fd, question->answer) < 0
               ? -1
               : (int64_t)sizeof(struct statvfs);
}

int dure_fstatvfs(int fd, struct statvfs *buf)
{
    struct question question = { "statvfs", ask_fstatvfs, fd, NULL, 0, 0, buf, sizeof *buf };

    return put(&question) < 0 ? -1 : 0;
}

static int64_t ask_statvfs(const struct question *question)
{
    return world_here()->files->statvfs(question->path, question->answer) < 0
               ? -1
               : (int64_t)sizeof(struct statvfs);
}

int dure_statvfs(const char *path, struct statvfs *buf)
{
    struct question question = { "statvfs", ask_statvfs, -1, path, 0, 0, buf, sizeof *buf };

    return put_of_path(&question) < 0 ? -1 : 0;
}

static int64_t ask_access(const struct question *question)
{
    return world_here()->files->faccessat(question->fd, question->path, (int)question->mode,
                                          question->flags);
}

int dure_faccessat(int dir_fd, const char *path, int mode, int flags)
{
    struct question question = {
        "access", ask_access, dir_fd, path, flags, (unsigned)mode, NULL, 0
    };

    return (int)put_of_path(&question);
}

int dure_access(const char *path, int mode)
{
    return dure_faccessat(AT_FDCWD, path, mode, 0);
}

static int64_t ask_readlink(const struct question *question)
{
    return world_here()->files->readlinkat(question->fd, question->path, question->answer,
                                           question->answer_len);
}

ssize_t dure_readlinkat(int dir_fd, const char *path, char *buf, size_t len)
{
    /* No link is longer; a length that is an error must remain one. */
    size_t room = len < PATH_MAX ? len : PATH_MAX;
    struct question question = { "readlink", ask_readlink, dir_fd, path, 0, 0, buf, room };

    return len > INT_MAX ? io_result(-EINVAL) : put_of_path(&question);
}

ssize_t dure_readlink(const char *path, char *buf, size_t len)
{
    return dure_readlinkat(AT_FDCWD, path, buf, len);
}
