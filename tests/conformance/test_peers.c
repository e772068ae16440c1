/* Peers that go away: resets at every step, and writing to nobody. */
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/uio.h>

static const char text[] = "0123456789";

/* Closes with a reset instead of a FIN. */
static void reset(int fd)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    CHECK_EQ(dure_setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    CHECK_EQ(plain_close(fd), 0);
    on_its_way();
}

/* --- what a task may be in the middle of --- */

static int64_t read_it(void *arg)
{
    return dure_read(*(int *)arg, &(char){ 0 }, 1);
}

static int64_t readv_it(void *arg)
{
    return dure_readv(*(int *)arg, &(struct iovec){ &(char){ 0 }, 1 }, 1);
}

static int64_t read_full_it(void *arg)
{
    return dure_read_full(*(int *)arg, &(char[2]){ 0 }, 2);
}

static int64_t recv_it(void *arg)
{
    return dure_recv(*(int *)arg, &(char){ 0 }, 1, 0);
}

static int64_t recvfrom_it(void *arg)
{
    return dure_recvfrom(*(int *)arg, &(char){ 0 }, 1, 0, NULL, NULL);
}

static int64_t recvmsg_it(void *arg)
{
    struct iovec iov = { &(char){ 0 }, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    return dure_recvmsg(*(int *)arg, &msg, 0);
}

static int64_t poll_it(void *arg, short events)
{
    struct pollfd fd = { .fd = *(int *)arg, .events = events };
    int n = dure_poll(&fd, 1, -1);

    CHECK(fd.revents & POLLERR);
    CHECK(fd.revents & POLLHUP);
    errno = ECONNRESET;
    return n == 1 ? -1 : n;
}

static int64_t poll_in_it(void *arg)
{
    return poll_it(arg, POLLIN);
}

static int64_t poll_out_it(void *arg)
{
    return poll_it(arg, POLLOUT);
}

static int64_t write_it(void *arg)
{
    return dure_write(*(int *)arg, "x", 1);
}

static int64_t writev_it(void *arg)
{
    return dure_writev(*(int *)arg, &(struct iovec){ "x", 1 }, 1);
}

static int64_t write_all_it(void *arg)
{
    return dure_write_all(*(int *)arg, "x", 1);
}

static int64_t send_it(void *arg)
{
    return dure_send(*(int *)arg, "x", 1, 0);
}

static int64_t sendto_it(void *arg)
{
    return dure_sendto(*(int *)arg, "x", 1, 0, NULL, 0);
}

static int64_t sendmsg_it(void *arg)
{
    struct iovec iov = { "x", 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    return dure_sendmsg(*(int *)arg, &msg, 0);
}

static int64_t sendfile_it(void *arg)
{
    int file = make_file(text, sizeof text), error;
    int64_t n = dure_sendfile(*(int *)arg, file, &(off_t){ 0 }, 1);

    error = errno;
    CHECK_EQ(dure_close(file), 0);
    errno = error;
    return n;
}

static int64_t (*const inputs[])(void *) = { read_it,     readv_it,   read_full_it, recv_it,
                                             recvfrom_it, recvmsg_it, poll_in_it };
static int64_t (*const outputs[])(void *) = { write_it,  writev_it,  write_all_it, send_it,
                                              sendto_it, sendmsg_it, sendfile_it };
#define INPUTS (sizeof inputs / sizeof *inputs)
#define OUTPUTS (sizeof outputs / sizeof *outputs)

/* --- resets around one call --- */

static void check_reset_under(int64_t (*call)(void *), bool output, int place)
{
    struct background b;
    dure_scope scope;
    int fds[2];

    if (!make_tcp_pair_small(fds, false))
        return;
    if (output)
        fill(fds[1], fds[0]);
    dure_scope_open(&scope);
    background_start(&b, &scope, place, call, &fds[1]);
    CHECK(!atomic_load(&b.done));
    reset(fds[0]);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, ECONNRESET);
    write_it(&fds[1]); /* takes the error, if the call, a poll, left it */
    CHECK_FAILS(write_it(&fds[1]), EPIPE);
    CHECK_EQ(read_it(&fds[1]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(reset_under_a_waiting_call)
{
    size_t i;
    int loop;

    for (loop = 0; loop < 2; loop++) {
        for (i = 0; i < INPUTS; i++)
            check_reset_under(inputs[i], false, DURE_LOOP(loop));
        for (i = 0; i < OUTPUTS; i++)
            check_reset_under(outputs[i], true, DURE_LOOP(loop));
        check_reset_under(poll_out_it, true, DURE_LOOP(loop));
    }
}

TEST(reset_before_a_call)
{
    int fds[2];
    size_t i;

    for (i = 0; i < INPUTS; i++) {
        make_tcp_pair(fds);
        reset(fds[0]);
        CHECK_FAILS(inputs[i](&fds[1]), ECONNRESET);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
    for (i = 0; i < OUTPUTS; i++) {
        make_tcp_pair(fds);
        reset(fds[0]);
        CHECK_FAILS(outputs[i](&fds[1]), ECONNRESET);
        CHECK_FAILS(outputs[i](&fds[1]), EPIPE);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

/* What had come before the reset can still be read, as with the plain calls. */
TEST(reset_after_data)
{
    int fds[2];

    make_tcp_pair(fds);
    CHECK_EQ(dure_write(fds[0], "x", 1), 1);
    reset(fds[0]);
    CHECK_EQ(read_it(&fds[1]), 1);
    CHECK_FAILS(read_it(&fds[1]), ECONNRESET);
    CHECK_EQ(read_it(&fds[1]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* In the middle of a large transfer: what was moved is told, then the error. */
static int64_t send_much(void *arg)
{
    static char data[1 << 20];

    return dure_send(*(int *)arg, data, sizeof data, 0);
}

static int64_t sendfile_much(void *arg)
{
    static char data[1 << 20];
    int file = make_file(data, sizeof data);
    int64_t n = dure_sendfile(*(int *)arg, file, &(off_t){ 0 }, sizeof data);

    CHECK_EQ(dure_close(file), 0);
    return n;
}

TEST(reset_in_the_middle_of_a_transfer)
{
    int64_t (*const calls[])(void *) = { send_much, sendfile_much };
    struct background b;
    dure_scope scope;
    int fds[2], i;
    ssize_t n;

    if (one_byte())
        return; /* a million turns */
    for (i = 0; i < 4; i++) {
        make_tcp_pair_small(fds, false);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), calls[i / 2], &fds[1]);
        CHECK(!atomic_load(&b.done));
        n = dure_read(fds[0], (char[5000]){ 0 }, 5000);
        CHECK(n == 5000 || (n > 0 && short_counts()));
        reset(fds[0]);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK(b.result > 0 && b.result < 1 << 20);
        CHECK_FAILS(write_it(&fds[1]), EPIPE);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

/* --- resets around accept and connect --- */

static int64_t accept_it(void *arg)
{
    return dure_accept(*(int *)arg, NULL, NULL);
}

static int connect_plainly(const struct sockaddr_storage *addr, socklen_t len)
{
    int fd = plain_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_EQ(plain_connect(fd, (const struct sockaddr *)addr, len), 0);
    return fd;
}

static void check_was_reset(int conn)
{
    CHECK(conn >= 0);
    CHECK_FAILS(read_it(&conn), ECONNRESET);
    CHECK_EQ(dure_close(conn), 0);
}

TEST(reset_while_in_the_backlog)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int plain, listener, i;

    for (plain = 0; plain < 2; plain++) {
        listener = make_listener(AF_INET, plain, &addr, &len);
        for (i = 0; i < 5; i++)
            reset(connect_plainly(&addr, len));
        for (i = 0; i < 5; i++)
            check_was_reset(dure_accept(listener, NULL, NULL));
        CHECK_EQ(dure_close(listener), 0);
    }
}

TEST(reset_under_a_waiting_accept)
{
    struct sockaddr_storage addr;
    struct background b;
    dure_scope scope;
    socklen_t len;
    int listener, i;

    for (i = 0; i < 4; i++) {
        listener = make_listener(AF_INET, i / 2, &addr, &len);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), accept_it, &listener);
        CHECK(!atomic_load(&b.done));
        reset(connect_plainly(&addr, len));
        CHECK_EQ(dure_scope_close(&scope), 0);
        check_was_reset((int)b.result);
        CHECK_EQ(dure_close(listener), 0);
    }
}

/* A client that is gone before the connection stands is nobody's: accept goes on waiting. With
   TCP_DEFER_ACCEPT the kernel leaves it half open until data comes. */
TEST(reset_between_syn_and_accept)
{
    struct sockaddr_storage addr;
    struct background b;
    dure_scope scope;
    socklen_t len;
    int listener, client, seconds = 60, i, k;
    char byte = 0;

    NOT_SIMULATED("every connection is whole when it is accepted");
    for (i = 0; i < 4; i++) {
        listener = make_listener(AF_INET, i / 2, &addr, &len);
        CHECK_EQ(dure_setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds),
                 0);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), accept_it, &listener);
        for (k = 0; k < 5; k++)
            reset(connect_plainly(&addr, len));
        one_turn();
        CHECK(!atomic_load(&b.done));
        client = connect_plainly(&addr, len);
        CHECK_EQ(plain_write(client, "c", 1), 1);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK(b.result >= 0);
        CHECK_EQ(dure_read((int)b.result, &byte, 1), 1);
        CHECK_EQ(byte, 'c');
        CHECK_EQ(dure_close((int)b.result), 0);
        CHECK_EQ(dure_close(client), 0);
        CHECK_EQ(dure_close(listener), 0);
    }
}

/* A listener that goes away resets those whom nobody accepted, and refuses those who come. */
TEST(reset_after_connect)
{
    struct sockaddr_storage addr;
    socklen_t len;
    int listener = make_listener(AF_INET, false, &addr, &len), client;

    client = dure_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(dure_connect(client, (struct sockaddr *)&addr, len), 0);
    CHECK_EQ(dure_close(listener), 0);
    CHECK_FAILS(read_it(&client), ECONNRESET);
    CHECK_FAILS(write_it(&client), EPIPE);
    CHECK_EQ(dure_close(client), 0);
    client = dure_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(dure_connect(client, (struct sockaddr *)&addr, len), ECONNREFUSED);
    CHECK_EQ(dure_close(client), 0);
}

/* --- a server whose clients reset it --- */

struct server {
    int listener;
    atomic_int ended; /* its connections' tasks that have */
};

static struct server server;

static int echo(void *arg)
{
    int fd = *(int *)arg, result;
    char buf[512];
    ssize_t n;

    while ((n = dure_read(fd, buf, sizeof buf)) > 0)
        if (dure_write_all(fd, buf, (size_t)n) < 0)
            break;
    result = dure_close(fd);
    atomic_fetch_add(&server.ended, 1);
    return result;
}

static int serve(void *arg)
{
    dure_scope conns;

    (void)arg;
    dure_scope_open_with(&conns, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    CHECK_FAILS(dure_serve(&conns, server.listener, echo), EBADF);
    CHECK_EQ(dure_scope_close(&conns), 0);
    return 0;
}

enum { AT_ONCE, AFTER_A_REQUEST, AFTER_AN_ANSWER, WHILE_IT_WRITES, WHENS };

static void come_and_reset(const struct sockaddr_storage *addr, socklen_t len, int when)
{
    int fd = connect_plainly(addr, len);

    if (when == AFTER_A_REQUEST || when == AFTER_AN_ANSWER)
        CHECK_EQ(dure_write(fd, text, sizeof text), sizeof text);
    if (when == AFTER_AN_ANSWER)
        CHECK_EQ(dure_read_full(fd, &(char[sizeof text]){ 0 }, sizeof text), sizeof text);
    if (when == WHILE_IT_WRITES) /* and nobody reads what it answers */
        DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
    while (dure_write(fd, text, sizeof text) > 0)
        ;
    reset(fd);
}

TEST(server_goes_on)
{
    struct sockaddr_storage addr;
    dure_scope scope;
    socklen_t len;
    int i, client;

    server.listener = make_listener(AF_INET, false, &addr, &len);
    atomic_store(&server.ended, 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, serve, NULL, 0), 0);
    for (i = 0; i < 10 * WHENS; i++)
        come_and_reset(&addr, len, i % WHENS);
    client = connect_plainly(&addr, len);
    CHECK_EQ(dure_write_all(client, text, sizeof text), sizeof text);
    CHECK_EQ(dure_read_full(client, &(char[sizeof text]){ 0 }, sizeof text), sizeof text);
    CHECK_EQ(dure_close(client), 0);
    YIELD_UNTIL(atomic_load(&server.ended) == 10 * WHENS + 1); /* none hangs */
    CHECK_EQ(dure_close(server.listener), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- writing to nobody --- */

static atomic_uint pipes_broken;

static void on_pipe(int number)
{
    (void)number;
    atomic_fetch_add(&pipes_broken, 1);
}

/* Each way to do it: EPIPE, and the handler of SIGPIPE is never called. */
TEST(sigpipe_never_comes)
{
    struct sigaction action = { .sa_handler = on_pipe }, old;
    int fds[2];
    size_t i;

    atomic_store(&pipes_broken, 0);
    sigaction(SIGPIPE, &action, &old);
    for (i = 0; i < OUTPUTS; i++) {
        CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_FAILS(outputs[i](&fds[1]), EPIPE);
        CHECK_EQ(dure_close(fds[1]), 0);
        if (outputs[i] == send_it || outputs[i] == sendto_it || outputs[i] == sendmsg_it)
            continue;
        CHECK_EQ(i % 2 ? plain_pipe(fds) : dure_pipe2(fds, O_NONBLOCK), 0);
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_FAILS(outputs[i](&fds[1]), EPIPE);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
    one_turn();
    CHECK_EQ(pipes_broken, 0);
    sigaction(SIGPIPE, &old, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_under_a_waiting_call),
        cmocka_unit_test(reset_before_a_call),
        cmocka_unit_test(reset_after_data),
        cmocka_unit_test(reset_in_the_middle_of_a_transfer),
        cmocka_unit_test(reset_while_in_the_backlog),
        cmocka_unit_test(reset_under_a_waiting_accept),
        cmocka_unit_test(reset_between_syn_and_accept),
        cmocka_unit_test(reset_after_connect),
        cmocka_unit_test(server_goes_on),
        cmocka_unit_test(sigpipe_never_comes),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
