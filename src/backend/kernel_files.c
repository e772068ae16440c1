/* The kernel's files as a part of a world: each entry is the plain call. */
#include <dirent.h>
#include <sys/file.h>
#include <stdio.h>
#include <unistd.h>

#include "backend/world_files.h"

/* Some C libraries promise here that there is a path, or declare other types. */
static int ask_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    return statx(dir_fd, path, flags, mask, buf);
}

static ssize_t get_entries(int fd, void *buf, size_t len)
{
    return getdents64(fd, buf, len);
}

const struct world_files world_files_kernel = {
    .fstat = fstat,
    .fstatat = fstatat,
    .statx = ask_statx,
    .fstatvfs = fstatvfs,
    .statvfs = statvfs,
    .faccessat = faccessat,
    .readlinkat = readlinkat,
    .preadv2 = preadv2,
    .pwritev2 = pwritev2,
    .mkdirat = mkdirat,
    .mknodat = mknodat,
    .linkat = linkat,
    .symlinkat = symlinkat,
    .unlinkat = unlinkat,
    .renameat2 = renameat2,
    .getdents64 = get_entries,
    .fchmod = fchmod,
    .fchmodat = fchmodat,
    .fchown = fchown,
    .fchownat = fchownat,
    .futimens = futimens,
    .utimensat = utimensat,
    .ftruncate = ftruncate,
    .truncate = truncate,
    .fallocate = fallocate,
    .posix_fallocate = posix_fallocate,
    .sync_file_range = sync_file_range,
    .syncfs = syncfs,
    .sync = sync,
    .copy_file_range = copy_file_range,
    .lseek = lseek,
    .umask = umask,
    .flock = flock,
    .lockf = lockf,
};
