/* The same client three times: here with callbacks, each of which takes the next
   step; no task of its own, one operation for all steps. It is longer, and made
   for gluing to code that is driven by events itself. Compare client_direct.c
   and client_future.c. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prices.h"

struct fetch {
    dure_op op;
    dure_scope *scope; /* to end the others if this one fails */
    struct sockaddr_in addr;
    const char *name;
    int fd, price;
    char text[16];
    size_t len;
};

static void step_connected(dure_op *op, int64_t result, void *arg);
static void step_asked(dure_op *op, int64_t result, void *arg);
static void step_received(dure_op *op, int64_t result, void *arg);

static void step_closed(dure_op *op, int64_t result, void *arg)
{
    (void)op;
    (void)result;
    (void)arg;
}

/* Nothing in a callback may wait: closing is an operation too, and one that is never refused. */
static void end(struct fetch *fetch, int price)
{
    fetch->price = price;
    if (price < 0)
        dure_scope_cancel(fetch->scope);
    dure_op_close(&fetch->op, fetch->fd);
    dure_start(&fetch->op, step_closed, fetch);
}

/* The operation has been made: starts it, with the step that follows. */
static void go_on(struct fetch *fetch, dure_op_done *next)
{
    if (dure_start(&fetch->op, next, fetch) < 0)
        end(fetch, -1);
}

static void fetch_start(struct fetch *fetch)
{
    fetch->fd = dure_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    dure_op_connect(&fetch->op, fetch->fd, (struct sockaddr *)&fetch->addr, sizeof fetch->addr);
    go_on(fetch, step_connected);
}

static void step_connected(dure_op *op, int64_t result, void *arg)
{
    struct fetch *fetch = arg;

    if (result < 0) {
        end(fetch, -1);
        return;
    }
    dure_op_send(op, fetch->fd, fetch->name, strlen(fetch->name), 0);
    go_on(fetch, step_asked);
}

static void receive(struct fetch *fetch)
{
    dure_op_recv(&fetch->op, fetch->fd, fetch->text + fetch->len,
                 sizeof fetch->text - 1 - fetch->len, 0);
    go_on(fetch, step_received);
}

static void step_asked(dure_op *op, int64_t result, void *arg)
{
    (void)op;
    if (result < 0)
        end(arg, -1);
    else
        receive(arg);
}

static void step_received(dure_op *op, int64_t result, void *arg)
{
    struct fetch *fetch = arg;

    (void)op;
    if (result > 0) {
        fetch->len += (size_t)result;
        receive(fetch);
    } else {
        end(fetch, result < 0 ? -1 : atoi(fetch->text));
    }
}

static int fetch_all(int port, int *sum)
{
    static const char *const names[PRICES_LEN] = PRICES_NAMES;
    static struct fetch fetches[PRICES_LEN];
    dure_scope fetching;

    dure_scope_open(&fetching);
    for (int i = 0; i < PRICES_LEN; i++) {
        fetches[i] = (struct fetch){ .scope = &fetching, .name = names[i] };
        fetches[i].addr = (struct sockaddr_in){ .sin_family = AF_INET,
                                                .sin_port = htons((uint16_t)port),
                                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        fetch_start(&fetches[i]);
    }
    if (dure_scope_close(&fetching) < 0) /* waits until all have been told */
        return -1;
    for (int i = 0; i < PRICES_LEN; i++)
        *sum += fetches[i].price;
    return 0;
}

static int client(void *arg)
{
    int *sum = arg, port, result;
    dure_scope server;

    dure_scope_open(&server);
    port = prices_start(&server);
    result = port < 0 ? -1 : fetch_all(port, sum);
    dure_scope_cancel(&server);
    dure_scope_close(&server);
    return result;
}

int main(void)
{
    int sum = 0;

    if (dure_run(client, &sum) != 0) {
        fprintf(stderr, "client: %s\n", dure_why());
        return EXIT_FAILURE;
    }
    printf("%d in all\n", sum);
    return sum == PRICES_SUM ? EXIT_SUCCESS : EXIT_FAILURE;
}
