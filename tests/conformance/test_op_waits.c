/* The checks of all calls that wait, for operations in each style. */
#include "styles.h"

#include <fcntl.h>
#include <pthread.h>

/* What arrives is not looked at; tasks of two loops do not share it all the same. */
static _Thread_local char buf[4096];

static bool pipe_in(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool tcp(struct waiting *w)
{
    int fds[2];

    if (!make_tcp_pair(fds))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool listener(struct waiting *w)
{
    w->fd = make_listener(AF_INET, false, &w->addr, &w->addr_len);
    return w->fd >= 0;
}

static bool full_pipe(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->fd = fds[1];
    w->other = fds[0];
    fill(w->fd, w->other);
    return true;
}

static void send_one(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "x", 1), 1);
}

/* Where the next free place is kept: connections wait to be closed at the end. */
static void connect_one(struct waiting *w)
{
    int i, fd = plain_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    for (i = 0; i < 2 && w->more[i] >= 0; i++)
        ;
    if (w->more[i] >= 0)
        plain_close(w->more[i]);
    w->more[i] = fd;
    CHECK_EQ(plain_connect(fd, (struct sockaddr *)&w->addr, w->addr_len), 0);
}

static void drain_it(struct waiting *w)
{
    drain(w->other);
}

static void fill_again(struct waiting *w)
{
    fill(w->fd, w->other);
}

static int64_t read_in(struct waiting *w, enum style style)
{
    dure_op op;

    dure_op_read(&op, w->fd, buf, 1);
    return run_in_style(&op, style);
}

static int64_t recv_in(struct waiting *w, enum style style)
{
    dure_op op;

    dure_op_recv(&op, w->fd, buf, 1, 0);
    return run_in_style(&op, style);
}

static int64_t recvmsg_in(struct waiting *w, enum style style)
{
    struct iovec iov = { buf, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    dure_op op;

    dure_op_recvmsg(&op, w->fd, &msg, 0);
    return run_in_style(&op, style);
}

static int64_t recv_all_in(struct waiting *w, enum style style)
{
    dure_op op;

    dure_op_recv(&op, w->fd, buf, 1, MSG_WAITALL);
    return run_in_style(&op, style);
}

static int64_t readv_in(struct waiting *w, enum style style)
{
    struct iovec iov = { buf, 1 };
    dure_op op;

    dure_op_readv(&op, w->fd, &iov, 1);
    return run_in_style(&op, style);
}

static int64_t poll_in(struct waiting *w, enum style style)
{
    dure_op op;
    int64_t result;

    dure_op_poll(&op, w->fd, POLLIN);
    result = run_in_style(&op, style);
    if (result == POLLIN) /* so that the next one waits */
        CHECK_EQ(plain_read(w->fd, buf, 1), 1);
    return result;
}

static int64_t accept_in(struct waiting *w, enum style style)
{
    int64_t fd;
    dure_op op;

    dure_op_accept(&op, w->fd, NULL, NULL, SOCK_CLOEXEC);
    fd = run_in_style(&op, style);
    if (fd >= 0)
        CHECK_EQ(dure_close((int)fd), 0);
    return fd < 0 ? fd : 0;
}

static int64_t write_in(struct waiting *w, enum style style)
{
    dure_op op;

    dure_op_write(&op, w->fd, buf, 1);
    return run_in_style(&op, style);
}

#define IN_STYLES(name)                             \
    static int64_t name##_direct(struct waiting *w) \
    {                                               \
        return name(w, DIRECT);                     \
    }                                               \
    static int64_t name##_future(struct waiting *w) \
    {                                               \
        return name(w, FUTURE);                     \
    }                                               \
    static int64_t name##_called(struct waiting *w) \
    {                                               \
        return name(w, CALLBACK);                   \
    }
IN_STYLES(read_in)
IN_STYLES(readv_in)
IN_STYLES(recv_in)
IN_STYLES(recvmsg_in)
IN_STYLES(recv_all_in)
IN_STYLES(poll_in)
IN_STYLES(accept_in)
IN_STYLES(write_in)

static const struct waiting_kind kinds[] = {
    { "read", pipe_in, read_in_direct, send_one, 1, EAGAIN, 0, NULL },
    { "readv", pipe_in, readv_in_direct, send_one, 1, EAGAIN, 0, NULL },
    { "recv", tcp, recv_in_direct, send_one, 1, EAGAIN, 0, NULL },
    { "recvmsg", tcp, recvmsg_in_direct, send_one, 1, EAGAIN, 0, NULL },
    { "accept", listener, accept_in_direct, connect_one, 0, EAGAIN, 0, NULL },
    { "write", full_pipe, write_in_direct, drain_it, 1, EAGAIN, WAITING_ALONE, fill_again },
};

static const struct waiting_kind started[] = {
    { "read, future", pipe_in, read_in_future, send_one, 1, EAGAIN, 0, NULL },
    { "read, callback", pipe_in, read_in_called, send_one, 1, EAGAIN, 0, NULL },
    { "readv, callback", pipe_in, readv_in_called, send_one, 1, EAGAIN, 0, NULL },
    { "readv, future", pipe_in, readv_in_future, send_one, 1, EAGAIN, 0, NULL },
    { "recv, future", tcp, recv_in_future, send_one, 1, EAGAIN, 0, NULL },
    { "recv, callback", tcp, recv_in_called, send_one, 1, EAGAIN, 0, NULL },
    { "recvmsg, future", tcp, recvmsg_in_future, send_one, 1, EAGAIN, 0, NULL },
    { "recvmsg, callback", tcp, recvmsg_in_called, send_one, 1, EAGAIN, 0, NULL },
    { "accept, future", listener, accept_in_future, connect_one, 0, EAGAIN, 0, NULL },
    { "accept, callback", listener, accept_in_called, connect_one, 0, EAGAIN, 0, NULL },
    { "write, future", full_pipe, write_in_future, drain_it, 1, EAGAIN, WAITING_ALONE, fill_again },
    { "write, callback", full_pipe, write_in_called, drain_it, 1, EAGAIN, WAITING_ALONE,
      fill_again },
};

/* A poll waits with O_NONBLOCK too; MSG_WAITALL goes to a thread. Closed under it, a poll says so,
   as an operation with its revents. */
static const struct waiting_kind others[] = {
    { "poll", pipe_in, poll_in_direct, send_one, POLLIN, 0, WAITING_ALONE, NULL },
    { "poll, future", pipe_in, poll_in_future, send_one, POLLIN, 0, WAITING_ALONE, NULL },
    { "poll, callback", pipe_in, poll_in_called, send_one, POLLIN, 0, WAITING_ALONE, NULL },
    { "recv all", tcp, recv_all_in_direct, send_one, 1, EAGAIN, 0, NULL },
    { "recv all, future", tcp, recv_all_in_future, send_one, 1, EAGAIN, 0, NULL },
    { "recv all, callback", tcp, recv_all_in_called, send_one, 1, EAGAIN, 0, NULL },
};

WAITING_TESTS

#define ALL_OF(check)                                             \
    TEST(started_##check)                                         \
    {                                                             \
        waiting_##check(started, sizeof started / sizeof *kinds); \
    }
ALL_OF(goes_on)
ALL_OF(from_another_loop)
ALL_OF(canceled_before)
ALL_OF(canceled_during)
ALL_OF(canceled_after)
ALL_OF(deadline)
ALL_OF(closed_here)
ALL_OF(closed_elsewhere)
ALL_OF(closed_by_thread)
ALL_OF(number_reused)
ALL_OF(nonblock)
ALL_OF(two_tasks)
ALL_OF(dup)
ALL_OF(keeps_errno)

TEST(others_goes_on)
{
    waiting_goes_on(others, sizeof others / sizeof *others);
    waiting_from_another_loop(others, sizeof others / sizeof *others);
    waiting_canceled_before(others, sizeof others / sizeof *others);
    waiting_canceled_during(others, sizeof others / sizeof *others);
    waiting_canceled_after(others, sizeof others / sizeof *others);
    waiting_deadline(others, sizeof others / sizeof *others);
    waiting_keeps_errno(others, sizeof others / sizeof *others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(started_goes_on),
        cmocka_unit_test(started_from_another_loop),
        cmocka_unit_test(started_canceled_before),
        cmocka_unit_test(started_canceled_during),
        cmocka_unit_test(started_canceled_after),
        cmocka_unit_test(started_deadline),
        cmocka_unit_test(started_closed_here),
        cmocka_unit_test(started_closed_elsewhere),
        cmocka_unit_test(started_closed_by_thread),
        cmocka_unit_test(started_number_reused),
        cmocka_unit_test(started_nonblock),
        cmocka_unit_test(started_two_tasks),
        cmocka_unit_test(started_dup),
        cmocka_unit_test(started_keeps_errno),
        cmocka_unit_test(others_goes_on),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
