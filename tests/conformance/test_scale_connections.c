/* Many connections open at once, with an echo on each. */
#include "waiting.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Each side has 10,000 descriptors; a process may have 20,000 on small machines, so the clients are
   a process of their own. */
#define CONNECTIONS 10000
#define SPARE 100
#define MESSAGE 4

static bool is_backend(const char *name)
{
    const char *backend = getenv("DURE_BACKEND");

    return backend && strcmp(backend, name) == 0;
}

/* As many connections as this machine and this build bear, said aloud if fewer. */
static unsigned connections(void)
{
    unsigned wanted = UNDER_TSAN ? 2000 : UNDER_ASAN ? 5000 : CONNECTIONS;
    struct rlimit limit;

    if (wanted < CONNECTIONS)
        printf("# %u instead of %u connections: %s\n", wanted, CONNECTIONS,
               UNDER_TSAN ? "ThreadSanitizer bears 8,128 threads and fibers at most"
                          : "AddressSanitizer is slow");
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted + SPARE) {
        printf("# %u instead of %u connections: the limit on descriptors\n",
               (unsigned)limit.rlim_cur - SPARE, wanted);
        wanted = (unsigned)limit.rlim_cur - SPARE;
    }
    return wanted;
}

/* --- the clients: a process, and a run, of their own --- */

struct clients {
    unsigned count;
    uint16_t port;
    int port_fd;
    int *fds;
};

static struct clients clients;
static atomic_uint wrong; /* checks that failed among the clients */

/* CHECK for the clients, whose process exits by this count. */
static bool check(bool right)
{
    if (!CHECK(right))
        atomic_fetch_add(&wrong, 1);
    return right;
}

static void echo_once(int fd, unsigned number)
{
    char data[MESSAGE], back[MESSAGE] = "";

    memcpy(data, &number, sizeof data);
    check(dure_write_all(fd, data, sizeof data) == sizeof data);
    check(dure_read_full(fd, back, sizeof back) == sizeof back);
    check(memcmp(data, back, sizeof data) == 0);
}

static int open_one(void *arg)
{
    unsigned number = *(unsigned *)arg;
    int fd = dure_dial_tcp("127.0.0.1", clients.port);

    clients.fds[number] = fd;
    if (check(fd >= 0))
        echo_once(fd, number);
    return 0;
}

static int close_one(void *arg)
{
    unsigned number = *(unsigned *)arg;

    echo_once(clients.fds[number], ~number);
    check(dure_close(clients.fds[number]) == 0);
    return 0;
}

/* A task each; at most some hundred at once, as the server's backlog is finite. */
static void each_client(dure_fn *fn)
{
    dure_scope scope;
    unsigned i;

    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = 200 });
    for (i = 0; i < clients.count; i++)
        check(dure_spawn(&scope, fn, &i, sizeof i) == 0);
    check(dure_scope_close(&scope) == 0);
}

static int run_clients(void *arg)
{
    (void)arg;
    check(dure_read_full(clients.port_fd, &clients.port, sizeof clients.port) ==
          sizeof clients.port);
    clients.fds = calloc(clients.count, sizeof *clients.fds);
    each_client(open_one);
    each_client(close_one); /* all are open when the first is closed */
    free(clients.fds);
    return 0;
}

static void client_process(void)
{
    const dure_run_options options = { .loops = 1, .backend = "epoll" };

    check(dure_run_with(&options, run_clients, NULL) == 0);
}

/* --- the server --- */

static atomic_uint open_now, open_most, served;

static int serve_one(void *arg)
{
    int fd = *(int *)arg;
    unsigned now = atomic_fetch_add(&open_now, 1) + 1, most = atomic_load(&open_most);
    char data[64];
    ssize_t n;

    while (now > most && !atomic_compare_exchange_weak(&open_most, &most, now))
        ;
    while ((n = dure_read(fd, data, sizeof data)) > 0)
        CHECK_EQ(dure_write(fd, data, (size_t)n), n);
    CHECK_EQ(n, 0);
    CHECK_EQ(dure_close(fd), 0);
    atomic_fetch_sub(&open_now, 1);
    atomic_fetch_add(&served, 1);
    return 0;
}

struct server {
    dure_scope scope;
    int listener;
};

static int serve(void *arg)
{
    struct server *server = arg;

    CHECK_FAILS(dure_serve(&server->scope, server->listener, serve_one), ECANCELED);
    return 0;
}

struct ends {
    int port_fd, alive_fd;
};

/* Serves until the process of the clients has gone. */
static int run_server(void *arg)
{
    struct ends *ends = arg;
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    struct server server;
    dure_scope serving;
    uint16_t port;
    char byte;

    server.listener = dure_listen_tcp("127.0.0.1", 0);
    CHECK_EQ(dure_getsockname(server.listener, (struct sockaddr *)&addr, &len), 0);
    port = ntohs(addr.sin_port);
    dure_scope_open(&server.scope);
    dure_scope_open(&serving);
    CHECK_EQ(dure_spawn(&serving, serve, &server, 0), 0);
    CHECK_EQ(dure_write_all(ends->port_fd, &port, sizeof port), sizeof port);
    CHECK_EQ(dure_read(ends->alive_fd, &byte, 1), 0);
    dure_scope_cancel(&serving);
    CHECK_FAILS(dure_scope_close(&serving), ECANCELED);
    CHECK_EQ(dure_scope_close(&server.scope), 0);
    CHECK_EQ(dure_close(server.listener), 0);
    return 0;
}

TEST_OUTSIDE(ten_thousand_with_an_echo_on_each)
{
    int port_fds[2], alive_fds[2], status = -1;
    struct ends ends;
    pid_t pid;

    if (is_backend("select"))
        return; /* see below */
    clients.count = connections();
    atomic_store(&open_most, 0);
    atomic_store(&served, 0);
    CHECK_EQ(pipe2(port_fds, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(alive_fds, O_CLOEXEC), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(port_fds[1]);
        close(alive_fds[0]);
        clients.port_fd = port_fds[0];
        alarm(60);
        client_process();
        _exit(atomic_load(&wrong) ? 1 : 0);
    }
    CHECK(pid > 0);
    close(port_fds[0]);
    close(alive_fds[1]);
    ends = (struct ends){ port_fds[1], alive_fds[0] };
    CHECK_EQ(
        dure_run_with(&(dure_run_options){ .loops = 2, .stack_size = 64 << 10 }, run_server, &ends),
        0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close(port_fds[1]);
    close(alive_fds[0]);
    CHECK_EQ(served, clients.count);
    CHECK_EQ(open_most, clients.count); /* they were open at once */
}

/* --- what select cannot do --- */

#define PAIRS 700

static int wait_as_far_as_select_can(void *arg)
{
    int fd = *(int *)arg;
    struct pollfd polled = { .fd = fd, .events = POLLIN };
    char byte;

    if (fd >= 1024 && is_backend("select")) {
        CHECK_FAILS(dure_read(fd, &byte, 1), EINVAL);
        CHECK_HAS(dure_why(), "select");
        CHECK_HAS(dure_why(), "1024");
        CHECK_FAILS(dure_recv(fd, &byte, 1, 0), EINVAL);
        CHECK_FAILS(dure_poll(&polled, 1, 1000), EINVAL);
        CHECK_HAS(dure_why(), "does not poll");
        atomic_fetch_add(&served, 1);
        CHECK_EQ(dure_write(fd, "x", 1), 1); /* what need not wait works */
    } else {
        CHECK_EQ(dure_read(fd, &byte, 1), 1);
    }
    return 0;
}

/* 1,400 descriptors in one process, half of the upper ones polled: those below 1,024 work, those
   beyond are told apart with words, and nothing is overwritten. */
TEST(beyond_select_s_sets)
{
    static int fds[PAIRS][2];
    unsigned beyond = 0;
    dure_scope scope;
    int i;

    atomic_store(&served, 0);
    dure_scope_open(&scope);
    for (i = 0; i < PAIRS; i++) {
        CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
        beyond += fds[i][0] >= 1024;
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 wait_as_far_as_select_can, &fds[i][0], sizeof(int)),
                 0);
    }
    CHECK(beyond > 100);
    if (is_backend("select"))
        YIELD_UNTIL(atomic_load(&served) == beyond);
    for (i = 0; i < PAIRS; i++)
        CHECK_EQ(dure_write(fds[i][1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < PAIRS; i++) {
        CHECK_EQ(dure_close(fds[i][0]), 0);
        CHECK_EQ(dure_close(fds[i][1]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_with_an_echo_on_each),
        cmocka_unit_test(beyond_select_s_sets),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
