/* The echo server of the front page. echo [stack=BYTES] [backend=NAME] [loops=N] [once=1]
   once: a connection ends with its first answer. */
#include "bench_dure.h"

static int echo(void *arg)
{
    int fd = *(int *)arg;
    char buf[4096];
    ssize_t n;

    while ((n = dure_read(fd, buf, sizeof buf)) > 0)
        if (dure_write_all(fd, buf, (size_t)n) < 0)
            break;
    return dure_close(fd);
}

static int echo_once(void *arg)
{
    int fd = *(int *)arg;
    char buf[4096];
    ssize_t n = dure_read(fd, buf, sizeof buf);

    if (n > 0)
        dure_write_all(fd, buf, (size_t)n);
    return dure_close(fd);
}

static int serve(void *arg)
{
    dure_scope connections;
    int fd;

    dure_scope_open_with(&connections, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    fd = dure_listen_tcp("127.0.0.1", 0);
    if (fd < 0)
        bench_die("dure_listen_tcp");
    bench_print_port(fd);
    dure_serve(&connections, fd, bench_number(arg, "once", 0) ? echo_once : echo);
    return dure_scope_close(&connections);
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, serve);
}
