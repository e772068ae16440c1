/* The web server with clients that break off at any byte. Its files are real ones, read at once and
   kept in memory: what is simulated is the network. */
#include "properties.h"

#include <fcntl.h>
#include <unistd.h>

#include "http/http.h"

static int connection(void *arg)
{
    dure_connection *connection = arg;

    return http_connection(connection->arg, connection->fd);
}

static int serve(void *arg)
{
    http_options options = { .root_fd = *(int *)arg, .log_fd = -1 };
    int fd = dure_listen_tcp("127.0.0.1", 8080);
    http_site *site;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    options.scope = &scope;
    CHECK_EQ(http_site_open(&site, &options), 0);
    dure_serve_with(&scope, fd, NULL, connection, site);
    dure_close(fd);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    http_site_close(site);
    return 0;
}

static const char request[] = "GET /page.html HTTP/1.1\r\nHost: simulated\r\n\r\n"
                              "GET /page.html HTTP/1.1\r\nHost: simulated\r\n"
                              "Connection: close\r\n\r\n";

static int break_off(void *arg)
{
    size_t len = dure_sim_draw(sizeof request);
    char answer[400];
    int fd = dure_dial_tcp("127.0.0.1", 8080);

    (void)arg;
    if (fd < 0)
        return 0;
    dure_write_all(fd, request, len);
    if (dure_sim_draw(2))
        dure_read_full(fd, answer, dure_sim_draw(sizeof answer) * (len > 50));
    return dure_close(fd);
}

/* Both answers, and then the end. */
static int ask(void *arg)
{
    char answer[4000] = "", *second;
    int fd = dure_dial_tcp("127.0.0.1", 8080);

    (void)arg;
    CHECK_EQ(dure_write_all(fd, request, sizeof request - 1), sizeof request - 1);
    CHECK(dure_read_full(fd, answer, sizeof answer - 1) > 0);
    CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0);
    second = strstr(answer + 1, "HTTP/1.1 200 ");
    CHECK(second && strstr(second, "the whole page"));
    return dure_close(fd);
}

static void serve_and_ask(int root_fd)
{
    dure_scope server, clients;

    dure_scope_open(&server);
    dure_scope_open(&clients);
    dure_spawn(&server, serve, &root_fd, sizeof root_fd);
    dure_sleep_for(10 * DURE_MILLISECOND);
    for (int i = 0; i < 10; i++)
        dure_spawn(&clients, dure_sim_draw(3) ? break_off : ask, NULL, 0);
    CHECK_EQ(dure_scope_close(&clients), 0);
    dure_scope_cancel(&server);
    dure_scope_close(&server);
}

void serve_survives_broken_clients(void)
{
    char dir[] = "/tmp/dure-sim-XXXXXX";
    int root_fd, fd;

    CHECK(mkdtemp(dir) != NULL);
    root_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = openat(root_fd, "page.html", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    CHECK_EQ(write(fd, "the whole page", 14), 14);
    close(fd);
    serve_and_ask(root_fd);
    unlinkat(root_fd, "page.html", 0);
    close(root_fd);
    rmdir(dir);
}
