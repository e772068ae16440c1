/* send, sendto, sendmsg and sendfile to sockets and pipes: what they wait on and what they answer. */
#include "waiting.h"

#include <fcntl.h>

static bool full(struct waiting *w, int fds[2])
{
    w->fd = fds[1];
    w->other = fds[0];
    w->more[0] = make_file("0123456789", 10);
    fill(fds[1], fds[0]);
    return true;
}

static bool stream(struct waiting *w)
{
    int fds[2];

    return CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0) &&
           full(w, fds);
}

static bool tcp(struct waiting *w)
{
    int fds[2];

    return make_tcp_pair_small(fds, false) && full(w, fds);
}

static bool foreign_tcp(struct waiting *w)
{
    int fds[2];

    return make_tcp_pair_small(fds, true) && full(w, fds);
}

static bool pipe_ours(struct waiting *w)
{
    int fds[2];

    return CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0) && full(w, fds);
}

static bool pipe_foreign(struct waiting *w)
{
    int fds[2];

    return CHECK_EQ(plain_pipe(fds), 0) && full(w, fds);
}

/* A datagram socket whose peer's queue is full. */
static bool datagrams(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0))
        return false;
    w->fd = fds[1];
    w->other = fds[0];
    while (plain_send(w->fd, "f", 1, MSG_DONTWAIT) == 1)
        ;
    return true;
}

/* The peer sends no more but reads on. */
static bool half_closed(struct waiting *w)
{
    return stream(w) && CHECK_EQ(dure_shutdown(w->other, SHUT_WR), 0);
}

static void release(struct waiting *w)
{
    drain(w->other);
}

static void starve(struct waiting *w)
{
    fill(w->fd, w->other);
}

static int64_t call_send(struct waiting *w)
{
    return dure_send(w->fd, "y", 1, 0);
}

static int64_t call_to(struct waiting *w)
{
    return dure_sendto(w->fd, "y", 1, 0, NULL, 0);
}

static int64_t call_msg(struct waiting *w)
{
    struct iovec iov[2] = { { "y", 1 }, { "z", 1 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

    return dure_sendmsg(w->fd, &msg, 0);
}

static int64_t call_file(struct waiting *w)
{
    off_t offset = 3;
    ssize_t n = dure_sendfile(w->fd, w->more[0], &offset, 1);

    CHECK_EQ(offset, n == 1 ? 4 : 3);
    CHECK_EQ(dure_lseek(w->more[0], 0, SEEK_CUR), 0);
    return n;
}

static int64_t call_file_position(struct waiting *w)
{
    off_t before = dure_lseek(w->more[0], 0, SEEK_CUR);
    ssize_t n = dure_sendfile(w->fd, w->more[0], NULL, 1);

    if (n == 1)
        CHECK(dure_lseek(w->more[0], 0, SEEK_CUR) > before);
    return n;
}

static const struct waiting_kind kinds[] = {
    { "send, stream", stream, call_send, release, 1, EAGAIN, 0, starve },
    { "send, TCP", tcp, call_send, release, 1, EAGAIN, 0, starve },
    { "send, foreign TCP", foreign_tcp, call_send, release, 1, EAGAIN, 0, starve },
    { "send, datagrams", datagrams, call_send, release, 1, EAGAIN, 0, starve },
    { "sendto, TCP", tcp, call_to, release, 1, EAGAIN, 0, starve },
    { "sendmsg, stream", stream, call_msg, release, 2, EAGAIN, WAITING_PARTS, starve },
    { "sendmsg, TCP", tcp, call_msg, release, 2, EAGAIN, WAITING_PARTS, starve },
    { "sendfile, TCP", tcp, call_file, release, 1, EAGAIN, 0, starve },
    { "sendfile, foreign TCP", foreign_tcp, call_file, release, 1, EAGAIN, 0, starve },
    { "sendfile, stream", stream, call_file, release, 1, EAGAIN, 0, starve },
    { "sendfile, pipe", pipe_ours, call_file, release, 1, EAGAIN, 0, starve },
    { "sendfile, foreign pipe", pipe_foreign, call_file, release, 1, EAGAIN, 0, starve },
    { "send, peer half closed", half_closed, call_send, release, 1, EAGAIN, 0, starve },
    { "sendfile, peer half closed", half_closed, call_file, release, 1, EAGAIN, 0, starve },
    { "sendfile, no offset", tcp, call_file_position, release, 1, EAGAIN, 0, starve },
};

WAITING_TESTS

/* --- all of it --- */

struct transfer {
    int fd, file;
    char *data;
    size_t len;
    enum { SEND, SENDMSG, SENDFILE, SENDFILE_POSITION, HOWS } how;
};

static int64_t send_it(void *arg)
{
    struct transfer *t = arg;
    struct iovec iov[4] = { { t->data, t->len / 5 },
                            { NULL, 0 },
                            { t->data + t->len / 5, 2 },
                            { t->data + t->len / 5 + 2, t->len - t->len / 5 - 2 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 4 };
    off_t offset = 0;
    ssize_t n;

    switch (t->how) {
    case SEND:
        return dure_send(t->fd, t->data, t->len, 0);
    case SENDMSG:
        return dure_sendmsg(t->fd, &msg, 0);
    case SENDFILE:
        n = dure_sendfile(t->fd, t->file, &offset, t->len + 100); /* and stops at its end */
        CHECK_EQ(offset, n);
        return n;
    default:
        dure_lseek(t->file, 0, SEEK_SET);
        n = dure_sendfile(t->fd, t->file, NULL, t->len);
        CHECK_EQ(dure_lseek(t->file, 0, SEEK_CUR), n);
        return n;
    }
}

static struct transfer transfer_of(int fd, size_t len, int how)
{
    struct transfer t = { fd, -1, malloc(len), len, (unsigned)how };
    size_t i;

    for (i = 0; i < len; i++)
        t.data[i] = (char)(i % 249);
    t.file = make_file(t.data, len);
    return t;
}

static void transfer_free(struct transfer *t)
{
    free(t->data);
    CHECK_EQ(dure_close(t->file), 0);
}

static void check_whole(int fds[2], int how, int place)
{
    struct transfer t = transfer_of(fds[1], amount(2000000), how);
    char *back = malloc(t.len);
    struct background b;
    dure_scope scope;

    dure_scope_open(&scope);
    background_start(&b, &scope, place, send_it, &t);
    if (!one_byte())
        CHECK(!atomic_load(&b.done));
    CHECK_EQ(dure_read_full(fds[0], back, t.len), t.len);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, t.len);
    CHECK(memcmp(t.data, back, t.len) == 0);
    free(back);
    transfer_free(&t);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(large_sends_finish_wholly)
{
    int fds[2], how;

    for (how = 0; how < HOWS; how++) {
        dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
        check_whole(fds, how, DURE_THIS_LOOP);
        make_tcp_pair_small(fds, false);
        check_whole(fds, how, DURE_LOOP(1));
        make_tcp_pair_small(fds, true);
        check_whole(fds, how, DURE_THIS_LOOP);
        if (how < SENDFILE)
            continue;
        dure_pipe2(fds, 0);
        check_whole(fds, how, DURE_LOOP(1));
        CHECK_EQ(plain_pipe(fds), 0);
        check_whole(fds, how, DURE_THIS_LOOP);
    }
}

static size_t read_to_end(int fds[2])
{
    size_t got = 0;
    char buf[4096];
    ssize_t n;

    CHECK_EQ(dure_shutdown(fds[1], SHUT_WR), 0);
    while ((n = dure_read(fds[0], buf, sizeof buf)) > 0)
        got += (size_t)n;
    return got;
}

/* Progress wins, to the byte: what was counted is what came. */
TEST(canceled_in_the_middle)
{
    struct background b;
    struct transfer t;
    dure_scope scope;
    int fds[2], i;

    if (one_byte())
        return;
    for (i = 0; i < HOWS * 2; i++) {
        make_tcp_pair_small(fds, i % 2);
        t = transfer_of(fds[1], 2000000, i / 2);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_THIS_LOOP, send_it, &t);
        CHECK(!atomic_load(&b.done));
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK(b.result > 0);
        CHECK_EQ(read_to_end(fds), b.result);
        transfer_free(&t);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

TEST(nonblock_and_dontwait_send_a_part)
{
    struct transfer t;
    int fds[2], how;

    for (how = 0; how < HOWS; how++) {
        make_tcp_pair_small(fds, false);
        t = transfer_of(fds[1], amount(2000000), how);
        CHECK_EQ(dure_fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
        if (!one_byte()) {
            int64_t n = send_it(&t);

            CHECK(n > 0 && n < 2000000);
            CHECK_EQ(read_to_end(fds), n);
        }
        CHECK_EQ(dure_fcntl(fds[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        transfer_free(&t);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
    make_tcp_pair_small(fds, false);
    fill(fds[1], fds[0]);
    CHECK_FAILS(dure_send(fds[1], "x", 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(dure_fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- sendfile's corners --- */

TEST(sendfile_as_the_plain_call)
{
    int file = make_file("hello world", 11), empty = make_file("", 0), out = make_file("", 0);
    int fds[2], pipes[2];
    off_t offset = 6, beyond = 100;
    char buf[32] = "";

    dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    dure_pipe2(pipes, 0);
    CHECK_EQ(dure_sendfile(fds[1], file, &offset, 5), 5);
    CHECK_EQ(offset, 11);
    CHECK_EQ(dure_sendfile(fds[1], file, &offset, 5), 0);
    CHECK_EQ(dure_sendfile(fds[1], file, &beyond, 5), 0);
    CHECK_EQ(dure_sendfile(fds[1], file, NULL, 0), 0);
    CHECK_EQ(dure_sendfile(fds[1], empty, NULL, 5), 0);
    CHECK_EQ(dure_read_full(fds[0], buf, 5), 5);
    CHECK_STR(buf, "world");
    offset = 0;
    CHECK_EQ(dure_sendfile(out, file, &offset, 11), 11); /* file to file */
    CHECK_EQ(dure_pread(out, buf, 5, 0), one_byte() ? dure_pread(out, buf, 5, 0) : 5);
    CHECK_EQ(memcmp(buf, "h", 1), 0);
    CHECK_FAILS(dure_sendfile(-1, file, NULL, 1), EBADF);
    CHECK_FAILS(dure_sendfile(fds[1], -1, NULL, 1), EBADF);
    CHECK_FAILS(dure_sendfile(fds[1], 900, NULL, 1), EBADF);
    CHECK_FAILS(plain_sendfile(fds[1], fds[0], NULL, 1), EINVAL); /* a socket is no source */
    CHECK_FAILS(dure_sendfile(fds[1], fds[0], NULL, 1), EINVAL);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_sendfile(fds[1], file, &(off_t){ 0 }, 1), EPIPE);
    CHECK_EQ(dure_close(pipes[0]), 0);
    CHECK_FAILS(dure_sendfile(pipes[1], file, &(off_t){ 0 }, 1), EPIPE);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(pipes[1]), 0);
    CHECK_EQ(dure_close(file), 0);
    CHECK_EQ(dure_close(empty), 0);
    CHECK_EQ(dure_close(out), 0);
}

TEST(errors)
{
    struct msghdr msg = { 0 };
    int fds[2], fd = dure_socket(AF_INET, SOCK_STREAM, 0);

    CHECK_FAILS(dure_send(-1, "x", 1, 0), EBADF);
    CHECK_FAILS(dure_sendto(900, "x", 1, 0, NULL, 0), EBADF);
    CHECK_FAILS(dure_sendmsg(-1, &msg, 0), EBADF);
    CHECK_FAILS(dure_send(fd, "x", 1, 0), EPIPE); /* not connected, and no SIGPIPE */
    dure_socketpair(AF_UNIX, SOCK_DGRAM, 0, fds);
    CHECK_EQ(dure_send(fds[0], "", 0, 0), 0);
    CHECK_FAILS(dure_send(fds[0], fds, (size_t)1 << 24, 0), EMSGSIZE);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(large_sends_finish_wholly),
        cmocka_unit_test(canceled_in_the_middle),
        cmocka_unit_test(nonblock_and_dontwait_send_a_part),
        cmocka_unit_test(sendfile_as_the_plain_call),
        cmocka_unit_test(errors),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
