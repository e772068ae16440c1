/* The options of `dure serve`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/serve.h"

static const char help[] =
    "usage: dure serve [OPTIONS] [DIR]\n"
    "\n"
    "Serves the files of DIR (the current directory) over HTTP/1.1. Ctrl-C ends it: what is\n"
    "under way is finished first.\n"
    "\n"
    "  -p, --port N         the port; 0 takes a free one (8080)\n"
    "  -b, --bind ADDRESS   the numeric address to listen on; \"\" for all (127.0.0.1)\n"
    "      --model NAME     how connections are handed out, see below (tasks)\n"
    "      --workers N      how many are served at once, at most\n"
    "      --loops N        event loops of tasks (as many as there are processors to use)\n"
    "      --backend NAME   by which tasks wait: io_uring, epoll, poll or select (the best that\n"
    "                       works)\n"
    "      --log WHERE      the access log: off, - for standard output, or a file (-)\n"
    "      --grace SECONDS  how long requests may take to finish at the end (10)\n"
    "  -h, --help           this\n"
    "\n"
    "models, and how many workers they usually have:\n";

static void print_help(void)
{
    unsigned i;

    fputs(help, stdout);
    for (i = 0; i < models_len; i++) {
        printf("  %-11s  %s", models[i].name, models[i].manner);
        if (models[i].workers == 0)
            fputs(" (any number)\n", stdout);
        else
            printf(" (%u)\n", models[i].workers);
    }
}

/* Reads a number in an option. Returns: it, or -1 after having said what is wrong. */
static long number_or_say(const char *option, const char *text, long min, long max)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && number >= min && number <= max)
        return number;
    fprintf(stderr, "dure serve: %s takes a number from %ld to %ld, not \"%s\"\n", option, min, max,
            text);
    return -1;
}

static int find_model(struct serve_settings *settings, const char *name)
{
    unsigned i;

    settings->model = model_find(name);
    if (settings->model != NULL)
        return 0;
    fprintf(stderr, "dure serve: there is no model \"%s\"; there are", name);
    for (i = 0; i < models_len; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : i == models_len - 1 ? " and" : ",", models[i].name);
    fputc('\n', stderr);
    return -1;
}

/* What a model does not know is refused, not forgotten. */
static int complain_of_model(const struct serve_settings *settings)
{
    const struct model *model = settings->model;
    const char *knob = settings->loops != NULL             ? "--loops"
                       : settings->service.backend != NULL ? "--backend"
                                                           : NULL;

    if (knob != NULL && model->serve != model_tasks) {
        fprintf(stderr, "dure serve: %s is for tasks; --model %s waits in plain calls\n", knob,
                model->name);
        return -1;
    }
    if (settings->workers != NULL && model->workers_max == 1) {
        fprintf(stderr,
                "dure serve: --model %s serves one connection at a time: it has no workers\n",
                model->name);
        return -1;
    }
    return 0;
}

static int read_workers(struct serve_settings *settings)
{
    long number;

    settings->service.workers = settings->model->workers;
    if (settings->workers == NULL)
        return 0;
    number = number_or_say("--workers", settings->workers, 1, settings->model->workers_max);
    settings->service.workers = (unsigned)number;
    return number < 0 ? -1 : 0;
}

static int read_loops(struct serve_settings *settings)
{
    long number = 0;

    if (settings->loops != NULL)
        number = number_or_say("--loops", settings->loops, 0, 1024);
    settings->service.loops = (unsigned)number;
    return number < 0 ? -1 : 0;
}

enum { MODEL = 256, WORKERS, LOOPS, BACKEND, LOG, GRACE };

/* Returns: 0, or as serve_read_options. */
static int take_option(struct serve_settings *settings, int option, const char *value)
{
    long number = 0;

    switch (option) {
    case 'p':
        number = number_or_say("--port", value, 0, 65535);
        settings->port = (uint16_t)number;
        break;
    case 'b':
        settings->address = value;
        break;
    case MODEL:
        number = find_model(settings, value);
        break;
    case WORKERS:
        settings->workers = value;
        break;
    case LOOPS:
        settings->loops = value;
        break;
    case BACKEND:
        settings->service.backend = value;
        break;
    case LOG:
        settings->log = value;
        break;
    case GRACE:
        number = number_or_say("--grace", value, 0, 1000000);
        settings->service.grace_ns = number * DURE_SECOND;
        break;
    case 'h':
        print_help();
        return 1;
    default:
        fputs("`dure serve --help` lists the options\n", stderr);
        return 3;
    }
    return number < 0 ? 3 : 0;
}

int serve_read_options(struct serve_settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        { "port", required_argument, NULL, 'p' },
        { "bind", required_argument, NULL, 'b' },
        { "model", required_argument, NULL, MODEL },
        { "workers", required_argument, NULL, WORKERS },
        { "loops", required_argument, NULL, LOOPS },
        { "backend", required_argument, NULL, BACKEND },
        { "log", required_argument, NULL, LOG },
        { "grace", required_argument, NULL, GRACE },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static char program[] = "dure serve"; /* getopt_long begins its complaints with it */
    int option, told;

    argv[0] = program;
    while ((option = getopt_long(argc, argv, "p:b:h", options, NULL)) != -1) {
        told = take_option(settings, option, optarg);
        if (told != 0)
            return told;
    }
    if (complain_of_model(settings) < 0 || read_workers(settings) < 0 || read_loops(settings) < 0)
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
