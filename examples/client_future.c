/* The same client three times: here with futures, whose results are asked for
   when they are wanted. Compare client_direct.c and client_callback.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prices.h"

struct fetch {
    int port;
    const char *name;
};

/* Its return is the future's result: a price, or -1 with errno. */
static intptr_t fetch(void *arg)
{
    struct fetch *fetch = arg;
    char text[16] = "";
    ssize_t n = -1;
    int fd = dure_dial_tcp("127.0.0.1", (uint16_t)fetch->port);

    if (fd < 0)
        return dure_fail(errno, "cannot connect");
    if (dure_write_all(fd, fetch->name, strlen(fetch->name)) > 0)
        n = dure_read_full(fd, text, sizeof text - 1);
    dure_close(fd);
    return n > 0 ? atoi(text) : -1;
}

static int fetch_all(int port, int *sum)
{
    static const char *const names[PRICES_LEN] = PRICES_NAMES;
    dure_future prices[PRICES_LEN];
    dure_scope fetching;
    int result = 0;

    dure_scope_open(&fetching);
    for (int i = 0; i < PRICES_LEN; i++)
        dure_async(&fetching, &prices[i], fetch, &(struct fetch){ port, names[i] },
                   sizeof(struct fetch));
    for (int i = 0; i < PRICES_LEN && result == 0; i++) {
        int price = (int)dure_await(&prices[i]);

        if (price < 0)
            result = -1;
        *sum += price;
    }
    if (result < 0)
        dure_scope_cancel(&fetching); /* the others are of no use */
    dure_scope_close(&fetching);      /* before the futures' memory goes */
    return result;
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
