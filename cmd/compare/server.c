/* Servers: processes that are told by signals and pipes. */
#include "cmd/compare/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What lies in memory that both processes have. */
struct server_shared {
    struct usage usage; /* written by its signal's handler, before the byte in the pipe */
};

/* The longest that an answer to a question may take. */
#define PATIENCE_MS 5000

/* The server's own: one a process. */
static struct server_shared *own;
static int own_ready_fd, own_go_fd;

static void tell_usage(int number)
{
    int error = errno;

    (void)number;
    usage_of_self(&own->usage);
    if (write(own_ready_fd, "u", 1) < 0)
        _exit(1); /* nobody measures any more */
    errno = error;
}

/* Ready, before the first connection: how much memory it has is looked at now. */
static int wait_for_go(const struct model_service *service, dure_scope *scope)
{
    char byte;

    (void)service;
    (void)scope;
    if (dure_write(own_ready_fd, "r", 1) != 1 || dure_read(own_go_fd, &byte, 1) != 1)
        return -1;
    return 0;
}

/* In the child. It ends with its parent, and the terminal's Ctrl-C is not for it. */
static void live(const struct contestant *contestant, const struct handler_service *handler,
                 int listen_fd, const struct processors *processors, int said_fd)
{
    struct sigaction usage = { .sa_handler = tell_usage, .sa_flags = SA_RESTART };
    struct model_service service = {
        .listen_fd = listen_fd,
        .fn = handler_connection,
        .arg = (void *)(uintptr_t)handler,
        .workers = contestant->workers,
        .grace_ns = -1,
        .begin = wait_for_go,
        .loops = processors->server_len,
        .backend = contestant->backend,
    };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    sigaction(SIGUSR2, &usage, NULL);
    sched_setaffinity(0, sizeof processors->server, &processors->server);
    dup2(said_fd, STDERR_FILENO);
    _exit(contestant->model->serve(&service) == 0 ? 0 : 1);
}

static unsigned port_of(int fd)
{
    struct sockaddr_in addr = { 0 };
    socklen_t len = sizeof addr;

    getsockname(fd, (struct sockaddr *)&addr, &len);
    return ntohs(addr.sin_port);
}

static int open_listener(void)
{
    int fd = dure_listen_tcp("127.0.0.1", 0), on = 1;

    if (fd >= 0)
        dure_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Returns: the byte that the server sent, or -1. */
static int await_byte(const struct server *server)
{
    struct pollfd poll_fd = { .fd = server->ready_fd, .events = POLLIN };
    char byte;
    int n;

    do
        n = poll(&poll_fd, 1, PATIENCE_MS);
    while (n < 0 && errno == EINTR);
    return n > 0 && read(server->ready_fd, &byte, 1) == 1 ? byte : -1;
}

static int fork_server(struct server *server, const struct contestant *contestant,
                       const struct handler_service *handler, const struct processors *processors,
                       int listen_fd)
{
    int ready[2], go[2];

    if (dure_pipe2(ready, O_CLOEXEC) < 0)
        return -1;
    if (dure_pipe2(go, O_CLOEXEC) < 0)
        goto err_close_ready;
    server->pid = fork();
    if (server->pid == 0) {
        own = server->shared;
        own_ready_fd = ready[1];
        own_go_fd = go[0];
        close(ready[0]);
        close(go[1]);
        live(contestant, handler, listen_fd, processors, server->said_fd);
    }
    dure_close(ready[1]);
    dure_close(go[0]);
    server->ready_fd = ready[0];
    server->go_fd = go[1];
    return server->pid < 0 ? -1 : 0;

err_close_ready:
    dure_close(ready[0]);
    dure_close(ready[1]);
    return -1;
}

int server_start(struct server *server, const struct contestant *contestant,
                 const struct handler_service *handler, const struct processors *processors)
{
    int listen_fd, result;

    *server = (struct server){ .pid = -1, .ready_fd = -1, .go_fd = -1 };
    server->said_fd = memfd_create("dure-said", MFD_CLOEXEC);
    server->shared = mmap(NULL, sizeof *server->shared, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    listen_fd = open_listener();
    if (server->said_fd < 0 || server->shared == MAP_FAILED || listen_fd < 0) {
        if (listen_fd >= 0)
            dure_close(listen_fd);
        return -1;
    }
    server->port = port_of(listen_fd);
    result = fork_server(server, contestant, handler, processors, listen_fd);
    dure_close(listen_fd);
    if (result == 0 && await_byte(server) != 'r') {
        errno = ENOSYS;
        return -1;
    }
    return result;
}

void server_go(struct server *server)
{
    dure_write(server->go_fd, "g", 1);
}

int server_usage(const struct server *server, struct usage *usage)
{
    if (kill(server->pid, SIGUSR2) < 0 || await_byte(server) != 'u')
        return -1;
    *usage = server->shared->usage;
    usage_add_children(usage, server->pid);
    return 0;
}

char *server_said(const struct server *server)
{
    char text[256], *line = text;
    ssize_t n = dure_pread(server->said_fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return NULL;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (strncmp(line, "dure: ", strlen("dure: ")) == 0)
        line += strlen("dure: ");
    return strdup(line);
}

void server_stop(struct server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        /* What it forked is now this process's, and about to die of its parent's end. */
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
            ;
    }
    if (server->ready_fd >= 0)
        dure_close(server->ready_fd);
    if (server->go_fd >= 0)
        dure_close(server->go_fd);
    if (server->said_fd >= 0)
        dure_close(server->said_fd);
    if (server->shared != NULL && server->shared != MAP_FAILED)
        munmap(server->shared, sizeof *server->shared);
}
