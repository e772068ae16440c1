/* What the simulated tests share. */
#include "world.h"

unsigned world_failures;

bool world_check(bool holds, const char *file, int line, const char *text)
{
    if (holds)
        return true;
    world_failures++;
    fprintf(stderr, "%s:%d: at %lld ns: %s does not hold (errno %d, %s)\n", file, line,
            (long long)dure_now(), text, errno, strerror(errno));
    return false;
}

bool world_check_eq(long long actual, long long expected, const char *file, int line,
                    const char *text)
{
    if (actual == expected)
        return true;
    world_failures++;
    fprintf(stderr, "%s:%d: at %lld ns: %s is %lld, not %lld (errno %d, %s)\n", file, line,
            (long long)dure_now(), text, actual, expected, errno, strerror(errno));
    return false;
}

bool world_check_fails(long long result, int error, const char *file, int line, const char *text)
{
    if (result == -1 && errno == error)
        return true;
    world_failures++;
    fprintf(stderr, "%s:%d: at %lld ns: %s returned %lld with errno %d (%s), not -1 with %s\n",
            file, line, (long long)dure_now(), text, result, errno, strerror(errno),
            strerror(error));
    return false;
}

int world_echo(void *arg)
{
    int fd = *(int *)arg;
    char bytes[1000];
    ssize_t n;

    while ((n = dure_read(fd, bytes, sizeof bytes)) > 0)
        if (dure_write_all(fd, bytes, (size_t)n) < 0)
            break;
    dure_close(fd);
    return 0;
}

int world_echo_server(void *arg)
{
    dure_scope scope;
    int fd = dure_listen_tcp(NULL, 7);

    (void)arg;
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    dure_serve(&scope, fd, world_echo);
    dure_close(fd);
    dure_scope_close(&scope);
    return 0;
}
