/* Directories, beside the plain calls. */
#include "waiting.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool make_files(char folder[64], int files)
{
    char path[80];
    int i;

    if (!make_folder(folder))
        return false;
    for (i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/file-%05d", folder, i);
        dure_close(dure_open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    return true;
}

static void remove_folder(const char *folder, int files)
{
    char path[80];
    int i;

    for (i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/file-%05d", folder, i);
        CHECK_EQ(dure_unlink(path), 0);
    }
    CHECK_EQ(dure_rmdir(folder), 0);
}

/* The same entries in the same order as the plain calls give, where there are such. Returns how
   many. */
static int compare_all(dure_dir *twin, DIR *plain)
{
    struct dirent *expected, *entry;
    int count = 0;

    do {
        errno = EDOM;
        entry = dure_readdir(twin);
        CHECK_EQ(errno, EDOM);
        if (!plain) {
            count += entry != NULL;
            continue;
        }
        expected = readdir(plain);
        CHECK(!entry == !expected);
        if (!entry || !expected)
            break;
        CHECK_STR(entry->d_name, expected->d_name);
        CHECK_EQ(entry->d_ino, expected->d_ino);
        CHECK_EQ(entry->d_type, expected->d_type);
        CHECK_EQ(dure_telldir(twin), telldir(plain));
        count++;
    } while (entry);
    CHECK(dure_readdir(twin) == NULL); /* the end stays the end */
    return count;
}

static void check_entries(int files)
{
    char folder[64], name[sizeof((struct dirent *)NULL)->d_name];
    struct dirent *entry;
    dure_dir *twin;
    DIR *plain;
    long here;
    int i;

    if (!make_files(folder, files))
        return;
    twin = dure_opendir(folder);
    plain = simulated() ? NULL : opendir(folder);
    CHECK(dure_fcntl(dure_dirfd(twin), F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(compare_all(twin, plain), files + 2);
    dure_rewinddir(twin);
    if (plain)
        rewinddir(plain);
    CHECK_EQ(compare_all(twin, plain), files + 2);
    dure_rewinddir(twin);
    for (i = 0; i < files / 2; i++)
        CHECK(dure_readdir(twin) != NULL);
    here = dure_telldir(twin);
    entry = dure_readdir(twin);
    strcpy(name, entry->d_name);
    dure_seekdir(twin, here); /* with entries in memory, and at the end */
    entry = dure_readdir(twin);
    CHECK_STR(entry->d_name, name);
    while (dure_readdir(twin))
        ;
    dure_seekdir(twin, here);
    entry = dure_readdir(twin);
    CHECK_STR(entry->d_name, name);
    CHECK_EQ(dure_closedir(twin), 0);
    if (plain)
        closedir(plain);
    remove_folder(folder, files);
}

static void check_all(void)
{
    check_entries(0);
    check_entries(3);
    check_entries(1200); /* more than a buffer holds */
}

TEST(entries_as_the_plain_calls)
{
    check_all();
}

TEST_OUTSIDE(entries_outside)
{
    dure_scope scope;

    check_all();
    dure_scope_open(&scope);
    check_all();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

#define CHECK_NO_DIR(call, error) \
    do {                          \
        errno = 0;                \
        CHECK((call) == NULL);    \
        CHECK_EQ(errno, (error)); \
    } while (0)

TEST(what_cannot_be_opened)
{
    char folder[64];
    int file = make_file("x", 1), fds[2], path;
    dure_dir *dir;

    CHECK_NO_DIR(dure_opendir("/nowhere/at/all"), ENOENT);
    CHECK_NO_DIR(dure_opendir(""), ENOENT);
    CHECK_NO_DIR(dure_opendir("/dev/null"), simulated() ? ENOENT : ENOTDIR);
    CHECK_NO_DIR(dure_fdopendir(-1), EBADF);
    CHECK_NO_DIR(dure_fdopendir(file), ENOTDIR);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_NO_DIR(dure_fdopendir(fds[0]), ENOTDIR);
    path = dure_open("/", O_PATH | O_CLOEXEC);
    CHECK_NO_DIR(dure_fdopendir(path), EBADF);
    CHECK_EQ(dure_close(path), 0); /* it remained ours */
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(file), 0);
    if (!make_files(folder, 0))
        return;
    dir = dure_fdopendir(dure_open(folder, O_RDONLY | O_CLOEXEC));
    CHECK_EQ(dure_rmdir(folder), 0);
    CHECK(dure_readdir(dir) == NULL); /* one that is gone is empty */
    CHECK_EQ(dure_closedir(dir), 0);
}

/* --- cancelled --- */

static void check_canceled(void)
{
    char folder[64];
    dure_scope scope;
    dure_dir *dir;
    int count = 0;

    if (!make_files(folder, 3))
        return;
    dir = dure_opendir(folder);
    CHECK(dure_readdir(dir) != NULL);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_NO_DIR(dure_readdir(dir), ECANCELED); /* in memory or not */
    dure_rewinddir(dir);
    CHECK_NO_DIR(dure_readdir(dir), ECANCELED);
    CHECK_NO_DIR(dure_opendir(folder), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    while (dure_readdir(dir))
        count++;
    CHECK_EQ(count, 5); /* nothing was lost */
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_closedir(dir), 0);
    dure_scope_close(&scope);
    remove_folder(folder, 3);
}

TEST(canceled)
{
    check_canceled();
}

TEST_OUTSIDE(canceled_outside)
{
    check_canceled();
}

/* One thread for files, and it is busy: a read of a directory queues, and a cancel or a close of its
   descriptor takes it out. */
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

static int64_t read_entry(void *arg)
{
    return dure_readdir(arg) ? 1 : -1;
}

TEST_WITH(taken_out_of_the_queue, .loops = 2, .blocking_threads = 1)
{
    dure_dir *dir, *other;
    struct background holder, reader, second;
    dure_scope holders, readers;

    if (simulated())
        return;
    dir = dure_opendir("/");
    other = dure_opendir("/");
    CHECK_EQ(dure_pipe2(busy, O_CLOEXEC), 0);
    dure_scope_open(&holders);
    background_start(&holder, &holders, DURE_THIS_LOOP, keep_busy, NULL);
    dure_scope_open(&readers);
    background_start(&reader, &readers, DURE_LOOP(1), read_entry, dir);
    background_start(&second, &readers, DURE_LOOP(1), read_entry, other);
    CHECK_EQ(dure_close(dure_dirfd(other)), 0);
    YIELD_UNTIL(atomic_load(&second.done));
    CHECK_EQ(second.result, -1);
    CHECK_EQ(second.error, EBADF);
    CHECK(!atomic_load(&reader.done));
    dure_scope_cancel(&readers);
    CHECK_FAILS(dure_scope_close(&readers), ECANCELED);
    CHECK_EQ(reader.result, -1);
    CHECK_EQ(reader.error, ECANCELED);
    CHECK_EQ(write(busy[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&holders), 0);
    CHECK(dure_readdir(dir) != NULL); /* the next call goes on */
    CHECK_EQ(dure_closedir(dir), 0);
    CHECK_FAILS(dure_closedir(other), EBADF);
    CHECK_EQ(dure_close(busy[0]), 0);
    CHECK_EQ(dure_close(busy[1]), 0);
}

/* --- at the same time --- */

static int walk(void *arg)
{
    dure_dir *dir = dure_opendir(*(char **)arg);
    int count = 0;

    while (dure_readdir(dir))
        count++;
    CHECK_EQ(count, 302);
    return dure_closedir(dir);
}

TEST(many_walk_at_once)
{
    char folder[64], *path = folder;
    dure_scope scope;
    int i;

    if (!make_files(folder, 300))
        return;
    dure_scope_open(&scope);
    for (i = 0; i < 40; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) }, walk,
                                 &path, sizeof path),
                 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    remove_folder(folder, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_as_the_plain_calls), cmocka_unit_test(entries_outside),
        cmocka_unit_test(what_cannot_be_opened),      cmocka_unit_test(canceled),
        cmocka_unit_test(canceled_outside),           cmocka_unit_test(taken_out_of_the_queue),
        cmocka_unit_test(many_walk_at_once),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
