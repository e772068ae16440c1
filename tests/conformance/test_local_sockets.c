/* Sockets of one host (AF_UNIX): names, paths, ends. What a simulation answers must be what the kernel
   does; each test runs on both. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
#define TYPES (sizeof types / sizeof *types)

static socklen_t path_of(struct sockaddr_un *name)
{
    char path[64];

    make_name(path);
    *name = (struct sockaddr_un){ .sun_family = AF_UNIX };
    strcpy(name->sun_path, path);
    return sizeof *name;
}

static int bound(int type, const struct sockaddr_un *name, socklen_t len)
{
    int fd = dure_socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    CHECK_EQ(dure_bind(fd, (const struct sockaddr *)name, len), 0);
    if (type != SOCK_DGRAM)
        CHECK_EQ(dure_listen(fd, 4), 0);
    return fd;
}

/* Returns 0 or the errno. */
static int try_connect(int type, const struct sockaddr_un *name, socklen_t len)
{
    int fd = dure_socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    int error = dure_connect(fd, (const struct sockaddr *)name, len) < 0 ? errno : 0;

    CHECK_EQ(dure_close(fd), 0);
    return error;
}

/* --- names --- */

TEST(paths_lead_to_sockets)
{
    struct sockaddr_un name, told;
    socklen_t len, told_len;
    struct stat st;
    size_t i;
    int fd, again;

    for (i = 0; i < TYPES; i++) {
        len = path_of(&name);
        CHECK_EQ(try_connect(types[i], &name, len), ENOENT);
        fd = bound(types[i], &name, len);
        CHECK_EQ(dure_stat(name.sun_path, &st), 0);
        CHECK(S_ISSOCK(st.st_mode));
        CHECK_FAILS(dure_open(name.sun_path, O_RDWR), ENXIO);
        told_len = sizeof told;
        CHECK_EQ(dure_getsockname(fd, (struct sockaddr *)&told, &told_len), 0);
        CHECK_EQ(told_len, offsetof(struct sockaddr_un, sun_path) + strlen(name.sun_path) + 1);
        CHECK_STR(told.sun_path, name.sun_path);
        again = dure_socket(AF_UNIX, types[i], 0);
        CHECK_FAILS(dure_bind(again, (struct sockaddr *)&name, len), EADDRINUSE);
        told = (struct sockaddr_un){ .sun_family = AF_UNIX };
        CHECK_FAILS(dure_bind(fd, (struct sockaddr *)&told, 9), EINVAL); /* it has a name */
        CHECK_EQ(try_connect(types[i], &name, len), 0);
        CHECK_EQ(try_connect(types[(i + 1) % TYPES], &name, len), EPROTOTYPE);
        CHECK_EQ(dure_close(fd), 0);
        CHECK_EQ(try_connect(types[i], &name, len), ECONNREFUSED); /* the path stays */
        CHECK_EQ(dure_unlink(name.sun_path), 0);
        CHECK_EQ(dure_bind(again, (struct sockaddr *)&name, len), 0);
        CHECK_EQ(dure_close(again), 0);
        CHECK_EQ(dure_unlink(name.sun_path), 0);
    }
}

TEST(a_path_follows_its_socket)
{
    struct sockaddr_un name, other;
    socklen_t len = path_of(&name);
    int fd = bound(SOCK_STREAM, &name, len);

    path_of(&other);
    CHECK_EQ(dure_rename(name.sun_path, other.sun_path), 0);
    CHECK_EQ(try_connect(SOCK_STREAM, &name, len), ENOENT);
    CHECK_EQ(try_connect(SOCK_STREAM, &other, len), 0);
    CHECK_EQ(dure_unlink(other.sun_path), 0);
    CHECK_EQ(try_connect(SOCK_STREAM, &other, len), ENOENT); /* though it listens */
    CHECK_EQ(dure_close(fd), 0);
}

TEST(other_names_are_bytes)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0dure-conformance-local" };
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 10, told_len;
    struct sockaddr_un told;
    int fd = bound(SOCK_STREAM, &name, len), other;

    CHECK_EQ(try_connect(SOCK_STREAM, &name, len), 0);
    CHECK_EQ(try_connect(SOCK_STREAM, &name, len + 1), ECONNREFUSED);
    CHECK_EQ(try_connect(SOCK_STREAM, &name, len - 1), ECONNREFUSED);
    other = dure_socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_FAILS(dure_bind(other, (struct sockaddr *)&name, len), EADDRINUSE);
    CHECK_FAILS(dure_listen(other, 1), EINVAL); /* without a name */
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(try_connect(SOCK_STREAM, &name, len), ECONNREFUSED);
    CHECK_EQ(dure_bind(other, (struct sockaddr *)&name, sizeof(sa_family_t)), 0); /* any */
    told_len = sizeof told;
    CHECK_EQ(dure_getsockname(other, (struct sockaddr *)&told, &told_len), 0);
    CHECK_EQ(told_len, offsetof(struct sockaddr_un, sun_path) + 6);
    CHECK_EQ(told.sun_path[0], 0);
    CHECK_EQ(dure_close(other), 0);
}

TEST(ends_know_each_other)
{
    struct sockaddr_un name, told;
    socklen_t len = path_of(&name), told_len;
    int listener = bound(SOCK_SEQPACKET, &name, len), client, server;

    client = dure_socket(AF_UNIX, SOCK_SEQPACKET, 0);
    told_len = sizeof told;
    CHECK_FAILS(dure_getpeername(client, (struct sockaddr *)&told, &told_len), ENOTCONN);
    CHECK_EQ(dure_connect(client, (struct sockaddr *)&name, len), 0);
    CHECK_FAILS(dure_connect(client, (struct sockaddr *)&name, len), EISCONN);
    CHECK_EQ(dure_send(client, "early", 5, 0), 5); /* nobody has accepted yet */
    told_len = sizeof told;
    server = dure_accept(listener, (struct sockaddr *)&told, &told_len);
    CHECK_EQ(told_len, sizeof(sa_family_t)); /* a client without a name */
    told_len = sizeof told;
    CHECK_EQ(dure_getpeername(client, (struct sockaddr *)&told, &told_len), 0);
    CHECK_STR(told.sun_path, name.sun_path);
    told_len = sizeof told;
    CHECK_EQ(dure_getsockname(server, (struct sockaddr *)&told, &told_len), 0);
    CHECK_STR(told.sun_path, name.sun_path);
    CHECK_EQ(dure_recv(server, (char[9]){ 0 }, 9, 0), 5);
    CHECK_EQ(dure_close(client), 0);
    CHECK_EQ(dure_close(server), 0);
    CHECK_EQ(dure_close(listener), 0);
    CHECK_EQ(dure_unlink(name.sun_path), 0);
}

TEST(datagrams_by_name)
{
    struct sockaddr_un names[2], from;
    socklen_t len = path_of(&names[0]), from_len = sizeof from;
    int fds[2], third = dure_socket(AF_UNIX, SOCK_DGRAM, 0);
    char byte;

    path_of(&names[1]);
    fds[0] = bound(SOCK_DGRAM, &names[0], len);
    fds[1] = bound(SOCK_DGRAM, &names[1], len);
    CHECK_FAILS(dure_send(fds[0], "x", 1, 0), ENOTCONN);
    CHECK_EQ(dure_sendto(fds[0], "x", 1, 0, (struct sockaddr *)&names[1], len), 1);
    CHECK_EQ(dure_recvfrom(fds[1], &byte, 1, 0, (struct sockaddr *)&from, &from_len), 1);
    CHECK_STR(from.sun_path, names[0].sun_path);
    CHECK_EQ(dure_sendto(third, "y", 1, 0, (struct sockaddr *)&names[1], len), 1);
    from_len = sizeof from;
    CHECK_EQ(dure_recvfrom(fds[1], &byte, 1, 0, (struct sockaddr *)&from, &from_len), 1);
    CHECK_EQ(from_len, 0); /* it has no name */
    /* Who is connected hears its peer alone. */
    CHECK_EQ(dure_connect(fds[1], (struct sockaddr *)&names[0], len), 0);
    CHECK_FAILS(dure_sendto(third, "z", 1, 0, (struct sockaddr *)&names[1], len), EPERM);
    CHECK_FAILS(dure_connect(third, (struct sockaddr *)&names[1], len), EPERM);
    CHECK_EQ(dure_sendto(fds[0], "x", 1, 0, (struct sockaddr *)&names[1], len), 1);
    CHECK_EQ(dure_recv(fds[1], &byte, 1, 0), 1);
    /* A peer that goes is told once. */
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_send(fds[1], "x", 1, 0), ECONNREFUSED);
    CHECK_FAILS(dure_send(fds[1], "x", 1, 0), ENOTCONN);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(third), 0);
    CHECK_EQ(dure_unlink(names[0].sun_path), 0);
    CHECK_EQ(dure_unlink(names[1].sun_path), 0);
}

/* --- ends --- */

static int events_of(int fd)
{
    struct pollfd poll = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

    CHECK(dure_poll(&poll, 1, 0) >= 0);
    return poll.revents;
}

TEST(the_other_end_closes)
{
    int fds[2], i;
    char byte;

    for (i = 0; i < 2; i++) {
        CHECK_EQ(dure_socketpair(AF_UNIX, types[i], 0, fds), 0);
        CHECK_EQ(events_of(fds[0]), POLLOUT);
        CHECK_EQ(dure_send(fds[1], "x", 1, 0), 1);
        CHECK_EQ(events_of(fds[0]), POLLIN | POLLOUT);
        CHECK_EQ(dure_close(fds[1]), 0);
        CHECK_EQ(events_of(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
        CHECK_EQ(dure_recv(fds[0], &byte, 1, 0), 1);
        CHECK_EQ(dure_recv(fds[0], &byte, 1, 0), 0);
        CHECK_FAILS(dure_send(fds[0], "x", 1, 0), EPIPE);
        CHECK_EQ(dure_close(fds[0]), 0);
        /* What it had not read is lost: a reset, told once. */
        CHECK_EQ(dure_socketpair(AF_UNIX, types[i], 0, fds), 0);
        CHECK_EQ(dure_send(fds[0], "x", 1, 0), 1);
        CHECK_EQ(dure_close(fds[1]), 0);
        CHECK(events_of(fds[0]) & POLLERR);
        CHECK_FAILS(dure_recv(fds[0], &byte, 1, 0), ECONNRESET);
        CHECK_EQ(dure_recv(fds[0], &byte, 1, 0), 0);
        CHECK_EQ(dure_close(fds[0]), 0);
    }
}

TEST(halves_are_shut_down)
{
    int fds[2], i;
    char byte;

    for (i = 0; i < 2; i++) {
        CHECK_EQ(dure_socketpair(AF_UNIX, types[i], 0, fds), 0);
        CHECK_EQ(dure_send(fds[0], "x", 1, 0), 1);
        CHECK_EQ(dure_shutdown(fds[0], SHUT_WR), 0);
        CHECK_FAILS(dure_send(fds[0], "x", 1, 0), EPIPE);
        CHECK_EQ(events_of(fds[1]), POLLIN | POLLOUT | POLLRDHUP);
        CHECK_EQ(dure_recv(fds[1], &byte, 1, 0), 1);
        CHECK_EQ(dure_recv(fds[1], &byte, 1, 0), 0);
        CHECK_EQ(dure_send(fds[1], "y", 1, 0), 1); /* the other way goes on */
        CHECK_EQ(dure_recv(fds[0], &byte, 1, 0), 1);
        CHECK_EQ(dure_shutdown(fds[0], SHUT_RD), 0);
        CHECK_FAILS(dure_send(fds[1], "y", 1, 0), EPIPE);
        CHECK_EQ(events_of(fds[0]) & POLLHUP, POLLHUP);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

/* Whom a listener never accepted hears so when it closes. */
TEST(the_backlog_is_turned_away)
{
    struct sockaddr_un name;
    socklen_t len = path_of(&name);
    int listener = bound(SOCK_STREAM, &name, len), client = dure_socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK_EQ(dure_connect(client, (struct sockaddr *)&name, len), 0);
    CHECK_EQ(dure_close(listener), 0);
    CHECK_FAILS(dure_recv(client, &(char){ 0 }, 1, 0), ECONNRESET);
    CHECK_FAILS(dure_send(client, "x", 1, 0), EPIPE);
    CHECK_EQ(dure_close(client), 0);
    CHECK_EQ(dure_unlink(name.sun_path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_sockets), cmocka_unit_test(a_path_follows_its_socket),
        cmocka_unit_test(other_names_are_bytes), cmocka_unit_test(ends_know_each_other),
        cmocka_unit_test(datagrams_by_name),     cmocka_unit_test(the_other_end_closes),
        cmocka_unit_test(halves_are_shut_down),  cmocka_unit_test(the_backlog_is_turned_away),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
