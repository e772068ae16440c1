/* dure_serve: connections become tasks, a limit on them, and what it survives. */
#include "waiting.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

struct server {
    dure_scope scope; /* of the connections */
    int listener;
    int error;
    atomic_bool ended;
};

static atomic_int served, served_elsewhere, done_with;

static int echo(void *arg)
{
    int fd = *(int *)arg, result;
    char buf[512];
    ssize_t n;

    atomic_fetch_add(&served, 1);
    if (dure_loop_number() != 0)
        atomic_fetch_add(&served_elsewhere, 1);
    while ((n = dure_read(fd, buf, sizeof buf)) > 0)
        if (dure_write_all(fd, buf, (size_t)n) < 0)
            break;
    result = dure_close(fd);
    atomic_fetch_add(&done_with, 1);
    return result;
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
    atomic_store(&done_with, 0);
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

TEST(ends_with_its_listener)
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

TEST(no_listener)
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
/* The next so many of dure's calls fail with this, on the backends that call. */
static atomic_int accept_errors;
static int accept_error;

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    atomic_fetch_add(&accepts, 1);
    if (atomic_load(&accept_errors) > 0) {
        atomic_fetch_sub(&accept_errors, 1);
        errno = accept_error;
        return -1;
    }
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

static int knock(int listener)
{
    struct sockaddr_storage addr;
    socklen_t addr_len = sizeof addr;
    int fd = plain_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_EQ(dure_getsockname(listener, (struct sockaddr *)&addr, &addr_len), 0);
    CHECK_EQ(plain_connect(fd, (struct sockaddr *)&addr, addr_len), 0);
    return fd;
}

static int serve_into_ended(void *arg)
{
    struct server *server = *(struct server **)arg;

    CHECK_FAILS(dure_serve(&server->scope, server->listener, echo), ECANCELED);
    atomic_store(&server->ended, true);
    return 0;
}

/* The tasks' scope is not around the server: it does not turn connections away for ever. */
TEST(serve_into_an_ended_scope)
{
    struct server server = { .listener = dure_listen_tcp("127.0.0.1", 0) }, *pointer = &server;
    dure_scope servers;
    int client;

    dure_scope_open(&servers);
    dure_scope_open(&server.scope);
    CHECK_EQ(dure_spawn(&servers, serve_into_ended, &pointer, sizeof pointer), 0);
    dure_scope_cancel(&server.scope);
    client = knock(server.listener);
    YIELD_UNTIL(atomic_load(&server.ended));
    dure_scope_cancel(&servers);
    CHECK_FAILS(dure_scope_close(&server.scope), ECANCELED);
    CHECK_FAILS(dure_scope_close(&servers), ECANCELED);
    plain_close(client);
    CHECK_EQ(dure_close(server.listener), 0);
}

/* --- options and an argument --- */

struct greeting {
    const char *words;
    atomic_int given, ended;
};

static int greet(void *arg)
{
    dure_connection *connection = arg;
    struct greeting *greeting = connection->arg;
    char rest[8];

    CHECK_STR(dure_task_name(), "greeter");
    CHECK_EQ(dure_loop_number(), 1);
    CHECK_EQ(dure_write_all(connection->fd, greeting->words, 5), 5);
    atomic_fetch_add(&greeting->given, 1);
    CHECK_EQ(dure_read(connection->fd, rest, sizeof rest), 0);
    atomic_fetch_add(&greeting->ended, 1);
    return dure_close(connection->fd);
}

struct greeter {
    dure_scope scope;
    int listener;
    struct greeting greeting;
};

static int serve_greetings(void *arg)
{
    static const dure_spawn_options options = { .name = "greeter",
                                                .place = DURE_LOOP(1),
                                                .flags = DURE_NO_WAIT };
    struct greeter *greeter = *(struct greeter **)arg;

    dure_scope_open_with(&greeter->scope, &(dure_scope_options){ .tasks_max = 1 });
    CHECK_FAILS(
        dure_serve_with(&greeter->scope, greeter->listener, &options, greet, &greeter->greeting),
        ECANCELED);
    return dure_scope_close(&greeter->scope);
}

/* Beyond the limit a connection is closed at once, not kept waiting. */
TEST(serve_with_options)
{
    struct greeter greeter = { .greeting.words = "hello" }, *at = &greeter;
    int first, second, third;
    char words[6] = "";
    dure_scope scope;
    uint16_t port;

    greeter.listener = dure_listen_tcp("127.0.0.1", 0);
    port = port_of(greeter.listener);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, serve_greetings, &at, sizeof at), 0);
    first = dure_dial_tcp("127.0.0.1", port);
    CHECK_EQ(dure_read_full(first, words, 5), 5);
    CHECK_STR(words, "hello");
    second = dure_dial_tcp("127.0.0.1", port);
    CHECK_EQ(dure_read(second, words, 5), 0); /* turned away */
    CHECK_EQ(dure_close(first), 0);
    do { /* until the first one's task has ended */
        third = dure_dial_tcp("127.0.0.1", port);
        if (dure_read_full(third, words, 5) == 5)
            break;
        CHECK_EQ(dure_close(third), 0);
    } while (dure_yield() == 0);
    CHECK_EQ(dure_close(second), 0);
    CHECK_EQ(dure_close(third), 0);
    YIELD_UNTIL(atomic_load(&greeter.greeting.ended) == 2);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(greeter.greeting.given, 2);
    CHECK_EQ(dure_close(greeter.listener), 0);
}

TEST_OUTSIDE(serve_without_a_run)
{
    int listener = dure_listen_tcp("127.0.0.1", 0), client = knock(listener);
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MINUTE) });
    CHECK_FAILS(dure_serve(&scope, listener, echo), EPERM);
    CHECK_EQ(dure_scope_close(&scope), 0);
    plain_close(client);
    CHECK_EQ(dure_close(listener), 0);
}

/* A listener with O_NONBLOCK serves as well, without turning in circles. */
TEST(with_nonblock)
{
    struct server server;
    dure_scope scope;

    dure_scope_open(&scope);
    start(&server, &scope);
    CHECK_EQ(dure_fcntl(server.listener, F_SETFL, O_NONBLOCK), 0);
    exchange(port_of(server.listener), 10);
    exchange(port_of(server.listener),
             amount(simulated() ? 2000 : 100000)); /* all before an answer is read */
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

TEST(within_a_limit)
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
    plain_close(next);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}

/* Without a descriptor left it waits, and does not turn in circles; when some return it goes on, and
   nobody who knocked meanwhile is lost. */
TEST(without_descriptors)
{
    enum { WAITING = 5 };
    struct sockaddr_storage addr;
    struct server server;
    struct rlimit before;
    dure_scope scope;
    int clients[WAITING], i;
    socklen_t len = sizeof addr;
    char byte;

    NOT_SIMULATED("the limits of the process are not its own");
    dure_scope_open(&scope);
    start(&server, &scope);
    exchange(port_of(server.listener), 10);
    YIELD_UNTIL(atomic_load(&done_with) == 1); /* and gave its descriptor back */
    CHECK_EQ(dure_getsockname(server.listener, (struct sockaddr *)&addr, &len), 0);
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
    CHECK(atomic_load(&served) <= 2); /* io_uring: one accept began under the old limit */
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
TEST(starved_it_is_canceled)
{
    struct server server;
    struct rlimit before;
    dure_scope scope;
    int fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    NOT_SIMULATED("the limits of the process are not its own");
    dure_scope_open(&scope);
    server = (struct server){ .listener = dure_listen_tcp("127.0.0.1", 0) };
    CHECK_EQ(dure_getsockname(server.listener, (struct sockaddr *)&addr, &len), 0);
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

/* Errors of accept that Linux gives rarely: three times, then it is itself again. */
TEST(survives_what_accept_may_answer)
{
    static const int errors[] = { ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO, EPERM };
    bool filtered = strcmp(dure_backend_name(), "io_uring") != 0; /* a ring accepts by itself */
    struct server server;
    dure_scope scope;
    size_t i;

    NOT_SIMULATED("it calls no accept4");
    for (i = 0; i < sizeof errors / sizeof *errors; i++) {
        accept_error = errors[i];
        atomic_store(&accept_errors, filtered ? 3 : 0);
        dure_scope_open(&scope);
        start(&server, &scope);
        exchange(port_of(server.listener), 10);
        CHECK_EQ(atomic_load(&accept_errors), 0);
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(server.error, ECANCELED);
        CHECK_EQ(dure_close(server.listener), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_and_is_canceled),
        cmocka_unit_test(serve_into_an_ended_scope),
        cmocka_unit_test(serve_with_options),
        cmocka_unit_test(serve_without_a_run),
        cmocka_unit_test(ends_with_its_listener),
        cmocka_unit_test(no_listener),
        cmocka_unit_test(with_nonblock),
        cmocka_unit_test(within_a_limit),
        cmocka_unit_test(without_descriptors),
        cmocka_unit_test(starved_it_is_canceled),
        cmocka_unit_test(survives_what_accept_may_answer),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
