/* The process of the clients, seen from the one that measures, and its life. */
#include "cmd/compare/client.h"

#include <dure.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/compare/client_task.h"
#include "cmd/compare/usage.h"

/* The longest that the clients may take to hear. */
#define PATIENCE_MS 5000

struct life {
    const struct load *load;
    struct client_shared *shared;
    unsigned loops;
    int tell_fd, told_fd; /* the other ends of the client's */
};

static void spawn_all(struct client_world *world)
{
    unsigned i;

    for (i = 0; i < world->load->connections; i++) {
        struct client_task task = { .world = world, .number = i };
        dure_spawn_options options = { .place = DURE_LOOP((int)(i % world->loops)) };

        dure_spawn_with(world->scope, &options, client_task, &task, sizeof task);
    }
}

/* Does as it is told: a byte in either direction. The end of the pipe is the end. */
static void obey(const struct life *life)
{
    struct client_shared *shared = life->shared;
    int64_t begun_ns = 0, begun_cpu_ns = 0;
    struct usage used;
    char byte;

    while (dure_read(life->told_fd, &byte, 1) == 1 && byte != 'e') {
        usage_of_self(&used);
        if (byte == 'r') {
            begun_ns = dure_now();
            begun_cpu_ns = used.cpu_ns;
            shared->phase = CLIENT_RECORDS;
        } else {
            shared->phase = CLIENT_GOES_ON;
            shared->window_ns = dure_now() - begun_ns;
            shared->cpu_ns = used.cpu_ns - begun_cpu_ns;
        }
        if (dure_write(life->tell_fd, "o", 1) != 1)
            return;
    }
}

static int run_clients(void *arg)
{
    const struct life *life = arg;
    dure_scope scope;
    struct client_world world = { .load = life->load,
                                  .shared = life->shared,
                                  .scope = &scope,
                                  .loops = life->loops,
                                  .begun_ns = dure_now() };

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    spawn_all(&world);
    obey(life);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    return 0;
}

static void live(struct life *life, const struct processors *processors)
{
    dure_run_options options = { .flags = DURE_NO_STOP_SIGNALS };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    sched_setaffinity(0, sizeof processors->client, &processors->client);
    life->loops =
        processors->client_len < CLIENT_LOOPS_MAX ? processors->client_len : CLIENT_LOOPS_MAX;
    options.loops = life->loops;
    _exit(dure_run_with(&options, run_clients, life) == 0 ? 0 : 1);
}

int client_start(struct client *client, const struct load *load,
                 const struct processors *processors)
{
    int down[2], up[2];

    *client = (struct client){ .pid = -1, .tell_fd = -1, .told_fd = -1 };
    client->shared = mmap(NULL, sizeof *client->shared, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (client->shared == MAP_FAILED || dure_pipe2(down, O_CLOEXEC) < 0)
        return -1;
    if (dure_pipe2(up, O_CLOEXEC) < 0)
        goto err_close_down;
    client->pid = fork();
    if (client->pid == 0) {
        close(down[1]);
        close(up[0]);
        live(
            &(struct life){
                .load = load, .shared = client->shared, .tell_fd = up[1], .told_fd = down[0] },
            processors);
    }
    dure_close(down[0]);
    dure_close(up[1]);
    client->tell_fd = down[1];
    client->told_fd = up[0];
    return client->pid < 0 ? -1 : 0;

err_close_down:
    dure_close(down[0]);
    dure_close(down[1]);
    return -1;
}

int client_record(struct client *client, bool on)
{
    struct pollfd poll_fd = { .fd = client->told_fd, .events = POLLIN };
    char byte = on ? 'r' : 's';
    int n;

    if (dure_write(client->tell_fd, &byte, 1) != 1)
        return -1;
    do
        n = poll(&poll_fd, 1, PATIENCE_MS);
    while (n < 0 && errno == EINTR);
    return n > 0 && dure_read(client->told_fd, &byte, 1) == 1 ? 0 : -1;
}

void client_stop(struct client *client)
{
    if (client->tell_fd >= 0)
        dure_close(client->tell_fd);
    if (client->told_fd >= 0)
        dure_close(client->told_fd);
    if (client->pid > 0) {
        kill(client->pid, SIGKILL);
        while (waitpid(client->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

void client_fini(struct client *client)
{
    if (client->shared != NULL && client->shared != MAP_FAILED)
        munmap(client->shared, sizeof *client->shared);
}
