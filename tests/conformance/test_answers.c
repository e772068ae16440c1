/* What moves bytes, asked of every kind of descriptor: the answers are the plain call's. */
#include "answers.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* --- calls --- */

static char buf[16];
static volatile int minus = -1; /* which no compiler warns of */

ANSWERS_CALL(readv_nothing, readv(fd, NULL, 0))
ANSWERS_CALL(readv_empty, readv(fd, (struct iovec[2]){ { buf, 0 }, { NULL, 0 } }, 2))
ANSWERS_CALL(writev_nothing, writev(fd, NULL, 0))
ANSWERS_CALL(writev_empty, writev(fd, (struct iovec[2]){ { buf, 0 }, { NULL, 0 } }, 2))
ANSWERS_CALL(read_nothing, read(fd, buf, 0))
ANSWERS_CALL(write_nothing, write(fd, buf, 0))
ANSWERS_CALL(pread_nothing, pread(fd, buf, 0, 0))
ANSWERS_CALL(pwrite_nothing, pwrite(fd, buf, 0, 0))
ANSWERS_CALL(preadv_nothing, preadv(fd, NULL, 0, 0))
ANSWERS_CALL(pwritev_nothing, pwritev(fd, NULL, 0, 0))
ANSWERS_CALL(readv_negative, readv(fd, NULL, minus))
ANSWERS_CALL(writev_negative, writev(fd, NULL, minus))
ANSWERS_CALL(preadv_negative, preadv(fd, NULL, minus, -1))
ANSWERS_CALL(pwritev_negative, pwritev(fd, NULL, minus, 0))
ANSWERS_CALL(pwrite_negative, pwrite(fd, buf, sizeof buf, -1))
ANSWERS_CALL(accept_flags, accept4(fd, NULL, NULL, 1 << 30))
ANSWERS_CALL(connect_short, connect(fd, (struct sockaddr *)buf, 1))
ANSWERS_CALL(recv_flags, recv(fd, buf, sizeof buf, MSG_ERRQUEUE))
ANSWERS_CALL(recvmmsg_negative, recvmmsg(fd, NULL, 0, MSG_DONTWAIT, &(struct timespec){ -1, 0 }))
ANSWERS_CALL(read, read(fd, buf, sizeof buf))
ANSWERS_CALL(pread, pread(fd, buf, sizeof buf, 0))
ANSWERS_CALL(pwrite, pwrite(fd, buf, sizeof buf, 0))
ANSWERS_CALL(preadv, preadv(fd, (struct iovec[1]){ { buf, sizeof buf } }, 1, 0))
ANSWERS_CALL(pwritev, pwritev(fd, (struct iovec[1]){ { buf, sizeof buf } }, 1, 0))
ANSWERS_CALL(pread_negative, pread(fd, buf, sizeof buf, -1))
ANSWERS_CALL(write, write(fd, buf, 1))
ANSWERS_CALL(writev, writev(fd, (struct iovec[2]){ { buf, 0 }, { buf, 1 } }, 2))
ANSWERS_CALL(preadv2, preadv2(fd, (struct iovec[1]){ { buf, sizeof buf } }, 1, 0, 0))
ANSWERS_CALL(preadv2_position, preadv2(fd, (struct iovec[1]){ { buf, sizeof buf } }, 1, -1, 0))
ANSWERS_CALL(preadv2_flags, preadv2(fd, (struct iovec[1]){ { buf, 1 } }, 1, 0, 1 << 30))
ANSWERS_CALL(pwritev2, pwritev2(fd, (struct iovec[1]){ { buf, 1 } }, 1, 0, 0))
ANSWERS_CALL(pwritev2_position, pwritev2(fd, (struct iovec[1]){ { buf, 1 } }, 1, -1, 0))
ANSWERS_CALL(pwritev2_flags, pwritev2(fd, (struct iovec[1]){ { buf, 1 } }, 1, 0, 1 << 30))
ANSWERS_CALL(splice_to_itself, splice(fd, NULL, fd, NULL, 1, 0))
ANSWERS_CALL(splice_flags, splice(fd, NULL, fd, NULL, 1, 1u << 30))
ANSWERS_CALL(splice_nothing, splice(fd, NULL, fd, NULL, 0, 0))
ANSWERS_CALL(splice_file, splice(STDIN_FILENO, &(off_t){ 0 }, fd, NULL, 1, 0))
ANSWERS_CALL(tee_itself, tee(fd, fd, 1, 0))
ANSWERS_CALL(tee_nothing, tee(fd, fd, 0, 0))
ANSWERS_CALL(fsync, fsync(fd))
ANSWERS_CALL(fdatasync, fdatasync(fd))
ANSWERS_CALL(accept, accept(fd, NULL, NULL))
ANSWERS_CALL(urgent, recv(fd, buf, sizeof buf, MSG_OOB))
ANSWERS_CALL(sendfile, sendfile(fd, STDIN_FILENO, &(off_t){ 0 }, 1))
ANSWERS_CALL(sendfile_from_none, sendfile(fd, -1, &(off_t){ 0 }, 1))
ANSWERS_CALL(sendfile_negative, sendfile(fd, STDIN_FILENO, &(off_t){ -1 }, 1))

static const struct answers_call calls[] = {
    ANSWERS_ROW(readv_nothing, 0),
    ANSWERS_ROW(readv_empty, 0),
    ANSWERS_ROW(writev_nothing, 0),
    ANSWERS_ROW(writev_empty, 0),
    ANSWERS_ROW(read_nothing, ANSWERS_NOTHING),
    ANSWERS_ROW(write_nothing, 0),
    ANSWERS_ROW(pread_nothing, 0),
    ANSWERS_ROW(pwrite_nothing, 0),
    ANSWERS_ROW(preadv_nothing, 0),
    ANSWERS_ROW(pwritev_nothing, 0),
    ANSWERS_ROW(readv_negative, 0),
    ANSWERS_ROW(writev_negative, 0),
    ANSWERS_ROW(preadv_negative, 0),
    ANSWERS_ROW(pwritev_negative, 0),
    ANSWERS_ROW(pwrite_negative, 0),
    ANSWERS_ROW(accept_flags, 0),
    ANSWERS_ROW(connect_short, 0),
    ANSWERS_ROW(recv_flags, ANSWERS_READS | ANSWERS_ACCEPTS),
    ANSWERS_ROW(recvmmsg_negative, 0),
    ANSWERS_ROW(read, ANSWERS_READS),
    ANSWERS_ROW(pread, 0),
    ANSWERS_ROW(pwrite, 0),
    ANSWERS_ROW(preadv, 0),
    ANSWERS_ROW(pwritev, 0),
    ANSWERS_ROW(pread_negative, 0),
    ANSWERS_ROW(write, 0),
    ANSWERS_ROW(writev, 0),
    ANSWERS_ROW(preadv2, 0),
    ANSWERS_ROW(preadv2_position, ANSWERS_READS),
    ANSWERS_ROW(preadv2_flags, 0),
    ANSWERS_ROW(pwritev2, 0),
    ANSWERS_ROW(pwritev2_position, 0),
    ANSWERS_ROW(pwritev2_flags, 0),
    ANSWERS_ROW(splice_to_itself, 0),
    ANSWERS_ROW(splice_flags, 0),
    ANSWERS_ROW(splice_nothing, 0),
    ANSWERS_ROW(splice_file, 0),
    ANSWERS_ROW(tee_itself, 0),
    ANSWERS_ROW(tee_nothing, 0),
    ANSWERS_ROW(fsync, 0),
    ANSWERS_ROW(fdatasync, 0),
    ANSWERS_ROW(accept, ANSWERS_ACCEPTS),
    ANSWERS_ROW(urgent, ANSWERS_READS),
    ANSWERS_ROW(sendfile, ANSWERS_WRITES),
    ANSWERS_ROW(sendfile_from_none, 0),
    ANSWERS_ROW(sendfile_negative, 0),
};

ANSWERS_TESTS

/* An empty vector is no message. */
TEST(empty_vector_sends_no_datagram)
{
    int fds[2];

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    CHECK_EQ(dure_writev(fds[0], NULL, 0), 0);
    CHECK_FAILS(dure_recv(fds[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(dure_write(fds[0], "", 0), 0); /* which is one */
    CHECK_EQ(dure_recv(fds[1], buf, sizeof buf, MSG_DONTWAIT), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* Even nothing is refused to who is cancelled. */
TEST(nothing_is_moved_in_a_canceled_scope)
{
    dure_scope scope;
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_read(fds[0], buf, 0), ECANCELED);
    CHECK_FAILS(dure_readv(fds[0], NULL, 0), ECANCELED);
    CHECK_FAILS(dure_writev(fds[1], NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* What the task's twins do in a cancelled scope, the thread's do. */
TEST_OUTSIDE(stat_in_a_canceled_scope_on_a_thread)
{
    struct stat st;
    dure_scope scope;

    dure_scope_open(&scope);
    CHECK_EQ(dure_stat("/", &st), 0);
    CHECK_EQ(dure_fstat(STDIN_FILENO, &st), 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_stat("/", &st), ECANCELED);
    CHECK_FAILS(dure_fstat(STDIN_FILENO, &st), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ANSWERS_UNITS,
        cmocka_unit_test(empty_vector_sends_no_datagram),
        cmocka_unit_test(nothing_is_moved_in_a_canceled_scope),
        cmocka_unit_test(stat_in_a_canceled_scope_on_a_thread),
    };

    return answers_main(tests, sizeof tests / sizeof *tests);
}
