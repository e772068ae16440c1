/* Links, attributes of files and questions about them, each twin beside the plain call. */
#include "waiting.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

/* A folder of its own, a file in it, and another name. */
struct place {
    char folder[64], path[80], other[80];
    int dir, fd;
};

static bool place_open(struct place *place)
{
    if (!make_folder(place->folder))
        return false;
    snprintf(place->path, sizeof place->path, "%s/one", place->folder);
    snprintf(place->other, sizeof place->other, "%s/two", place->folder);
    place->fd = dure_open(place->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    place->dir = dure_open(place->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return CHECK_EQ(dure_write(place->fd, "text", 4), 4);
}

static void place_close(struct place *place)
{
    CHECK_EQ(dure_close(place->fd), 0);
    CHECK_EQ(dure_close(place->dir), 0);
    dure_unlink(place->path);
    dure_unlink(place->other);
    CHECK_EQ(dure_rmdir(place->folder), 0);
}

static struct stat stat_of(const char *path)
{
    struct stat st = { 0 };

    CHECK_EQ(dure_lstat(path, &st), 0);
    return st;
}

static void check_links(struct place *p)
{
    char text[100];

    CHECK_EQ(dure_link(p->path, p->other), 0);
    CHECK_EQ(stat_of(p->path).st_nlink, 2);
    CHECK_FAILS(dure_link(p->path, p->other), EEXIST);
    CHECK_EQ(dure_remove(p->other), 0);
    CHECK_EQ(dure_linkat(p->dir, "one", p->dir, "two", 0), 0);
    CHECK_EQ(dure_unlinkat(p->dir, "two", 0), 0);
    CHECK_EQ(dure_symlink("one", p->other), 0);
    CHECK(S_ISLNK(stat_of(p->other).st_mode));
    memset(text, '#', sizeof text);
    CHECK_EQ(dure_readlink(p->other, text, sizeof text), 3);
    CHECK(memcmp(text, "one##", 5) == 0);
    CHECK_EQ(dure_readlinkat(p->dir, "two", text, 2), 2); /* cut, as by the plain call */
    CHECK_FAILS(dure_readlink(p->path, text, sizeof text), EINVAL);
    CHECK_FAILS(dure_readlink(p->other, text, 0), EINVAL);
    CHECK_FAILS(dure_symlinkat("one", p->dir, "two"), EEXIST);
    CHECK_EQ(dure_unlink(p->other), 0);
    CHECK_EQ(dure_symlinkat("nowhere", p->dir, "two"), 0);
    CHECK_FAILS(dure_access(p->other, F_OK), ENOENT);
    CHECK_EQ(dure_remove(p->other), 0);
    CHECK_FAILS(dure_remove(p->other), ENOENT);
    CHECK_FAILS(dure_link(p->path, NULL), EFAULT);
    CHECK_FAILS(dure_readlink(NULL, text, 1), EFAULT);
    CHECK_FAILS(dure_linkat(-1, "one", p->dir, "two", 0), EBADF);
}

static void check_renames(struct place *p)
{
    CHECK_EQ(dure_mkfifo(p->other, 0600), 0);
    CHECK(S_ISFIFO(stat_of(p->other).st_mode));
    CHECK_FAILS(dure_renameat2(p->dir, "one", p->dir, "two", 1u /* RENAME_NOREPLACE */), EEXIST);
    CHECK_FAILS(dure_mkfifoat(p->dir, "two", 0600), EEXIST);
    CHECK_EQ(dure_unlink(p->other), 0);
    CHECK_EQ(dure_mkfifoat(p->dir, "two", 0600), 0);
    CHECK_EQ(dure_unlink(p->other), 0);
    CHECK_EQ(dure_mknod(p->other, S_IFREG | 0600, 0), 0);
    CHECK_FAILS(dure_mknodat(p->dir, "two", S_IFREG | 0600, 0), EEXIST);
    CHECK_EQ(dure_unlink(p->other), 0);
}

static void check_changes(struct place *p)
{
    const struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };
    struct stat st;

    CHECK_EQ(dure_chmod(p->path, 0640), 0);
    CHECK_EQ(stat_of(p->path).st_mode & 07777, 0640);
    CHECK_EQ(dure_fchmod(p->fd, 0600), 0);
    CHECK_EQ(stat_of(p->path).st_mode & 07777, 0600);
    CHECK_EQ(dure_fchmodat(p->dir, "one", 0400, 0), 0);
    CHECK_EQ(stat_of(p->path).st_mode & 07777, 0400);
    CHECK_EQ(dure_chmod(p->path, 0600), 0);
    CHECK_FAILS(dure_chmod(p->other, 0600), ENOENT);
    CHECK_FAILS(dure_fchmod(-1, 0600), EBADF);
    CHECK_EQ(dure_chown(p->path, getuid(), (gid_t)-1), 0);
    CHECK_EQ(dure_lchown(p->path, (uid_t)-1, getgid()), 0);
    CHECK_EQ(dure_fchown(p->fd, (uid_t)-1, (gid_t)-1), 0);
    CHECK_EQ(dure_fchownat(p->dir, "one", getuid(), getgid(), AT_SYMLINK_NOFOLLOW), 0);
    CHECK_FAILS(dure_fchown(-1, 0, 0), EBADF);
    CHECK_EQ(dure_utimensat(p->dir, "one", times, 0), 0);
    st = stat_of(p->path);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 2);
    CHECK_EQ(dure_futimens(p->fd, NULL), 0);
    CHECK(stat_of(p->path).st_mtim.tv_sec > 2000);
    CHECK_FAILS(dure_utimensat(p->dir, "two", times, 0), ENOENT);
    CHECK_EQ(dure_truncate(p->path, 2), 0);
    CHECK_EQ(stat_of(p->path).st_size, 2);
    CHECK_FAILS(dure_truncate(p->path, -1), EINVAL);
    CHECK_FAILS(dure_truncate(p->folder, 1), EISDIR);
    CHECK_FAILS(dure_truncate(NULL, 1), EFAULT);
}

static void check_questions(struct place *p)
{
    struct statvfs plain_fs, fs;
    struct stat plain, st;
    struct statx stx;

    CHECK_EQ(dure_symlink("one", p->other), 0);
    CHECK_EQ(dure_lstat(p->other, &st), 0);
    plain = stat_of(p->other);
    CHECK(S_ISLNK(st.st_mode) && st.st_ino == plain.st_ino && st.st_size == plain.st_size);
    CHECK_EQ(dure_fstatat(p->dir, "two", &st, 0), 0);
    CHECK_EQ(st.st_ino, stat_of(p->path).st_ino);
    CHECK_EQ(dure_fstatat(p->fd, "", &st, AT_EMPTY_PATH), 0);
    CHECK_EQ(st.st_ino, stat_of(p->path).st_ino);
    CHECK_FAILS(dure_fstatat(-1, "two", &st, 0), EBADF);
    CHECK_EQ(dure_statx(p->dir, "one", 0, STATX_SIZE, &stx), 0);
    CHECK((stx.stx_mask & STATX_SIZE) && (off_t)stx.stx_size == st.st_size);
    CHECK_FAILS(dure_statx(p->dir, "none", 0, STATX_SIZE, &stx), ENOENT);
    CHECK_EQ(dure_statvfs("/", &fs), 0);
    CHECK(simulated() || (statvfs("/", &plain_fs) == 0 && fs.f_blocks == plain_fs.f_blocks));
    CHECK_EQ(dure_fstatvfs(p->fd, &fs), 0);
    CHECK_FAILS(dure_fstatvfs(-1, &fs), EBADF);
    CHECK_FAILS(dure_statvfs("/nowhere", &fs), ENOENT);
    CHECK_EQ(dure_access(p->path, R_OK | W_OK), 0);
    CHECK_EQ(dure_faccessat(p->dir, "two", F_OK, AT_EACCESS), 0);
    CHECK_FAILS(dure_access("/nowhere", F_OK), ENOENT);
    CHECK_FAILS(dure_access(p->path, 77), EINVAL);
    CHECK_FAILS(dure_faccessat(p->fd, "two", F_OK, 0), ENOTDIR);
    CHECK_FAILS(dure_access(NULL, F_OK), EFAULT);
    CHECK_EQ(dure_unlink(p->other), 0);
}

static void check_all(void)
{
    struct place place;

    if (!place_open(&place))
        return;
    check_links(&place);
    check_renames(&place);
    check_changes(&place);
    check_questions(&place);
    place_close(&place);
}

TEST(in_a_task)
{
    check_all();
}

TEST_OUTSIDE(outside)
{
    dure_scope scope;

    check_all();
    dure_scope_open(&scope);
    check_all();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- cancelled: nothing happens, nothing is told --- */

static void check_canceled(void)
{
    struct place p;
    struct stat st, before;
    struct statvfs fs;
    struct statx stx;
    dure_scope scope;
    char text[10];

    if (!place_open(&p))
        return;
    before = stat_of(p.path);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_link(p.path, p.other), ECANCELED);
    CHECK_FAILS(dure_symlink(p.path, p.other), ECANCELED);
    CHECK_FAILS(dure_mkfifo(p.other, 0600), ECANCELED);
    CHECK_FAILS(dure_mknod(p.other, S_IFREG | 0600, 0), ECANCELED);
    CHECK_FAILS(dure_remove(p.path), ECANCELED);
    CHECK_FAILS(dure_chmod(p.path, 0644), ECANCELED);
    CHECK_FAILS(dure_fchmod(p.fd, 0644), ECANCELED);
    CHECK_FAILS(dure_fchown(p.fd, 1, 1), ECANCELED);
    CHECK_FAILS(dure_futimens(p.fd, NULL), ECANCELED);
    CHECK_FAILS(dure_truncate(p.path, 0), ECANCELED);
    CHECK_FAILS(dure_lstat(p.path, &st), ECANCELED);
    CHECK_FAILS(dure_statx(p.dir, "one", 0, STATX_SIZE, &stx), ECANCELED);
    CHECK_FAILS(dure_statvfs("/", &fs), ECANCELED);
    CHECK_FAILS(dure_access("/", F_OK), ECANCELED);
    CHECK_FAILS(dure_readlink("/proc/self", text, sizeof text), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_FAILS(dure_access(p.other, F_OK), ENOENT);
    st = stat_of(p.path);
    CHECK(st.st_mode == before.st_mode && st.st_size == 4 && st.st_uid == before.st_uid &&
          st.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
    place_close(&p);
}

TEST(canceled)
{
    check_canceled();
}

TEST_OUTSIDE(canceled_outside)
{
    check_canceled();
}

/* --- whoever asks and goes away leaves nothing behind --- */

static int busy[2];

static int hold(void *arg)
{
    char byte;

    (void)arg;
    return read(busy[0], &byte, 1) == 1 ? 0 : -1;
}

static int64_t keep_busy(void *arg)
{
    (void)arg;
    return dure_blocking(hold, NULL, 0);
}

static int64_t ask_link(void *arg)
{
    return dure_readlink("/proc/self/exe", arg, 100);
}

static int64_t ask_access(void *arg)
{
    return dure_access(arg, F_OK);
}

/* The one thread for files is busy. */
TEST_WITH(questions_that_queue_are_abandoned, .loops = 2, .blocking_threads = 1)
{
    struct background holder, a, b;
    dure_scope holders, askers;
    char text[100] = "";

    if (simulated())
        return;
    CHECK_EQ(dure_pipe2(busy, O_CLOEXEC), 0);
    dure_scope_open(&holders);
    background_start(&holder, &holders, DURE_THIS_LOOP, keep_busy, NULL);
    dure_scope_open(&askers);
    background_start(&a, &askers, DURE_LOOP(1), ask_link, text);
    background_start(&b, &askers, DURE_LOOP(0), ask_access, "/");
    CHECK(!atomic_load(&a.done) && !atomic_load(&b.done));
    dure_scope_cancel(&askers);
    CHECK_FAILS(dure_scope_close(&askers), ECANCELED);
    CHECK(a.result == -1 && a.error == ECANCELED);
    CHECK(b.result == -1 && b.error == ECANCELED);
    CHECK_EQ(write(busy[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&holders), 0);
    CHECK_EQ(text[0], '\0');
    CHECK_EQ(dure_close(busy[0]), 0);
    CHECK_EQ(dure_close(busy[1]), 0);
}

static int ask_and_drop(void *arg)
{
    int result = dure_access(arg, F_OK);

    CHECK(result == 0 || errno == ECANCELED);
    return 0;
}

/* Whenever the cancel comes: before, while and after a thread asks. */
TEST(questions_canceled_at_any_moment)
{
    dure_scope scope;
    int i, j;

    for (i = 0; i < 300; i++) {
        dure_scope_open(&scope);
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 ask_and_drop, "/", 0),
                 0);
        for (j = 0; j < i; j++)
            dure_yield();
        dure_scope_cancel(&scope);
        dure_scope_close(&scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_task),
        cmocka_unit_test(outside),
        cmocka_unit_test(canceled),
        cmocka_unit_test(canceled_outside),
        cmocka_unit_test(questions_that_queue_are_abandoned),
        cmocka_unit_test(questions_canceled_at_any_moment),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
