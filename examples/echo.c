/* An echo server: one task a connection, in ordinary blocking code.

   echo [PORT]     then, elsewhere: nc 127.0.0.1 7000 */
#include <stdio.h>
#include <stdlib.h>

#include <dure.h>

static int echo(void *arg)
{
    int fd = *(int *)arg; /* a copy: it lives as long as the task */
    char buf[4096];
    ssize_t n;

    while ((n = dure_read(fd, buf, sizeof buf)) > 0)
        if (dure_write_all(fd, buf, (size_t)n) < 0)
            break;
    return dure_close(fd);
}

static int serve(void *arg)
{
    const uint16_t *port = arg;
    dure_scope conns;

    dure_scope_open_with(
        &conns, &(dure_scope_options){ .flags = DURE_KEEP_GOING, .grace_ns = 5 * DURE_SECOND });
    if (dure_serve(&conns, dure_listen_tcp("127.0.0.1", *port), echo) < 0 && !dure_canceled())
        perror("echo: cannot serve");
    return dure_scope_close(&conns); /* a stop signal: grants the grace, drains */
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 7000;

    return dure_run(serve, &port) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
