/* The dure program: finds the subcommand and runs it. */
#include <dure.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    { "serve", cmd_serve, "serve a directory over HTTP" },
    { "compare", cmd_compare, "measure ways of serving many clients on this machine" },
};

static const unsigned commands_len = sizeof commands / sizeof commands[0];

static void print_help(FILE *out)
{
    unsigned i;

    fputs("usage: dure COMMAND [ARGUMENTS]\n\ncommands:\n", out);
    for (i = 0; i < commands_len; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`dure COMMAND --help` tells more; `dure --version` tells the version.\n", out);
}

int main(int argc, char **argv)
{
    unsigned i;

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("dure %d.%d.%d\n", DURE_VERSION_MAJOR, DURE_VERSION_MINOR, DURE_VERSION_PATCH);
        return 0;
    }
    for (i = 0; i < commands_len; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "dure: there is no command \"%s\"; `dure --help` lists them\n", argv[1]);
    return 2;
}
