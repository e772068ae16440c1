/* Each operation in each style: the same result and errno as the plain call. */
#include "styles.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define EACH_STYLE for (int style = 0; style < STYLES; style++)

/* The operation that was just made, in this style. */
#define RUN(op) run_in_style(&(op), (enum style)style)

/* --- files --- */

TEST(files_at_offsets)
{
    char buf[8] = "";
    struct iovec iov[2] = { { buf, 3 }, { buf + 3, 3 } };
    dure_op op;
    int fd;

    EACH_STYLE
    {
        fd = make_file("0123456789", 10);
        dure_op_pread(&op, fd, buf, 4, 2);
        CHECK_EQ(RUN(op), one_byte() ? 1 : 4);
        CHECK_EQ(buf[0], '2');
        dure_op_pread(&op, fd, buf, 4, 10);
        CHECK_EQ(RUN(op), 0);
        dure_op_pwrite(&op, fd, "ab", 2, 8);
        CHECK_EQ(RUN(op), 2);
        dure_op_preadv(&op, fd, iov, 2, 4);
        CHECK(RUN(op) >= 1);
        dure_op_pwritev(&op, fd, iov, 2, 20);
        CHECK_EQ(RUN(op), 6);
        dure_op_read(&op, fd, buf, 8);
        CHECK(RUN(op) >= 1);
        dure_op_fsync(&op, fd);
        CHECK_EQ(RUN(op), 0);
        dure_op_fdatasync(&op, fd);
        CHECK_EQ(RUN(op), 0);
        dure_op_pread(&op, fd, buf, 4, -1);
        CHECK_FAILS(RUN(op), EINVAL);
        dure_op_readv(&op, fd, iov, -1);
        CHECK_FAILS(RUN(op), EINVAL);
        dure_op_close(&op, fd);
        CHECK_EQ(RUN(op), 0);
        CHECK_FAILS(plain_fcntl(fd, F_GETFD), EBADF);
    }
}

TEST(open_stat_and_close)
{
    char path[64];
    struct statx stx;
    struct stat st;
    int64_t fd;
    dure_op op;

    make_name(path);
    CHECK_EQ(dure_close(dure_open(path, O_CREAT | O_EXCL | O_RDWR, 0600)), 0);
    CHECK_EQ(dure_stat(path, &st), 0);
    EACH_STYLE
    {
        dure_op_openat(&op, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
        fd = RUN(op);
        CHECK(fd >= 0);
        dure_op_statx(&op, AT_FDCWD, path, 0, &stx);
        CHECK_EQ(RUN(op), 0);
        CHECK_EQ(stx.stx_ino, st.st_ino);
        memset(&stx, 0, sizeof stx);
        dure_op_statx(&op, (int)fd, "", AT_EMPTY_PATH, &stx);
        CHECK_EQ(RUN(op), 0);
        CHECK_EQ(stx.stx_ino, st.st_ino);
        dure_op_close(&op, (int)fd);
        CHECK_EQ(RUN(op), 0);
        dure_op_openat(&op, AT_FDCWD, "/no/such/file", O_RDONLY, 0);
        CHECK_FAILS(RUN(op), ENOENT);
        dure_op_statx(&op, AT_FDCWD, "/no/such/file", 0, &stx);
        CHECK_FAILS(RUN(op), ENOENT);
        dure_op_openat(&op, AT_FDCWD, path, O_CREAT | O_EXCL, 0600);
        CHECK_FAILS(RUN(op), EEXIST);
    }
    CHECK_EQ(dure_unlink(path), 0);
}

static int open_other_end(void *arg)
{
    int fd = dure_open(arg, O_WRONLY | O_CLOEXEC);

    CHECK(fd >= 0);
    return dure_close(fd);
}

/* The open of a FIFO waits for somebody, on a thread of its own kind; and ends when it is cancelled. */
TEST(open_of_a_fifo)
{
    dure_spawn_options elsewhere = { .place = DURE_LOOP(1) };
    char path[64];
    int64_t fd = -2;
    dure_scope scope;
    dure_op op;

    make_name(path);
    CHECK_EQ(dure_mkfifo(path, 0600), 0);
    EACH_STYLE
    {
        dure_op_openat(&op, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
        fd = RUN(op);
        CHECK_EQ(fd, -1);
        CHECK_EQ(errno, ETIMEDOUT);
        dure_scope_open(&scope);
        CHECK_EQ(dure_spawn_with(&scope, &elsewhere, open_other_end, path, 0), 0);
        fd = RUN(op);
        CHECK(fd >= 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(dure_close((int)fd), 0);
    }
    CHECK_EQ(dure_unlink(path), 0);
}

/* --- sockets --- */

TEST(connect_and_accept)
{
    struct sockaddr_storage addr, from;
    socklen_t len, from_len;
    int listener = make_listener(AF_INET, false, &addr, &len), fd;
    int64_t accepted;
    dure_op op;

    EACH_STYLE
    {
        fd = dure_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        dure_op_connect(&op, fd, (struct sockaddr *)&addr, len);
        CHECK_EQ(RUN(op), 0);
        from_len = sizeof from;
        dure_op_accept(&op, listener, (struct sockaddr *)&from, &from_len,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
        accepted = RUN(op);
        CHECK(accepted >= 0);
        CHECK_EQ(from_len, sizeof(struct sockaddr_in));
        CHECK(plain_fcntl((int)accepted, F_GETFL) & O_NONBLOCK);
        CHECK_EQ(dure_close((int)accepted), 0);
        CHECK_EQ(dure_close(fd), 0);
        dure_op_accept(&op, listener, NULL, NULL, ~0);
        CHECK_FAILS(RUN(op), EINVAL);
    }
    CHECK_EQ(dure_close(listener), 0); /* nobody listens there now */
    EACH_STYLE
    {
        fd = dure_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        dure_op_connect(&op, fd, (struct sockaddr *)&addr, len);
        CHECK_FAILS(RUN(op), ECONNREFUSED);
        CHECK_EQ(dure_close(fd), 0);
    }
}

/* More than any connection of a simulation holds. */
enum { MUCH = 600000 };

static char much[MUCH], got[MUCH];

static int64_t take_all(void *arg)
{
    return dure_read_full(*(int *)arg, got, amount(MUCH));
}

/* What goes out by parts is told once, when all has gone: every call that sends, to a slow reader. */
static void send_much(dure_op *op, int how, int fd, int file)
{
    static struct iovec iov[3];
    static struct msghdr msg;
    static off_t offset;
    size_t len = amount(MUCH), third = len / 3;

    iov[0] = (struct iovec){ much, third };
    iov[1] = (struct iovec){ much + third, 0 };
    iov[2] = (struct iovec){ much + third, len - third };
    msg = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 3 };
    offset = 0;
    switch (how) {
    case 0:
        dure_op_write(op, fd, much, len);
        break;
    case 1:
        dure_op_writev(op, fd, iov, 3);
        break;
    case 2:
        dure_op_send(op, fd, much, len, 0);
        break;
    case 3:
        dure_op_sendmsg(op, fd, &msg, 0);
        break;
    default:
        dure_op_sendfile(op, fd, file, &offset, len);
    }
}

TEST(all_of_it_is_sent)
{
    size_t len = amount(MUCH), i;
    struct background reader;
    dure_scope scope;
    int fds[2], file, how;
    dure_op op;

    for (i = 0; i < len; i++)
        much[i] = (char)(i * 7 + i / 256);
    file = make_file(much, len);
    EACH_STYLE
    {
        for (how = 0; how < 5; how++) {
            make_tcp_pair_small(fds, false);
            memset(got, 0, sizeof got);
            dure_scope_open(&scope);
            background_start(&reader, &scope, DURE_LOOP(1), take_all, &fds[1]);
            send_much(&op, how, fds[0], file);
            CHECK_EQ(RUN(op), len);
            CHECK_EQ(dure_scope_close(&scope), 0);
            CHECK_EQ(reader.result, len);
            CHECK_EQ(memcmp(much, got, len), 0);
            CHECK_EQ(dure_close(fds[0]), 0);
            CHECK_EQ(dure_close(fds[1]), 0);
        }
    }
    CHECK_EQ(dure_close(file), 0);
}

/* Of a file that cannot say whether it is in memory, a thread reads it in first, once. */
TEST(file_that_has_to_be_read_in)
{
    int fds[2], file, error;
    off_t offset = 0;
    ssize_t n;
    dure_op op;

    NOT_SIMULATED("no file has to be read in");
    file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    make_tcp_pair(fds);
    n = sendfile(fds[0], file, &offset, 100); /* some kernels refuse */
    error = errno;
    EACH_STYLE
    {
        offset = 0;
        dure_op_sendfile(&op, fds[0], file, &offset, 100);
        if (n < 0)
            CHECK_FAILS(RUN(op), error);
        else
            CHECK_EQ(RUN(op), 100);
    }
    plain_close(file);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* Cancelled half-way: what has moved is told. */
TEST(progress_wins)
{
    int64_t n = -2;
    int fds[2], how;
    dure_op op;

    EACH_STYLE
    {
        for (how = 0; how < 4; how++) {
            make_tcp_pair_small(fds, false);
            send_much(&op, how, fds[0], -1);
            if (one_byte()) /* would all fit */
                fill(fds[0], fds[1]);
            DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
            n = RUN(op);
            CHECK(one_byte() ? n == -1 : n > 0 && n < MUCH);
            CHECK_EQ(dure_close(fds[0]), 0);
            CHECK_EQ(dure_close(fds[1]), 0);
        }
    }
}

TEST(flags_of_sockets)
{
    char buf[4];
    struct iovec iov[2] = { { buf, 1 }, { buf + 1, 3 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    int fds[2], fd;
    dure_op op;

    make_tcp_pair(fds);
    EACH_STYLE
    {
        dure_op_recv(&op, fds[0], buf, 4, MSG_DONTWAIT);
        CHECK_FAILS(RUN(op), EAGAIN);
        CHECK_EQ(plain_write(fds[1], "ab", 2), 2);
        dure_op_recv(&op, fds[0], buf, 4, MSG_PEEK);
        CHECK(RUN(op) >= 1);
        dure_op_recv(&op, fds[0], buf, 2, MSG_WAITALL);
        CHECK_EQ(RUN(op), 2);
        CHECK_EQ(plain_write(fds[1], "cdef", 4), 4);
        dure_op_recvmsg(&op, fds[0], &msg, MSG_WAITALL);
        CHECK_EQ(RUN(op), 4);
        CHECK(memcmp(buf, "cdef", 4) == 0);
    }
    CHECK_EQ(dure_shutdown(fds[1], SHUT_WR), 0);
    fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    EACH_STYLE
    {
        dure_op_recv(&op, fds[0], buf, 4, 0);
        CHECK_EQ(RUN(op), 0);
        dure_op_recv(&op, fds[0], buf, 4, MSG_WAITALL);
        CHECK_EQ(RUN(op), 0);
        dure_op_send(&op, fd, buf, 4, 0); /* no SIGPIPE */
        CHECK_FAILS(RUN(op), EPIPE);
    }
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* SO_RCVTIMEO, as a twin knows it. */
TEST(time_limit_of_a_socket)
{
    struct timeval limit = { .tv_usec = 5000 };
    int64_t begun_ns;
    char buf[4];
    int fds[2];
    dure_op op;

    make_tcp_pair(fds);
    CHECK_EQ(dure_setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    EACH_STYLE
    {
        begun_ns = dure_now();
        dure_op_recv(&op, fds[0], buf, 4, 0);
        CHECK_FAILS(RUN(op), EAGAIN);
        CHECK(dure_now() - begun_ns >= 5 * DURE_MILLISECOND);
        CHECK_EQ(plain_write(fds[1], "x", 1), 1);
        CHECK_EQ(RUN(op), 1);
    }
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- others --- */

TEST(bad_descriptors_and_nothing)
{
    struct iovec nothing = { NULL, 0 };
    int fds[2];
    char buf[4];
    dure_op op;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    EACH_STYLE
    {
        dure_op_read(&op, -1, buf, 4);
        CHECK_FAILS(RUN(op), EBADF);
        dure_op_read(&op, 900, buf, 0);
        CHECK_FAILS(RUN(op), EBADF);
        dure_op_write(&op, 900, buf, 4);
        CHECK_FAILS(RUN(op), EBADF);
        dure_op_close(&op, 900);
        CHECK_FAILS(RUN(op), EBADF);
        dure_op_close(&op, -1);
        CHECK_FAILS(RUN(op), EBADF);
        dure_op_fsync(&op, 900);
        CHECK_FAILS(RUN(op), EBADF);
        dure_op_pread(&op, fds[0], buf, 4, 0);
        CHECK_FAILS(RUN(op), ESPIPE);
        dure_op_pwrite(&op, fds[1], buf, 4, 0);
        CHECK_FAILS(RUN(op), ESPIPE);
        dure_op_recv(&op, fds[0], buf, 4, 0);
        CHECK_FAILS(RUN(op), ENOTSOCK);
        dure_op_read(&op, fds[0], buf, 0); /* an empty pipe: it would wait for more */
        CHECK_EQ(RUN(op), 0);
        dure_op_readv(&op, fds[0], &nothing, 1);
        CHECK_EQ(RUN(op), 0);
        dure_op_writev(&op, fds[1], &nothing, 1);
        CHECK_EQ(RUN(op), 0);
        dure_op_poll(&op, fds[1], POLLOUT | POLLIN);
        CHECK_EQ(RUN(op), POLLOUT);
    }
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(sleeping)
{
    int64_t begun_ns;
    dure_op op;

    EACH_STYLE
    {
        begun_ns = dure_now();
        dure_op_sleep_until(&op, dure_after(3 * DURE_MILLISECOND));
        CHECK_EQ(RUN(op), 0);
        CHECK(dure_now() - begun_ns >= 3 * DURE_MILLISECOND);
        CHECK_EQ(RUN(op), 0); /* that time has passed */
    }
}

static int64_t read_one(void *arg)
{
    char byte;

    return dure_read(*(int *)arg, &byte, 1);
}

/* Closed under those who wait, here and elsewhere: they hear of it, and the close is told after. */
TEST(close_tells_who_waits)
{
    static const int places[] = { DURE_THIS_LOOP, DURE_LOOP(1) };
    struct background b;
    dure_scope scope;
    int fds[2], place;
    dure_op op;

    EACH_STYLE
    {
        for (place = 0; place < 2; place++) {
            CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
            dure_scope_open(&scope);
            background_start(&b, &scope, places[place], read_one, &fds[0]);
            dure_op_close(&op, fds[0]);
            CHECK_EQ(RUN(op), 0);
            CHECK_FAILS(plain_fcntl(fds[0], F_GETFD), EBADF);
            CHECK_EQ(dure_scope_close(&scope), 0);
            CHECK_EQ(b.result, -1);
            CHECK_EQ(b.error, EBADF);
            CHECK_EQ(dure_close(fds[1]), 0);
        }
    }
}

/* An operation, closed by another one that was started after it. */
TEST(close_tells_operations)
{
    struct told read_told = { 0 }, close_told = { 0 };
    dure_op reads, closes;
    dure_scope scope;
    int fds[2];
    char byte;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    dure_op_read(&reads, fds[0], &byte, 1);
    CHECK_EQ(dure_start(&reads, tell_it, &read_told), 0);
    dure_op_close(&closes, fds[0]);
    CHECK_EQ(dure_start(&closes, tell_it, &close_told), 0);
    CHECK_EQ(dure_op_cancel(&closes), 0); /* a close is never cancelled */
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(read_told.error, EBADF);
    CHECK_EQ(close_told.result, 0);
    CHECK_FAILS(plain_fcntl(fds[0], F_GETFD), EBADF);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* Clean-up in a scope that has ended: a close is started, and waited for, all the same. */
TEST(close_is_never_refused)
{
    struct told told = { 0 };
    dure_scope scope;
    int fds[2], i;
    dure_op op;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    for (i = 0; i < 2; i++) {
        dure_op_close(&op, fds[i]);
        CHECK_EQ(dure_start(&op, tell_it, &told), 0);
        YIELD_UNTIL(told.times == i + 1);
        CHECK_EQ(told.result, 0);
    }
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_FAILS(plain_fcntl(fds[0], F_GETFD), EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_at_offsets),
        cmocka_unit_test(open_stat_and_close),
        cmocka_unit_test(open_of_a_fifo),
        cmocka_unit_test(connect_and_accept),
        cmocka_unit_test(all_of_it_is_sent),
        cmocka_unit_test(file_that_has_to_be_read_in),
        cmocka_unit_test(progress_wins),
        cmocka_unit_test(flags_of_sockets),
        cmocka_unit_test(time_limit_of_a_socket),
        cmocka_unit_test(bad_descriptors_and_nothing),
        cmocka_unit_test(sleeping),
        cmocka_unit_test(close_tells_who_waits),
        cmocka_unit_test(close_tells_operations),
        cmocka_unit_test(close_is_never_refused),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
