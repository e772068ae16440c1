/* Runs commands side by side, each line of what they say behind its command's
   name, all within a time limit.

   usage: example-commands [SECONDS COMMAND...]

   Each command has a task and a scope of its own, in a scope with the deadline.
   When that passes, the commands that still run are stopped with all that they
   started, and nothing is left behind: no process, no zombie, no pipe. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dure.h>

struct job {
    char **commands;
    int len;
    int64_t limit_ns;
};

/* Prints what comes from a descriptor, line by line. */
static void print_lines(int fd, const char *name)
{
    char line[4096];
    size_t len = 0, done;
    ssize_t n;
    char *end;

    while ((n = dure_read(fd, line + len, sizeof line - len)) > 0) {
        len += (size_t)n;
        for (done = 0; (end = memchr(line + done, '\n', len - done));
             done = (size_t)(end - line) + 1)
            printf("%-20.20s | %.*s\n", name, (int)(end - line - (ptrdiff_t)done), line + done);
        if (done == 0 && len == sizeof line)
            done = len; /* a line too long for a screen */
        memmove(line, line + done, len -= done);
    }
}

static void print_end(const char *name, int status)
{
    if (WIFSIGNALED(status))
        printf("%-20.20s : stopped by signal %d\n", name, WTERMSIG(status));
    else
        printf("%-20.20s : exited with %d\n", name, WEXITSTATUS(status));
}

static int run_command(void *arg)
{
    char *name = *(char **)arg;
    char *argv[] = { "sh", "-c", name, NULL };
    dure_command_options options = {
        .argv = argv,
        .in = DURE_NULL,
        .out = DURE_PIPE,
        .err = DURE_JOIN,
        .grace_ns = DURE_SECOND,
    };
    dure_command command;
    dure_scope scope;
    int status;

    dure_scope_open(&scope);
    if (dure_command_start(&scope, &command, &options) == 0) {
        print_lines(command.out, name);
        dure_close(command.out);
    } else {
        printf("%-20.20s : %s\n", name, dure_why());
    }
    dure_scope_close(&scope); /* it has ended, by itself or not */
    if (command.pid > 0 && dure_command_wait(&command, &status) == 0)
        print_end(name, status);
    return 0;
}

static int run_all(void *arg)
{
    struct job *job = arg;
    dure_scope commands;
    int i;

    dure_scope_open_with(&commands, &(dure_scope_options){ .deadline = dure_after(job->limit_ns) });
    for (i = 0; i < job->len; i++)
        if (dure_spawn(&commands, run_command, &job->commands[i], sizeof job->commands[i]) < 0)
            perror("dure_spawn");
    if (dure_scope_close(&commands) < 0 && errno == ETIMEDOUT)
        puts("time is up");
    return 0;
}

int main(int argc, char **argv)
{
    static char *few[] = { "date", "for i in 1 2 3; do echo $i; sleep 0.2; done",
                           "trap '' TERM; echo I stay; while :; do sleep 0.1; done", "nonsense" };
    struct job job = { few, sizeof few / sizeof *few, 2 * DURE_SECOND };

    if (argc > 2)
        job = (struct job){ argv + 2, argc - 2, (int64_t)(atof(argv[1]) * DURE_SECOND) };
    return dure_run(run_all, &job) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
