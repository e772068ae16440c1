/* Files: by position and at their own, opened, stated; FIFOs, which wait for their other end. */
#include "waiting.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

/* --- FIFOs: opening one waits for its other end --- */

/* It can only be told by its name, so the descriptor of the waiting call is none. */
static bool fifo(struct waiting *w)
{
    make_name(w->path);
    return CHECK_EQ(dure_mkfifo(w->path, 0600), 0);
}

static int64_t open_and_close(struct waiting *w, int flags)
{
    int fd = dure_open(w->path, flags | O_CLOEXEC);

    if (fd < 0)
        return -1;
    CHECK_EQ(dure_close(fd), 0);
    return 0;
}

static int64_t open_reader(struct waiting *w)
{
    return open_and_close(w, O_RDONLY);
}

static int64_t open_writer(struct waiting *w)
{
    return open_and_close(w, O_WRONLY);
}

static int64_t open_how(struct waiting *w)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
    int fd = dure_openat2(AT_FDCWD, w->path, &how, sizeof how);

    if (fd < 0)
        return -1;
    CHECK_EQ(dure_close(fd), 0);
    return 0;
}

/* A FIFO opened for both never waits, and is both ends. It stays open: the other may come later. */
static void open_other_end(struct waiting *w)
{
    if (w->other < 0)
        DURE_SHIELD(DURE_SECOND)
    w->other = dure_open(w->path, O_RDWR | O_CLOEXEC);
    CHECK(w->other >= 0);
}

static const struct waiting_kind kinds[] = {
    { "open, FIFO to read", fifo, open_reader, open_other_end, 0, 0, WAITING_NOT_FD | WAITING_ALONE,
      NULL },
    { "open, FIFO to write", fifo, open_writer, open_other_end, 0, 0,
      WAITING_NOT_FD | WAITING_ALONE, NULL },
    { "openat2, FIFO to read", fifo, open_how, open_other_end, 0, 0, WAITING_NOT_FD | WAITING_ALONE,
      NULL },
};

/* A container's filter or qemu-user may not know openat2. */
static bool has_openat2(void)
{
    struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    int fd = dure_openat2(AT_FDCWD, "/", &how, sizeof how);

    return fd >= 0 ? dure_close(fd) == 0 : errno != ENOSYS && errno != EPERM;
}

static size_t kinds_here(void)
{
    return has_openat2() ? 3 : 2;
}

TEST(goes_on)
{
    waiting_goes_on(kinds, kinds_here());
}
TEST(from_another_loop)
{
    waiting_from_another_loop(kinds, kinds_here());
}
TEST(canceled_before)
{
    waiting_canceled_before(kinds, kinds_here());
}
TEST(canceled_during)
{
    waiting_canceled_during(kinds, kinds_here());
}
TEST(canceled_after)
{
    waiting_canceled_after(kinds, kinds_here());
}

TEST(keeps_errno)
{
    waiting_keeps_errno(kinds, kinds_here());
}

TEST(deadline)
{
    waiting_deadline(kinds, kinds_here());
}
TEST_OUTSIDE(outside)
{
    waiting_outside(kinds, kinds_here());
}

TEST(a_canceled_open_leaves_no_reader_behind)
{
    struct waiting w = { .fd = -1, .other = -1, .more = { -1, -1, -1 } };
    struct background b;
    dure_scope scope;

    if (!fifo(&w))
        return;
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), (int64_t(*)(void *))open_reader, &w);
    CHECK(!atomic_load(&b.done));
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, ECANCELED);
    /* Nobody has it open to read. */
    CHECK(simulated() || (open(w.path, O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO));
    CHECK_FAILS(dure_open(w.path, O_WRONLY | O_NONBLOCK), ENXIO);
    dure_unlink(w.path);
}

static int open_for_ever(void *arg)
{
    CHECK_FAILS(dure_open(*(char **)arg, O_RDONLY), ECANCELED);
    return 0;
}

/* Whenever the cancel comes: before the thread knows the path for a FIFO, between, or after. */
TEST(an_open_canceled_at_any_moment)
{
    struct waiting w = { .fd = -1, .other = -1, .more = { -1, -1, -1 } };
    char *path = w.path;
    dure_scope scope;
    int i, j;

    if (!fifo(&w))
        return;
    for (i = 0; i < 300; i++) {
        dure_scope_open(&scope);
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 open_for_ever, &path, sizeof path),
                 0);
        for (j = 0; j < i; j++)
            dure_yield();
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
    dure_unlink(w.path);
}

static int write_through_fifo(void *arg)
{
    int fd = dure_open(*(char **)arg, O_WRONLY);

    CHECK(fd >= 0);
    CHECK_EQ(dure_write_all(fd, "through", 7), 7);
    CHECK_EQ(dure_close(fd), 0);
    return 0;
}

TEST(two_tasks_meet_at_a_fifo)
{
    struct waiting w = { .fd = -1, .other = -1, .more = { -1, -1, -1 } };
    char text[8] = "", *path = w.path;
    dure_scope scope;
    int fd;

    if (!fifo(&w))
        return;
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, write_through_fifo, &path, sizeof path), 0);
    fd = dure_open(w.path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(dure_read_full(fd, text, 8), 7);
    CHECK_STR(text, "through");
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    dure_unlink(w.path);
}

/* --- open and openat --- */

TEST(open_makes_and_finds)
{
    char folder[64], path[80];
    int dir, fd, flags;
    struct stat st;
    mode_t mask;

    if (!make_folder(folder))
        return;
    mask = dure_umask(027);
    snprintf(path, sizeof path, "%s/file", folder);
    CHECK_FAILS(dure_open(path, O_RDONLY), ENOENT);
    fd = dure_open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    CHECK(fd >= 0);
    CHECK_EQ(dure_fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0640);
    flags = dure_fcntl(fd, F_GETFL);
    CHECK_EQ(flags & (O_ACCMODE | O_NONBLOCK), O_RDWR);
    CHECK_EQ(dure_fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_open(path, O_CREAT | O_EXCL | O_RDWR, 0666), EEXIST);
    dir = dure_open(folder, O_RDONLY | O_DIRECTORY);
    CHECK(dir >= 0);
    fd = dure_openat(dir, "file", O_WRONLY | O_APPEND);
    CHECK(fd >= 0);
    CHECK_EQ(dure_fcntl(fd, F_GETFD), 0);
    CHECK_EQ(dure_write(fd, "ab", 2), 2);
    CHECK_EQ(dure_write(fd, "cd", 2), 2);
    CHECK_EQ(dure_stat(path, &st), 0);
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_openat(dir, "none", O_RDONLY), ENOENT);
    CHECK_FAILS(dure_openat(fd, "file", O_RDONLY), EBADF);
    CHECK_FAILS(dure_openat(dir, "file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    fd = dure_open(folder, O_TMPFILE | O_RDWR, 0600);
    if (fd >= 0) { /* not every filesystem can */
        CHECK_EQ(dure_fstat(fd, &st), 0);
        CHECK_EQ(st.st_mode & 07777, 0600);
        CHECK_EQ(dure_close(fd), 0);
    }
    CHECK_EQ(dure_close(dir), 0);
    dure_unlink(path);
    dure_rmdir(folder);
    dure_umask(mask);
}

/* --- openat2 --- */

static int open_in(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = { .flags = flags, .resolve = resolve };

    return dure_openat2(dir, path, &how, sizeof how);
}

static void check_openat2(void)
{
    struct open_how how = { .flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, .mode = 0640 };
    char folder[64], path[80];
    struct stat st;
    int dir, fd;

    if (!has_openat2() || !make_folder(folder))
        return;
    dir = dure_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = dure_openat2(dir, "file", &how, sizeof how);
    CHECK_EQ(dure_fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0640);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_openat2(dir, "file", &how, sizeof how), EEXIST);
    CHECK_FAILS(dure_openat2(dir, "file", &how, 3), EINVAL);
    CHECK_FAILS(dure_openat2(dir, "file", NULL, sizeof how), EFAULT);
    CHECK_FAILS(open_in(dir, "none", O_RDONLY, 0), ENOENT);
    CHECK_FAILS(open_in(dir, "file", O_RDONLY, UINT64_C(1) << 60), EINVAL);
    snprintf(path, sizeof path, "%s/out", folder);
    CHECK_EQ(dure_symlink("../..", path), 0);
    CHECK_FAILS(open_in(dir, "out", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_FAILS(open_in(dir, "../x", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_FAILS(open_in(dir, "/", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_FAILS(open_in(dir, "out", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    fd = open_in(dir, "out/file", O_RDONLY, RESOLVE_IN_ROOT); /* the root is this folder */
    CHECK(fd >= 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(dir), 0);
    CHECK_FAILS(open_in(dir, "file", O_RDONLY, RESOLVE_BENEATH), EBADF);
    CHECK_EQ(dure_unlink(path), 0);
    snprintf(path, sizeof path, "%s/file", folder);
    CHECK_EQ(dure_unlink(path), 0);
    CHECK_EQ(dure_rmdir(folder), 0);
}

TEST(openat2_stays_beneath)
{
    check_openat2();
}

TEST_OUTSIDE(openat2_outside)
{
    dure_scope scope;

    check_openat2();
    dure_scope_open(&scope);
    check_openat2();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- lseek --- */

static void check_lseek(void)
{
    int fd = make_file("0123456789", 10), fds[2];
    char byte;

    CHECK_EQ(dure_lseek(fd, 4, SEEK_SET), 4);
    CHECK_EQ(dure_read(fd, &byte, 1), 1);
    CHECK_EQ(byte, '4');
    CHECK_EQ(dure_lseek(fd, -2, SEEK_CUR), 3);
    CHECK_EQ(dure_lseek(fd, 5, SEEK_END), 15); /* beyond the end */
    CHECK_EQ(dure_read(fd, &byte, 1), 0);
    CHECK_EQ(dure_lseek(fd, 2, SEEK_DATA), 2);
    CHECK_EQ(dure_lseek(fd, 2, SEEK_HOLE), 10);
    CHECK_FAILS(dure_lseek(fd, 10, SEEK_DATA), ENXIO);
    CHECK_FAILS(dure_lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_FAILS(dure_lseek(fd, 0, 77), EINVAL);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_lseek(fd, 0, SEEK_SET), EBADF);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_FAILS(dure_lseek(fds[0], 0, SEEK_SET), ESPIPE);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(lseek_moves_the_position)
{
    check_lseek();
}

TEST_OUTSIDE(lseek_outside)
{
    check_lseek();
}

/* --- by position --- */

TEST(by_position)
{
    size_t len = amount(200000), i;
    char *data = malloc(len), *back = calloc(1, len);
    int fd = make_file("", 0);

    for (i = 0; i < len; i++)
        data[i] = (char)(i % 251);
    CHECK_EQ(dure_lseek(fd, 5, SEEK_SET), 5);
    CHECK_EQ(dure_pwrite(fd, data, len, 100), len);
    if (one_byte()) {
        for (i = 0; i < len; i++)
            CHECK_EQ(dure_pread(fd, back + i, len - i, 100 + (off_t)i), 1);
    } else {
        CHECK_EQ(dure_pread(fd, back, len, 100), len);
        CHECK_EQ(dure_pread(fd, back, len, 101), len - 1); /* the end of the file */
        CHECK_EQ(dure_pread(fd, back, len, 100), len);
    }
    CHECK(memcmp(data, back, len) == 0);
    CHECK_EQ(dure_lseek(fd, 0, SEEK_CUR), 5); /* its own position has not moved */
    CHECK_EQ(dure_pread(fd, back, 1, 100 + (off_t)len), 0);
    CHECK_EQ(dure_pread(fd, back, 0, 0), 0);
    CHECK_EQ(dure_pwrite(fd, "", 0, 0), 0);
    CHECK_FAILS(dure_pread(fd, back, 1, -1), EINVAL);
    CHECK_FAILS(dure_pwrite(fd, back, 1, -1), EINVAL);
    CHECK_EQ(dure_fsync(fd), 0);
    CHECK_EQ(dure_fdatasync(fd), 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_pread(fd, back, 1, 0), EBADF);
    CHECK_FAILS(dure_pwrite(fd, back, 1, 0), EBADF);
    CHECK_FAILS(dure_fsync(fd), EBADF);
    CHECK_FAILS(dure_fdatasync(-1), EBADF);
    free(data);
    free(back);
}

TEST(not_by_position)
{
    int fds[2];
    char byte;

    dure_pipe2(fds, O_CLOEXEC);
    CHECK_FAILS(dure_pread(fds[0], &byte, 1, 0), ESPIPE);
    CHECK_FAILS(dure_pwrite(fds[1], "x", 1, 0), ESPIPE);
    CHECK_FAILS(dure_fsync(fds[1]), EINVAL);
    CHECK_EQ(dure_poll(&(struct pollfd){ .fd = fds[0], .events = POLLIN }, 1, 0), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* What is known of a number is forgotten with a close, and with the turn. */
TEST(position_of_a_number_used_again)
{
    int fds[2], fd, number;
    char byte;

    if (simulated())
        return;
    fd = number = make_file("abc", 3);
    dure_pipe2(fds, O_CLOEXEC);
    CHECK_EQ(dure_pread(fd, &byte, 1, 1), 1);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dup2(fds[0], number), number);
    CHECK_FAILS(dure_pread(number, &byte, 1, 1), ESPIPE);
    CHECK_EQ(dure_close(number), 0);
    fd = make_file("abc", 3);
    CHECK_EQ(dure_pread(fd, &byte, 1, 1), 1);
    CHECK_EQ(dup2(fds[0], fd), fd); /* by plain code */
    one_turn();
    CHECK_FAILS(dure_pread(fd, &byte, 1, 1), ESPIPE);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* Two tasks, on two loops, write to one file at its own position: records do not overlap. */
struct records {
    int fd;
    char mark;
};

#define RECORD 40
#define RECORDS 200

static int write_records(void *arg)
{
    struct records *records = arg;
    char record[RECORD];
    int i;

    memset(record, records->mark, sizeof record);
    for (i = 0; i < RECORDS; i++)
        CHECK_EQ(dure_write(records->fd, record, sizeof record), sizeof record);
    return 0;
}

TEST(two_tasks_write_at_the_file_s_position)
{
    int fd = make_file("", 0), i, j, counts[2] = { 0, 0 };
    char *all = malloc(2 * RECORD * RECORDS);
    dure_scope scope;
    char mark;

    dure_scope_open(&scope);
    for (i = 0; i < 2; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i) },
                                 write_records, &(struct records){ fd, (char)('a' + i) },
                                 sizeof(struct records)),
                 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_lseek(fd, 0, SEEK_CUR), 2 * RECORD * RECORDS);
    CHECK_EQ(read_at(fd, all, 2 * RECORD * RECORDS, 0), 2 * RECORD * RECORDS);
    for (i = 0; i < 2 * RECORDS; i++) {
        mark = all[i * RECORD];
        for (j = 0; j < RECORD && !one_byte(); j++)
            if (!CHECK(all[i * RECORD + j] == mark))
                i = 2 * RECORDS;
    }
    for (i = 0; i < 2 * RECORD * RECORDS; i++)
        if (CHECK(all[i] == 'a' || all[i] == 'b'))
            counts[all[i] - 'a']++;
    CHECK_EQ(counts[0], RECORD * RECORDS);
    CHECK_EQ(counts[1], RECORD * RECORDS);
    CHECK_EQ(dure_close(fd), 0);
    free(all);
}

/* Must finish: in a scope that has ended nothing is written, and nothing is opened. */
TEST(canceled_at_entry)
{
    char folder[64], path[80];
    dure_scope scope;
    struct stat st;
    char byte;
    int fd;

    if (!make_folder(folder))
        return;
    snprintf(path, sizeof path, "%s/file", folder);
    fd = make_file("text", 4);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_open(path, O_CREAT | O_RDWR, 0600), ECANCELED);
    CHECK_FAILS(open_in(AT_FDCWD, path, O_CREAT | O_RDWR, 0), ECANCELED);
    CHECK_FAILS(dure_pwrite(fd, "more", 4, 4), ECANCELED);
    CHECK_FAILS(dure_write(fd, "more", 4), ECANCELED);
    CHECK_FAILS(dure_pread(fd, &byte, 1, 0), ECANCELED);
    CHECK_FAILS(dure_fsync(fd), ECANCELED);
    CHECK_FAILS(dure_fstat(fd, &st), ECANCELED);
    CHECK_FAILS(dure_stat(folder, &st), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_FAILS(dure_stat(path, &st), ENOENT);
    CHECK_EQ(dure_fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(dure_close(fd), 0);
    dure_rmdir(folder);
}

/* --- stat and fstat --- */

TEST(stat_and_fstat)
{
    struct stat plain, twin;
    int fd = make_file("text", 4);

    memset(&twin, 0, sizeof twin);
    CHECK_EQ(dure_fstat(fd, &twin), 0);
    CHECK(simulated() || (fstat(fd, &plain) == 0 && twin.st_ino == plain.st_ino));
    CHECK_EQ(twin.st_size, 4);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_fstat(fd, &twin), EBADF);
    CHECK_FAILS(dure_fstat(-1, &twin), EBADF);
    CHECK_EQ(dure_stat("/", &twin), 0);
    CHECK(simulated() ||
          (stat("/", &plain) == 0 && twin.st_ino == plain.st_ino && twin.st_dev == plain.st_dev));
    CHECK_FAILS(dure_stat("/no/such/file", &twin), ENOENT);
    CHECK_FAILS(dure_stat("", &twin), ENOENT);
}

/* The only thread of the pool is held by a call that blocks: what comes later queues behind it. */
static int blocked_fds[2];

static int read_blocking(void *arg)
{
    char byte;

    (void)arg;
    return read(blocked_fds[0], &byte, 1) == 1 ? 0 : -1;
}

static int64_t hold(void *arg)
{
    return dure_blocking(read_blocking, arg, 0);
}

struct asked {
    struct stat st;
    const char *path;
};

static int64_t ask(void *arg)
{
    struct asked *asked = arg;

    return dure_stat(asked->path, &asked->st);
}

TEST_WITH(a_stat_that_queues_is_abandoned, .loops = 2, .blocking_threads = 1)
{
    char *path = strdup("/");
    struct asked asked = { .path = path };
    struct background holder, asker;
    dure_scope holders, askers;

    if (simulated()) {
        free(path);
        return;
    }
    CHECK_EQ(dure_pipe2(blocked_fds, O_CLOEXEC), 0);
    dure_scope_open(&holders);
    background_start(&holder, &holders, DURE_THIS_LOOP, hold, NULL);
    dure_scope_open(&askers);
    background_start(&asker, &askers, DURE_LOOP(1), ask, &asked);
    CHECK(!atomic_load(&asker.done));
    dure_scope_cancel(&askers);
    CHECK_FAILS(dure_scope_close(&askers), ECANCELED);
    CHECK_EQ(asker.result, -1);
    CHECK_EQ(asker.error, ECANCELED);
    memset(path, 'x', strlen(path)); /* whoever still reads it finds no such file */
    free(path);
    CHECK_EQ(write(blocked_fds[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&holders), 0);
    CHECK_EQ(holder.result, 0);
    CHECK_EQ(asked.st.st_ino, 0); /* and the answer was dropped */
    CHECK_EQ(dure_close(blocked_fds[0]), 0);
    CHECK_EQ(dure_close(blocked_fds[1]), 0);
}

static int64_t ask_number(void *arg)
{
    struct stat st;

    return dure_fstat(*(int *)arg, &st);
}

/* It does not answer for whatever gets the number next. */
TEST_WITH(a_stat_that_queues_ends_with_its_descriptor, .loops = 2, .blocking_threads = 1)
{
    struct background holder, asker;
    dure_scope scope;
    int fd;

    if (simulated())
        return;
    fd = make_file("text", 4);
    CHECK_EQ(dure_pipe2(blocked_fds, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    background_start(&holder, &scope, DURE_THIS_LOOP, hold, NULL);
    background_start(&asker, &scope, DURE_LOOP(1), ask_number, &fd);
    CHECK(!atomic_load(&asker.done));
    CHECK_EQ(dure_close(fd), 0);
    YIELD_UNTIL(atomic_load(&asker.done));
    CHECK_EQ(asker.result, -1);
    CHECK_EQ(asker.error, EBADF);
    CHECK_EQ(write(blocked_fds[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(blocked_fds[0]), 0);
    CHECK_EQ(dure_close(blocked_fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on),
        cmocka_unit_test(from_another_loop),
        cmocka_unit_test(canceled_before),
        cmocka_unit_test(canceled_during),
        cmocka_unit_test(canceled_after),
        cmocka_unit_test(keeps_errno),
        cmocka_unit_test(deadline),
        cmocka_unit_test(outside),
        cmocka_unit_test(a_canceled_open_leaves_no_reader_behind),
        cmocka_unit_test(an_open_canceled_at_any_moment),
        cmocka_unit_test(two_tasks_meet_at_a_fifo),
        cmocka_unit_test(open_makes_and_finds),
        cmocka_unit_test(openat2_stays_beneath),
        cmocka_unit_test(openat2_outside),
        cmocka_unit_test(lseek_moves_the_position),
        cmocka_unit_test(lseek_outside),
        cmocka_unit_test(by_position),
        cmocka_unit_test(not_by_position),
        cmocka_unit_test(position_of_a_number_used_again),
        cmocka_unit_test(two_tasks_write_at_the_file_s_position),
        cmocka_unit_test(canceled_at_entry),
        cmocka_unit_test(stat_and_fstat),
        cmocka_unit_test(a_stat_that_queues_is_abandoned),
        cmocka_unit_test(a_stat_that_queues_ends_with_its_descriptor),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
