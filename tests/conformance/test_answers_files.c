/* Attributes and names, asked of every kind of descriptor: itself, as a folder, and by its name in
   /proc. The answers are the plain call's. */
#include "answers.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static char buf[16];
static struct stat st;
static struct statx stx;
static struct statvfs fs;
static const struct timespec unchanged[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
static const struct timespec odd[2] = { { 0, -5 }, { 0, 0 } };
static const char *volatile nowhere; /* NULL, which no compiler warns of */

/* What it has: /dev/null is everyone's. */
static mode_t mode_of(int fd)
{
    struct stat now = { .st_mode = 0600 };

    fstat(fd, &now);
    return now.st_mode & 07777;
}

/* A name for whatever it is. */
static const char *path_of(int fd)
{
    static char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* --- of the descriptor --- */

ANSWERS_CALL_TELLS(fstat, fstat(fd, &st), st.st_mode)
ANSWERS_CALL_TELLS(statx_itself, statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx),
                   stx.stx_mode)
ANSWERS_CALL_TELLS(fstatat_itself, fstatat(fd, "", &st, AT_EMPTY_PATH), st.st_mode)
ANSWERS_CALL_TELLS(fstatvfs, fstatvfs(fd, &fs), (int64_t)fs.f_namemax)
ANSWERS_CALL(fchmod, fchmod(fd, mode_of(fd)))
ANSWERS_CALL(fchown, fchown(fd, (uid_t)-1, (gid_t)-1))
ANSWERS_CALL(fchownat_itself, fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH))
ANSWERS_CALL(futimens, futimens(fd, NULL))
ANSWERS_CALL(futimens_unchanged, futimens(fd, unchanged))
ANSWERS_CALL(futimens_odd, futimens(fd, odd))
ANSWERS_CALL(ftruncate, ftruncate(fd, 0))
ANSWERS_CALL(ftruncate_negative, ftruncate(fd, -1))
ANSWERS_CALL(faccessat_itself, faccessat(fd, "", F_OK, AT_EMPTY_PATH))
ANSWERS_CALL(readlinkat_itself, readlinkat(fd, "", buf, 4))
ANSWERS_CALL(flock, flock(fd, LOCK_SH | LOCK_NB))
ANSWERS_CALL(flock_unlock, flock(fd, LOCK_UN))
ANSWERS_CALL(flock_odd, flock(fd, 77))
ANSWERS_CALL(lockf_test, lockf(fd, F_TEST, 0))
ANSWERS_CALL(lockf_unlock, lockf(fd, F_ULOCK, 0))
ANSWERS_CALL(lockf_odd, lockf(fd, 77, 0))
ANSWERS_CALL(lseek, lseek(fd, 0, SEEK_CUR))
ANSWERS_CALL(lseek_end, lseek(fd, 0, SEEK_END))
ANSWERS_CALL(lseek_negative, lseek(fd, -1, SEEK_SET))
ANSWERS_CALL(lseek_data, lseek(fd, 0, SEEK_DATA))
ANSWERS_CALL(lseek_odd, lseek(fd, 0, 77))
ANSWERS_CALL(fallocate, fallocate(fd, 0, 0, 10))
ANSWERS_CALL(fallocate_nothing, fallocate(fd, 0, 0, 0))
ANSWERS_CALL(posix_fallocate, posix_fallocate(fd, 0, 10))
ANSWERS_CALL(posix_fallocate_negative, posix_fallocate(fd, -1, 10))
ANSWERS_CALL(sync_file_range, sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE))
ANSWERS_CALL(sync_file_range_odd, sync_file_range(fd, 0, 0, 1u << 30))
ANSWERS_CALL(syncfs, syncfs(fd))
ANSWERS_CALL(copy_to, copy_file_range(STDIN_FILENO, &(off_t){ 0 }, fd, NULL, 1, 0))
ANSWERS_CALL(copy_from, copy_file_range(fd, NULL, STDIN_FILENO, &(off_t){ 0 }, 1, 0))
ANSWERS_CALL(copy_flags, copy_file_range(STDIN_FILENO, &(off_t){ 0 }, fd, NULL, 1, 77))

/* --- in the folder that it is, or is not --- */

ANSWERS_CALL_MAKES(openat, openat(fd, "x", O_RDONLY | O_CLOEXEC))
ANSWERS_CALL_MAKES(openat_absolute, openat(fd, "/", O_RDONLY | O_CLOEXEC))
ANSWERS_CALL_MAKES(openat_missing, openat(fd, "y", O_RDONLY | O_CLOEXEC))
ANSWERS_CALL_TELLS(fstatat, fstatat(fd, "x", &st, 0), st.st_mode)
ANSWERS_CALL(fstatat_flags, fstatat(fd, "x", &st, 1 << 30))
ANSWERS_CALL_TELLS(statx, statx(fd, "x", 0, STATX_TYPE, &stx), stx.stx_mode &S_IFMT)
ANSWERS_CALL(faccessat, faccessat(fd, "x", R_OK, 0))
ANSWERS_CALL(readlinkat, readlinkat(fd, "x", buf, sizeof buf))
ANSWERS_CALL(mkdirat, mkdirat(fd, "y", 0700))
ANSWERS_CALL(mkdirat_there, mkdirat(fd, "x", 0700))
ANSWERS_CALL(mkfifoat, mkfifoat(fd, "y", 0600))
ANSWERS_CALL(mknodat, mknodat(fd, "y", S_IFREG | 0600, 0))
ANSWERS_CALL(symlinkat, symlinkat("x", fd, "y"))
ANSWERS_CALL(linkat, linkat(fd, "x", fd, "y", 0))
ANSWERS_CALL(linkat_flags, linkat(fd, "x", fd, "y", 1 << 30))
ANSWERS_CALL(renameat, renameat(fd, "x", fd, "y"))
ANSWERS_CALL(renameat2_flags, renameat2(fd, "x", fd, "y", 77))
ANSWERS_CALL(unlinkat, unlinkat(fd, "x", 0))
ANSWERS_CALL(unlinkat_folder, unlinkat(fd, "x", AT_REMOVEDIR))
ANSWERS_CALL(fchmodat, fchmodat(fd, "x", 0600, 0))
ANSWERS_CALL(fchownat, fchownat(fd, "x", (uid_t)-1, (gid_t)-1, 0))
ANSWERS_CALL(utimensat, utimensat(fd, "x", NULL, 0))
ANSWERS_CALL(utimensat_no_path, utimensat(fd, nowhere, NULL, 0))

/* --- by its name --- */

ANSWERS_CALL_MAKES(open, open(path_of(fd), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC))
ANSWERS_CALL_MAKES(open_path, open(path_of(fd), O_PATH | O_CLOEXEC))
ANSWERS_CALL_TELLS(stat, stat(path_of(fd), &st), st.st_mode)
ANSWERS_CALL_TELLS(lstat, lstat(path_of(fd), &st), st.st_mode)
ANSWERS_CALL_TELLS(statvfs, statvfs(path_of(fd), &fs), (int64_t)fs.f_namemax)
ANSWERS_CALL(access, access(path_of(fd), W_OK))
ANSWERS_CALL(access_odd, access(path_of(fd), 77))
ANSWERS_CALL(readlink, readlink(path_of(fd), buf, 4))
ANSWERS_CALL(chmod, chmod(path_of(fd), mode_of(fd)))
ANSWERS_CALL(chown, chown(path_of(fd), (uid_t)-1, (gid_t)-1))
ANSWERS_CALL(lchown, lchown(path_of(fd), (uid_t)-1, (gid_t)-1))
ANSWERS_CALL(truncate, truncate(path_of(fd), 0))
ANSWERS_CALL(mkdir, mkdir(path_of(fd), 0700))
ANSWERS_CALL(mkfifo, mkfifo(path_of(fd), 0600))
ANSWERS_CALL(mknod, mknod(path_of(fd), S_IFREG | 0600, 0))
ANSWERS_CALL(symlink, symlink("x", path_of(fd)))
ANSWERS_CALL(link, link(path_of(fd), "/tmp/dure-never-made"))
ANSWERS_CALL(rename, rename(path_of(fd), "/tmp/dure-never-made"))
ANSWERS_CALL(unlink, unlink(path_of(fd)))
ANSWERS_CALL(rmdir, rmdir(path_of(fd)))
ANSWERS_CALL(remove, remove(path_of(fd)))

static const struct answers_call calls[] = {
    ANSWERS_ROW(fstat, 0),
    ANSWERS_ROW(statx_itself, 0),
    ANSWERS_ROW(fstatat_itself, 0),
    ANSWERS_ROW(fstatvfs, 0),
    ANSWERS_ROW(fchmod, 0),
    ANSWERS_ROW(fchown, 0),
    ANSWERS_ROW(fchownat_itself, 0),
    ANSWERS_ROW(futimens, 0),
    ANSWERS_ROW(futimens_unchanged, 0),
    ANSWERS_ROW(futimens_odd, 0),
    ANSWERS_ROW(ftruncate, 0),
    ANSWERS_ROW(ftruncate_negative, 0),
    ANSWERS_ROW(faccessat_itself, 0),
    ANSWERS_ROW(readlinkat_itself, 0),
    ANSWERS_ROW(flock, 0),
    ANSWERS_ROW(flock_unlock, 0),
    ANSWERS_ROW(flock_odd, 0),
    ANSWERS_ROW(lockf_test, 0),
    ANSWERS_ROW(lockf_unlock, 0),
    ANSWERS_ROW(lockf_odd, 0),
    ANSWERS_ROW(lseek, 0),
    ANSWERS_ROW(lseek_end, 0),
    ANSWERS_ROW(lseek_negative, 0),
    ANSWERS_ROW(lseek_data, 0),
    ANSWERS_ROW(lseek_odd, 0),
    ANSWERS_ROW(fallocate, 0),
    ANSWERS_ROW(fallocate_nothing, 0),
    ANSWERS_ROW(posix_fallocate, 0),
    ANSWERS_ROW(posix_fallocate_negative, 0),
    ANSWERS_ROW(sync_file_range, 0),
    ANSWERS_ROW(sync_file_range_odd, 0),
    ANSWERS_ROW(syncfs, 0),
    ANSWERS_ROW(copy_to, 0),
    ANSWERS_ROW(copy_from, 0),
    ANSWERS_ROW(copy_flags, 0),
    ANSWERS_ROW(openat, 0),
    ANSWERS_ROW(openat_absolute, 0),
    ANSWERS_ROW(openat_missing, 0),
    ANSWERS_ROW(fstatat, 0),
    ANSWERS_ROW(fstatat_flags, 0),
    ANSWERS_ROW(statx, 0),
    ANSWERS_ROW(faccessat, 0),
    ANSWERS_ROW(readlinkat, 0),
    ANSWERS_ROW(mkdirat, 0),
    ANSWERS_ROW(mkdirat_there, 0),
    ANSWERS_ROW(mkfifoat, 0),
    ANSWERS_ROW(mknodat, 0),
    ANSWERS_ROW(symlinkat, 0),
    ANSWERS_ROW(linkat, 0),
    ANSWERS_ROW(linkat_flags, 0),
    ANSWERS_ROW(renameat, 0),
    ANSWERS_ROW(renameat2_flags, 0),
    ANSWERS_ROW(unlinkat, 0),
    ANSWERS_ROW(unlinkat_folder, 0),
    ANSWERS_ROW(fchmodat, 0),
    ANSWERS_ROW(fchownat, 0),
    ANSWERS_ROW(utimensat, 0),
    ANSWERS_ROW(utimensat_no_path, 0),
    ANSWERS_ROW(open, 0),
    ANSWERS_ROW(open_path, 0),
    ANSWERS_ROW(stat, 0),
    ANSWERS_ROW(lstat, 0),
    ANSWERS_ROW(statvfs, 0),
    ANSWERS_ROW(access, 0),
    ANSWERS_ROW(access_odd, 0),
    ANSWERS_ROW(readlink, 0),
    ANSWERS_ROW(chmod, 0),
    ANSWERS_ROW(chown, 0),
    ANSWERS_ROW(lchown, 0),
    ANSWERS_ROW(truncate, 0),
    ANSWERS_ROW(mkdir, 0),
    ANSWERS_ROW(mkfifo, 0),
    ANSWERS_ROW(mknod, 0),
    ANSWERS_ROW(symlink, 0),
    ANSWERS_ROW(link, 0),
    ANSWERS_ROW(rename, 0),
    ANSWERS_ROW(unlink, 0),
    ANSWERS_ROW(rmdir, 0),
    ANSWERS_ROW(remove, 0),
};

ANSWERS_TESTS

int main(void)
{
    const struct CMUnitTest tests[] = { ANSWERS_UNITS };

    return answers_main(tests, sizeof tests / sizeof *tests);
}
