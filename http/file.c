/* Opening below the root. */
#include "http/file.h"

#include <dure.h>
#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* O_NONBLOCK: a FIFO without a writer must not hold the thread. */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int open_beneath(int root_fd, const char *name, int flags)
{
    struct open_how how = { .flags = (uint64_t)(OPEN_FLAGS | flags),
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

    return dure_openat2(root_fd, name, &how, sizeof how);
}

/* Where a descriptor's file lies. Returns: its length, or -1. */
static ssize_t path_of(int fd, char path[PATH_MAX])
{
    char link[sizeof "/proc/self/fd/" + 11];
    ssize_t len;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = dure_readlink(link, path, PATH_MAX - 1);
    if (len >= 0)
        path[len] = '\0';
    return len;
}

static int is_below(int root_fd, int fd)
{
    char root[PATH_MAX], path[PATH_MAX];
    ssize_t len = path_of(root_fd, root);

    if (len < 0 || path_of(fd, path) < 0)
        return 0;
    if (len == 1)
        return 1; /* the root is "/" */
    return strncmp(root, path, (size_t)len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Without openat2, or with an absolute link, which it refuses even when it points inside:
   resolves first (O_PATH has no side effects), looks where that led, and opens what was looked
   at, not the name again. */
static int open_and_look(int root_fd, const char *name, int flags)
{
    char link[sizeof "/proc/self/fd/" + 11];
    int path_fd = dure_openat(root_fd, name, O_PATH | O_CLOEXEC);
    int fd, error;

    if (path_fd < 0)
        return -1;
    if (!is_below(root_fd, path_fd)) {
        dure_close(path_fd);
        errno = EXDEV;
        return -1;
    }
    if (flags & O_PATH)
        return path_fd;
    snprintf(link, sizeof link, "/proc/self/fd/%d", path_fd);
    fd = dure_open(link, OPEN_FLAGS | flags);
    error = errno;
    dure_close(path_fd);
    errno = error;
    return fd;
}

int http_file_open(int root_fd, const char *name, int flags)
{
    int fd = open_beneath(root_fd, name, flags);

    /* EPERM and ENOSYS: an older kernel, or a container's filter. EAGAIN: a rename went on at
       the same time, and the kernel could not be sure. */
    if (fd < 0 && (errno == EXDEV || errno == ENOSYS || errno == EPERM || errno == EAGAIN))
        fd = open_and_look(root_fd, name, flags);
    return fd;
}
