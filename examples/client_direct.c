/* The same client three times: here in ordinary blocking code, a task for each
   thing to fetch. Compare client_future.c and client_callback.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prices.h"

struct fetch {
    int port;
    const char *name;
    int price;
};

static int fetch(void *arg)
{
    struct fetch *fetch = arg;
    char text[16] = "";
    ssize_t n = -1;
    int fd = dure_dial_tcp("127.0.0.1", (uint16_t)fetch->port);

    if (fd < 0)
        return dure_fail(errno, "cannot connect");
    if (dure_write_all(fd, fetch->name, strlen(fetch->name)) > 0)
        n = dure_read_full(fd, text, sizeof text - 1);
    fetch->price = atoi(text);
    dure_close(fd);
    return n > 0 ? 0 : -1; /* ends the others too */
}

static int fetch_all(int port, int *sum)
{
    static const char *const names[PRICES_LEN] = PRICES_NAMES;
    struct fetch fetches[PRICES_LEN];
    dure_scope fetching;

    dure_scope_open(&fetching);
    for (int i = 0; i < PRICES_LEN; i++) {
        fetches[i] = (struct fetch){ .port = port, .name = names[i] };
        dure_spawn(&fetching, fetch, &fetches[i], 0);
    }
    if (dure_scope_close(&fetching) < 0)
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
