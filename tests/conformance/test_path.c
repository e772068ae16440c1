/* Names and lengths of files, each twin beside the plain call. */
#include "waiting.h"

#include <fcntl.h>
#include <sys/stat.h>

/* A folder of its own, and two names in it. */
struct place {
    char folder[64], path[80], other[80];
};

static bool place_open(struct place *place)
{
    if (!make_folder(place->folder))
        return false;
    snprintf(place->path, sizeof place->path, "%s/one", place->folder);
    snprintf(place->other, sizeof place->other, "%s/two", place->folder);
    return true;
}

static void place_close(struct place *place)
{
    CHECK_EQ(dure_rmdir(place->folder), 0); /* it is empty */
}

static bool is_there(const char *path)
{
    struct stat st;

    return dure_stat(path, &st) == 0;
}

static void check_names(void)
{
    struct place place;
    struct stat st;
    int fd;

    if (!place_open(&place))
        return;
    fd = dure_open(place.path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    CHECK_EQ(dure_rename(place.path, place.other), 0);
    CHECK(!is_there(place.path) && is_there(place.other));
    CHECK_FAILS(dure_rename(place.path, place.other), ENOENT);
    CHECK_FAILS(dure_mkdir(place.other, 0700), EEXIST);
    CHECK_EQ(dure_mkdir(place.path, 0700), 0);
    CHECK_EQ(dure_stat(place.path, &st), 0);
    CHECK_EQ(st.st_mode & (S_IFMT | 0777), S_IFDIR | 0700);
    CHECK_FAILS(dure_rename(place.other, place.path), EISDIR);
    CHECK_FAILS(dure_unlink(place.path), EISDIR);
    CHECK_FAILS(dure_rmdir(place.other), ENOTDIR);
    CHECK_FAILS(dure_rmdir(place.folder), ENOTEMPTY);
    CHECK_EQ(dure_rmdir(place.path), 0);
    CHECK_EQ(dure_unlink(place.other), 0);
    CHECK_FAILS(dure_unlink(place.other), ENOENT);
    CHECK_FAILS(dure_unlink(NULL), EFAULT);
    CHECK_EQ(dure_close(fd), 0);
    place_close(&place);
}

static void check_names_in_folders(void)
{
    struct place place;
    int folder;

    if (!place_open(&place))
        return;
    folder = dure_open(place.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(dure_mkdirat(folder, "one", 0700), 0);
    CHECK_EQ(dure_renameat(folder, "one", AT_FDCWD, place.other), 0);
    CHECK(is_there(place.other));
    CHECK_FAILS(dure_unlinkat(folder, "two", 0), EISDIR);
    CHECK_EQ(dure_unlinkat(folder, "two", AT_REMOVEDIR), 0);
    CHECK_EQ(dure_close(folder), 0);
    CHECK_FAILS(dure_mkdirat(folder, "one", 0700), EBADF);
    CHECK_FAILS(dure_renameat(-1, "one", -1, "two"), EBADF);
    CHECK_FAILS(dure_unlinkat(-1, "one", 0), EBADF);
    place_close(&place);
}

static void check_lengths(void)
{
    struct stat st;
    int fd = make_file("text", 4), fds[2];

    CHECK_EQ(dure_ftruncate(fd, 2), 0);
    CHECK_EQ(dure_fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 2);
    CHECK_EQ(dure_ftruncate(fd, 100), 0);
    CHECK_EQ(dure_fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 100);
    CHECK_FAILS(dure_ftruncate(fd, -1), EINVAL);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_ftruncate(fd, 0), EBADF);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_FAILS(dure_ftruncate(fds[1], 0), EINVAL);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static void check_vectors(void)
{
    struct iovec out[3] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
    char a[4], b[8];
    struct iovec in[2] = { { a, 3 }, { b, 8 } };
    int fd = make_file("0123456789", 10);

    CHECK_EQ(dure_pwritev(fd, out, 3, 5), 8); /* all of it, in however many pieces */
    CHECK_EQ(dure_lseek(fd, 0, SEEK_CUR), 0); /* its own position has not moved */
    if (!getenv("DURE_TRANSFER_MAX")) {
        CHECK_EQ(dure_preadv(fd, in, 2, 4), 9); /* the end of the file */
        CHECK(memcmp(a, "4on", 3) == 0 && memcmp(b, "ethree", 6) == 0);
    }
    CHECK_EQ(dure_preadv(fd, in, 2, 13), 0);
    CHECK_EQ(dure_preadv(fd, in, 0, 0), 0);
    CHECK_FAILS(dure_preadv(fd, in, 2, -1), EINVAL);
    CHECK_FAILS(dure_preadv(fd, in, -1, 0), EINVAL);
    CHECK_FAILS(dure_pwritev(fd, out, 100000, 0), EINVAL);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_preadv(fd, in, 2, 0), EBADF);
    CHECK_FAILS(dure_pwritev(fd, out, 3, 0), EBADF);
}

/* Locks of one description never wait for each other. */
static void check_locks(void)
{
    int fd, other;
    char path[64];

    make_name(path);
    fd = dure_open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    other = dure_open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(dure_unlink(path), 0);
    CHECK_EQ(dure_flock(fd, LOCK_SH), 0);
    CHECK_EQ(dure_flock(other, LOCK_SH), 0);
    CHECK_FAILS(dure_flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_EQ(dure_flock(fd, LOCK_UN), 0);
    CHECK_EQ(dure_flock(other, LOCK_EX), 0);
    CHECK_FAILS(dure_flock(fd, 77), EINVAL);
    CHECK_EQ(dure_close(other), 0);
    CHECK_EQ(dure_flock(fd, LOCK_EX), 0); /* the close has given it back */
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_flock(fd, LOCK_EX), EBADF);
}

static void check_all(void)
{
    check_names();
    check_names_in_folders();
    check_lengths();
    check_vectors();
    check_locks();
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

/* Nothing happens at all; an unlock does. */
static void check_canceled(void)
{
    struct place place;
    struct iovec iov = { "more", 4 };
    dure_scope scope;
    struct stat st;
    int fd = make_file("text", 4);

    if (!place_open(&place))
        return;
    CHECK_EQ(dure_flock(fd, LOCK_EX), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_mkdir(place.path, 0700), ECANCELED);
    CHECK_FAILS(dure_rename(place.folder, place.other), ECANCELED);
    CHECK_FAILS(dure_rmdir(place.folder), ECANCELED);
    CHECK_FAILS(dure_unlink(place.folder), ECANCELED);
    CHECK_FAILS(dure_ftruncate(fd, 0), ECANCELED);
    CHECK_FAILS(dure_pwritev(fd, &iov, 1, 4), ECANCELED);
    CHECK_FAILS(dure_preadv(fd, &iov, 1, 0), ECANCELED);
    CHECK_FAILS(dure_flock(fd, LOCK_SH), ECANCELED);
    CHECK_EQ(dure_flock(fd, LOCK_UN), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK(!is_there(place.path));
    CHECK_EQ(dure_fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(dure_close(fd), 0);
    place_close(&place);
}

TEST(canceled)
{
    check_canceled();
}

TEST_OUTSIDE(canceled_outside)
{
    check_canceled();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_task),
        cmocka_unit_test(outside),
        cmocka_unit_test(canceled),
        cmocka_unit_test(canceled_outside),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
