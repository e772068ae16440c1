/* A peer: files by the HTTP server that comes with libevent. http PORT ROOT */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

/* The buffer closes the file when it has been sent. */
static int add_file(struct evbuffer *body, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;

    if (fd < 0)
        return -1;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
        evbuffer_add_file(body, fd, 0, about.st_size) == 0)
        return 0;
    close(fd);
    return -1;
}

static void answer(struct evhttp_request *request, void *arg)
{
    const char *name = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    struct evbuffer *body = evbuffer_new();
    char path[4096];

    if (!body)
        bench_die("evbuffer_new");
    snprintf(path, sizeof path, "%s%s", (const char *)arg, name ? name : "/");
    if (strstr(path, "..") || add_file(body, path) < 0) {
        evhttp_send_error(request, HTTP_NOTFOUND, NULL);
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "text/plain");
        evhttp_send_reply(request, HTTP_OK, NULL, body);
    }
    evbuffer_free(body);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct evhttp *server = base ? evhttp_new(base) : NULL;

    if (argc < 3 || !server)
        bench_die("evhttp_new");
    signal(SIGPIPE, SIG_IGN);
    evhttp_set_gencb(server, answer, argv[2]);
    if (evhttp_bind_socket(server, "127.0.0.1", (uint16_t)atoi(argv[1])) < 0)
        bench_die("evhttp_bind_socket");
    return event_base_dispatch(base);
}
