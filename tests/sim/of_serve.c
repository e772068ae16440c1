/* The web server on a simulated disk: clients that break off at any byte, a disk that answers short,
   late or not at all, files that are replaced and grow meanwhile. */
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
    /* Small enough that the large page is sent from its descriptor. */
    http_options options = { .root_fd = *(int *)arg, .log_fd = -1, .cached_file_max = 1000 };
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

/* --- the site --- */

/* Each version of a page is one letter throughout, and as long as the letter says: whoever gets
   letters of two versions in one answer, or of neither length, got what never was. */
#define VERSIONS 6

static const char *const pages[2] = { "small", "large" };

static size_t len_of(int page, char letter)
{
    return (size_t)(letter - 'a' + 1) * (page ? 7001 : 101);
}

static bool write_page(int root_fd, const char *name, int page, char letter)
{
    size_t len = len_of(page, letter);
    int fd = dure_openat(root_fd, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    char *text = malloc(len);
    bool whole;

    memset(text, letter, len);
    whole = fd >= 0 && dure_write_all(fd, text, len) == (ssize_t)len;
    free(text);
    if (fd >= 0)
        dure_close(fd);
    return whole;
}

/* Written beside, then put into its place at once. */
static void replace(int root_fd, int page)
{
    if (write_page(root_fd, "new", page, (char)('a' + dure_sim_draw(VERSIONS))))
        CHECK(dure_renameat(root_fd, "new", root_fd, pages[page]) == 0 || errno == ECANCELED);
}

static int change(void *arg)
{
    while (dure_sleep_for(dure_sim_draw(1500) * DURE_MILLISECOND) == 0)
        replace(*(int *)arg, (int)dure_sim_draw(2));
    return 0;
}

/* --- clients --- */

struct answer {
    int status;
    size_t len;  /* as it says */
    char *body;  /* within text */
    ssize_t got; /* bytes of it */
    char text[60000];
};

static bool ask_for(struct answer *answer, const char *target)
{
    char request[200];
    int len = snprintf(request, sizeof request,
                       "GET /%s HTTP/1.1\r\nHost: simulated\r\nConnection: close\r\n\r\n", target);
    int fd = dure_dial_tcp("127.0.0.1", 8080);
    char *field;
    ssize_t n;

    CHECK_EQ(dure_write_all(fd, request, (size_t)len), len);
    n = dure_read_full(fd, answer->text, sizeof answer->text - 1);
    dure_close(fd);
    if (n < 0)
        return false;
    answer->text[n] = '\0';
    answer->body = strstr(answer->text, "\r\n\r\n");
    field = strstr(answer->text, "Content-Length: ");
    if (!answer->body || !field || sscanf(answer->text, "HTTP/1.1 %d ", &answer->status) != 1)
        return false;
    answer->body += 4;
    answer->len = strtoul(field + 16, NULL, 10);
    answer->got = n - (answer->body - answer->text);
    return true;
}

/* An answer cut short is one that its client can tell; a whole one is one version, whole. */
static void check_page(const struct answer *answer, int page)
{
    char letter = answer->body[0];

    if ((size_t)answer->got < answer->len || answer->len == 0)
        return;
    CHECK_EQ(answer->got, answer->len);
    CHECK_EQ(answer->len, len_of(page, letter));
    for (size_t i = 0; i < answer->len; i++)
        if (!CHECK_EQ(answer->body[i], letter))
            return;
}

static int ask(void *arg)
{
    struct answer *answer = malloc(sizeof *answer);
    int page = (int)dure_sim_draw(2);

    (void)arg;
    dure_sleep_for(dure_sim_draw(4000) * DURE_MILLISECOND);
    if (ask_for(answer, pages[page])) {
        CHECK(answer->status == 200 || answer->status == 500);
        if (answer->status == 200)
            check_page(answer, page);
    }
    free(answer);
    return 0;
}

static int ask_for_list(void *arg)
{
    struct answer *answer = malloc(sizeof *answer);

    (void)arg;
    dure_sleep_for(dure_sim_draw(4000) * DURE_MILLISECOND);
    if (ask_for(answer, "") && answer->status == 200)
        CHECK(strstr(answer->body, "large") && strstr(answer->body, "small"));
    if (ask_for(answer, "outside/secret"))
        CHECK(answer->status == 403 || answer->status == 500);
    if (ask_for(answer, "nowhere"))
        CHECK(answer->status == 404 || answer->status == 500);
    free(answer);
    return 0;
}

static const char requests[] = "GET /small HTTP/1.1\r\nHost: simulated\r\n\r\n"
                               "GET /large HTTP/1.1\r\nHost: simulated\r\n"
                               "Connection: close\r\n\r\n";

static int break_off(void *arg)
{
    size_t len = dure_sim_draw(sizeof requests);
    char answer[400];
    int fd;

    (void)arg;
    dure_sleep_for(dure_sim_draw(4000) * DURE_MILLISECOND);
    fd = dure_dial_tcp("127.0.0.1", 8080);
    if (fd < 0)
        return 0;
    dure_write_all(fd, requests, len);
    if (dure_sim_draw(2))
        dure_read_full(fd, answer, dure_sim_draw(sizeof answer) * (len > 50));
    return dure_close(fd);
}

static void serve_and_ask(int root_fd)
{
    static dure_fn *const clients_of[] = { ask, ask, break_off, ask_for_list };
    dure_scope server, clients, changes;

    dure_scope_open(&server);
    dure_scope_open(&changes);
    dure_scope_open(&clients);
    dure_spawn(&server, serve, &root_fd, sizeof root_fd);
    dure_sleep_for(10 * DURE_MILLISECOND);
    dure_spawn(&changes, change, &root_fd, sizeof root_fd);
    for (int i = 0; i < 15; i++)
        dure_spawn(&clients, clients_of[dure_sim_draw(4)], NULL, 0);
    CHECK_EQ(dure_scope_close(&clients), 0);
    dure_scope_cancel(&changes);
    dure_scope_close(&changes);
    dure_scope_cancel(&server);
    dure_scope_close(&server);
}

void serve_survives_broken_clients(void)
{
    int root_fd;

    CHECK_EQ(dure_mkdir("/site", 0755), 0);
    CHECK_EQ(dure_mkdir("/secrets", 0755), 0);
    CHECK_EQ(dure_symlink("../secrets", "/site/outside"), 0);
    CHECK_EQ(dure_mknod("/secrets/secret", S_IFREG | 0600, 0), 0);
    root_fd = dure_open("/site", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int page = 0; page < 2; page++)
        while (!write_page(root_fd, pages[page], page, 'a'))
            ;
    serve_and_ask(root_fd);
    CHECK_EQ(dure_close(root_fd), 0);
}
