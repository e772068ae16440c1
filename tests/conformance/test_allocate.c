/* Room in files, their way to the disk, copies between them, transfers with flags. */
#include "waiting.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static off_t size_of(int fd)
{
    struct stat st = { 0 };

    CHECK_EQ(dure_fstat(fd, &st), 0);
    return st.st_size;
}

static void check_room(void)
{
    int fd = make_file("text", 4), fds[2];

    CHECK_EQ(dure_fallocate(fd, 0, 0, 100), 0);
    CHECK_EQ(size_of(fd), 100);
    CHECK_EQ(dure_fallocate(fd, FALLOC_FL_KEEP_SIZE, 100, 100), 0);
    CHECK_EQ(size_of(fd), 100);
    CHECK_FAILS(dure_fallocate(fd, 0, -1, 1), EINVAL);
    CHECK_EQ(dure_posix_fallocate(fd, 100, 50), 0);
    CHECK_EQ(size_of(fd), 150);
    errno = EDOM;
    CHECK_EQ(dure_posix_fallocate(fd, 0, -1), EINVAL); /* the number itself */
    CHECK_EQ(dure_posix_fallocate(-1, 0, 1), EBADF);
    CHECK_EQ(errno, EDOM);
    CHECK_EQ(dure_sync_file_range(fd, 0, 100, SYNC_FILE_RANGE_WRITE), 0);
    CHECK_FAILS(dure_sync_file_range(fd, 0, 100, 1u << 20), EINVAL);
    CHECK_EQ(dure_syncfs(fd), 0);
    CHECK_FAILS(dure_syncfs(-1), EBADF);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_FAILS(dure_fallocate(fds[1], 0, 0, 1), ESPIPE);
    CHECK_FAILS(dure_sync_file_range(fds[1], 0, 1, 0), ESPIPE);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_fallocate(fd, 0, 0, 1), EBADF);
}

static void check_copies(void)
{
    int from = make_file("0123456789", 10), to = make_file("", 0);
    off_t in = 3, out = 1;
    char text[20] = "";

    CHECK_EQ(dure_lseek(from, 0, SEEK_SET), 0);
    CHECK_EQ(dure_copy_file_range(from, &in, to, &out, 4, 0), 4);
    CHECK(in == 7 && out == 5);
    CHECK_EQ(dure_copy_file_range(from, &in, to, &out, 100, 0), 3); /* to its end */
    CHECK_EQ(dure_copy_file_range(from, &in, to, &out, 100, 0), 0);
    CHECK_EQ(read_at(to, text, 20, 1), 7);
    CHECK_STR(text, "3456789");
    CHECK_EQ(dure_copy_file_range(from, NULL, to, NULL, 2, 0), 2); /* and at its own position */
    CHECK_EQ(dure_lseek(from, 0, SEEK_CUR), 2);
    CHECK_EQ(dure_copy_file_range(from, NULL, to, NULL, 0, 0), 0);
    CHECK_FAILS(dure_copy_file_range(from, NULL, to, NULL, 1, 77), EINVAL);
    CHECK_EQ(dure_close(to), 0);
    CHECK_FAILS(dure_copy_file_range(from, NULL, to, NULL, 1, 0), EBADF);
    CHECK_EQ(dure_close(from), 0);
}

static void check_flags(void)
{
    int fd = make_file("0123456789", 10), fds[2];
    char a[2], b[20];
    struct iovec iov[2] = { { a, 2 }, { b, 20 } }, out = { "ab", 2 };

    CHECK_EQ(dure_lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(dure_preadv2(fd, iov, 2, 4, RWF_HIPRI), 6);
    CHECK(memcmp(a, "45", 2) == 0 && memcmp(b, "6789", 4) == 0);
    CHECK_EQ(dure_preadv2(fd, iov, 1, -1, RWF_HIPRI), 2);
    CHECK_EQ(dure_lseek(fd, 0, SEEK_CUR), 2);
    CHECK(dure_preadv2(fd, iov, 1, 0, 0) >= (one_byte() ? 1 : 2));
    CHECK_EQ(dure_pwritev2(fd, &out, 1, 0, RWF_DSYNC), 2);
    CHECK_EQ(dure_pwritev2(fd, &out, 1, 0, RWF_APPEND), 2);
    CHECK_EQ(size_of(fd), 12);
    CHECK_EQ(dure_pwritev2(fd, &out, 1, 0, 0), 2);
    CHECK_FAILS(dure_preadv2(fd, iov, 2, 0, 1 << 30), EOPNOTSUPP);
    CHECK_FAILS(dure_preadv2(fd, iov, -1, 0, RWF_HIPRI), EINVAL);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_preadv2(fd, iov, 2, 0, RWF_HIPRI), EBADF);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_FAILS(dure_preadv2(fds[0], iov, 1, -1, RWF_NOWAIT), EAGAIN); /* as its user wants */
    CHECK_FAILS(dure_preadv2(fds[0], iov, 1, 0, RWF_HIPRI), ESPIPE);
    CHECK_EQ(dure_pwritev2(fds[1], &out, 1, -1, RWF_NOWAIT), 2);
    CHECK_EQ(dure_preadv2(fds[0], iov, 1, -1, RWF_HIPRI), 2);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static void check_all(void)
{
    check_room();
    check_copies();
    check_flags();
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

static void check_canceled(void)
{
    int fd = make_file("text", 4), to = make_file("", 0);
    struct iovec iov = { "more", 4 };
    dure_scope scope;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_fallocate(fd, 0, 0, 100), ECANCELED);
    CHECK_EQ(dure_posix_fallocate(fd, 0, 100), ECANCELED);
    CHECK_FAILS(dure_sync_file_range(fd, 0, 1, 0), ECANCELED);
    CHECK_FAILS(dure_syncfs(fd), ECANCELED);
    CHECK_FAILS(dure_copy_file_range(fd, &(off_t){ 0 }, to, NULL, 4, 0), ECANCELED);
    CHECK_FAILS(dure_pwritev2(fd, &iov, 1, 4, RWF_DSYNC), ECANCELED);
    CHECK_FAILS(dure_pwritev2(fd, &iov, 1, 4, RWF_NOWAIT), ECANCELED);
    dure_sync();
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(size_of(fd), 4);
    CHECK_EQ(size_of(to), 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(to), 0);
}

TEST(canceled)
{
    check_canceled();
}

TEST_OUTSIDE(canceled_outside)
{
    check_canceled();
}

/* --- progress wins: what was copied before the cancel is told, and is there --- */

struct copying {
    int from, to;
    int64_t len;
};

static int64_t copy_all(void *arg)
{
    struct copying *c = arg;

    return dure_copy_file_range(c->from, &(off_t){ 0 }, c->to, NULL, (size_t)c->len, 0);
}

static int copy_behind(void *arg)
{
    struct background *b = *(struct background **)arg;

    b->result = b->fn(b->arg);
    return 0;
}

/* Nearly all of it is a hole, which takes no room on the disk; by 64 MiB a time, the last less. */
TEST(a_large_copy_is_whole_or_broken_off)
{
    struct copying c = { make_file("x", 1), make_file("", 0), ((int64_t)160 << 20) + 5 };
    struct background b = { .fn = copy_all, .arg = &c }, *at = &b;
    dure_scope scope;
    off_t size;

    CHECK_EQ(dure_ftruncate(c.from, (off_t)c.len), 0);
    CHECK_EQ(copy_all(&c), c.len);
    CHECK_EQ(size_of(c.to), c.len);
    CHECK_EQ(dure_ftruncate(c.to, 0), 0);
    CHECK_EQ(dure_lseek(c.to, 0, SEEK_SET), 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, copy_behind,
                             &at, sizeof at),
             0);
    YIELD_UNTIL(size_of(c.to) > 0);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    size = size_of(c.to);
    CHECK_EQ(b.result, size);
    CHECK(size == c.len || (size % (64 << 20) == 0 && size > 0));
    CHECK_EQ(dure_close(c.from), 0);
    CHECK_EQ(dure_close(c.to), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_task),
        cmocka_unit_test(outside),
        cmocka_unit_test(canceled),
        cmocka_unit_test(canceled_outside),
        cmocka_unit_test(a_large_copy_is_whole_or_broken_off),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
