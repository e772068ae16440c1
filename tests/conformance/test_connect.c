/* connect. */
#include "waiting.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

/* A listener whose backlog is full: the next connect waits until somebody is accepted. TCP then
   tries again after a second. */
static bool full_listener(struct waiting *w, int domain, bool plain)
{
    int i, fd;

    w->other = make_listener(domain, true, &w->addr, &w->addr_len);
    CHECK_EQ(listen(w->other, 0), 0);
    for (i = 0; i < 3; i++) {
        fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fd, (struct sockaddr *)&w->addr, w->addr_len);
        w->more[i] = fd;
    }
    w->fd = plain ? socket(domain, SOCK_STREAM, 0) : dure_socket(domain, SOCK_STREAM, 0);
    return CHECK(w->fd >= 0);
}

static bool tcp(struct waiting *w)
{
    return full_listener(w, AF_INET, false);
}

static bool foreign_tcp(struct waiting *w)
{
    return full_listener(w, AF_INET, true);
}

static bool unix_stream(struct waiting *w)
{
    return full_listener(w, AF_UNIX, false);
}

static bool foreign_unix(struct waiting *w)
{
    return full_listener(w, AF_UNIX, true);
}

static void release(struct waiting *w)
{
    struct pollfd in = { .fd = w->other, .events = POLLIN };
    int fd;

    while (poll(&in, 1, 0) > 0) {
        fd = accept(w->other, NULL, NULL);
        close(fd);
    }
    CHECK_EQ(listen(w->other, 16), 0);
}

static int64_t call_connect(struct waiting *w)
{
    return dure_connect(w->fd, (struct sockaddr *)&w->addr, w->addr_len);
}

static const struct waiting_kind kinds[] = {
    { "connect, TCP", tcp, call_connect, release, 0, EINPROGRESS, WAITING_ONCE, NULL },
    { "connect, foreign TCP", foreign_tcp, call_connect, release, 0, EINPROGRESS, WAITING_ONCE,
      NULL },
    { "connect, AF_UNIX", unix_stream, call_connect, release, 0, EAGAIN, WAITING_ONCE, NULL },
    { "connect, foreign AF_UNIX", foreign_unix, call_connect, release, 0, EAGAIN, WAITING_ONCE,
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
    CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(listener), 0);
    for (i = 0; i < 2; i++) { /* nobody listens there any more */
        fd = i ? socket(AF_INET, SOCK_STREAM, 0) : dure_socket(AF_INET, SOCK_STREAM, 0);
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
        full_listener(&w, AF_INET, plain);
        DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
        result = call_connect(&w);
        CHECK_EQ(errno, ETIMEDOUT);
        CHECK_EQ(result, -1);
        out = (struct pollfd){ .fd = w.fd, .events = POLLOUT };
        CHECK_EQ(poll(&out, 1, 0), 1);
        CHECK_EQ(out.revents & POLLHUP, POLLHUP); /* not connected, not connecting */
        error = -1;
        CHECK_EQ(dure_getsockopt(w.fd, SOL_SOCKET, SO_ERROR, &error, &error_len), 0);
        CHECK_EQ(error, 0);
        CHECK_EQ(dure_connect(w.fd, (struct sockaddr *)&addr, len), 0);
        CHECK_EQ(dure_send(w.fd, "x", 1, 0), 1);
        CHECK_EQ(dure_close(w.fd), 0);
        CHECK_EQ(dure_close(w.other), 0);
        CHECK_EQ(dure_close(w.more[0]), 0);
        CHECK_EQ(dure_close(w.more[1]), 0);
        CHECK_EQ(dure_close(w.more[2]), 0);
    }
    CHECK_EQ(dure_close(listener), 0);
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
        cmocka_unit_test(datagram_sockets_only_note_the_name),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
