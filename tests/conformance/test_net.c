/* What servers and clients are made of: listen_tcp, dial_tcp, read_full, write_all. */
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

TEST(listen_and_dial)
{
    int listener = dure_listen_tcp("127.0.0.1", 0), client, server, value = 0;
    socklen_t len = sizeof value;

    CHECK(listener >= 0);
    CHECK(plain_fcntl(listener, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(dure_getsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &value, &len), 0);
    CHECK_EQ(value, 1);
    client = dure_dial_tcp("127.0.0.1", port_of(listener));
    CHECK(client >= 0);
    CHECK(plain_fcntl(client, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(dure_getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    CHECK_EQ(value, 1);
    server = dure_accept(listener, NULL, NULL);
    CHECK_EQ(dure_write_all(client, "hi", 2), 2);
    CHECK_EQ(dure_read_full(server, &(char[2]){ 0 }, 2), 2);
    CHECK_EQ(dure_close(client), 0);
    CHECK_EQ(dure_close(server), 0);
    /* The port is taken, and its number is told. */
    CHECK_FAILS(dure_listen_tcp("127.0.0.1", port_of(listener)), EADDRINUSE);
    CHECK_HAS(dure_why(), "127.0.0.1");
    CHECK_EQ(dure_close(listener), 0);
}

TEST(every_address)
{
    int listener = dure_listen_tcp(NULL, 0), client, server, i;
    const char *const addresses[] = { "127.0.0.1", "::1" };

    if (listener < 0)
        listener = dure_listen_tcp("", 0);
    CHECK(listener >= 0);
    for (i = 0; i < 2; i++) {
        client = dure_dial_tcp(addresses[i], port_of(listener));
        if (client < 0 && i == 1) /* a machine without IPv6 */
            continue;
        CHECK(client >= 0);
        server = dure_accept(listener, NULL, NULL);
        CHECK_EQ(dure_close(client), 0);
        CHECK_EQ(dure_close(server), 0);
    }
    CHECK_EQ(dure_close(listener), 0);
}

TEST(what_is_no_address)
{
    int closed = dure_listen_tcp("127.0.0.1", 0);
    uint16_t port = port_of(closed);

    CHECK_FAILS(dure_listen_tcp("localhost", 0), EINVAL);
    CHECK_HAS(dure_why(), "localhost");
    CHECK_FAILS(dure_listen_tcp("1.2.3", 0), EINVAL);
    CHECK_FAILS(dure_dial_tcp("example", 1), EINVAL);
    CHECK_FAILS(dure_dial_tcp(NULL, 1), EINVAL);
    CHECK_FAILS(dure_dial_tcp("", 1), EINVAL);
    CHECK_FAILS(dure_listen_tcp("198.51.100.1", 0), EADDRNOTAVAIL); /* nobody's */
    CHECK_HAS(dure_why(), "198.51.100.1");
    CHECK_EQ(dure_close(closed), 0);
    CHECK_FAILS(dure_dial_tcp("127.0.0.1", port), ECONNREFUSED); /* and no descriptor stays */
    CHECK_HAS(dure_why(), "127.0.0.1");
}

/* A cancelled dial leaves nothing behind: the runner counts the descriptors. */
TEST(canceled_dial)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int listener = make_listener(AF_INET, true, &addr, &len), more[3], i, fd = 0;
    uint16_t port = ntohs(((struct sockaddr_in *)&addr)->sin_port);

    CHECK_EQ(dure_listen(listener, 0), 0);
    for (i = 0; i < 3; i++) {
        more[i] = plain_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        plain_connect(more[i], (struct sockaddr *)&addr, len);
    }
    on_its_way();
    DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
    fd = dure_dial_tcp("127.0.0.1", port);
    CHECK_EQ(fd, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    for (i = 0; i < 3; i++)
        plain_close(more[i]);
    plain_close(listener);
}

/* --- read_full --- */

TEST(read_full_to_the_end_and_past_trouble)
{
    int fds[2];
    char buf[16];

    dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds); /* it waits all the same */
    CHECK_EQ(dure_write_all(fds[1], "12345", 5), 5);
    CHECK_EQ(dure_read_full(fds[0], buf, 3), 3);
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    CHECK_EQ(dure_read_full(fds[0], buf, 5), 2); /* progress wins */
    CHECK_EQ(errno, ETIMEDOUT);
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    CHECK_EQ(dure_read_full(fds[0], buf, 5), -1);
    CHECK_EQ(dure_write_all(fds[1], "67", 2), 2);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_read_full(fds[0], buf, 5), 2);
    CHECK_EQ(dure_read_full(fds[0], buf, 5), 0);
    CHECK_EQ(dure_read_full(fds[0], buf, 0), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_read_full(fds[0], buf, 5), EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listen_and_dial),
        cmocka_unit_test(every_address),
        cmocka_unit_test(what_is_no_address),
        cmocka_unit_test(canceled_dial),
        cmocka_unit_test(read_full_to_the_end_and_past_trouble),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
