/* Properties of what has a descriptor and is neither file nor network: sockets of one host, the
   descriptors that travel over them, counters and timers. */
#include "properties.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

static int any_type(void)
{
    return types[dure_sim_draw(3)];
}

/* --- descriptors that travel --- */

#define TRAVELLERS 20

static int pass(int socket, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .header = { CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS } };
    struct iovec iov = { "f", 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };

    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return dure_sendmsg(socket, &msg, 0) == 1 ? 0 : -1;
}

/* Returns the descriptor, or -1 if none came. */
static int take(int socket)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    int fd = -1;

    if (dure_recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) == 1 && msg.msg_controllen > 0)
        memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

struct road {
    int pair[2], pipe[2];
    size_t taken, said; /* descriptors, and bytes that were written to them */
};

/* Sends the same end again and again, and closes its own number before the last has arrived. */
static int sender(void *arg)
{
    struct road *road = *(struct road **)arg;

    for (int i = 0; i < TRAVELLERS; i++) {
        CHECK_EQ(pass(road->pair[1], road->pipe[1]), 0);
        if (dure_sim_draw(3) == 0)
            dure_sleep_for(dure_sim_draw(100) * DURE_MICROSECOND);
    }
    return dure_close(road->pipe[1]);
}

static int taker(void *arg)
{
    struct road *road = *(struct road **)arg;
    int fd = -1;

    while (road->taken < TRAVELLERS && !dure_canceled()) {
        DURE_WITHIN(dure_after(dure_sim_draw(300) * DURE_MICROSECOND))
        fd = take(road->pair[0]);
        if (fd < 0)
            continue;
        road->taken++;
        if (dure_sim_draw(2) && CHECK_EQ(dure_write(fd, "w", 1), 1))
            road->said++;
        CHECK_EQ(dure_close(fd), 0);
        fd = -1;
    }
    return dure_close(road->pair[0]);
}

/* A description lives until its last number and its last message are gone: its reader then has every
   byte, and the end. */
void descriptors_travel_and_live(void)
{
    struct road road = { .taken = 0 }, *at = &road;
    dure_scope scope;
    char bytes[TRAVELLERS + 1];
    int unread = dure_sim_draw(2);

    CHECK_EQ(dure_socketpair(AF_UNIX, any_type(), 0, road.pair), 0);
    CHECK_EQ(dure_pipe2(road.pipe, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    dure_spawn(&scope, sender, &at, sizeof at);
    dure_spawn(&scope, taker, &at, sizeof at);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(road.taken, TRAVELLERS);
    if (unread) { /* of one that nobody takes the close of the socket lets go */
        CHECK_EQ(dure_close(road.pair[1]), 0);
        CHECK_EQ(dure_socketpair(AF_UNIX, any_type(), 0, road.pair), 0);
        CHECK_EQ(pass(road.pair[1], road.pair[0]), 0);
        CHECK_EQ(dure_close(road.pair[0]), 0);
    }
    CHECK_EQ(dure_read_full(road.pipe[0], bytes, sizeof bytes), road.said);
    CHECK_EQ(dure_close(road.pipe[0]), 0);
    CHECK_EQ(dure_close(road.pair[1]), 0);
}

/* --- messages --- */

#define MESSAGES 60

struct talk {
    int fds[2];
    unsigned sent, got;
};

/* Two ends with names, or a pair. */
static void make_talk(struct talk *talk)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int type = dure_sim_draw(2) ? SOCK_SEQPACKET : SOCK_DGRAM, listener;

    if (dure_sim_draw(2)) {
        CHECK_EQ(dure_socketpair(AF_UNIX, type, 0, talk->fds), 0);
        return;
    }
    strcpy(name.sun_path, "/tmp/talk");
    listener = dure_socket(AF_UNIX, type, 0);
    talk->fds[1] = dure_socket(AF_UNIX, type, 0);
    CHECK_EQ(dure_bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    if (type == SOCK_SEQPACKET)
        CHECK_EQ(dure_listen(listener, 1), 0);
    CHECK_EQ(dure_connect(talk->fds[1], (struct sockaddr *)&name, sizeof name), 0);
    talk->fds[0] = type == SOCK_DGRAM ? listener : dure_accept(listener, NULL, NULL);
    if (type == SOCK_SEQPACKET)
        CHECK_EQ(dure_close(listener), 0);
    CHECK_EQ(dure_unlink(name.sun_path), 0);
}

static int talker(void *arg)
{
    struct talk *talk = *(struct talk **)arg;
    unsigned message[500] = { 0 };

    while (talk->sent < MESSAGES && !dure_canceled()) {
        ssize_t len = (ssize_t)(sizeof *message * (1 + talk->sent * 7 % 500)), n = -1;

        message[0] = talk->sent;
        DURE_WITHIN(dure_after(dure_sim_draw(200) * DURE_MICROSECOND))
        n = dure_send(talk->fds[1], message, (size_t)len, 0);
        CHECK(n == len || (n == -1 && errno == ETIMEDOUT));
        talk->sent += n == len;
    }
    return 0;
}

static int listener(void *arg)
{
    struct talk *talk = *(struct talk **)arg;
    unsigned message[500] = { 0 };

    while (talk->got < MESSAGES && !dure_canceled()) {
        ssize_t n = -1;

        DURE_WITHIN(dure_after(dure_sim_draw(200) * DURE_MICROSECOND))
        n = dure_recv(talk->fds[0], message, sizeof message, 0);
        if (n < 0)
            continue;
        CHECK_EQ(message[0], talk->got);
        CHECK_EQ(n, sizeof *message * (1 + talk->got * 7 % 500));
        talk->got++;
    }
    return 0;
}

/* A call that was cancelled sent nothing and took nothing; the others did so whole and in order. */
void messages_stay_whole(void)
{
    struct talk talk = { .sent = 0 }, *at = &talk;
    dure_scope scope;

    make_talk(&talk);
    dure_scope_open(&scope);
    dure_spawn(&scope, talker, &at, sizeof at);
    dure_spawn(&scope, listener, &at, sizeof at);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(talk.got, talk.sent);
    CHECK_EQ(dure_close(talk.fds[0]), 0);
    CHECK_EQ(dure_close(talk.fds[1]), 0);
}

/* --- counters --- */

#define ADDERS 3
#define ADDS 10

struct counting {
    int fd;
    uint64_t added, taken;
    unsigned adders;
};

static int add(void *arg)
{
    struct counting *counting = *(struct counting **)arg;
    int done = 0;

    while (done < ADDS && !dure_canceled()) {
        uint64_t n = (UINT64_MAX >> 5) + dure_sim_draw(1000); /* some of which fill it */
        ssize_t result = -1;

        DURE_WITHIN(dure_after(dure_sim_draw(300) * DURE_MICROSECOND))
        result = dure_write(counting->fd, &n, sizeof n);
        if (result != sizeof n)
            continue;
        counting->added += n;
        done++;
    }
    counting->adders--;
    return 0;
}

static int subtract(void *arg)
{
    struct counting *counting = *(struct counting **)arg;
    uint64_t n = 0;

    while ((counting->adders || counting->taken != counting->added) && !dure_canceled()) {
        ssize_t result = -1;

        DURE_WITHIN(dure_after(dure_sim_draw(300) * DURE_MICROSECOND))
        result = dure_read(counting->fd, &n, sizeof n);
        if (result == sizeof n)
            counting->taken += n;
        else
            CHECK_EQ(errno, ETIMEDOUT);
    }
    return 0;
}

void counters_lose_nothing(void)
{
    struct counting counting = { .adders = ADDERS }, *at = &counting;
    dure_scope scope;

    counting.fd = dure_eventfd(0, 0);
    dure_scope_open(&scope);
    for (int i = 0; i < ADDERS; i++)
        dure_spawn(&scope, add, &at, sizeof at);
    for (int i = 0; i < 2; i++)
        dure_spawn(&scope, subtract, &at, sizeof at);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(counting.taken == counting.added);
    CHECK_EQ(dure_close(counting.fd), 0);
}

/* --- timers --- */

/* A timer is never early, counts each time once, and tells all that came since. */
void timers_are_never_early(void)
{
    int64_t first_ns = 1 + dure_sim_draw(3000000), interval_ns = 1 + dure_sim_draw(2000000);
    struct itimerspec often = { .it_value.tv_nsec = first_ns, .it_interval.tv_nsec = interval_ns };
    struct itimerspec left;
    int fd = dure_timerfd_create(CLOCK_MONOTONIC, 0), i;
    int64_t begun_ns = dure_now(), passed_ns;
    uint64_t times = 0, n;

    CHECK_EQ(dure_timerfd_settime(fd, 0, &often, NULL), 0);
    for (i = 0; i < 5; i++) {
        dure_sleep_for(dure_sim_draw(5000) * DURE_MICROSECOND);
        CHECK_EQ(dure_read(fd, &n, sizeof n), sizeof n);
        times += n;
        passed_ns = dure_now() - begun_ns;
        CHECK(passed_ns >= first_ns + (int64_t)(times - 1) * interval_ns);
        CHECK_EQ(dure_timerfd_gettime(fd, &left), 0);
        CHECK_EQ(left.it_interval.tv_nsec, interval_ns);
        CHECK(left.it_value.tv_sec * DURE_SECOND + left.it_value.tv_nsec <= interval_ns);
    }
    dure_sleep_for(DURE_SECOND);
    passed_ns = dure_now() - begun_ns;
    CHECK_EQ(dure_read(fd, &n, sizeof n), sizeof n);
    CHECK(times + n >= (uint64_t)((passed_ns - first_ns) / interval_ns));
    CHECK_EQ(dure_close(fd), 0);
}
