/* TCP addresses, servers and clients. */
#include "loop/loop.h"

#include <dure/io.h>
#include <dure/socket.h>
#include <dure/task.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u;
    socklen_t len;
};

/* Reads a numeric address; none is every address. Returns 0 or -EINVAL with words. */
static int read_address(const char *text, uint16_t port, struct address *out)
{
    memset(out, 0, sizeof *out);
    if (!text || !*text) {
        out->u.v6.sin6_family = AF_INET6;
        out->u.v6.sin6_port = htons(port);
        out->u.v6.sin6_addr = in6addr_any;
        out->len = sizeof out->u.v6;
    } else if (inet_pton(AF_INET, text, &out->u.v4.sin_addr) == 1) {
        out->u.v4.sin_family = AF_INET;
        out->u.v4.sin_port = htons(port);
        out->len = sizeof out->u.v4;
    } else if (inet_pton(AF_INET6, text, &out->u.v6.sin6_addr) == 1) {
        out->u.v6.sin6_family = AF_INET6;
        out->u.v6.sin6_port = htons(port);
        out->len = sizeof out->u.v6;
    } else {
        return dure_fail(EINVAL, "\"%s\" is not a numeric IPv4 or IPv6 address", text);
    }
    return 0;
}

/* Closes and fails with the errno that was there before, in words. */
static int fail_closed(int fd, const char *what, const char *address, uint16_t port)
{
    int error = errno;

    if (fd >= 0)
        dure_close(fd);
    return dure_fail(error, "cannot %s %s port %u: %s", what, address && *address ? address : "*",
                     port, strerror(error));
}

static int listen_on(const char *text, const struct address *address, uint16_t port)
{
    static const int one = 1, zero = 0;
    bool every = !text || !*text;
    int fd = dure_socket(address->u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fail_closed(fd, "listen on", text, port);
    /* On every address, IPv4 too. */
    if ((every && dure_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) < 0) ||
        dure_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        dure_bind(fd, &address->u.any, address->len) < 0 || dure_listen(fd, SOMAXCONN) < 0)
        return fail_closed(fd, "listen on", text, port);
    return fd;
}

int dure_listen_tcp(const char *text, uint16_t port)
{
    struct address address;
    int fd;

    if (read_address(text, port, &address) < 0)
        return -1;
    fd = listen_on(text, &address, port);
    if (fd < 0 && errno == EAFNOSUPPORT && (!text || !*text)) {
        read_address("0.0.0.0", port, &address); /* a machine without IPv6 */
        fd = listen_on("0.0.0.0", &address, port);
    }
    return fd;
}

int dure_dial_tcp(const char *text, uint16_t port)
{
    static const int one = 1;
    struct address address;
    int fd;

    if (!text || !*text)
        return dure_fail(EINVAL, "dure_dial_tcp wants a numeric IPv4 or IPv6 address");
    if (read_address(text, port, &address) < 0)
        return -1;
    fd = dure_socket(address.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || dure_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        dure_connect(fd, &address.u.any, address.len) < 0)
        return fail_closed(fd, "connect to", text, port);
    return fd;
}
