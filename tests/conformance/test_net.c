/* What servers and clients are made of: listen_tcp, dial_tcp, serve, read_full, write_all. */
#include "waiting.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static uint16_t port_of(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    CHECK_EQ(dure_getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
                                            : ((struct sockaddr_in *)&addr)->sin_port);
}

TEST(listen_and_dial)
{
    int listener = dure_listen_tcp("127.0.0.1", 0), client, server, value = 0;
    socklen_t len = sizeof value;

    CHECK(listener >= 0);
    CHECK(fcntl(listener, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(dure_getsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &value, &len), 0);
    CHECK_EQ(value, 1);
    client = dure_dial_tcp("127.0.0.1", port_of(listener));
    CHECK(client >= 0);
    CHECK(fcntl(client, F_GETFD) & FD_CLOEXEC);
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
    CHECK_FAILS(dure_listen_tcp("192.0.2.1", 0), EADDRNOTAVAIL); /* nobody's */
    CHECK_HAS(dure_why(), "192.0.2.1");
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

    CHECK_EQ(listen(listener, 0), 0);
    for (i = 0; i < 3; i++) {
        more[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(more[i], (struct sockaddr *)&addr, len);
    }
    DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
    fd = dure_dial_tcp("127.0.0.1", port);
    CHECK_EQ(fd, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    for (i = 0; i < 3; i++)
        close(more[i]);
    close(listener);
}

/* --- serve --- */

struct server {
    dure_scope scope; /* of the connections */
    int listener;
    int error;
    atomic_bool ended;
};

static atomic_int served, served_elsewhere;

static int echo(void *arg)
{
    int fd = *(int *)arg;
    char buf[512];
    ssize_t n;

    atomic_fetch_add(&served, 1);
    if (dure_loop_number() != 0)
        atomic_fetch_add(&served_elsewhere, 1);
    while ((n = dure_read(fd, buf, sizeof buf)) > 0)
        if (dure_write_all(fd, buf, (size_t)n) < 0)
            break;
    return dure_close(fd);
}

static int serve(void *arg)
{
    struct server *server = *(struct server **)arg;

    dure_scope_open_with(&server->scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    CHECK_EQ(dure_serve(&server->scope, server->listener, echo), -1);
    server->error = errno;
    dure_scope_close(&server->scope);
    atomic_store(&server->ended, true);
    return 0;
}

static void exchange(uint16_t port, size_t len)
{
    char *out = malloc(len), *in = malloc(len);
    int fd = dure_dial_tcp("127.0.0.1", port);

    memset(out, 's', len);
    if (CHECK(fd >= 0)) {
        CHECK_EQ(dure_write_all(fd, out, len), len);
        CHECK_EQ(dure_shutdown(fd, SHUT_WR), 0);
        CHECK_EQ(dure_read_full(fd, in, len), len);
        CHECK(memcmp(in, out, len) == 0);
        CHECK_EQ(dure_close(fd), 0);
    }
    free(out);
    free(in);
}

static int client(void *arg)
{
    exchange(*(uint16_t *)arg, 200);
    return 0;
}

static void start(struct server *server, dure_scope *scope)
{
    atomic_store(&served, 0);
    atomic_store(&served_elsewhere, 0);
    *server = (struct server){ .listener = dure_listen_tcp("127.0.0.1", 0) };
    CHECK_EQ(dure_spawn(scope, serve, &server, sizeof server), 0);
}

TEST(serves_and_is_canceled)
{
    enum { CLIENTS = 50 };
    struct server server;
    dure_scope scope, clients;
    uint16_t port;
    int i, open_fd;

    dure_scope_open(&scope);
    start(&server, &scope);
    port = port_of(server.listener);
    dure_scope_open(&clients);
    for (i = 0; i < CLIENTS; i++)
        CHECK_EQ(dure_spawn(&clients, client, &port, sizeof port), 0);
    CHECK_EQ(dure_scope_close(&clients), 0);
    CHECK_EQ(atomic_load(&served), CLIENTS);
    open_fd = dure_dial_tcp("127.0.0.1", port); /* one stays connected */
    YIELD_UNTIL(atomic_load(&served) == CLIENTS + 1);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK(atomic_load(&server.ended));
    CHECK_EQ(server.error, ECANCELED);
    CHECK_EQ(dure_read(open_fd, &(char){ 0 }, 1), 0); /* its task closed it */
    CHECK_EQ(dure_close(open_fd), 0);
    CHECK_EQ(dure_close(server.listener), 0); /* serve has not */
}

TEST(serve_ends_with_its_listener)
{
    struct server server;
    dure_scope scope;

    dure_scope_open(&scope);
    start(&server, &scope);
    exchange(port_of(server.listener), 10);
    one_turn();
    CHECK_EQ(dure_close(server.listener), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(server.error, EBADF);
}

TEST(serve_of_no_listener)
{
    dure_scope scope;
    int fds[2], fd;

    dure_scope_open(&scope);
    errno = EDOM; /* as the call left it that should have made the listener */
    CHECK_EQ(dure_serve(&scope, -1, echo), -1);
    CHECK_EQ(errno, EDOM);
    dure_pipe2(fds, 0);
    CHECK_FAILS(dure_serve(&scope, fds[0], echo), ENOTSOCK);
    fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(dure_serve(&scope, fd, echo), EINVAL);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* How often somebody tried to accept: counted where dure calls the kernel, or by the kernel, which
   counts what its rings have completed, whatever it was. */
static atomic_uint accepts;

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    atomic_fetch_add(&accepts, 1);
    return (int)syscall(SYS_accept4, fd, addr, len, flags);
}

/* Opened while there are descriptors to open them with. */
static int rings[8], rings_len;

static void open_rings(void)
{
    char path[64], link[64];
    int fd;

    rings_len = 0;
    for (fd = 0; fd < 64 && rings_len < 8; fd++) {
        memset(link, 0, sizeof link);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, link, sizeof link - 1) < 0 || strcmp(link, "anon_inode:[io_uring]") != 0)
            continue;
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
        rings[rings_len] = open(path, O_RDONLY | O_CLOEXEC);
        CHECK(rings[rings_len++] >= 0);
    }
    CHECK_EQ(rings_len > 0, strcmp(dure_backend_name(), "io_uring") == 0);
}

static void close_rings(void)
{
    while (rings_len > 0)
        close(rings[--rings_len]);
}

static unsigned attempts(void)
{
    unsigned count = atomic_load(&accepts), completions;
    char text[1024], *at;
    int i;

    for (i = 0; i < rings_len; i++) {
        memset(text, 0, sizeof text);
        CHECK(pread(rings[i], text, sizeof text - 1, 0) > 0);
        at = strstr(text, "CqTail:");
        if (CHECK(at && sscanf(at, "CqTail: %u", &completions) == 1))
            count += completions;
    }
    return count;
}

/* Waits a while, in which nobody turns in circles. What may happen every 10 ms happens less often on
   a busy machine, never more. */
static void check_it_waits(void)
{
    int64_t begun_ns = dure_now();
    unsigned before = attempts();

    dure_sleep_for(60 * DURE_MILLISECOND);
    CHECK(attempts() - before <= 20 + 10 * (dure_now() - begun_ns) / (10 * DURE_MILLISECOND));
}

/* A listener with O_NONBLOCK serves as well, without turning in circles. */
TEST(serve_with_nonblock)
{
    struct server server;
    dure_scope scope;

    dure_scope_open(&scope);
    start(&server, &scope);
    CHECK_EQ(dure_fcntl(server.listener, F_SETFL, O_NONBLOCK), 0);
    exchange(port_of(server.listener), 10);
    exchange(port_of(server.listener), amount(100000));
    open_rings();
    check_it_waits();
    close_rings();
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(dure_close(server.listener), 0);
}

/* A limit on tasks is a limit on connections: those beyond wait in the backlog, none is lost. */
static int serve_two(void *arg)
{
    struct server *server = *(struct server **)arg;

    dure_scope_open_with(&server->scope,
                         &(dure_scope_options){ .flags = DURE_KEEP_GOING, .tasks_max = 2 });
    CHECK_EQ(dure_serve(&server->scope, server->listener, echo), -1);
    dure_scope_close(&server->scope);
    return 0;
}

TEST(serve_within_a_limit)
{
    struct server server = { .listener = dure_listen_tcp("127.0.0.1", 0) }, *at = &server;
    uint16_t port = port_of(server.listener);
    dure_scope scope, clients;
    int i;

    atomic_store(&served, 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, serve_two, &at, sizeof at), 0);
    dure_scope_open(&clients);
    for (i = 0; i < 20; i++)
        CHECK_EQ(dure_spawn(&clients, client, &port, sizeof port), 0);
    CHECK_EQ(dure_scope_close(&clients), 0);
    CHECK_EQ(atomic_load(&served), 20);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(dure_close(server.listener), 0);
}

/* --- what serve survives --- */

/* Takes all descriptors but `left`. Returns the limit to restore. */
static struct rlimit starve(int left)
{
    struct rlimit before, now;
    int next = dup(0);

    getrlimit(RLIMIT_NOFILE, &before);
    now = before;
    now.rlim_cur = (rlim_t)(next + left);
    close(next);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}

/* Without a descriptor left it waits, and does not turn in circles; when some return it goes on, and
   nobody who knocked meanwhile is lost. */
TEST(serve_without_descriptors)
{
    enum { WAITING = 5 };
    struct sockaddr_storage addr;
    struct server server;
    struct rlimit before;
    dure_scope scope;
    int clients[WAITING], i;
    socklen_t len = sizeof addr;
    char byte;

    dure_scope_open(&scope);
    start(&server, &scope);
    exchange(port_of(server.listener), 10); /* accepts; with io_uring one accept is pending now */
    CHECK_EQ(getsockname(server.listener, (struct sockaddr *)&addr, &len), 0);
    for (i = 0; i < WAITING; i++)
        clients[i] = dure_socket(AF_INET, SOCK_STREAM, 0);
    open_rings();
    before = starve(0);
    CHECK_FAILS(dure_socket(AF_INET, SOCK_STREAM, 0), EMFILE);
    for (i = 0; i < WAITING; i++) { /* the kernel connects them all the same */
        CHECK_EQ(dure_connect(clients[i], (struct sockaddr *)&addr, len), 0);
        CHECK_EQ(dure_write(clients[i], "q", 1), 1);
    }
    one_turn();
    check_it_waits();
    CHECK(atomic_load(&served) <= 2);
    CHECK(!atomic_load(&server.ended));
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    close_rings();
    for (i = 0; i < WAITING; i++) {
        CHECK_EQ(dure_read(clients[i], &byte, 1), 1);
        CHECK_EQ(byte, 'q');
        CHECK_EQ(dure_close(clients[i]), 0);
    }
    CHECK_EQ(atomic_load(&served), 1 + WAITING);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(server.error, ECANCELED);
    CHECK_EQ(dure_close(server.listener), 0);
}

/* Starved, it can still be cancelled. */
TEST(starved_serve_is_canceled)
{
    struct server server;
    struct rlimit before;
    dure_scope scope;
    int fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    dure_scope_open(&scope);
    server = (struct server){ .listener = dure_listen_tcp("127.0.0.1", 0) };
    CHECK_EQ(getsockname(server.listener, (struct sockaddr *)&addr, &len), 0);
    before = starve(0);
    CHECK_EQ(dure_connect(fd, (struct sockaddr *)&addr, len), 0);
    DURE_WITHIN(dure_after(30 * DURE_MILLISECOND))
    CHECK_EQ(dure_serve(&scope, server.listener, echo), -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(server.listener), 0);
}

/* Errors of accept that Linux gives rarely, from a filter. io_uring is not filtered: there it goes
   through as if nothing had been. */
static int filtered_error;

static int serve_filtered(void *arg)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept4, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)filtered_error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    int listener = dure_listen_tcp("127.0.0.1", 0),
        fd = dure_dial_tcp("127.0.0.1", port_of(listener));
    dure_scope scope;

    (void)arg;
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), 0);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    DURE_WITHIN(dure_after(30 * DURE_MILLISECOND))
    CHECK_EQ(dure_serve(&scope, listener, echo), -1);
    CHECK_EQ(errno, ETIMEDOUT); /* it went on until it was cancelled */
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(listener), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    return 0;
}

static void run_filtered(void)
{
    CHECK_EQ(dure_run(serve_filtered, NULL), 0);
}

TEST_OUTSIDE(serve_survives_what_accept_may_answer)
{
    static const int errors[] = { ECONNABORTED, ENFILE, ENOBUFS, ENOMEM, EPROTO, EPERM };
    unsigned action = SECCOMP_RET_ERRNO;
    struct child child;
    size_t i;

    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0) {
        print_message("skipped: no filters of system calls here: %s\n", strerror(errno));
        skip();
    }
    for (i = 0; i < sizeof errors / sizeof *errors; i++) {
        filtered_error = errors[i];
        conformance_child(&child, run_filtered);
        CHECK_CHILD_OK(&child);
    }
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
        cmocka_unit_test(serves_and_is_canceled),
        cmocka_unit_test(serve_ends_with_its_listener),
        cmocka_unit_test(serve_of_no_listener),
        cmocka_unit_test(serve_with_nonblock),
        cmocka_unit_test(serve_within_a_limit),
        cmocka_unit_test(serve_without_descriptors),
        cmocka_unit_test(starved_serve_is_canceled),
        cmocka_unit_test(serve_survives_what_accept_may_answer),
        cmocka_unit_test(read_full_to_the_end_and_past_trouble),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
