/* dure serve: a static web server. */
#include <arpa/inet.h>
#include <dure.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cmd/cmd.h"
#include "http/http.h"

static const char help[] =
    "usage: dure serve [OPTIONS] [DIR]\n"
    "\n"
    "Serves the files of DIR (the current directory) over HTTP/1.1. Ctrl-C ends it: what is\n"
    "under way is finished first.\n"
    "\n"
    "  -p, --port N         the port; 0 takes a free one (8080)\n"
    "  -b, --bind ADDRESS   the numeric address to listen on; \"\" for all (127.0.0.1)\n"
    "      --loops N        event loops (as many as there are processors to use)\n"
    "      --backend NAME   io_uring, epoll, poll or select (the best that works)\n"
    "      --log WHERE      the access log: off, - for standard output, or a file (-)\n"
    "      --grace SECONDS  how long requests may take to finish at the end (10)\n"
    "  -h, --help           this\n";

struct settings {
    const char *dir;
    const char *address;
    uint16_t port;
    unsigned loops;
    const char *backend;
    const char *log;
    int64_t grace_ns;
    int root_fd, log_fd; /* opened from dir and log */
    bool started;        /* what goes wrong from here on has been said */
};

static int connection(void *arg)
{
    dure_connection *connection = arg;

    return http_connection(connection->arg, connection->fd);
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

static void announce(const struct settings *settings, int listen_fd)
{
    const char *address = settings->address[0] != '\0' ? settings->address : "localhost";
    const char *slash = settings->dir[strlen(settings->dir) - 1] == '/' ? "" : "/";
    const char *format =
        strchr(address, ':') != NULL
            ? "serving %s%s on http://[%s]:%u/ with %u loop%s on %s; Ctrl-C ends it\n"
            : "serving %s%s on http://%s:%u/ with %u loop%s on %s; Ctrl-C ends it\n";

    fprintf(stderr, format, settings->dir, slash, address, port_of(listen_fd), dure_loop_count(),
            dure_loop_count() == 1 ? "" : "s", dure_backend_name());
}

static int listen_or_say(const struct settings *settings)
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

static int serve(void *arg)
{
    struct settings *settings = arg;
    http_site *site = NULL;
    dure_scope connections;
    int listen_fd, error = 0;

    settings->started = true;
    listen_fd = listen_or_say(settings);
    if (listen_fd < 0)
        return -1;
    dure_scope_open_with(&connections, &(dure_scope_options){ .flags = DURE_KEEP_GOING,
                                                              .grace_ns = settings->grace_ns });
    if (http_site_open(&site, &(http_options){ .root_fd = settings->root_fd,
                                               .log_fd = settings->log_fd,
                                               .scope = &connections }) < 0) {
        error = errno;
        goto close_listener;
    }
    announce(settings, listen_fd);
    dure_serve_with(&connections, listen_fd, NULL, connection, site);
    if (errno != ECANCELED)
        error = errno;

close_listener:
    dure_close(listen_fd);
    dure_scope_close(&connections);
    if (site != NULL)
        http_site_close(site);
    if (error != 0)
        fprintf(stderr, "dure serve: stopped: %s\n", strerror(error));
    return error != 0 ? dure_fail(error, "stopped") : 0;
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

/* Reads a number in an option. Returns: it, or -1 after having said what is wrong. */
static long number_or_say(const char *option, const char *text, long max)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && number >= 0 && number <= max)
        return number;
    fprintf(stderr, "dure serve: %s takes a number from 0 to %ld, not \"%s\"\n", option, max, text);
    return -1;
}

static int open_or_say(struct settings *settings)
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

/* Returns: 0 to go on, else the exit status plus one. */
static int read_options(struct settings *settings, int argc, char **argv)
{
    enum { LOOPS = 256, BACKEND, LOG, GRACE };
    static const struct option options[] = {
        { "port", required_argument, NULL, 'p' },
        { "bind", required_argument, NULL, 'b' },
        { "loops", required_argument, NULL, LOOPS },
        { "backend", required_argument, NULL, BACKEND },
        { "log", required_argument, NULL, LOG },
        { "grace", required_argument, NULL, GRACE },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static char program[] = "dure serve"; /* getopt_long begins its complaints with it */
    long number = 0;
    int option;

    argv[0] = program;
    while (number >= 0 && (option = getopt_long(argc, argv, "p:b:h", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            number = number_or_say("--port", optarg, 65535);
            settings->port = (uint16_t)number;
            break;
        case 'b':
            settings->address = optarg;
            break;
        case LOOPS:
            number = number_or_say("--loops", optarg, 1024);
            settings->loops = (unsigned)number;
            break;
        case BACKEND:
            settings->backend = optarg;
            break;
        case LOG:
            settings->log = optarg;
            break;
        case GRACE:
            number = number_or_say("--grace", optarg, 1000000);
            settings->grace_ns = number * DURE_SECOND;
            break;
        case 'h':
            fputs(help, stdout);
            return 1;
        default:
            fputs("`dure serve --help` lists the options\n", stderr);
            return 3;
        }
    }
    if (number < 0)
        return 3;
    if (optind + 1 < argc) {
        fprintf(stderr, "dure serve: one directory can be served, and \"%s\" is a second one\n",
                argv[optind + 1]);
        return 3;
    }
    if (optind < argc)
        settings->dir = argv[optind];
    return 0;
}

int cmd_serve(int argc, char **argv)
{
    struct settings settings = {
        .dir = ".", .address = "127.0.0.1", .port = 8080, .log = "-", .grace_ns = 10 * DURE_SECOND
    };
    int told = read_options(&settings, argc, argv);
    dure_run_options options = { .flags = DURE_DUMP_ON_SIGUSR1 };

    if (told != 0)
        return told - 1;
    if (open_or_say(&settings) < 0)
        return 1;
    raise_descriptor_limit();
    options.loops = settings.loops;
    options.backend = settings.backend;
    if (dure_run_with(&options, serve, &settings) == 0)
        return 0;
    if (!settings.started && dure_why()[0] != '\0')
        fprintf(stderr, "dure serve: cannot start: %s\n", dure_why());
    return 1;
}
