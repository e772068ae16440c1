/* A peer: the echo server as libevent's book has it, a bufferevent a connection whose input is
   moved to its output. echo [once=1]: a connection ends with its first answer. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

static int once;

static void ended(struct bufferevent *connection, short what, void *arg)
{
    (void)what;
    (void)arg;
    bufferevent_free(connection);
}

/* Called when the output has been written: with `once`, the whole answer. */
static void written(struct bufferevent *connection, void *arg)
{
    (void)arg;
    bufferevent_free(connection);
}

static void got(struct bufferevent *connection, void *arg)
{
    (void)arg;
    evbuffer_add_buffer(bufferevent_get_output(connection), bufferevent_get_input(connection));
}

static void connected(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
                      int addr_len, void *arg)
{
    struct bufferevent *connection =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);

    (void)addr;
    (void)addr_len;
    (void)arg;
    if (!connection)
        bench_die("bufferevent_socket_new");
    bufferevent_setcb(connection, got, once ? written : NULL, ended, NULL);
    bufferevent_enable(connection, EV_READ);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct evconnlistener *listener;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    once = bench_number(argv, "once", 0) != 0;
    if (!base)
        bench_die("event_base_new");
    listener = evconnlistener_new(base, connected, NULL, LEV_OPT_CLOSE_ON_FREE, 0,
                                  bench_listen(SOCK_NONBLOCK));
    if (!listener)
        bench_die("evconnlistener_new");
    return event_base_dispatch(base);
}
