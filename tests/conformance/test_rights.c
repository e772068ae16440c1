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

/* --- several at once, over each kind of socket --- */

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
#define TYPES (sizeof types / sizeof *types)
#define MOST 3

struct parcel {
    int socket;
    size_t room;   /* for so many descriptors */
    int fds[MOST]; /* what came; -1: none */
    int flags;
};

static ssize_t send_descriptors(int socket, const int *fds, size_t len)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(MOST * sizeof(int))];
    } control = { .header = { CMSG_LEN(len * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
    struct iovec iov = { "fd", 2 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = CMSG_SPACE(len * sizeof(int)) };

    memcpy(CMSG_DATA(&control.header), fds, len * sizeof *fds);
    return dure_sendmsg(socket, &msg, 0);
}

static int64_t receive_parcel(void *arg)
{
    struct parcel *parcel = arg;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(MOST * sizeof(int))];
    } control;
    char buf[2];
    struct iovec iov = { buf, 2 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = CMSG_LEN(parcel->room * sizeof(int)) };
    ssize_t n;

    memset(parcel->fds, -1, sizeof parcel->fds);
    n = dure_recvmsg(parcel->socket, &msg, MSG_CMSG_CLOEXEC);
    parcel->flags = msg.msg_flags;
    if (n >= 0 && msg.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(parcel->fds, CMSG_DATA(&control.header), control.header.cmsg_len - CMSG_LEN(0));
    return n;
}

static void check_parcel(int type, size_t room, bool waits, int place)
{
    struct parcel parcel = { .room = room };
    int pair[2], pipes[2], tcp[2], i;
    struct background b;
    dure_scope scope;

    CHECK_EQ(dure_socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
    CHECK_EQ(dure_pipe2(pipes, O_CLOEXEC), 0);
    make_tcp_pair(tcp);
    parcel.socket = pair[0];
    dure_scope_open(&scope);
    if (waits)
        background_start(&b, &scope, place, receive_parcel, &parcel);
    CHECK_EQ(send_descriptors(pair[1], (int[]){ pipes[0], pipes[1], tcp[0] }, MOST), 2);
    if (!waits)
        background_start(&b, &scope, place, receive_parcel, &parcel);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(b.result == 2 || (b.result == 1 && type == SOCK_STREAM && short_counts()));
    CHECK_EQ(parcel.flags & MSG_CTRUNC, room < MOST ? MSG_CTRUNC : 0);
    for (i = 0; i < MOST; i++) /* what found no room is closed: the runner counts */
        CHECK_EQ(parcel.fds[i] >= 0, (size_t)i < room);
    if (room == MOST) {
        CHECK_EQ(dure_write(parcel.fds[1], "p", 1), 1);
        CHECK_EQ(dure_read(parcel.fds[0], &(char){ 0 }, 1), 1);
        CHECK_EQ(dure_send(tcp[1], "t", 1, 0), 1);
        CHECK_EQ(dure_recv(parcel.fds[2], &(char){ 0 }, 1, 0), 1);
    }
    for (i = 0; i < MOST; i++)
        if (parcel.fds[i] >= 0)
            CHECK_EQ(dure_close(parcel.fds[i]), 0);
    close_both(pair);
    close_both(pipes);
    close_both(tcp);
}

TEST(several_travel_at_once)
{
    size_t type, room;

    for (type = 0; type < TYPES; type++) {
        for (room = 0; room <= MOST; room++) {
            check_parcel(types[type], room, false, DURE_THIS_LOOP);
            check_parcel(types[type], room, true, DURE_THIS_LOOP);
            check_parcel(types[type], room, true, DURE_LOOP(1));
        }
    }
}

static int64_t read_two(void *arg)
{
    return dure_read(*(int *)arg, (char[2]){ 0 }, 2);
}

/* Who only reads gets the bytes, and the descriptors are closed. */
TEST(a_read_drops_them)
{
    struct background b;
    dure_scope scope;
    size_t i, got;
    int pair[2];

    for (i = 0; i < TYPES; i++) {
        CHECK_EQ(dure_socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, pair), 0);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(1), read_two, &pair[0]);
        CHECK_EQ(send_descriptor(pair[1], pair[1]), 2);
        CHECK_EQ(dure_scope_close(&scope), 0);
        for (got = (size_t)b.result; got < 2; got++)
            CHECK_EQ(dure_read(pair[0], &(char){ 0 }, 1), 1);
        close_both(pair);
    }
}

/* A task waits on a socket that travels away and is closed here: its other end still works. */
TEST(one_travels_under_a_waiting_task)
{
    int pair[2], traveller[2], there;
    struct background b;
    dure_scope scope;

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, traveller), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), read_two, &traveller[0]);
    CHECK_EQ(send_descriptor(pair[1], traveller[0]), 2);
    CHECK_EQ(dure_close(traveller[0]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, EBADF);
    there = (int)receive_descriptor(&pair[0]);
    CHECK_EQ(dure_write(traveller[1], "x", 1), 1);
    CHECK_EQ(dure_read(there, &(char){ 0 }, 1), 1);
    CHECK_EQ(dure_close(there), 0);
    CHECK_EQ(dure_close(traveller[1]), 0);
    close_both(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_travel),
        cmocka_unit_test(canceled_receive_leaks_no_descriptor),
        cmocka_unit_test(several_travel_at_once),
        cmocka_unit_test(a_read_drops_them),
        cmocka_unit_test(one_travels_under_a_waiting_task),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
