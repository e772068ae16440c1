/* dure serve: a static web server. */
#include "cmd/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "cmd/cmd.h"

static int connection(void *arg)
{
    dure_connection *connection = arg;
    const struct serve_settings *settings = connection->arg;

    return http_connection(settings->site, connection->fd);
}

/* Returns: the port that the socket listens on. */
static unsigned port_of(int fd)
{
    struct sockaddr_storage addr;
    socklen_t addr_len = sizeof addr;

    if (dure_getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0)
        return 0;
    return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
                                            : ((struct sockaddr_in *)&addr)->sin_port);
}

/* By whom, and how many of them. */
static void announce_model(const struct serve_settings *settings)
{
    const struct model *model = settings->model;
    unsigned loops = dure_loop_count();

    if (loops > 0)
        fprintf(stderr, " with %u loop%s on %s", loops, loops == 1 ? "" : "s", dure_backend_name());
    else
        fprintf(stderr, ", %s", model->manner);
    if (settings->service.workers > 1)
        fprintf(stderr, ", %u at once", settings->service.workers);
}

static void announce(const struct serve_settings *settings)
{
    const char *address = settings->address[0] != '\0' ? settings->address : "localhost";
    const char *slash = settings->dir[strlen(settings->dir) - 1] == '/' ? "" : "/";
    const char *format = strchr(address, ':') != NULL ? "serving %s%s on http://[%s]:%u/"
                                                      : "serving %s%s on http://%s:%u/";

    fprintf(stderr, format, settings->dir, slash, address, port_of(settings->service.listen_fd));
    announce_model(settings);
    fputs("; Ctrl-C ends it\n", stderr);
}

static int begin(const struct model_service *service, dure_scope *scope)
{
    struct serve_settings *settings = service->arg;

    if (http_site_open(&settings->site, &(http_options){ .root_fd = settings->root_fd,
                                                         .log_fd = settings->log_fd,
                                                         .scope = scope }) < 0) {
        fprintf(stderr, "dure serve: cannot start: %s\n", strerror(errno));
        return -1;
    }
    announce(settings);
    return 0;
}

static void end(const struct model_service *service)
{
    const struct serve_settings *settings = service->arg;

    http_site_close(settings->site);
}

static int listen_or_say(const struct serve_settings *settings)
{
    int fd = dure_listen_tcp(settings->address, settings->port), error = errno, on = 1;
    const char *advice = "";

    if (fd >= 0) {
        /* Connections inherit it. */
        dure_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
    }
    if (error == EADDRINUSE)
        advice = "; another program has the port: choose one with --port, or 0 for a free one";
    else if (error == EACCES)
        advice = "; ports below 1024 need a privilege: choose one with --port";
    else if (error == EINVAL)
        advice = "; --bind takes a numeric address, as 127.0.0.1 or ::1";
    else if (error == EADDRNOTAVAIL)
        advice = "; no network interface of this machine has the address given with --bind";
    fprintf(stderr, "dure serve: cannot listen on %s port %u: %s%s\n",
            settings->address[0] != '\0' ? settings->address : "all addresses", settings->port,
            strerror(error), advice);
    errno = error;
    return -1;
}

/* Takes as many descriptors as the system allows: each connection needs one. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_or_say(struct serve_settings *settings)
{
    settings->root_fd = dure_open(settings->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (settings->root_fd < 0) {
        fprintf(stderr, "dure serve: cannot serve %s: %s; name a directory that can be read\n",
                settings->dir, strerror(errno));
        return -1;
    }
    if (strcmp(settings->log, "off") == 0)
        settings->log_fd = -1;
    else if (strcmp(settings->log, "-") == 0)
        settings->log_fd = STDOUT_FILENO;
    else
        settings->log_fd =
            dure_open(settings->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (settings->log_fd < 0 && strcmp(settings->log, "off") != 0) {
        fprintf(stderr,
                "dure serve: cannot write the access log %s: %s; name another file, - or off\n",
                settings->log, strerror(errno));
        return -1;
    }
    return 0;
}

int cmd_serve(int argc, char **argv)
{
    struct serve_settings settings = {
        .dir = ".",
        .address = "127.0.0.1",
        .port = 8080,
        .log = "-",
        .model = model_find("tasks"),
        .service = { .grace_ns = 10 * DURE_SECOND, .begin = begin, .end = end, .fn = connection },
    };
    int told = serve_read_options(&settings, argc, argv);

    if (told != 0)
        return told - 1;
    if (open_or_say(&settings) < 0)
        return 1;
    raise_descriptor_limit();
    settings.service.arg = &settings;
    settings.service.listen_fd = listen_or_say(&settings);
    if (settings.service.listen_fd < 0)
        return 1;
    return settings.model->serve(&settings.service) == 0 ? 0 : 1;
}
