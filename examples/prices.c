/* A small server for the three clients. */
#include "prices.h"

#include <netinet/in.h>
#include <string.h>

static const char *price_of(const char *name)
{
    if (strcmp(name, "tea\n") == 0)
        return "12";
    return strcmp(name, "rice\n") == 0 ? "30" : "7";
}

static int answer(void *arg)
{
    int fd = *(int *)arg;
    char name[32] = "";
    size_t len = 0;
    ssize_t n;

    while (len < sizeof name - 1 && !strchr(name, '\n')) {
        n = dure_read(fd, name + len, sizeof name - 1 - len);
        if (n <= 0)
            return dure_close(fd);
        len += (size_t)n;
    }
    dure_write_all(fd, price_of(name), strlen(price_of(name)));
    return dure_close(fd);
}

static int serve(void *arg)
{
    int listen_fd = *(int *)arg;
    dure_scope connections;

    dure_scope_open_with(&connections, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    dure_serve(&connections, listen_fd, answer);
    dure_scope_close(&connections);
    return dure_close(listen_fd);
}

int prices_start(dure_scope *scope)
{
    int listen_fd = dure_listen_tcp("127.0.0.1", 0);
    struct sockaddr_in addr;
    socklen_t addr_len = sizeof addr;

    if (listen_fd < 0)
        return -1;
    dure_getsockname(listen_fd, (struct sockaddr *)&addr, &addr_len);
    if (dure_spawn(scope, serve, &listen_fd, sizeof listen_fd) < 0) {
        dure_close(listen_fd);
        return -1;
    }
    return ntohs(addr.sin_port);
}
