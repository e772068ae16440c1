/* The command line of dure compare. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/options.h"

/* A run of all ends in five minutes, a quick one in one, with the reports and some slack. */
#define SECONDS_DEFAULT 275
#define SECONDS_QUICK 52
#define ROUNDS_DEFAULT 3
#define ROUNDS_QUICK 2

static const char help[] =
    "usage: dure compare [OPTIONS] [EXPERIMENT...]\n"
    "\n"
    "Measures on this machine what ways of serving many clients cost, and shows it in tables.\n"
    "Takes five minutes. Ctrl-C ends it with what has been measured until then.\n"
    "\n"
    "experiments (all of them, unless some are named):\n";

static const char help_options[] =
    "\n"
    "  -q, --quick          less of each, in one minute\n"
    "      --json FILE      write all figures to FILE; - for standard output, without the tables\n"
    "      --html FILE      write a page with charts to FILE; - as above\n"
    "      --rounds N       how often each point is measured (3; 2 if quick)\n"
    "      --seconds N      the time for all that is measured, instead of five minutes\n"
    "  -h, --help           this\n";

static void print_help(const struct experiment *const *all)
{
    fputs(help, stdout);
    for (; *all != NULL; all++)
        printf("  %-10s %s\n", (*all)->name, (*all)->summary);
    fputs(help_options, stdout);
}

/* Reads a number in an option. Returns: it, or 0 after having said what is wrong. */
static unsigned number_or_say(const char *option, const char *text, long max)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && number >= 1 && number <= max)
        return (unsigned)number;
    fprintf(stderr, "dure compare: %s takes a number from 1 to %ld, not \"%s\"\n", option, max,
            text);
    return 0;
}

/* Returns: the experiment's place in the table, or -1. */
static int place_of(const struct experiment *const *all, const char *name)
{
    int i;

    for (i = 0; all[i] != NULL; i++)
        if (strcmp(all[i]->name, name) == 0)
            return i;
    return -1;
}

/* Chooses in the table's order, each once; nothing named is all. */
static int choose(struct options *options, const struct experiment *const *all, int argc,
                  char **argv)
{
    bool wanted[EXPERIMENTS_MAX] = { false };
    unsigned len = 0;
    int i, place;

    for (i = optind; i < argc; i++) {
        place = place_of(all, argv[i]);
        if (place < 0) {
            fprintf(stderr,
                    "dure compare: there is no experiment \"%s\"; `dure compare --help` lists "
                    "them\n",
                    argv[i]);
            return 3;
        }
        wanted[place] = true;
    }
    for (i = 0; i < EXPERIMENTS_MAX && all[i] != NULL; i++)
        if (optind == argc || wanted[i])
            options->chosen[len++] = all[i];
    return 0;
}

int options_read(struct options *options, const struct experiment *const *all, int argc,
                 char **argv)
{
    enum { JSON = 256, HTML, ROUNDS, SECONDS };
    static const struct option names[] = {
        { "quick", no_argument, NULL, 'q' },
        { "json", required_argument, NULL, JSON },
        { "html", required_argument, NULL, HTML },
        { "rounds", required_argument, NULL, ROUNDS },
        { "seconds", required_argument, NULL, SECONDS },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static char program[] = "dure compare"; /* getopt_long begins its complaints with it */
    int option;

    argv[0] = program;
    while ((option = getopt_long(argc, argv, "qh", names, NULL)) != -1) {
        switch (option) {
        case 'q':
            options->quick = true;
            break;
        case JSON:
            options->json = optarg;
            break;
        case HTML:
            options->html = optarg;
            break;
        case ROUNDS:
            options->rounds = number_or_say("--rounds", optarg, 1000);
            if (options->rounds == 0)
                return 3;
            break;
        case SECONDS:
            options->seconds = number_or_say("--seconds", optarg, 1000000);
            if (options->seconds == 0)
                return 3;
            break;
        case 'h':
            print_help(all);
            return 1;
        default:
            fputs("`dure compare --help` lists the options\n", stderr);
            return 3;
        }
    }
    if (options->json != NULL && options->html != NULL && strcmp(options->json, "-") == 0 &&
        strcmp(options->html, "-") == 0) {
        fputs("dure compare: one of --json and --html can go to standard output, not both\n",
              stderr);
        return 3;
    }
    return choose(options, all, argc, argv);
}

unsigned options_rounds(const struct options *options)
{
    if (options->rounds != 0)
        return options->rounds;
    return options->quick ? ROUNDS_QUICK : ROUNDS_DEFAULT;
}

int64_t options_budget_ns(const struct options *options, const struct experiment *experiment)
{
    unsigned i, of = 100, seconds = options->quick ? SECONDS_QUICK : SECONDS_DEFAULT;

    if (options->seconds != 0) {
        seconds = options->seconds;
        of = 0;
        for (i = 0; options->chosen[i] != NULL; i++)
            of += options->chosen[i]->weight;
    }
    return (int64_t)seconds * 1000000000 * experiment->weight / (of != 0 ? of : 1);
}
