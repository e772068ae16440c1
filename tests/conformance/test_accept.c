/* accept and accept4. */
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

static bool listener(struct waiting *w, int domain, bool plain)
{
    w->fd = make_listener(domain, plain, &w->addr, &w->addr_len);
    return CHECK(w->fd >= 0);
}

static bool tcp(struct waiting *w)
{
    return listener(w, AF_INET, false);
}

static bool foreign_tcp(struct waiting *w)
{
    return listener(w, AF_INET, true);
}

static bool unix_stream(struct waiting *w)
{
    return listener(w, AF_UNIX, false);
}

static bool foreign_unix(struct waiting *w)
{
    return listener(w, AF_UNIX, true);
}

static void release(struct waiting *w)
{
    int fd = plain_socket(w->addr.ss_family, SOCK_STREAM, 0);

    CHECK_EQ(plain_connect(fd, (struct sockaddr *)&w->addr, w->addr_len), 0);
    plain_close(fd);
}

static int64_t call_accept(struct waiting *w)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    int fd = dure_accept(w->fd, (struct sockaddr *)&addr, &len), error = errno;

    if (fd >= 0) {
        CHECK_EQ(addr.ss_family, w->addr.ss_family);
        CHECK_EQ(plain_fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
        CHECK_EQ(dure_close(fd), 0);
    }
    errno = error;
    return fd;
}

static int64_t call_accept4(struct waiting *w)
{
    int fd = dure_accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), error = errno;

    if (fd >= 0) {
        CHECK(plain_fcntl(fd, F_GETFD) & FD_CLOEXEC);
        CHECK(plain_fcntl(fd, F_GETFL) & O_NONBLOCK);
        CHECK_EQ(dure_close(fd), 0);
    }
    errno = error;
    return fd;
}

static const struct waiting_kind kinds[] = {
    { "accept, TCP", tcp, call_accept, release, -1, EAGAIN, 0, NULL },
    { "accept, foreign TCP", foreign_tcp, call_accept, release, -1, EAGAIN, 0, NULL },
    { "accept, AF_UNIX", unix_stream, call_accept, release, -1, EAGAIN, 0, NULL },
    { "accept, foreign AF_UNIX", foreign_unix, call_accept, release, -1, EAGAIN, 0, NULL },
    { "accept4, TCP", tcp, call_accept4, release, -1, EAGAIN, 0, NULL },
    { "accept4, AF_UNIX", unix_stream, call_accept4, release, -1, EAGAIN, 0, NULL },
    { "accept4, foreign TCP", foreign_tcp, call_accept4, release, -1, EAGAIN, 0, NULL },
};

WAITING_TESTS

static int64_t accept_one(void *arg)
{
    return call_accept4(arg);
}

/* The plain program's O_NONBLOCK is never touched, not even for an instant that a poll sees. */
TEST(foreign_listener_keeps_its_flags)
{
    struct background b;
    struct waiting w;
    dure_scope scope;
    int i;

    foreign_tcp(&w);
    for (i = 0; i < 3; i++) {
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(1), accept_one, &w);
        CHECK_EQ(plain_fcntl(w.fd, F_GETFL) & O_NONBLOCK, 0);
        release(&w);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK(b.result >= 0);
        CHECK_EQ(plain_fcntl(w.fd, F_GETFL) & O_NONBLOCK, 0);
    }
    CHECK_EQ(dure_close(w.fd), 0);
}

TEST(errors)
{
    struct waiting w;
    int fds[2], fd;

    CHECK_FAILS(dure_accept(-1, NULL, NULL), EBADF);
    CHECK_FAILS(dure_accept(900, NULL, NULL), EBADF);
    dure_pipe2(fds, O_CLOEXEC);
    CHECK_FAILS(dure_accept(fds[0], NULL, NULL), ENOTSOCK);
    fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(dure_accept(fd, NULL, NULL), EINVAL); /* does not listen */
    CHECK_EQ(dure_close(fd), 0);
    fd = dure_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_FAILS(dure_accept(fd, NULL, NULL), EOPNOTSUPP);
    CHECK_EQ(dure_close(fd), 0);
    tcp(&w);
    CHECK_FAILS(dure_accept4(w.fd, NULL, NULL, 0x40000000), EINVAL);
    CHECK_EQ(dure_close(w.fd), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* shutdown on a listener ends the waits on it, as with threads. */
TEST(shutdown_ends_accept)
{
    struct background b;
    struct waiting w;
    dure_scope scope;

    tcp(&w);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), accept_one, &w);
    CHECK_EQ(dure_shutdown(w.fd, SHUT_RD), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, EINVAL);
    CHECK_EQ(dure_close(w.fd), 0);
}

/* Many at once, accepted by tasks on both loops: each connection exactly once. */
enum { ACCEPTORS = 8, EACH_TAKES = 8 };

static int64_t accept_some(void *arg)
{
    int64_t taken = 0;

    for (; taken < EACH_TAKES; taken++)
        if (!CHECK(call_accept4(arg) >= 0))
            break;
    return taken;
}

TEST(many_acceptors)
{
    struct background b[ACCEPTORS];
    struct waiting w;
    dure_scope scope;
    int i;

    tcp(&w);
    dure_scope_open(&scope);
    for (i = 0; i < ACCEPTORS; i++)
        background_start(&b[i], &scope, DURE_LOOP(i % 2), accept_some, &w);
    for (i = 0; i < ACCEPTORS * EACH_TAKES; i++) {
        int fd = dure_socket(AF_INET, SOCK_STREAM, 0);

        CHECK_EQ(dure_connect(fd, (struct sockaddr *)&w.addr, w.addr_len), 0);
        CHECK_EQ(dure_close(fd), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < ACCEPTORS; i++)
        CHECK_EQ(b[i].result, EACH_TAKES);
    CHECK_EQ(dure_close(w.fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(foreign_listener_keeps_its_flags),
        cmocka_unit_test(errors),
        cmocka_unit_test(shutdown_ends_accept),
        cmocka_unit_test(many_acceptors),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
