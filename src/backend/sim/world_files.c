/* The simulation's world: the calls on its files. */
#include "backend/sim/world.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static struct disk_file_name by_path(int dir_fd, const char *path, int flags)
{
    return (struct disk_file_name){ .fd = dir_fd, .path = path ? path : "", .flags = flags };
}

static struct disk_file_name by_fd(int fd)
{
    return (struct disk_file_name){ .fd = fd };
}

/* --- questions --- */

static int sim_fstat(int fd, struct stat *buf)
{
    return answer(sim_disk_fstat(sim_file_of(fd), buf));
}

static int sim_fstatat(int dir_fd, const char *path, struct stat *buf, int flags)
{
    struct disk_file_name name = by_path(dir_fd, path, flags);

    return answer(sim_disk_stat(sim_host_here(), &name, buf));
}

static int sim_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    struct disk_file_name name = by_path(dir_fd, path, flags);

    return answer(sim_disk_statx(sim_host_here(), &name, mask, buf));
}

static int sim_fstatvfs(int fd, struct statvfs *buf)
{
    struct disk_file_name name = by_fd(fd);

    return answer(sim_disk_statvfs(sim_host_here(), &name, buf));
}

static int sim_statvfs(const char *path, struct statvfs *buf)
{
    struct disk_file_name name = by_path(AT_FDCWD, path, 0);

    return answer(sim_disk_statvfs(sim_host_here(), &name, buf));
}

static int sim_faccessat(int dir_fd, const char *path, int mode, int flags)
{
    struct disk_file_name name = by_path(dir_fd, path, flags);

    return answer(sim_disk_access(sim_host_here(), &name, mode));
}

static ssize_t sim_readlinkat(int dir_fd, const char *path, char *buf, size_t len)
{
    return answer_long(sim_disk_readlink(sim_host_here(), dir_fd, path, buf, len));
}

/* --- transfers with flags --- */

static ssize_t sim_preadv2(int fd, const struct iovec *iov, int iov_len, off_t offset, int flags)
{
    struct op op = { .code = OP_READV, .fd = fd };

    op.u.vec.iov = iov;
    op.u.vec.len = iov_len;
    op.u.vec.offset = offset;
    return answer_long(sim_try_flags(&op, flags));
}

static ssize_t sim_pwritev2(int fd, const struct iovec *iov, int iov_len, off_t offset, int flags)
{
    struct op op = { .code = OP_WRITEV, .fd = fd };

    op.u.vec.iov = iov;
    op.u.vec.len = iov_len;
    op.u.vec.offset = offset;
    return answer_long(sim_try_flags(&op, flags));
}

/* --- names --- */

static int sim_mkdirat(int dir_fd, const char *path, mode_t mode)
{
    return traced(dir_fd, sim_disk_mkdir(sim_host_here(), dir_fd, path, mode));
}

static int sim_mknodat(int dir_fd, const char *path, mode_t mode, dev_t device)
{
    return traced(dir_fd, sim_disk_mknod(sim_host_here(), dir_fd, path, mode, device));
}

static int sim_linkat(int dir_fd, const char *path, int new_dir_fd, const char *new_path, int flags)
{
    return traced(dir_fd,
                  sim_disk_link(sim_host_here(), dir_fd, path, new_dir_fd, new_path, flags));
}

static int sim_symlinkat(const char *target, int dir_fd, const char *path)
{
    return traced(dir_fd, sim_disk_symlink(sim_host_here(), target, dir_fd, path));
}

static int sim_unlinkat(int dir_fd, const char *path, int flags)
{
    return traced(dir_fd, sim_disk_unlink(sim_host_here(), dir_fd, path, flags));
}

static int sim_renameat2(int dir_fd, const char *path, int new_dir_fd, const char *new_path,
                         unsigned flags)
{
    return traced(dir_fd,
                  sim_disk_rename(sim_host_here(), dir_fd, path, new_dir_fd, new_path, flags));
}

static ssize_t sim_getdents64(int fd, void *buf, size_t len)
{
    return answer_long(sim_disk_entries(sim_file_of(fd), buf, len));
}

/* --- attributes --- */

static int sim_fchmod(int fd, mode_t mode)
{
    struct disk_file_name name = by_fd(fd);

    return traced(fd, sim_disk_chmod(sim_host_here(), &name, mode));
}

static int sim_fchmodat(int dir_fd, const char *path, mode_t mode, int flags)
{
    struct disk_file_name name = by_path(dir_fd, path, flags);

    return traced(dir_fd, sim_disk_chmod(sim_host_here(), &name, mode));
}

static int sim_fchown(int fd, uid_t owner, gid_t group)
{
    struct disk_file_name name = by_fd(fd);

    return traced(fd, sim_disk_chown(sim_host_here(), &name, owner, group));
}

static int sim_fchownat(int dir_fd, const char *path, uid_t owner, gid_t group, int flags)
{
    struct disk_file_name name = by_path(dir_fd, path, flags);

    return traced(dir_fd, sim_disk_chown(sim_host_here(), &name, owner, group));
}

static int sim_futimens(int fd, const struct timespec *times)
{
    struct disk_file_name name = by_fd(fd);

    return traced(fd, sim_disk_set_times(sim_host_here(), &name, times));
}

static int sim_utimensat(int dir_fd, const char *path, const struct timespec *times, int flags)
{
    /* The system call's way to say futimens. */
    struct disk_file_name name = path ? by_path(dir_fd, path, flags) : by_fd(dir_fd);

    return traced(dir_fd, sim_disk_set_times(sim_host_here(), &name, times));
}

static int sim_ftruncate(int fd, off_t len)
{
    return traced(fd, sim_disk_ftruncate(sim_file_of(fd), len));
}

static int sim_truncate(const char *path, off_t len)
{
    return traced(AT_FDCWD, sim_disk_truncate(sim_host_here(), path, len));
}

/* --- room --- */

static int sim_fallocate(int fd, int mode, off_t offset, off_t len)
{
    return traced(fd, sim_disk_allocate(sim_file_of(fd), mode, offset, len));
}

static int sim_posix_fallocate(int fd, off_t offset, off_t len)
{
    int result = sim_disk_allocate(sim_file_of(fd), 0, offset, len);

    sim_trace(TRACE_CALL, fd, result);
    return -result;
}

static int sim_sync_file_range(int fd, off_t offset, off_t len, unsigned flags)
{
    return traced(fd, sim_disk_sync_range(sim_file_of(fd), offset, len, flags));
}

static int sim_syncfs(int fd)
{
    return traced(fd, sim_file_of(fd) ? sim_disk_sync_all(sim_host_here()) : -EBADF);
}

static void sim_sync(void)
{
    sim_trace(TRACE_CALL, -1, sim_disk_sync_all(sim_host_here()));
}

static ssize_t sim_copy_file_range(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset,
                                   size_t len, unsigned flags)
{
    int64_t n =
        sim_disk_copy(sim_file_of(in_fd), in_offset, sim_file_of(out_fd), out_offset, len, flags);

    sim_trace(TRACE_CALL, out_fd, n);
    return answer_long(n);
}

/* --- at once --- */

static off_t sim_lseek(int fd, off_t offset, int whence)
{
    struct sim_file *file = sim_file_of(fd);

    if (!file || (file->flags & O_PATH))
        return answer(-EBADF);
    if (!S_ISREG(file->kind->mode) && !S_ISDIR(file->kind->mode))
        return answer(-ESPIPE);
    return answer_long(sim_disk_seek(file, offset, whence));
}

static mode_t sim_umask(mode_t mask)
{
    struct sim_host *host = sim_host_here();
    mode_t before = host ? host->umask : 0;

    if (host)
        host->umask = mask & 0777;
    return before;
}

static int sim_flock(int fd, int operation)
{
    return traced(fd, sim_lock_flock(sim_file_of(fd), operation));
}

static int sim_lockf(int fd, int operation, off_t len)
{
    struct sim_file *file = sim_file_of(fd);

    return traced(fd, file ? sim_lock_lockf(file, operation, len) : -EBADF);
}

const struct world_files world_files_sim = {
    .fstat = sim_fstat,
    .fstatat = sim_fstatat,
    .statx = sim_statx,
    .fstatvfs = sim_fstatvfs,
    .statvfs = sim_statvfs,
    .faccessat = sim_faccessat,
    .readlinkat = sim_readlinkat,
    .preadv2 = sim_preadv2,
    .pwritev2 = sim_pwritev2,
    .mkdirat = sim_mkdirat,
    .mknodat = sim_mknodat,
    .linkat = sim_linkat,
    .symlinkat = sim_symlinkat,
    .unlinkat = sim_unlinkat,
    .renameat2 = sim_renameat2,
    .getdents64 = sim_getdents64,
    .fchmod = sim_fchmod,
    .fchmodat = sim_fchmodat,
    .fchown = sim_fchown,
    .fchownat = sim_fchownat,
    .futimens = sim_futimens,
    .utimensat = sim_utimensat,
    .ftruncate = sim_ftruncate,
    .truncate = sim_truncate,
    .fallocate = sim_fallocate,
    .posix_fallocate = sim_posix_fallocate,
    .sync_file_range = sim_sync_file_range,
    .syncfs = sim_syncfs,
    .sync = sim_sync,
    .copy_file_range = sim_copy_file_range,
    .lseek = sim_lseek,
    .umask = sim_umask,
    .flock = sim_flock,
    .lockf = sim_lockf,
};
