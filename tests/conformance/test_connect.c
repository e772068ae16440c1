/* connect. */
#include "waiting.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/un.h>

/* AF_UNIX: a listener whose backlog is full. The next connect waits until somebody is accepted. */
static bool full_listener(struct waiting *w, bool plain)
{
    int i, fd;

    w->other = make_listener(AF_UNIX, true, &w->addr, &w->addr_len);
    CHECK_EQ(dure_listen(w->other, 0), 0);
    for (i = 0; i < 3; i++) {
        fd = plain_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        plain_connect(fd, (struct sockaddr *)&w->addr, w->addr_len);
        w->more[i] = fd;
    }
    w->fd = plain ? plain_socket(AF_UNIX, SOCK_STREAM, 0) : dure_socket(AF_UNIX, SOCK_STREAM, 0);
    return CHECK(w->fd >= 0);
}

static bool unix_stream(struct waiting *w)
{
    return full_listener(w, false);
}

static bool foreign_unix(struct waiting *w)
{
    return full_listener(w, true);
}

static void release_unix(struct waiting *w)
{
    struct pollfd in = { .fd = w->other, .events = POLLIN };
    int fd;

    while (plain_poll(&in, 1, 0) > 0) {
        fd = plain_accept(w->other, NULL, NULL);
        plain_close(fd);
    }
    CHECK_EQ(dure_listen(w->other, 16), 0);
}

/* A simulation has no filters; there whom a full backlog turned away comes again in no time. */
static bool full_tcp_listener(struct waiting *w)
{
    w->other = make_listener(AF_INET, false, &w->addr, &w->addr_len);
    w->more[0] = dure_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    w->fd = dure_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(dure_listen(w->other, 1), 0);
    return CHECK_EQ(dure_connect(w->more[0], (struct sockaddr *)&w->addr, w->addr_len), 0);
}

static int state_of(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;

    CHECK_EQ(dure_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_state;
}

/* This much of each packet comes through; none, with 0. */
static void take(int fd, uint32_t most)
{
    struct sock_filter answer = BPF_STMT(BPF_RET | BPF_K, most);
    struct sock_fprog filter = { 1, &answer };

    CHECK_EQ(dure_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
}

/* TCP: a listener that no packet reaches, and beside it, on the same port, a socket yet to be used.
   A full backlog would do as well, but whom it turned away tries again only after a second. */
static bool deaf_listener(struct waiting *w, bool plain)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&w->addr;
    int *const sockets[] = { &w->other, &w->more[0] };
    int one = 1, i;

    if (simulated())
        return full_tcp_listener(w);
    w->addr_len = sizeof *in;
    *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (i = 0; i < 2; i++) {
        *sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK_EQ(dure_setsockopt(*sockets[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one), 0);
        CHECK_EQ(dure_bind(*sockets[i], (struct sockaddr *)in, sizeof *in), 0);
        CHECK_EQ(dure_getsockname(*sockets[i], (struct sockaddr *)in, &w->addr_len), 0);
    }
    take(w->other, 0);
    CHECK_EQ(dure_listen(w->other, 16), 0);
    w->fd = plain ? plain_socket(AF_INET, SOCK_STREAM, 0) : dure_socket(AF_INET, SOCK_STREAM, 0);
    return CHECK(w->fd >= 0);
}

static bool tcp(struct waiting *w)
{
    return deaf_listener(w, false);
}

static bool foreign_tcp(struct waiting *w)
{
    return deaf_listener(w, true);
}

/* Who begins now is heard. Who has begun is met half-way: two that connect to each other are
   connected (RFC 9293, 3.5, simultaneous open), without a timer. */
static void release_tcp(struct waiting *w)
{
    struct sockaddr_in begun = { 0 };
    socklen_t len = sizeof begun;

    if (simulated()) {
        release_unix(w);
        return;
    }
    take(w->other, UINT32_MAX);
    if (state_of(w->fd) == TCP_SYN_SENT &&
        CHECK_EQ(dure_getsockname(w->fd, (struct sockaddr *)&begun, &len), 0))
        plain_connect(w->more[0], (struct sockaddr *)&begun, len); /* or it was heard just now */
}

static int64_t call_connect(struct waiting *w)
{
    return dure_connect(w->fd, (struct sockaddr *)&w->addr, w->addr_len);
}

static const struct waiting_kind kinds[] = {
    { "connect, TCP", tcp, call_connect, release_tcp, 0, EINPROGRESS, WAITING_ONCE, NULL },
    { "connect, foreign TCP", foreign_tcp, call_connect, release_tcp, 0, EINPROGRESS, WAITING_ONCE,
      NULL },
    { "connect, AF_UNIX", unix_stream, call_connect, release_unix, 0, EAGAIN, WAITING_ONCE, NULL },
    { "connect, foreign AF_UNIX", foreign_unix, call_connect, release_unix, 0, EAGAIN, WAITING_ONCE,
      NULL },
};

WAITING_TESTS

TEST(connects_and_is_refused)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int listener = make_listener(AF_INET, false, &addr, &len), fd, error = -1, i;
    socklen_t error_len = sizeof error;

    fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(dure_connect(fd, (struct sockaddr *)&addr, len), 0);
    CHECK_FAILS(dure_connect(fd, (struct sockaddr *)&addr, len), EISCONN);
    CHECK_EQ(plain_fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(listener), 0);
    for (i = 0; i < 2; i++) { /* nobody listens there any more */
        fd = i ? plain_socket(AF_INET, SOCK_STREAM, 0) : dure_socket(AF_INET, SOCK_STREAM, 0);
        CHECK_FAILS(dure_connect(fd, (struct sockaddr *)&addr, len), ECONNREFUSED);
        CHECK_EQ(dure_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len), 0);
        CHECK_EQ(error, 0);
        CHECK_EQ(dure_close(fd), 0);
    }
}

TEST(errors)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    struct sockaddr_un none = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/dure" };
    int fds[2], fd;

    CHECK_FAILS(dure_connect(-1, (struct sockaddr *)&addr, sizeof addr), EBADF);
    CHECK_FAILS(dure_connect(900, (struct sockaddr *)&addr, sizeof addr), EBADF);
    dure_pipe2(fds, O_CLOEXEC);
    CHECK_FAILS(dure_connect(fds[0], (struct sockaddr *)&addr, sizeof addr), ENOTSOCK);
    fd = dure_socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_FAILS(dure_connect(fd, (struct sockaddr *)&none, sizeof none), ENOENT);
    CHECK_EQ(dure_close(fd), 0);
    fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(dure_connect(fd, (struct sockaddr *)&none, sizeof none), EAFNOSUPPORT);
    CHECK_FAILS(dure_connect(fd, (struct sockaddr *)&addr, 3), EINVAL);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* After a cancelled connect the kernel has stopped connecting, and the socket connects elsewhere. */
TEST(canceled_connect_is_aborted)
{
    struct sockaddr_storage addr;
    socklen_t len, error_len = sizeof(int);
    struct pollfd out;
    struct waiting w;
    int64_t result = 0;
    int listener = make_listener(AF_INET, false, &addr, &len), plain, error;

    for (plain = 0; plain < 2; plain++) {
        w = (struct waiting){ .more = { -1, -1, -1 } };
        deaf_listener(&w, plain);
        DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
        result = call_connect(&w);
        CHECK_EQ(errno, ETIMEDOUT);
        CHECK_EQ(result, -1);
        out = (struct pollfd){ .fd = w.fd, .events = POLLOUT };
        CHECK_EQ(plain_poll(&out, 1, 0), 1);
        CHECK_EQ(out.revents & POLLHUP, POLLHUP); /* not connected, not connecting */
        error = -1;
        CHECK_EQ(dure_getsockopt(w.fd, SOL_SOCKET, SO_ERROR, &error, &error_len), 0);
        CHECK_EQ(error, 0);
        CHECK_EQ(dure_connect(w.fd, (struct sockaddr *)&addr, len), 0);
        CHECK_EQ(dure_send(w.fd, "x", 1, 0), 1);
        CHECK_EQ(dure_close(w.fd), 0);
        CHECK_EQ(dure_close(w.other), 0);
        CHECK_EQ(dure_close(w.more[0]), 0);
    }
    CHECK_EQ(dure_close(listener), 0);
}

/* --- shutdown, close and resets under a waiting connect --- */

static int64_t connect_it(void *arg)
{
    return call_connect(arg);
}

static void close_deaf(struct waiting *w)
{
    CHECK_EQ(dure_close(w->fd), 0);
    CHECK_EQ(dure_close(w->other), 0);
    CHECK_EQ(dure_close(w->more[0]), 0);
}

struct shutting {
    int fd, how;
};

static void *shut_down_plainly(void *arg)
{
    struct shutting *shutting = arg;

    CHECK_EQ(shutdown(shutting->fd, shutting->how), 0);
    return NULL;
}

/* As on a thread: ECONNRESET, whichever half is shut down, and the socket connects anew. */
static void shut_down_under(bool plain, int place, int how, bool by_thread)
{
    struct waiting w = { .more = { -1, -1, -1 } };
    struct shutting shutting = { .how = how };
    struct background b;
    pthread_t thread;
    dure_scope scope;

    if (!deaf_listener(&w, plain))
        return;
    dure_scope_open(&scope);
    background_start(&b, &scope, place, connect_it, &w);
    CHECK(!atomic_load(&b.done));
    shutting.fd = w.fd;
    if (by_thread) {
        CHECK_EQ(pthread_create(&thread, NULL, shut_down_plainly, &shutting), 0);
        pthread_join(thread, NULL);
    } else {
        CHECK_EQ(dure_shutdown(w.fd, how), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, ECONNRESET);
    release_tcp(&w);
    CHECK_EQ(call_connect(&w), 0);
    close_deaf(&w);
}

TEST(shutdown_under_a_waiting_connect)
{
    int how, i, ways = simulated_skips("shutdown by a thread", "plain threads") ? 4 : 8;

    for (how = SHUT_RD; how <= SHUT_RDWR; how++)
        for (i = 0; i < ways; i++)
            shut_down_under(i & 1, i & 2 ? DURE_LOOP(1) : DURE_THIS_LOOP, how, i & 4);
}

TEST(datagram_sockets_only_note_the_name)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons(9),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    int fd = dure_socket(AF_INET, SOCK_DGRAM, 0);

    CHECK_EQ(dure_connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    CHECK_EQ(dure_getpeername(fd, (struct sockaddr *)&peer, &len), 0);
    CHECK_EQ(peer.sin_port, htons(9));
    addr.sin_family = AF_UNSPEC;
    CHECK_EQ(dure_connect(fd, (struct sockaddr *)&addr, sizeof addr), 0); /* and forget it */
    CHECK_FAILS(dure_getpeername(fd, (struct sockaddr *)&peer, &len), ENOTCONN);
    CHECK_EQ(dure_close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(connects_and_is_refused),
        cmocka_unit_test(errors),
        cmocka_unit_test(canceled_connect_is_aborted),
        cmocka_unit_test(shutdown_under_a_waiting_connect),
        cmocka_unit_test(datagram_sockets_only_note_the_name),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
