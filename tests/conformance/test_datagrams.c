/* Datagrams and packets: empty ones, cut ones, refused ones, each twin beside the plain call. */
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/uio.h>
#include <sys/un.h>

static void close_both(int fds[2])
{
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- two sockets of each kind, each connected to the other --- */

static void udp_bound(int fds[2], struct sockaddr_in addrs[2])
{
    socklen_t len;
    int i;

    for (i = 0; i < 2; i++) {
        fds[i] = dure_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        addrs[i] = (struct sockaddr_in){ .sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        len = sizeof addrs[i];
        CHECK_EQ(dure_bind(fds[i], (struct sockaddr *)&addrs[i], len), 0);
        CHECK_EQ(dure_getsockname(fds[i], (struct sockaddr *)&addrs[i], &len), 0);
    }
}

static void udp(int fds[2])
{
    struct sockaddr_in addrs[2];
    int i;

    udp_bound(fds, addrs);
    for (i = 0; i < 2; i++)
        CHECK_EQ(dure_connect(fds[i], (struct sockaddr *)&addrs[1 - i], sizeof *addrs), 0);
}

static void unix_datagrams(int fds[2])
{
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void unix_packets(int fds[2])
{
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

static void (*const makers[])(int fds[2]) = { udp, unix_datagrams, unix_packets };
#define MAKERS (sizeof makers / sizeof *makers)

/* --- calls that receive, and what they say of what they got --- */

struct got {
    int64_t n;
    int flags;
    char text[5];
};

/* Into four bytes, in two pieces. */
static void get_msg(int fd, struct got *got, bool twin)
{
    struct iovec iov[2] = { { got->text, 1 }, { got->text + 1, 3 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

    got->n = twin ? dure_recvmsg(fd, &msg, 0) : plain_recvmsg(fd, &msg, 0);
    got->flags = msg.msg_flags & (MSG_TRUNC | MSG_EOR | MSG_CTRUNC);
}

static void get_bytes(int fd, struct got *got, bool twin)
{
    got->n = twin ? dure_recv(fd, got->text, 4, 0) : plain_recv(fd, got->text, 4, 0);
}

static void get_length(int fd, struct got *got, bool twin)
{
    got->n =
        twin ? dure_recv(fd, got->text, 4, MSG_TRUNC) : plain_recv(fd, got->text, 4, MSG_TRUNC);
}

static void get_read(int fd, struct got *got, bool twin)
{
    got->n = twin ? dure_read(fd, got->text, 4) : plain_read(fd, got->text, 4);
}

static void get_readv(int fd, struct got *got, bool twin)
{
    struct iovec iov[2] = { { got->text, 2 }, { got->text + 2, 2 } };

    got->n = twin ? dure_readv(fd, iov, 2) : plain_readv(fd, iov, 2);
}

static void (*const getters[])(int fd, struct got *got,
                               bool twin) = { get_msg, get_bytes, get_length, get_read, get_readv };
#define GETTERS (sizeof getters / sizeof *getters)

struct getting {
    int fd;
    size_t how;
    struct got got;
};

static int64_t get(void *arg)
{
    struct getting *g = arg;

    getters[g->how](g->fd, &g->got, true);
    return g->got.n;
}

static const char *const messages[] = { "", "a", "four", "longer than that" };

/* Sent before the twin is called, or while it waits; then once more for the plain call. */
static void check_message(int fds[2], size_t how, const char *text, bool waits, int place)
{
    struct getting g = { .fd = fds[0], .how = how };
    struct got expected = { 0 };
    struct background b;
    dure_scope scope;

    dure_scope_open(&scope);
    if (waits) {
        background_start(&b, &scope, place, get, &g);
        CHECK(!atomic_load(&b.done));
    }
    CHECK_EQ(dure_send(fds[1], text, strlen(text), 0), strlen(text));
    if (!waits)
        get(&g);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(plain_send(fds[1], text, strlen(text), 0), strlen(text));
    getters[how](fds[0], &expected, false);
    CHECK_EQ(g.got.n, expected.n);
    CHECK_EQ(g.got.flags, expected.flags);
    CHECK_STR(g.got.text, expected.text);
}

TEST(cut_and_empty_ones)
{
    size_t maker, how, message;
    int fds[2], i;

    for (maker = 0; maker < MAKERS; maker++) {
        makers[maker](fds);
        for (how = 0; how < GETTERS; how++)
            for (message = 0; message < 4; message++)
                for (i = 0; i < 3; i++)
                    check_message(fds, how, messages[message], i > 0, DURE_LOOP(i % 2));
        close_both(fds);
    }
}

/* A read of nothing takes nothing; a receive of nothing takes a message, when one comes. */
static int64_t receive_nothing(void *arg)
{
    return dure_recv(*(int *)arg, NULL, 0, 0);
}

TEST(receives_of_nothing_take_a_message)
{
    struct background b;
    dure_scope scope;
    int fds[2];
    size_t i;
    char byte;

    for (i = 0; i < MAKERS; i++) {
        makers[i](fds);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_THIS_LOOP, receive_nothing, &fds[0]);
        CHECK(!atomic_load(&b.done));
        CHECK_EQ(dure_read(fds[0], &byte, 0), 0);
        CHECK_EQ(dure_send(fds[1], "one", 3, 0), 3);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(b.result, 0);
        CHECK_EQ(dure_send(fds[1], "2", 1, 0), 1);
        CHECK_EQ(dure_read(fds[0], &byte, 0), 0);
        CHECK_EQ(dure_recv(fds[0], &byte, 1, 0), 1);
        CHECK_EQ(byte, '2');
        close_both(fds);
    }
}

/* --- refused: nobody listens, and the network says so --- */

/* A socket connected to a port that nobody has. */
static int connected_to_nobody(void)
{
    struct sockaddr_in addrs[2];
    int fds[2];

    udp_bound(fds, addrs);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_connect(fds[0], (struct sockaddr *)&addrs[1], sizeof *addrs), 0);
    return fds[0];
}

static int64_t recv_it(void *arg)
{
    return dure_recv(*(int *)arg, &(char){ 0 }, 1, 0);
}

static int64_t recvmsg_it(void *arg)
{
    struct iovec iov = { &(char){ 0 }, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    return dure_recvmsg(*(int *)arg, &msg, 0);
}

static int64_t recvfrom_it(void *arg)
{
    return dure_recvfrom(*(int *)arg, &(char){ 0 }, 1, 0, NULL, NULL);
}

static int64_t read_it(void *arg)
{
    return dure_read(*(int *)arg, &(char){ 0 }, 1);
}

static int64_t readv_it(void *arg)
{
    return dure_readv(*(int *)arg, &(struct iovec){ &(char){ 0 }, 1 }, 1);
}

static int64_t send_it(void *arg)
{
    return dure_send(*(int *)arg, "x", 1, 0);
}

static int64_t write_it(void *arg)
{
    return dure_write(*(int *)arg, "x", 1);
}

static int64_t sendmsg_it(void *arg)
{
    struct iovec iov = { "x", 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    return dure_sendmsg(*(int *)arg, &msg, 0);
}

static int64_t poll_it(void *arg)
{
    struct pollfd fd = { .fd = *(int *)arg, .events = POLLIN };
    int n = dure_poll(&fd, 1, -1);

    CHECK(fd.revents & POLLERR);
    CHECK_FAILS(recv_it(arg), ECONNREFUSED);
    errno = ECONNREFUSED;
    return n == 1 ? -1 : n;
}

static int64_t (*const takers[])(void *) = { recv_it, recvmsg_it, recvfrom_it, read_it,   readv_it,
                                             poll_it, send_it,    write_it,    sendmsg_it };
#define TAKERS (sizeof takers / sizeof *takers)
#define WAITERS 6

/* Over the loopback the refusal is there when the send returns. */
TEST(refused_before_a_call)
{
    size_t i;
    int fd;

    for (i = 0; i < TAKERS; i++) {
        fd = connected_to_nobody();
        CHECK_EQ(plain_send(fd, "x", 1, 0), 1);
        on_its_way();
        CHECK_FAILS(takers[i](&fd), ECONNREFUSED);
        CHECK_EQ(dure_send(fd, "x", 1, 0), 1); /* told once; and again for this one */
        on_its_way();
        CHECK_FAILS(dure_recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), ECONNREFUSED);
        CHECK_FAILS(dure_recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
        CHECK_EQ(dure_close(fd), 0);
    }
}

TEST(refused_under_a_waiting_call)
{
    struct background b;
    dure_scope scope;
    int fd, loop;
    size_t i;

    for (i = 0; i < WAITERS; i++) {
        for (loop = 0; loop < 2; loop++) {
            fd = connected_to_nobody();
            dure_scope_open(&scope);
            background_start(&b, &scope, DURE_LOOP(loop), takers[i], &fd);
            CHECK(!atomic_load(&b.done));
            CHECK_EQ(plain_send(fd, "x", 1, 0), 1);
            CHECK_EQ(dure_scope_close(&scope), 0);
            CHECK_EQ(b.result, -1);
            CHECK_EQ(b.error, ECONNREFUSED);
            CHECK_EQ(dure_close(fd), 0);
        }
    }
}

/* A socket that is not connected hears of no refusal, and waits on. */
TEST(not_connected_hears_of_no_refusal)
{
    struct sockaddr_in addrs[2], from;
    struct background b;
    dure_scope scope;
    socklen_t len = sizeof from;
    int fds[2];
    char buf[4];

    udp_bound(fds, addrs);
    CHECK_EQ(dure_close(fds[1]), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), recv_it, &fds[0]);
    CHECK_EQ(dure_sendto(fds[0], "x", 1, 0, (struct sockaddr *)&addrs[1], sizeof *addrs), 1);
    one_turn();
    CHECK(!atomic_load(&b.done));
    CHECK_EQ(dure_sendto(fds[0], "x", 1, 0, (struct sockaddr *)&addrs[0], sizeof *addrs), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 1);
    CHECK_EQ(dure_sendto(fds[0], "self", 4, 0, (struct sockaddr *)&addrs[0], sizeof *addrs), 4);
    CHECK_EQ(dure_recvfrom(fds[0], buf, 4, 0, (struct sockaddr *)&from, &len), 4);
    CHECK_EQ(from.sin_port, addrs[0].sin_port);
    CHECK_FAILS(dure_send(fds[0], "x", 1, 0), EDESTADDRREQ);
    CHECK_EQ(dure_close(fds[0]), 0);
}

/* Connected anew: the kernel's own filter, of which a wait that began before hears too. */
TEST(connected_anew_under_a_waiting_call)
{
    struct sockaddr_in addrs[2], others[2];
    struct background b;
    dure_scope scope;
    int fds[2], more[2];

    udp_bound(fds, addrs);
    udp_bound(more, others);
    CHECK_EQ(dure_connect(fds[0], (struct sockaddr *)&addrs[1], sizeof *addrs), 0);
    dure_scope_open(&scope);
    /* ThreadSanitizer takes a connect for the making of the descriptor. */
    background_start(&b, &scope, UNDER_TSAN ? DURE_THIS_LOOP : DURE_LOOP(1), recv_it, &fds[0]);
    CHECK_EQ(dure_sendto(more[0], "x", 1, 0, (struct sockaddr *)&addrs[0], sizeof *addrs), 1);
    one_turn();
    CHECK(!atomic_load(&b.done)); /* it is from somebody else */
    CHECK_EQ(dure_connect(fds[0], (struct sockaddr *)&others[0], sizeof *others), 0);
    CHECK_EQ(dure_sendto(more[0], "x", 1, 0, (struct sockaddr *)&addrs[0], sizeof *addrs), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 1);
    close_both(fds);
    close_both(more);
}

TEST(too_long)
{
    static char data[70000];
    int fds[2];

    udp(fds);
    CHECK_FAILS(dure_send(fds[0], data, sizeof data, 0), EMSGSIZE);
    CHECK_FAILS(dure_write(fds[0], data, sizeof data), EMSGSIZE);
    CHECK_EQ(dure_send(fds[0], data, 60000, 0), 60000); /* in one piece, whatever is set */
    CHECK_EQ(dure_recv(fds[1], data, sizeof data, 0), 60000);
    close_both(fds);
}

/* --- the other one goes away --- */

static struct got answer_of(size_t maker, bool twin, bool sends, int64_t (*call)(void *))
{
    struct got got = { 0 };
    int fds[2];

    makers[maker](fds);
    if (sends)
        CHECK_EQ(plain_send(fds[1], "last", 4, 0), 4);
    CHECK_EQ(plain_close(fds[1]), 0);
    errno = 0;
    if (sends)
        get_bytes(fds[0], &got, twin);
    got.n = call(&fds[0]);
    got.flags = errno;
    CHECK_EQ(dure_close(fds[0]), 0);
    return got;
}

static int64_t recv_plainly(void *arg)
{
    return plain_recv(*(int *)arg, &(char){ 0 }, 1, MSG_DONTWAIT);
}

static int64_t twin_recv(void *arg)
{
    return dure_recv(*(int *)arg, &(char){ 0 }, 1, MSG_DONTWAIT);
}

static int64_t send_plainly(void *arg)
{
    return plain_send(*(int *)arg, "x", 1, MSG_NOSIGNAL);
}

TEST(gone)
{
    struct got expected, got;
    size_t maker;
    int sends;

    for (maker = 1; maker < MAKERS; maker++) {
        for (sends = 0; sends < 2; sends++) {
            expected = answer_of(maker, false, sends, recv_plainly);
            got = answer_of(maker, true, sends, twin_recv);
            CHECK_EQ(got.n, expected.n);
            CHECK_STR(got.text, expected.text);
            if (expected.n < 0)
                CHECK_EQ(got.flags, expected.flags);
            expected = answer_of(maker, false, sends, send_plainly);
            got = answer_of(maker, true, sends, send_it);
            CHECK_EQ(got.n, expected.n);
            if (expected.n < 0)
                CHECK_EQ(got.flags, expected.flags);
        }
    }
}

TEST(gone_under_a_waiting_call)
{
    struct background b;
    dure_scope scope;
    int fds[2];

    unix_packets(fds);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), recv_it, &fds[0]);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 0);
    CHECK_EQ(dure_close(fds[0]), 0);
}

/* Shut down for reading, a datagram socket has come to its end, for calls that wait. */
static int64_t recvmmsg_it(void *arg)
{
    struct iovec iov = { &(char){ 0 }, 1 };
    struct mmsghdr message = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 }, .msg_len = 7 };
    int n = dure_recvmmsg(*(int *)arg, &message, 1, 0, NULL);

    return n == 1 ? (int64_t)message.msg_len : -1;
}

static void check_shutdown(int fds[2], int64_t (*call)(void *), int place)
{
    struct background b;
    dure_scope scope;

    dure_scope_open(&scope);
    background_start(&b, &scope, place, call, &fds[0]);
    if (dure_shutdown(fds[1], SHUT_WR) == 0) {
        one_turn();
        CHECK(!atomic_load(&b.done));
    }
    CHECK_EQ(dure_shutdown(fds[0], SHUT_RD), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 0);
    CHECK_EQ(call(&fds[0]), 0); /* and again */
    CHECK_FAILS(dure_recv(fds[0], &(char){ 0 }, 1, MSG_DONTWAIT),
                plain_recv(fds[0], &(char){ 0 }, 1, MSG_DONTWAIT) < 0 ? errno : 0);
}

static int64_t (*const receivers[])(void *) = { recv_it, recvmsg_it, recvfrom_it,
                                                read_it, readv_it,   recvmmsg_it };

TEST(shut_down_under_a_waiting_call)
{
    size_t maker, i;
    int fds[2];

    for (maker = 0; maker < 2; maker++) {
        for (i = 0; i < sizeof receivers / sizeof *receivers; i++) {
            makers[maker](fds);
            check_shutdown(fds, receivers[i], DURE_LOOP(i % 2));
            close_both(fds);
        }
    }
}

TEST_OUTSIDE(shut_down_before_a_call_on_a_thread)
{
    dure_scope scope;
    int fds[2];
    size_t i;

    dure_scope_open(&scope);
    for (i = 0; i < sizeof receivers / sizeof *receivers; i++) {
        unix_datagrams(fds);
        CHECK_EQ(dure_shutdown(fds[0], SHUT_RD), 0);
        CHECK_EQ(receivers[i](&fds[0]), 0);
        close_both(fds);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_and_empty_ones),
        cmocka_unit_test(receives_of_nothing_take_a_message),
        cmocka_unit_test(refused_before_a_call),
        cmocka_unit_test(refused_under_a_waiting_call),
        cmocka_unit_test(not_connected_hears_of_no_refusal),
        cmocka_unit_test(connected_anew_under_a_waiting_call),
        cmocka_unit_test(too_long),
        cmocka_unit_test(gone),
        cmocka_unit_test(gone_under_a_waiting_call),
        cmocka_unit_test(shut_down_under_a_waiting_call),
        cmocka_unit_test(shut_down_before_a_call_on_a_thread),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
