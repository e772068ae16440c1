/* A peer: the echo server on State Threads, a thread of its own kind a connection.
   echo [once=1]: a connection ends with its first answer.
   Debian's library has select and poll to wait by, and takes select, which ends at 1,024
   descriptors, unless told otherwise. */
#include <signal.h>
#include <st.h>

#include "bench.h"

#define NO_LIMIT ST_UTIME_NO_TIMEOUT

static int once;

static void *echo(void *arg)
{
    st_netfd_t connection = arg;
    char buf[4096];
    ssize_t n;

    while ((n = st_read(connection, buf, sizeof buf, NO_LIMIT)) > 0)
        if (st_write(connection, buf, (size_t)n, NO_LIMIT) != n || once)
            break;
    st_netfd_close(connection);
    return NULL;
}

int main(int argc, char **argv)
{
    st_netfd_t listener, connection;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    once = bench_number(argv, "once", 0) != 0;
    if (st_set_eventsys(ST_EVENTSYS_POLL) < 0 || st_init() < 0)
        bench_die("st_init");
    listener = st_netfd_open_socket(bench_listen(0));
    if (!listener)
        bench_die("st_netfd_open_socket");
    for (;;) {
        connection = st_accept(listener, NULL, NULL, NO_LIMIT);
        if (connection && !st_thread_create(echo, connection, 0, 0))
            st_netfd_close(connection);
    }
}
