/* recv, recvfrom and recvmsg. */
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

static bool pair_of(struct waiting *w, int type)
{
    int fds[2];

    if (!CHECK_EQ(dure_socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool stream(struct waiting *w)
{
    return pair_of(w, SOCK_STREAM);
}

static bool packets(struct waiting *w)
{
    return pair_of(w, SOCK_SEQPACKET);
}

static bool datagrams(struct waiting *w)
{
    return pair_of(w, SOCK_DGRAM);
}

static bool tcp(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made;
}

static bool foreign_tcp(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair_plain(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made;
}

/* Two UDP sockets; `other` is connected to `fd`. */
static bool udp(struct waiting *w)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof addr;

    w->fd = dure_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    w->other = dure_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return CHECK_EQ(dure_bind(w->fd, (struct sockaddr *)&addr, len), 0) &&
           CHECK_EQ(dure_bind(w->other, (struct sockaddr *)&addr, len), 0) &&
           CHECK_EQ(dure_getsockname(w->fd, (struct sockaddr *)&addr, &len), 0) &&
           CHECK_EQ(dure_connect(w->other, (struct sockaddr *)&addr, len), 0);
}

static void release(struct waiting *w)
{
    CHECK_EQ(plain_send(w->other, "x", 1, 0), 1);
}

static void release_three(struct waiting *w)
{
    CHECK_EQ(plain_send(w->other, "xyz", 3, 0), 3);
}

static int64_t call_recv(struct waiting *w)
{
    char buf[100];

    return dure_recv(w->fd, buf, sizeof buf, 0);
}

static int64_t call_peek(struct waiting *w)
{
    char byte;

    return dure_recv(w->fd, &byte, 1, MSG_PEEK);
}

static int64_t call_all(struct waiting *w)
{
    char buf[3] = "";
    ssize_t n = dure_recv(w->fd, buf, 3, MSG_WAITALL);

    if (n == 3)
        CHECK(memcmp(buf, "xyz", 3) == 0);
    return n;
}

static int64_t call_from(struct waiting *w)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    char buf[100];

    return dure_recvfrom(w->fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &len);
}

static int64_t call_msg(struct waiting *w)
{
    char a[1], b[7];
    struct iovec iov[2] = { { a, 1 }, { b, 7 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

    return dure_recvmsg(w->fd, &msg, 0);
}

/* What was peeked at is still there. */
static void drain_one(struct waiting *w)
{
    char byte;

    CHECK_EQ(dure_recv(w->fd, &byte, 1, 0), 1);
}

static const struct waiting_kind kinds[] = {
    { "recv, stream", stream, call_recv, release, 1, EAGAIN, 0, NULL },
    { "recv, TCP", tcp, call_recv, release, 1, EAGAIN, 0, NULL },
    { "recv, foreign TCP", foreign_tcp, call_recv, release, 1, EAGAIN, 0, NULL },
    { "recv, packets", packets, call_recv, release, 1, EAGAIN, 0, NULL },
    { "recv, datagrams", datagrams, call_recv, release, 1, EAGAIN, 0, NULL },
    { "recv, UDP", udp, call_recv, release, 1, EAGAIN, 0, NULL },
    { "recv all, stream", stream, call_all, release_three, 3, EAGAIN, WAITING_ALONE | WAITING_PARTS,
      NULL },
    { "recv all, TCP", tcp, call_all, release_three, 3, EAGAIN, WAITING_ALONE | WAITING_PARTS,
      NULL },
    { "recv to peek, stream", stream, call_peek, release, 1, EAGAIN, WAITING_ALONE, drain_one },
    { "recv to peek, TCP", tcp, call_peek, release, 1, EAGAIN, WAITING_ALONE, drain_one },
    { "recvfrom, UDP", udp, call_from, release, 1, EAGAIN, 0, NULL },
    { "recvfrom, TCP", tcp, call_from, release, 1, EAGAIN, 0, NULL },
    { "recvmsg, stream", stream, call_msg, release, 1, EAGAIN, 0, NULL },
    { "recvmsg, TCP", tcp, call_msg, release, 1, EAGAIN, 0, NULL },
    { "recvmsg, packets", packets, call_msg, release, 1, EAGAIN, 0, NULL },
    { "recvmsg, UDP", udp, call_msg, release, 1, EAGAIN, 0, NULL },
};

WAITING_TESTS

/* --- flags --- */

static void close_both(struct waiting *w)
{
    CHECK_EQ(dure_close(w->fd), 0);
    CHECK_EQ(dure_close(w->other), 0);
}

TEST(dontwait)
{
    bool (*const make[])(struct waiting *) = { stream, tcp, udp, datagrams, packets };
    struct waiting w;
    char buf[4];
    size_t i;

    for (i = 0; i < sizeof make / sizeof *make; i++) {
        struct iovec iov = { buf, sizeof buf };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

        make[i](&w);
        CHECK_FAILS(dure_recv(w.fd, buf, 4, MSG_DONTWAIT), EAGAIN);
        CHECK_FAILS(dure_recvfrom(w.fd, buf, 4, MSG_DONTWAIT, NULL, NULL), EAGAIN);
        CHECK_FAILS(dure_recvmsg(w.fd, &msg, MSG_DONTWAIT), EAGAIN);
        CHECK_FAILS(dure_recv(w.fd, buf, 4, MSG_DONTWAIT | MSG_WAITALL), EAGAIN);
        if (i == 1 || i == 2)
            CHECK_FAILS(dure_recv(w.fd, buf, 4, MSG_ERRQUEUE), EAGAIN); /* never waits */
        release(&w);
        on_its_way();
        CHECK_EQ(dure_recv(w.fd, buf, 4, MSG_DONTWAIT), 1);
        CHECK_EQ(dure_fcntl(w.fd, F_GETFL) & O_NONBLOCK, 0);
        close_both(&w);
    }
}

TEST(peek_leaves_it)
{
    struct waiting w;
    char buf[4];

    stream(&w);
    release(&w);
    CHECK_EQ(dure_recv(w.fd, buf, 4, MSG_PEEK), 1);
    CHECK_EQ(dure_recv(w.fd, buf, 4, MSG_PEEK), 1);
    CHECK_EQ(dure_recv(w.fd, buf, 4, 0), 1);
    CHECK_FAILS(dure_recv(w.fd, buf, 4, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
    close_both(&w);
}

static int64_t peek_all(void *arg)
{
    struct waiting *w = arg;
    char buf[5];

    return dure_recv(w->fd, buf, 5, MSG_PEEK | MSG_WAITALL);
}

/* MSG_PEEK with MSG_WAITALL waits for all and takes nothing. */
TEST(peek_all_waits)
{
    struct background b;
    struct waiting w;
    dure_scope scope;
    char buf[8];

    tcp(&w);
    dure_scope_open(&scope);
    CHECK_EQ(plain_send(w.other, "12", 2, 0), 2);
    background_start(&b, &scope, DURE_THIS_LOOP, peek_all, &w);
    CHECK(!atomic_load(&b.done));
    CHECK_EQ(plain_send(w.other, "345", 3, 0), 3);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 5);
    CHECK_EQ(dure_recv(w.fd, buf, 5, MSG_WAITALL), 5);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, peek_all, &w);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    close_both(&w);
}

static int64_t receive_ten(void *arg)
{
    struct waiting *w = arg;
    char a[3], b[4], c[10];
    struct iovec iov[4] = { { a, 3 }, { NULL, 0 }, { b, 4 }, { c, 3 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 4 };
    ssize_t n = dure_recvmsg(w->fd, &msg, MSG_WAITALL);

    if (n == 10)
        CHECK(memcmp(a, "012", 3) == 0 && memcmp(b, "3456", 4) == 0 && memcmp(c, "789", 3) == 0);
    CHECK(iov[3].iov_len == 3 && iov[0].iov_base == a); /* the caller's vector is untouched */
    return n;
}

/* All of it in pieces; what had come when a cancel or the end cut it short. */
TEST(waitall_in_pieces)
{
    bool (*const make[])(struct waiting *) = { stream, tcp };
    struct background b;
    struct waiting w;
    dure_scope scope;
    size_t i;

    for (i = 0; i < 2; i++) {
        make[i](&w);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i), receive_ten, &w);
        CHECK_EQ(plain_send(w.other, "0123", 4, 0), 4);
        one_turn();
        CHECK_EQ(plain_send(w.other, "45678", 5, 0), 5);
        one_turn();
        CHECK(!atomic_load(&b.done));
        CHECK_EQ(plain_send(w.other, "9", 1, 0), 1);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(b.result, 10);
        dure_scope_open(&scope);
        CHECK_EQ(plain_send(w.other, "0123", 4, 0), 4);
        background_start(&b, &scope, DURE_THIS_LOOP, receive_ten, &w);
        dure_scope_cancel(&scope);
        dure_scope_close(&scope);
        CHECK_EQ(b.result, 4); /* taken from the stream, so not to be denied */
        dure_scope_open(&scope);
        CHECK_EQ(plain_send(w.other, "01", 2, 0), 2);
        background_start(&b, &scope, DURE_THIS_LOOP, receive_ten, &w);
        CHECK_EQ(dure_shutdown(w.other, SHUT_WR), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(b.result, 2);
        close_both(&w);
    }
}

TEST(datagrams_stay_whole)
{
    bool (*const make[])(struct waiting *) = { udp, datagrams, packets };
    char out[100], in[200];
    struct waiting w;
    size_t i, j;

    memset(out, 'd', sizeof out);
    for (i = 0; i < 3; i++) {
        make[i](&w);
        for (j = 0; j < 2; j++) {
            CHECK_EQ(dure_send(w.other, out, 100, 0), 100);
            CHECK_EQ(dure_write(w.other, out, 50), 50);
            CHECK_EQ(dure_recv(w.fd, in, sizeof in, 0), 100);
            CHECK_EQ(dure_read(w.fd, in, sizeof in), 50);
        }
        CHECK_EQ(dure_send(w.other, out, 100, 0), 100);
        CHECK_EQ(dure_recv(w.fd, in, 10, MSG_TRUNC), 100); /* the real length */
        CHECK_EQ(dure_send(w.other, out, 100, 0), 100);
        CHECK_EQ(dure_send(w.other, out, 1, 0), 1);
        CHECK_EQ(dure_recv(w.fd, in, 10, 0), 10); /* the rest is lost, as ever */
        CHECK_EQ(dure_recv(w.fd, in, 10, MSG_WAITALL), 1);
        if (i < 2) {
            CHECK_EQ(dure_send(w.other, out, 0, 0), 0);
            CHECK_EQ(dure_recv(w.fd, in, 10, 0), 0); /* an empty one is no end */
        }
        close_both(&w);
    }
}

TEST(names)
{
    struct sockaddr_in from = { 0 }, mine = { 0 };
    socklen_t len = sizeof from, mine_len = sizeof mine;
    char buf[8], control[64];
    struct iovec iov = { buf, sizeof buf };
    struct msghdr msg = { .msg_name = &from,
                          .msg_namelen = sizeof from,
                          .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control };
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0dure-conformance-name" };
    struct sockaddr_storage unix_from;
    struct waiting w;
    int fd;

    udp(&w);
    CHECK_EQ(dure_getsockname(w.other, (struct sockaddr *)&mine, &mine_len), 0);
    release(&w);
    CHECK_EQ(dure_recvfrom(w.fd, buf, 8, 0, (struct sockaddr *)&from, &len), 1);
    CHECK_EQ(len, sizeof from);
    CHECK_EQ(from.sin_port, mine.sin_port);
    memset(&from, 0, sizeof from);
    release(&w);
    CHECK_EQ(dure_recvmsg(w.fd, &msg, 0), 1);
    CHECK_EQ(msg.msg_namelen, sizeof from);
    CHECK_EQ(from.sin_port, mine.sin_port);
    CHECK_EQ(msg.msg_controllen, 0);
    CHECK_EQ(dure_sendto(w.fd, "back", 4, 0, (struct sockaddr *)&from, sizeof from), 4);
    CHECK_EQ(dure_recv(w.other, buf, 8, 0), 4);
    len = 4; /* too short: cut, and the real length is told */
    release(&w);
    CHECK_EQ(dure_recvfrom(w.fd, buf, 8, 0, (struct sockaddr *)&from, &len), 1);
    CHECK_EQ(len, sizeof from);
    close_both(&w);
    /* A stream has no name to tell. */
    tcp(&w);
    release(&w);
    len = sizeof from;
    CHECK_EQ(dure_recvfrom(w.fd, buf, 8, 0, (struct sockaddr *)&from, &len), 1);
    CHECK_EQ(len, 0);
    close_both(&w);
    /* AF_UNIX names, abstract ones too. */
    datagrams(&w);
    fd = dure_socket(AF_UNIX, SOCK_DGRAM, 0);
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof "dure-conformance-name");
    CHECK_EQ(dure_bind(fd, (struct sockaddr *)&name, len), 0);
    CHECK_EQ(dure_sendto(w.other, "u", 1, 0, (struct sockaddr *)&name, len), 1);
    len = sizeof unix_from;
    CHECK_EQ(dure_recvfrom(fd, buf, 8, 0, (struct sockaddr *)&unix_from, &len), 1);
    CHECK_EQ(dure_close(fd), 0);
    close_both(&w);
}

TEST(errors_as_the_plain_calls)
{
    struct waiting w;
    char buf[4];
    int fds[2], fd;

    CHECK_FAILS(dure_recv(-1, buf, 4, 0), EBADF);
    CHECK_FAILS(dure_recvfrom(900, buf, 4, 0, NULL, NULL), EBADF);
    dure_pipe2(fds, 0);
    CHECK_FAILS(dure_recv(fds[0], buf, 4, 0), ENOTSOCK);
    CHECK_FAILS(dure_recv(fds[0], buf, 4, MSG_WAITALL), ENOTSOCK);
    CHECK_FAILS(dure_send(fds[1], buf, 4, 0), ENOTSOCK);
    fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(dure_recv(fd, buf, 4, 0), ENOTCONN);
    CHECK_EQ(dure_close(fd), 0);
    tcp(&w);
    CHECK_FAILS(dure_recv(w.fd, buf, 4, MSG_OOB), EINVAL);
    CHECK_EQ(dure_recv(w.fd, buf, 0, MSG_DONTWAIT), plain_recv(w.fd, buf, 0, MSG_DONTWAIT));
    CHECK_EQ(dure_shutdown(w.other, SHUT_WR), 0);
    CHECK_EQ(dure_recv(w.fd, buf, 4, 0), 0);
    CHECK_EQ(dure_recv(w.fd, buf, 4, MSG_WAITALL), 0);
    close_both(&w);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- a socket's own time limits --- */

static void limit(int fd, int name, int64_t ns)
{
    struct timeval limit = { ns / DURE_SECOND, ns % DURE_SECOND / DURE_MICROSECOND };

    CHECK_EQ(dure_setsockopt(fd, SOL_SOCKET, name, &limit, sizeof limit), 0);
}

static int64_t recv_limited(void *arg)
{
    return call_recv(arg);
}

/* SO_RCVTIMEO and SO_SNDTIMEO: EAGAIN when they are over, and nothing else changes. */
static void check_limits(void)
{
    struct sockaddr_storage addr;
    struct waiting w = { .more = { -1, -1, -1 } };
    socklen_t len;
    char buf[4];
    int64_t begun_ns = dure_now();
    int fds[2], listener;

    tcp(&w);
    limit(w.fd, SO_RCVTIMEO, 20 * DURE_MILLISECOND);
    CHECK_FAILS(dure_recv(w.fd, buf, 4, 0), EAGAIN);
    CHECK_FAILS(dure_read(w.fd, buf, 4), EAGAIN);
    CHECK_FAILS(call_msg(&w), EAGAIN);
    CHECK(dure_now() - begun_ns >= 3 * 20 * DURE_MILLISECOND);
    release(&w);
    CHECK_EQ(dure_recv(w.fd, buf, 4, 0), 1);
    DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
    CHECK_FAILS(dure_recv(w.fd, buf, 4, 0), ECANCELED); /* the scope's comes first */
    close_both(&w);
    make_tcp_pair_small(fds, false);
    fill(fds[1], fds[0]);
    limit(fds[1], SO_SNDTIMEO, 10 * DURE_MILLISECOND);
    CHECK_FAILS(dure_send(fds[1], "x", 1, 0), EAGAIN);
    CHECK_FAILS(dure_write(fds[1], "x", 1), EAGAIN);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    for (int plain = 0; plain < 2; plain++) {
        listener = make_listener(AF_INET, plain, &addr, &len);
        limit(listener, SO_RCVTIMEO, 10 * DURE_MILLISECOND);
        CHECK_FAILS(dure_accept(listener, NULL, NULL), EAGAIN);
        CHECK_EQ(dure_close(listener), 0);
    }
}

TEST(time_limits_of_sockets)
{
    struct background b;
    struct waiting w = { .more = { -1, -1, -1 } };
    dure_scope scope;

    check_limits();
    tcp(&w); /* what comes in time is taken */
    limit(w.fd, SO_RCVTIMEO, DURE_MINUTE);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), recv_limited, &w);
    release(&w);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 1);
    close_both(&w);
}

TEST_OUTSIDE(time_limits_outside)
{
    dure_scope scope;

    dure_scope_open(&scope);
    check_limits();
    dure_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(dontwait),
        cmocka_unit_test(peek_leaves_it),
        cmocka_unit_test(peek_all_waits),
        cmocka_unit_test(waitall_in_pieces),
        cmocka_unit_test(datagrams_stay_whole),
        cmocka_unit_test(names),
        cmocka_unit_test(errors_as_the_plain_calls),
        cmocka_unit_test(time_limits_of_sockets),
        cmocka_unit_test(time_limits_outside),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
