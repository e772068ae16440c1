/* A peer: the echo server as libuv's guide has it, with one receive buffer for all connections,
   uv_try_write first and a copy only for what that left.
   echo [once=1]: a connection ends with its first answer. */
#include <signal.h>
#include <uv.h>

#include "bench.h"

struct rest {
    uv_write_t request;
    char bytes[];
};

static char shared[65536];
static int once;

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(shared, sizeof shared);
}

static void closed(uv_handle_t *handle)
{
    free(handle);
}

static void end(uv_stream_t *stream)
{
    uv_close((uv_handle_t *)stream, closed);
}

static void written(uv_write_t *request, int status)
{
    (void)status;
    if (once)
        end(request->handle);
    free(request);
}

static void write_rest(uv_stream_t *stream, const char *bytes, size_t len)
{
    struct rest *rest = malloc(sizeof *rest + len);
    uv_buf_t buf;

    if (!rest)
        bench_die("malloc");
    memcpy(rest->bytes, bytes, len);
    buf = uv_buf_init(rest->bytes, (unsigned)len);
    uv_write(&rest->request, stream, &buf, 1, written);
}

static void got(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    uv_buf_t out;
    int sent;

    if (n < 0) {
        end(stream);
        return;
    }
    if (n == 0)
        return;
    out = uv_buf_init(buf->base, (unsigned)n);
    sent = uv_try_write(stream, &out, 1);
    if (sent < 0)
        sent = 0;
    if (sent < n)
        write_rest(stream, buf->base + sent, (size_t)(n - sent));
    else if (once)
        end(stream);
}

static void connected(uv_stream_t *server, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);

    if (status < 0 || !client)
        bench_die("connection");
    uv_tcp_init(server->loop, client);
    if (uv_accept(server, (uv_stream_t *)client) == 0)
        uv_read_start((uv_stream_t *)client, give_buffer, got);
    else
        end((uv_stream_t *)client);
}

int main(int argc, char **argv)
{
    uv_tcp_t server;
    struct sockaddr_in addr;
    uv_os_fd_t fd;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    once = bench_number(argv, "once", 0) != 0;
    uv_ip4_addr("127.0.0.1", 0, &addr);
    uv_tcp_init(uv_default_loop(), &server);
    uv_tcp_bind(&server, (const struct sockaddr *)&addr, 0);
    if (uv_listen((uv_stream_t *)&server, 4096, connected) < 0)
        bench_die("uv_listen");
    uv_fileno((uv_handle_t *)&server, &fd);
    bench_print_port(fd);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
