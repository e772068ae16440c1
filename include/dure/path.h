/* Twins on names and attributes of files, made by threads. */
#ifndef DURE_PATH_H
#define DURE_PATH_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include <dure/base.h>

struct statx;
struct timespec;

DURE_BEGIN_DECLS

/* Changes names in directories. Cancellation: must finish.
   Source: POSIX.1-2017 rename, renameat, unlink, unlinkat, rmdir, mkdir, mkdirat, remove; Linux
   renameat2. */
DURE_API int dure_rename(const char *path, const char *new_path);
DURE_API int dure_renameat(int dir_fd, const char *path, int new_dir_fd, const char *new_path);
DURE_API int dure_renameat2(int dir_fd, const char *path, int new_dir_fd, const char *new_path,
                            unsigned flags);
DURE_API int dure_unlink(const char *path);
DURE_API int dure_unlinkat(int dir_fd, const char *path, int flags);
DURE_API int dure_rmdir(const char *path);
DURE_API int dure_remove(const char *path);
DURE_API int dure_mkdir(const char *path, mode_t mode);
DURE_API int dure_mkdirat(int dir_fd, const char *path, mode_t mode);
/* Sets which permissions new files do not get: the whole process's, or the simulated host's.
   Returns: the mask before. Never blocks. Source: POSIX.1-2017 umask. */
DURE_API mode_t dure_umask(mode_t mask);
/* Makes links. Cancellation: must finish.
   Source: POSIX.1-2017 link, linkat, symlink, symlinkat. */
DURE_API int dure_link(const char *path, const char *new_path);
DURE_API int dure_linkat(int dir_fd, const char *path, int new_dir_fd, const char *new_path,
                         int flags);
DURE_API int dure_symlink(const char *target, const char *new_path);
DURE_API int dure_symlinkat(const char *target, int new_dir_fd, const char *new_path);
/* Makes FIFOs and device files. Cancellation: must finish.
   Source: POSIX.1-2017 mkfifo, mkfifoat, mknod, mknodat. */
DURE_API int dure_mkfifo(const char *path, mode_t mode);
DURE_API int dure_mkfifoat(int dir_fd, const char *path, mode_t mode);
DURE_API int dure_mknod(const char *path, mode_t mode, dev_t device);
DURE_API int dure_mknodat(int dir_fd, const char *path, mode_t mode, dev_t device);

/* Changes a file's permissions or owner. Cancellation: must finish.
   Source: POSIX.1-2017 chmod, fchmod, fchmodat, chown, fchown, fchownat, lchown. */
DURE_API int dure_chmod(const char *path, mode_t mode);
DURE_API int dure_fchmod(int fd, mode_t mode);
DURE_API int dure_fchmodat(int dir_fd, const char *path, mode_t mode, int flags);
DURE_API int dure_chown(const char *path, uid_t owner, gid_t group);
DURE_API int dure_fchown(int fd, uid_t owner, gid_t group);
DURE_API int dure_fchownat(int dir_fd, const char *path, uid_t owner, gid_t group, int flags);
DURE_API int dure_lchown(const char *path, uid_t owner, gid_t group);
/* Sets a file's times.
   times: two, of access and of modification; NULL: now.
   Cancellation: must finish. Source: POSIX.1-2017 futimens, utimensat. */
DURE_API int dure_futimens(int fd, const struct timespec *times);
DURE_API int dure_utimensat(int dir_fd, const char *path, const struct timespec *times, int flags);
/* Sets a file's length. Cancellation: must finish. Source: POSIX.1-2017 ftruncate, truncate. */
DURE_API int dure_ftruncate(int fd, off_t len);
DURE_API int dure_truncate(const char *path, off_t len);

/* Tells about a file. Cancellation: abandoned; the answer is dropped, and
   a run that ends does not wait for it. On a plain thread, here and in what is
   abandoned below, a scope refuses it at entry and does not end it.
   Source: POSIX.1-2017 fstat, stat, lstat, fstatat; Linux statx. */
DURE_API int dure_fstat(int fd, struct stat *buf);
DURE_API int dure_stat(const char *path, struct stat *buf);
DURE_API int dure_lstat(const char *path, struct stat *buf);
DURE_API int dure_fstatat(int dir_fd, const char *path, struct stat *buf, int flags);
DURE_API int dure_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *buf);
/* Tells about a filesystem. Cancellation: abandoned; the answer is dropped.
   Source: POSIX.1-2017 fstatvfs, statvfs. */
DURE_API int dure_fstatvfs(int fd, struct statvfs *buf);
DURE_API int dure_statvfs(const char *path, struct statvfs *buf);
/* Asks whether a file may be used. Cancellation: abandoned; the answer is dropped.
   Source: POSIX.1-2017 access, faccessat. */
DURE_API int dure_access(const char *path, int mode);
DURE_API int dure_faccessat(int dir_fd, const char *path, int mode, int flags);
/* Reads what a symbolic link says, without a 0 at its end.
   Cancellation: abandoned; the answer is dropped. Source: POSIX.1-2017 readlink, readlinkat. */
DURE_API ssize_t dure_readlink(const char *path, char *buf, size_t len);
DURE_API ssize_t dure_readlinkat(int dir_fd, const char *path, char *buf, size_t len);

DURE_END_DECLS

#endif
