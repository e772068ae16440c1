/* Asking, and checking each byte of the answer. */
#include "cmd/compare/client_task.h"

#include <errno.h>
#include <string.h>

/* After an error: an overloaded server is not to be beaten. */
#define PAUSE_NS (10 * DURE_MILLISECOND)

static void drop(struct client_task *task)
{
    if (task->fd > 0)
        dure_close(task->fd);
    task->fd = 0;
}

static bool is_right(const struct client_task *task, const char *reply)
{
    const struct load *load = task->world->load;
    size_t len = load->handler->reply_len - sizeof task->request;

    return memcmp(reply, &task->request, sizeof task->request) == 0 &&
           memcmp(reply + sizeof task->request, load->handler->expected(load->world, task->request),
                  len) == 0;
}

/* One request and its answer. Returns: 0, or -1: refused, broken off or wrong; the connection is
   gone. */
static int exchange(struct client_task *task)
{
    const struct load *load = task->world->load;
    char request[REQUEST_LEN] = "", reply[REPLY_LEN_MAX];
    ssize_t len = (ssize_t)load->handler->reply_len;

    task->request++;
    memcpy(request, &task->request, sizeof task->request);
    if (task->fd <= 0)
        task->fd = dure_dial_tcp("127.0.0.1", (uint16_t)load->port);
    if (task->fd < 0 ||
        dure_write_all(task->fd, request, sizeof request) != (ssize_t)sizeof request ||
        dure_read_full(task->fd, reply, (size_t)len) != len || !is_right(task, reply)) {
        drop(task);
        return -1;
    }
    if (load->reconnects)
        drop(task);
    return 0;
}

/* begun_ns: when the request was sent, or was to be. */
static void count(struct client_task *task, int64_t begun_ns, int result)
{
    struct client_shared *shared = task->world->shared;
    struct client_count *count = &shared->counts[dure_loop_number()];

    if (result == 0 && !task->was_served) {
        task->was_served = true;
        shared->served++;
    }
    if (shared->phase != CLIENT_RECORDS)
        return;
    if (result < 0) {
        count->errors++;
        return;
    }
    count->requests++;
    histogram_add(&count->latencies, (uint64_t)(dure_now() - begun_ns));
}

/* The next as soon as the last is answered. */
static void ask_at_once(struct client_task *task)
{
    int64_t begun_ns;
    int result;

    while (!dure_canceled()) {
        begun_ns = dure_now();
        result = exchange(task);
        if (dure_canceled())
            return;
        count(task, begun_ns, result);
        if (result < 0)
            dure_sleep_for(PAUSE_NS);
    }
}

/* At times that were fixed beforehand, evenly spread over the clients. A client that is late asks on
   without a pause; its lateness is latency. */
static void ask_in_time(struct client_task *task)
{
    const struct client_world *world = task->world;
    double gap_ns = 1e9 * world->load->connections / world->load->rate;
    double due_ns = (double)world->begun_ns + gap_ns * task->number / world->load->connections;
    int result;

    for (; dure_sleep_until(dure_at((int64_t)due_ns)) == 0; due_ns += gap_ns) {
        result = exchange(task);
        if (dure_canceled())
            return;
        count(task, (int64_t)due_ns, result);
    }
}

int client_task(void *arg)
{
    struct client_task *task = arg;

    if (task->world->load->rate > 0)
        ask_in_time(task);
    else
        ask_at_once(task);
    drop(task);
    return 0;
}
