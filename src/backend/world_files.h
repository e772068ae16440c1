/* The part of a world that is its files: all that is asked about them or done to them besides
   reading and writing. What takes a path or goes to a disk may take its time; what is said to be
   done at once never does.

   Each is called, and answers, as its namesake: -1 and errno. */
#ifndef DURE_SRC_BACKEND_WORLD_FILES_H
#define DURE_SRC_BACKEND_WORLD_FILES_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

struct world_files {
    /* Questions. */
    int (*fstat)(int fd, struct stat *buf);
    int (*fstatat)(int dir_fd, const char *path, struct stat *buf, int flags);
    int (*statx)(int dir_fd, const char *path, int flags, unsigned mask, struct statx *buf);
    int (*fstatvfs)(int fd, struct statvfs *buf);
    int (*statvfs)(const char *path, struct statvfs *buf);
    int (*faccessat)(int dir_fd, const char *path, int mode, int flags);
    ssize_t (*readlinkat)(int dir_fd, const char *path, char *buf, size_t len);

    /* With flags (RWF_...); offset -1: the file's own position. */
    ssize_t (*preadv2)(int fd, const struct iovec *iov, int iov_len, off_t offset, int flags);
    ssize_t (*pwritev2)(int fd, const struct iovec *iov, int iov_len, off_t offset, int flags);

    /* Names. */
    int (*mkdirat)(int dir_fd, const char *path, mode_t mode);
    int (*mknodat)(int dir_fd, const char *path, mode_t mode, dev_t device);
    int (*linkat)(int dir_fd, const char *path, int new_dir_fd, const char *new_path, int flags);
    int (*symlinkat)(const char *target, int dir_fd, const char *path);
    int (*unlinkat)(int dir_fd, const char *path, int flags);
    int (*renameat2)(int dir_fd, const char *path, int new_dir_fd, const char *new_path,
                     unsigned flags);
    ssize_t (*getdents64)(int fd, void *buf, size_t len);

    /* Attributes. */
    int (*fchmod)(int fd, mode_t mode);
    int (*fchmodat)(int dir_fd, const char *path, mode_t mode, int flags);
    int (*fchown)(int fd, uid_t owner, gid_t group);
    int (*fchownat)(int dir_fd, const char *path, uid_t owner, gid_t group, int flags);
    int (*futimens)(int fd, const struct timespec *times);
    int (*utimensat)(int dir_fd, const char *path, const struct timespec *times, int flags);
    int (*ftruncate)(int fd, off_t len);
    int (*truncate)(const char *path, off_t len);

    /* Room, the way to the disk, copies. */
    int (*fallocate)(int fd, int mode, off_t offset, off_t len);
    int (*posix_fallocate)(int fd, off_t offset, off_t len); /* 0 or the error's number */
    int (*sync_file_range)(int fd, off_t offset, off_t len, unsigned flags);
    int (*syncfs)(int fd);
    void (*sync)(void);
    ssize_t (*copy_file_range)(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset,
                               size_t len, unsigned flags);

    /* At once. */
    off_t (*lseek)(int fd, off_t offset, int whence);
    mode_t (*umask)(mode_t mask);
    int (*flock)(int fd, int operation);            /* LOCK_NB or LOCK_UN */
    int (*lockf)(int fd, int operation, off_t len); /* not F_LOCK */
};

extern const struct world_files world_files_kernel; /* kernel_files.c */
extern const struct world_files world_files_sim;    /* sim/world_files.c */

#endif
