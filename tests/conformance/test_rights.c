/* Descriptors that travel over sockets (SCM_RIGHTS). */
#include "waiting.h"

#include <fcntl.h>

static void close_both(int pair[2])
{
    CHECK_EQ(dure_close(pair[0]), 0);
    CHECK_EQ(dure_close(pair[1]), 0);
}

static ssize_t send_descriptor(int socket, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
    struct iovec iov = { "fd", 2 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };

    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return dure_sendmsg(socket, &msg, 0);
}

static int64_t receive_descriptor(void *arg)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char buf[2];
    struct iovec iov = { buf, 2 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    int fd = -1;

    if (dure_recvmsg(*(int *)arg, &msg, MSG_CMSG_CLOEXEC) < 0)
        return -1;
    CHECK_EQ(msg.msg_flags & MSG_CTRUNC, 0);
    if (CHECK(msg.msg_controllen > 0))
        memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

/* A descriptor travels, waited for or not, and what it stands for works at once. */
TEST(descriptors_travel)
{
    struct background b;
    dure_scope scope;
    int pair[2], fds[2], i;
    char byte;

    for (i = 0; i < 2; i++) {
        CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        dure_pipe2(fds, O_CLOEXEC);
        dure_scope_open(&scope);
        if (i)
            background_start(&b, &scope, DURE_LOOP(1), receive_descriptor, &pair[0]);
        CHECK_EQ(send_descriptor(pair[1], fds[0]), 2);
        CHECK_EQ(dure_close(fds[0]), 0);
        if (!i)
            background_start(&b, &scope, DURE_LOOP(0), receive_descriptor, &pair[0]);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK(b.result >= 0);
        CHECK_EQ(dure_write(fds[1], "p", 1), 1);
        CHECK_EQ(dure_read((int)b.result, &byte, 1), 1);
        CHECK_EQ(dure_close((int)b.result), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
        close_both(pair);
    }
}

/* A cancelled receive takes no descriptor that nobody then closes: the runner counts them. */
TEST(canceled_receive_leaks_no_descriptor)
{
    struct background b;
    dure_scope scope;
    int pair[2];

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, receive_descriptor, &pair[0]);
    CHECK_EQ(send_descriptor(pair[1], pair[1]), 2);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    if (b.result >= 0)
        CHECK_EQ(dure_close((int)b.result), 0);
    close_both(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_travel),
        cmocka_unit_test(canceled_receive_leaks_no_descriptor),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
