/* What makes descriptors for the tests, fills them and empties them. */
#include "waiting.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* the tcp_info of <netinet/tcp.h> ends too early */
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

/* A socket of the kind, by a plain call or by the twin. */
static int make_socket(int domain, int type, bool plain)
{
    return plain ? plain_socket(domain, type, 0) : dure_socket(domain, type, 0);
}

int make_listener(int domain, bool plain, struct sockaddr_storage *addr, socklen_t *addr_len)
{
    struct sockaddr_in *in = (struct sockaddr_in *)addr;
    int fd = make_socket(domain, SOCK_STREAM | SOCK_CLOEXEC, plain);

    memset(addr, 0, sizeof *addr);
    addr->ss_family = (sa_family_t)domain;
    *addr_len = sizeof(sa_family_t); /* AF_UNIX: the kernel finds a name */
    if (domain == AF_INET) {
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        *addr_len = sizeof *in;
    }
    CHECK_EQ(dure_bind(fd, (struct sockaddr *)addr, *addr_len), 0);
    CHECK_EQ(dure_listen(fd, 16), 0);
    *addr_len = sizeof *addr;
    CHECK_EQ(dure_getsockname(fd, (struct sockaddr *)addr, addr_len), 0);
    return fd;
}

/* Small buffers, of many segments each: with few, TCP waits 200 ms for a window of a whole one. Only
   sockets that are not yet connected know no better. */
static void make_small(int fd)
{
    int len = 16384, segment = 1000, one = 1;

    CHECK_EQ(dure_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof len), 0);
    CHECK_EQ(dure_setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len), 0);
    CHECK_EQ(dure_setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment), 0);
    CHECK_EQ(dure_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
}

static bool tcp_pair(int fds[2], bool plain, bool small)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int listener = make_listener(AF_INET, plain, &addr, &len);

    fds[0] = make_socket(AF_INET, SOCK_STREAM, plain);
    if (small) {
        make_small(listener);
        make_small(fds[0]);
    }
    CHECK_EQ(plain ? plain_connect(fds[0], (struct sockaddr *)&addr, len)
                   : dure_connect(fds[0], (struct sockaddr *)&addr, len),
             0);
    fds[1] = plain ? plain_accept(listener, NULL, NULL) : dure_accept(listener, NULL, NULL);
    plain ? plain_close(listener) : dure_close(listener);
    return CHECK(fds[0] >= 0 && fds[1] >= 0);
}

bool make_tcp_pair(int fds[2])
{
    return tcp_pair(fds, false, false);
}

bool make_tcp_pair_plain(int fds[2])
{
    return tcp_pair(fds, true, false);
}

bool make_tcp_pair_small(int fds[2], bool plain)
{
    return tcp_pair(fds, plain, true);
}

uint16_t port_of(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    CHECK_EQ(dure_getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
                                            : ((struct sockaddr_in *)&addr)->sin_port);
}

bool make_pty(int *master, int *slave)
{
    struct termios raw;

    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (!CHECK(*master >= 0) || !CHECK_EQ(grantpt(*master), 0) || !CHECK_EQ(unlockpt(*master), 0))
        return false;
    *slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (!CHECK(*slave >= 0))
        return false;
    tcgetattr(*slave, &raw);
    cfmakeraw(&raw);
    return CHECK_EQ(tcsetattr(*slave, TCSANOW, &raw), 0);
}

void make_name(char path[64])
{
    static atomic_uint next;

    snprintf(path, 64, "/tmp/dure-conformance-%d-%u", (int)getpid(), atomic_fetch_add(&next, 1));
}

bool make_folder(char path[64])
{
    make_name(path);
    return CHECK_EQ(dure_mkdir(path, 0700), 0);
}

static int make_simulated_file(const void *data, size_t len)
{
    char path[64];
    int fd;

    make_name(path);
    fd = dure_open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(dure_unlink(path), 0);
    CHECK_EQ(dure_pwrite(fd, data, len, 0), len);
    return fd;
}

/* By plain calls: twins would let others go first, who count on none. */
int make_file(const void *data, size_t len)
{
    char path[] = "/tmp/dure-conformance-XXXXXX";
    int fd;

    if (simulated())
        return make_simulated_file(data, len);
    fd = mkostemp(path, O_CLOEXEC);
    CHECK(fd >= 0);
    unlink(path);
    CHECK_EQ(pwrite(fd, data, len, 0), len);
    return fd;
}

size_t read_at(int fd, void *buf, size_t len, off_t offset)
{
    size_t done = 0;
    ssize_t n = 1;

    while (done < len && n > 0) {
        n = dure_pread(fd, (char *)buf + done, len - done, offset + (off_t)done);
        if (n > 0)
            done += (size_t)n;
    }
    CHECK(n >= 0);
    return done;
}

/* --- full and empty --- */

static size_t write_until_full(int fd)
{
    static const char data[4096];
    size_t total = 0;
    ssize_t n;

    while ((n = plain_write(fd, data, sizeof data)) > 0)
        total += (size_t)n;
    while (plain_write(fd, data, 1) > 0)
        total++;
    return total;
}

/* What the sender knows; false where the kernel does not tell (qemu-user). */
static bool tcp_state(int fd, struct tcp_info *info, int *queued)
{
    socklen_t len = sizeof *info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 &&
           len >= offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof info->tcpi_snd_wnd &&
           ioctl(fd, SIOCOUTQ, queued) == 0;
}

/* An acknowledgement waits up to 40 ms for data that it could go with: here is some. */
static void acknowledge(int reader, int fd)
{
    struct pollfd in = { .fd = fd, .events = POLLIN };
    char byte;

    if (send(reader, "a", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 && poll(&in, 1, 1000) > 0)
        recv(fd, &byte, 1, MSG_DONTWAIT);
}

/* Full for good: the window is filled to the byte, each piece acknowledged before the next. What is
   then written stays in the sender's queue, and no timer of TCP has anything to send. Were the
   window left open by less than a segment, the rest of it would be filled 200 ms later, and a byte
   more could be written. */
static bool fill_tcp(int fd, int reader)
{
    static const char data[65536];
    struct tcp_info info;
    int queued;

    while (tcp_state(fd, &info, &queued) && queued > 0) { /* of earlier, to begin with */
        drain(reader);
        acknowledge(reader, fd);
    }
    while (tcp_state(fd, &info, &queued)) {
        if (info.tcpi_snd_wnd == 0 && info.tcpi_unacked == 0) {
            write_until_full(fd);
            return true;
        }
        if (queued > 0)
            acknowledge(reader, fd);
        else if (write(fd, data,
                       info.tcpi_snd_wnd < sizeof data ? info.tcpi_snd_wnd : sizeof data) < 0)
            break; /* not connected any more */
    }
    return false;
}

/* The same where nothing is told: each time TCP's timers have made what room they can. */
static void fill_until_quiet(int fd)
{
    while (write_until_full(fd) > 0)
        poll(NULL, 0, 250);
}

static int domain_of(int fd)
{
    int domain = -1;
    socklen_t len = sizeof domain;

    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    return domain;
}

void fill(int fd, int reader)
{
    int flags = plain_fcntl(fd, F_GETFL);

    plain_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (simulated() || domain_of(fd) != AF_INET)
        write_until_full(fd);
    else if (!fill_tcp(fd, reader))
        fill_until_quiet(fd);
    plain_fcntl(fd, F_SETFL, flags);
}

size_t drain(int fd)
{
    struct pollfd in = { .fd = fd, .events = POLLIN };
    static char data[65536];
    size_t total = 0;
    ssize_t n;

    on_its_way();
    while (plain_poll(&in, 1, 0) > 0 && (n = plain_read(fd, data, sizeof data)) > 0)
        total += (size_t)n;
    return total;
}

void pause_tty(int fd)
{
    CHECK_EQ(tcflow(fd, TCOOFF), 0);
}

void resume_tty(int fd)
{
    CHECK_EQ(tcflow(fd, TCOON), 0);
}
