/* sendfile from files: to sockets, to files, to nobody. Its waits are in test_send.c. */
#include "waiting.h"

#include <fcntl.h>
#include <sys/stat.h>

struct sending {
    int out, in;
    off_t *offset;
    size_t len;
};

static int64_t send_it(void *arg)
{
    struct sending *sending = arg;

    return dure_sendfile(sending->out, sending->in, sending->offset, sending->len);
}

/* Sends len bytes from the 10th on, more than any buffer holds, and reads them at the other end. */
static void check_sending(int out, int back_fd, bool with_offset)
{
    size_t len = amount(1000000), i;
    char *data = malloc(len), *back = calloc(1, len);
    off_t offset = 10, *at = with_offset ? &offset : NULL;
    struct background b;
    struct sending sending = { .out = out, .offset = at, .len = len };
    dure_scope scope;

    for (i = 0; i < len; i++)
        data[i] = (char)(i % 249);
    sending.in = make_file("0123456789", 10);
    CHECK_EQ(dure_pwrite(sending.in, data, len, 10), len);
    CHECK_EQ(dure_lseek(sending.in, with_offset ? 3 : 10, SEEK_SET), with_offset ? 3 : 10);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, send_it, &sending);
    CHECK_EQ(dure_read_full(back_fd, back, len), len);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, len);
    CHECK(memcmp(data, back, len) == 0);
    CHECK_EQ(dure_lseek(sending.in, 0, SEEK_CUR), with_offset ? 3 : 10 + (off_t)len);
    CHECK_EQ(offset, with_offset ? 10 + (off_t)len : 10);
    CHECK_EQ(dure_sendfile(out, sending.in, at, 100), 0); /* the end of the file */
    CHECK_EQ(dure_close(sending.in), 0);
    free(data);
    free(back);
}

TEST(sendfile_sends_all)
{
    int fds[2], i;

    for (i = 0; i < 2; i++) {
        CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        check_sending(fds[1], fds[0], i);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
        make_tcp_pair(fds);
        check_sending(fds[1], fds[0], i);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
        make_tcp_pair_plain(fds);
        check_sending(fds[1], fds[0], i);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
        CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
        check_sending(fds[1], fds[0], i);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

TEST(sendfile_to_a_file)
{
    int in = make_file("0123456789", 10), out = make_file("", 0);
    char back[16] = "";
    off_t offset = 4;

    CHECK_EQ(dure_sendfile(out, in, &offset, 100), 6);
    CHECK_EQ(offset, 10);
    CHECK_EQ(dure_lseek(in, 0, SEEK_SET), 0);
    CHECK_EQ(dure_sendfile(out, in, NULL, 3), 3);
    CHECK_EQ(read_at(out, back, sizeof back, 0), 9);
    CHECK_STR(back, "456789012");
    CHECK_EQ(dure_sendfile(out, in, NULL, 0), 0);
    CHECK_EQ(dure_close(in), 0);
    CHECK_FAILS(dure_sendfile(out, in, NULL, 3), EBADF);
    in = make_file("x", 1);
    CHECK_EQ(dure_close(out), 0);
    CHECK_FAILS(dure_sendfile(out, in, NULL, 1), EBADF);
    CHECK_EQ(dure_close(in), 0);
}

/* One whose buffers do not grow to megabytes. */
static void make_narrow_tcp_pair(int fds[2])
{
    int size = 65536;

    make_tcp_pair(fds);
    CHECK_EQ(dure_setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    CHECK_EQ(dure_setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

/* Progress wins, and the offset tells where to go on. */
TEST(sendfile_canceled_in_the_middle)
{
    size_t len = 3000000, got;
    char *data = calloc(1, len);
    struct background b;
    struct sending sending = { .len = len };
    dure_scope scope;
    off_t offset;
    int fds[2], i;

    if (one_byte())
        len = 0; /* the buffers would hold what can be moved */
    sending.in = make_file(data, len);
    for (i = 0; i < 3 && len; i++) {
        if (i == 0)
            CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        else if (i == 1)
            make_narrow_tcp_pair(fds);
        else
            CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
        sending.out = fds[1];
        sending.offset = &offset;
        offset = 0;
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), send_it, &sending);
        CHECK(!atomic_load(&b.done));
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        got = drain(fds[0]);
        CHECK(got > 0);
        CHECK_EQ(b.result, got);
        CHECK_EQ(offset, got);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
    CHECK_EQ(dure_close(sending.in), 0);
    free(data);
}

/* The receiver has gone: EPIPE or ECONNRESET, and no SIGPIPE, which would end the test. */
TEST(sendfile_to_nobody)
{
    int in = make_file("0123456789", 10), fds[2];
    off_t offset = 0;

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_sendfile(fds[1], in, &offset, 10), EPIPE);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_sendfile(fds[1], in, &offset, 10), EPIPE);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(offset, 0);
    CHECK_EQ(dure_close(in), 0);
}

/* With O_NONBLOCK: what fits, then EAGAIN. */
TEST(sendfile_nonblock)
{
    size_t len = 3000000;
    char *data = calloc(1, len);
    int in, fds[2];
    off_t offset = 0;
    ssize_t n;

    if (one_byte())
        len = 100;
    in = make_file(data, len);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    n = dure_sendfile(fds[1], in, &offset, len);
    CHECK(n > 0);
    CHECK_EQ(offset, n);
    if (!one_byte()) {
        CHECK(n < 3000000);
        fill(fds[1], fds[0]);
        CHECK_FAILS(dure_sendfile(fds[1], in, &offset, len), EAGAIN);
    }
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(in), 0);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sendfile_sends_all),
        cmocka_unit_test(sendfile_to_a_file),
        cmocka_unit_test(sendfile_canceled_in_the_middle),
        cmocka_unit_test(sendfile_to_nobody),
        cmocka_unit_test(sendfile_nonblock),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
