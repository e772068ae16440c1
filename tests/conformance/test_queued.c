/* Calls on files and names while the only thread for them is busy: what is still queued ends with its
   descriptor and with its scope, and has then not happened. */
#include "waiting.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

/* --- a thread that is busy until the other end is closed --- */

struct holder {
    int fd;
    atomic_bool *begun;
};

static int hold(void *arg)
{
    const struct holder *h = arg;
    char byte;

    atomic_store(h->begun, true);
    return read(h->fd, &byte, 1) == 0 && close(h->fd) == 0 ? 0 : -1;
}

static int keep_busy(void *arg)
{
    CHECK_EQ(dure_blocking(hold, arg, 0), 0);
    return 0;
}

static bool make_busy(struct waiting *w)
{
    static atomic_bool begun;
    struct holder h = { .begun = &begun };
    int fds[2];

    if (!CHECK_EQ(pipe2(fds, O_CLOEXEC), 0))
        return false;
    h.fd = fds[0];
    w->other = fds[1];
    atomic_store(&begun, false);
    CHECK_EQ(dure_go(keep_busy, &h, sizeof h), 0);
    YIELD_UNTIL(atomic_load(&begun));
    return true;
}

/* From now on nothing waits. */
static void let_go(struct waiting *w)
{
    if (w->other >= 0)
        CHECK_EQ(dure_close(w->other), 0);
    w->other = -1;
}

/* --- by number --- */

static bool file(struct waiting *w)
{
    w->fd = make_file("text", 4);
    return CHECK(w->fd >= 0) && make_busy(w);
}

/* And one to copy from. */
static bool two_files(struct waiting *w)
{
    w->more[0] = make_file("more", 4);
    return file(w);
}

static int64_t call_fchmod(struct waiting *w)
{
    return dure_fchmod(w->fd, 0600);
}

static int64_t call_fchown(struct waiting *w)
{
    return dure_fchown(w->fd, (uid_t)-1, (gid_t)-1);
}

static int64_t call_futimens(struct waiting *w)
{
    return dure_futimens(w->fd, NULL);
}

static int64_t call_ftruncate(struct waiting *w)
{
    return dure_ftruncate(w->fd, 2);
}

static int64_t call_fstat(struct waiting *w)
{
    struct stat st;

    return dure_fstat(w->fd, &st);
}

static int64_t call_fstatvfs(struct waiting *w)
{
    struct statvfs fs;

    return dure_fstatvfs(w->fd, &fs);
}

static int64_t call_fallocate(struct waiting *w)
{
    return dure_fallocate(w->fd, 0, 0, 4);
}

/* It returns its error. */
static int64_t call_posix_fallocate(struct waiting *w)
{
    int error = dure_posix_fallocate(w->fd, 0, 4);

    if (error)
        errno = error;
    return error ? -1 : 0;
}

static int64_t call_sync_range(struct waiting *w)
{
    return dure_sync_file_range(w->fd, 0, 4, 0);
}

static int64_t call_syncfs(struct waiting *w)
{
    return dure_syncfs(w->fd);
}

/* By positions, which a copy would move. */
static int64_t call_copy(struct waiting *w)
{
    return dure_copy_file_range(w->more[0], NULL, w->fd, NULL, 4, 0);
}

static int64_t call_preadv2(struct waiting *w)
{
    char buf[8];
    struct iovec iov = { buf, sizeof buf };

    return dure_preadv2(w->fd, &iov, 1, 0, RWF_HIPRI);
}

static int64_t call_pwritev2(struct waiting *w)
{
    struct iovec iov = { "xyz", 3 };

    return dure_pwritev2(w->fd, &iov, 1, 0, RWF_DSYNC);
}

static int64_t call_fsync(struct waiting *w)
{
    return dure_fsync(w->fd);
}

static int64_t call_fdatasync(struct waiting *w)
{
    return dure_fdatasync(w->fd);
}

static int64_t call_write(struct waiting *w)
{
    return dure_write(w->fd, "xyz", 3);
}

static int64_t call_pwrite(struct waiting *w)
{
    return dure_pwrite(w->fd, "xyz", 3, 0);
}

static int64_t call_pwritev(struct waiting *w)
{
    return dure_pwritev(w->fd, (struct iovec[1]){ { "xyz", 3 } }, 1, 0);
}

/* What a ring does itself. */
static const struct waiting_kind without_ring[] = {
    { "fsync", file, call_fsync, let_go, 0, 0, 0, NULL },
    { "fdatasync", file, call_fdatasync, let_go, 0, 0, 0, NULL },
    { "write", file, call_write, let_go, 3, 0, 0, NULL },
    { "pwrite", file, call_pwrite, let_go, 3, 0, 0, NULL },
    { "pwritev", file, call_pwritev, let_go, 3, 0, 0, NULL },
};

static const struct waiting_kind by_number[] = {
    { "fchmod", file, call_fchmod, let_go, 0, 0, 0, NULL },
    { "fchown", file, call_fchown, let_go, 0, 0, 0, NULL },
    { "futimens", file, call_futimens, let_go, 0, 0, 0, NULL },
    { "ftruncate", file, call_ftruncate, let_go, 0, 0, 0, NULL },
    { "fstat", file, call_fstat, let_go, 0, 0, 0, NULL },
    { "fstatvfs", file, call_fstatvfs, let_go, 0, 0, 0, NULL },
    { "fallocate", file, call_fallocate, let_go, 0, 0, 0, NULL },
    { "posix_fallocate", file, call_posix_fallocate, let_go, 0, 0, 0, NULL },
    { "sync_file_range", file, call_sync_range, let_go, 0, 0, 0, NULL },
    { "syncfs", file, call_syncfs, let_go, 0, 0, 0, NULL },
    { "copy_file_range", two_files, call_copy, let_go, 4, 0, WAITING_ALONE, NULL },
    { "preadv2, flags", file, call_preadv2, let_go, 4, 0, 0, NULL },
    { "pwritev2, flags", file, call_pwritev2, let_go, 3, 0, 0, NULL },
};

/* --- by name: what has happened cannot happen again --- */

static bool name(struct waiting *w)
{
    make_name(w->path);
    return make_busy(w);
}

static bool named_file(struct waiting *w)
{
    make_name(w->path);
    return CHECK_EQ(close(open(w->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0) && make_busy(w);
}

static int64_t call_mkfifo(struct waiting *w)
{
    return dure_mkfifo(w->path, 0600);
}

static int64_t call_mknod(struct waiting *w)
{
    return dure_mknod(w->path, S_IFREG | 0600, 0);
}

static int64_t call_symlink(struct waiting *w)
{
    return dure_symlink("nowhere", w->path);
}

static int64_t call_unlink(struct waiting *w)
{
    return dure_unlink(w->path);
}

static int64_t call_remove(struct waiting *w)
{
    return dure_remove(w->path);
}

static int64_t call_chmod(struct waiting *w)
{
    return dure_chmod(w->path, 0600);
}

static int64_t call_chown(struct waiting *w)
{
    return dure_chown(w->path, (uid_t)-1, (gid_t)-1);
}

static int64_t call_utimensat(struct waiting *w)
{
    return dure_utimensat(AT_FDCWD, w->path, NULL, 0);
}

static int64_t call_truncate(struct waiting *w)
{
    return dure_truncate(w->path, 3);
}

static int64_t call_mkdir(struct waiting *w)
{
    return dure_mkdir(w->path, 0700);
}

static int64_t call_rename(struct waiting *w)
{
    return dure_rename(w->path, w->path);
}

static const struct waiting_kind by_name[] = {
    { "mkfifo", name, call_mkfifo, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "mkdir", name, call_mkdir, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "rename", named_file, call_rename, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "mknod", name, call_mknod, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "symlink", name, call_symlink, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "unlink", named_file, call_unlink, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "remove", named_file, call_remove, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "chmod", named_file, call_chmod, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "chown", named_file, call_chown, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "utimensat", named_file, call_utimensat, let_go, 0, 0, WAITING_NOT_FD, NULL },
    { "truncate", named_file, call_truncate, let_go, 0, 0, WAITING_NOT_FD, NULL },
};

#define EVERY(check)                                        \
    NOT_SIMULATED("its pool has no threads");               \
    check(by_number, sizeof by_number / sizeof *by_number); \
    check(by_name, sizeof by_name / sizeof *by_name);       \
    if (strcmp(dure_backend_name(), "io_uring") != 0)       \
    check(without_ring, sizeof without_ring / sizeof *without_ring)
#define QUEUED(name) TEST_WITH(name, .loops = 2, .blocking_threads = 1)

QUEUED(goes_on)
{
    EVERY(waiting_goes_on);
}

QUEUED(from_another_loop)
{
    EVERY(waiting_from_another_loop);
}

QUEUED(canceled_before)
{
    EVERY(waiting_canceled_before);
}

QUEUED(canceled_during)
{
    EVERY(waiting_canceled_during);
}

QUEUED(canceled_after)
{
    EVERY(waiting_canceled_after);
}

QUEUED(deadline)
{
    EVERY(waiting_deadline);
}

QUEUED(closed_here)
{
    EVERY(waiting_closed_here);
}

QUEUED(closed_elsewhere)
{
    EVERY(waiting_closed_elsewhere);
}

QUEUED(closed_by_thread)
{
    EVERY(waiting_closed_by_thread);
}

QUEUED(two_tasks)
{
    EVERY(waiting_two_tasks);
}

QUEUED(dup_stays)
{
    EVERY(waiting_dup);
}

QUEUED(keeps_errno)
{
    EVERY(waiting_keeps_errno);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on),          cmocka_unit_test(from_another_loop),
        cmocka_unit_test(canceled_before),  cmocka_unit_test(canceled_during),
        cmocka_unit_test(canceled_after),   cmocka_unit_test(deadline),
        cmocka_unit_test(closed_here),      cmocka_unit_test(closed_elsewhere),
        cmocka_unit_test(closed_by_thread), cmocka_unit_test(two_tasks),
        cmocka_unit_test(dup_stays),        cmocka_unit_test(keeps_errno),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
