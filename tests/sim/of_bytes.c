/* Properties of descriptors: what a cancel, a close and a poll do. */
#include "properties.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#define BYTES 20000

/* Bytes counted as they go in and come out; each has its place in a sequence. */
struct flow {
    int fds[2];
    size_t written, read;
    bool full;
};

static unsigned char nth(size_t n)
{
    return (unsigned char)(n * 7 + n / 251);
}

static int write_some(void *arg)
{
    struct flow *flow = arg;
    unsigned char bytes[3000];
    size_t len = 1 + dure_sim_draw(sizeof bytes - 1), i;
    ssize_t n;

    for (i = 0; i < len; i++)
        bytes[i] = nth(flow->written + i);
    n = dure_write(flow->fds[1], bytes, len);
    if (n < 0)
        CHECK_EQ(errno, ECANCELED);
    else
        flow->written += (size_t)n;
    return 0;
}

static int read_some(void *arg)
{
    struct flow *flow = arg;
    unsigned char bytes[3000];
    size_t len = 1 + dure_sim_draw(sizeof bytes - 1);
    ssize_t n = dure_read(flow->fds[0], bytes, len), i;

    if (n < 0)
        CHECK_EQ(errno, ECANCELED);
    for (i = 0; i < n; i++)
        if (!CHECK_EQ(bytes[i], nth(flow->read + (size_t)i)))
            break;
    if (n > 0)
        flow->read += (size_t)n;
    return 0;
}

/* One side calls again and again, each call with a deadline that may end it. */
static int repeat(struct flow *flow, dure_fn *fn, const size_t *moved)
{
    while (*moved < BYTES && !dure_canceled()) {
        DURE_WITHIN(dure_after(dure_sim_draw(300) * DURE_MICROSECOND))
        fn(flow);
        if (dure_sim_draw(4) == 0)
            dure_sleep_for(dure_sim_draw(200) * DURE_MICROSECOND);
    }
    return 0;
}

static int writer(void *arg)
{
    struct flow *flow = *(struct flow **)arg;

    repeat(flow, write_some, &flow->written);
    return dure_close(flow->fds[1]);
}

static int reader(void *arg)
{
    struct flow *flow = *(struct flow **)arg;

    repeat(flow, read_some, &flow->read);
    while (flow->read < flow->written || !flow->full) {
        size_t before = flow->read;

        read_some(flow);
        if (flow->read == before)
            break;
    }
    return dure_close(flow->fds[0]);
}

static void make_flow(struct flow *flow)
{
    int listener;

    switch (dure_sim_draw(3)) {
    case 0:
        CHECK_EQ(dure_pipe2(flow->fds, O_CLOEXEC), 0);
        break;
    case 1:
        CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, flow->fds), 0);
        break;
    default:
        listener = dure_listen_tcp("127.0.0.1", 5000);
        flow->fds[1] = dure_dial_tcp("127.0.0.1", 5000);
        flow->fds[0] = dure_accept(listener, NULL, NULL);
        CHECK(flow->fds[0] >= 0 && flow->fds[1] >= 0);
        dure_close(listener);
    }
}

/* A call that was cancelled moved nothing, one that moved says how much: so that the sums agree. */
void canceled_transfers_lose_no_byte(void)
{
    struct flow flow = { .written = 0 }, *at = &flow;
    dure_scope scope;

    make_flow(&flow);
    dure_scope_open(&scope);
    dure_spawn(&scope, writer, &at, sizeof at);
    dure_spawn(&scope, reader, &at, sizeof at);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(flow.read, flow.written);
}

/* --- closing --- */

static int wait_on(void *arg)
{
    char byte;

    CHECK_FAILS(dure_read(*(int *)arg, &byte, 1), EBADF);
    return 0;
}

void close_ends_every_wait(void)
{
    int fds[2], i;
    dure_scope scope;

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    dure_scope_open(&scope);
    for (i = 0; i < 5; i++)
        CHECK_EQ(dure_spawn(&scope, wait_on, &fds[0], sizeof fds[0]), 0);
    dure_sleep_for(dure_sim_draw(100) * DURE_MICROSECOND);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- polling --- */

static int write_later(void *arg)
{
    dure_sleep_for(dure_sim_draw(1000) * DURE_MICROSECOND);
    CHECK_EQ(dure_write(*(int *)arg, "x", 1), 1);
    return 0;
}

void polls_see_what_is_there(void)
{
    int fds[2][2], which = (int)dure_sim_draw(2), timeout_ms = (int)dure_sim_draw(3) - 1;
    struct pollfd polled[2];
    dure_scope scope;
    char byte;
    int n;

    CHECK_EQ(dure_pipe2(fds[0], O_CLOEXEC), 0);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds[1]), 0);
    dure_scope_open(&scope);
    dure_spawn(&scope, write_later, &fds[which][1], sizeof(int));
    polled[0] = (struct pollfd){ .fd = fds[0][0], .events = POLLIN };
    polled[1] = (struct pollfd){ .fd = fds[1][0], .events = POLLIN };
    n = dure_poll(polled, 2, timeout_ms);
    CHECK(n == 1 || (n == 0 && timeout_ms >= 0));
    if (n == 1) {
        CHECK_EQ(polled[which].revents, POLLIN);
        CHECK_EQ(polled[!which].revents, 0);
    }
    CHECK_EQ(dure_read(fds[which][0], &byte, 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (n = 0; n < 4; n++)
        CHECK_EQ(dure_close(fds[n / 2][n % 2]), 0);
}
