/* Several messages in a call: recvmmsg and sendmmsg. */
#include "waiting.h"

#include <time.h>

/* --- receiving waits for all that were asked for --- */

static bool datagrams(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool foreign_packets(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(plain_socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

struct batch {
    struct mmsghdr messages[4];
    struct iovec iov[4];
    char bytes[4][8];
};

static void batch_init(struct batch *batch, size_t len)
{
    int i;

    memset(batch, 0, sizeof *batch);
    for (i = 0; i < 4; i++) {
        batch->iov[i] = (struct iovec){ batch->bytes[i], len };
        batch->messages[i].msg_hdr.msg_iov = &batch->iov[i];
        batch->messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static int64_t receive_one(struct waiting *w)
{
    struct batch batch;

    batch_init(&batch, 8);
    return dure_recvmmsg(w->fd, batch.messages, 1, 0, NULL);
}

static int64_t receive_three(struct waiting *w)
{
    struct batch batch;

    batch_init(&batch, 8);
    return dure_recvmmsg(w->fd, batch.messages, 3, 0, NULL);
}

static void send_one(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "x", 1), 1);
}

static void send_three(struct waiting *w)
{
    int i;

    for (i = 0; i < 3; i++)
        send_one(w);
}

/* --- sending waits for room --- */

static void fill_up(struct waiting *w)
{
    while (plain_send(w->fd, "x", 1, MSG_DONTWAIT) == 1)
        ;
}

static bool full(struct waiting *w)
{
    if (!datagrams(w))
        return false;
    fill_up(w);
    return true;
}

static int64_t send_batch(struct waiting *w)
{
    struct batch batch;

    batch_init(&batch, 1);
    return dure_sendmmsg(w->fd, batch.messages, 1, 0);
}

/* One message less is no room yet: poll wants half of the buffer. */
static void take_all(struct waiting *w)
{
    char byte;

    while (plain_recv(w->other, &byte, 1, MSG_DONTWAIT) == 1)
        ;
}

static const struct waiting_kind kinds[] = {
    { "recvmmsg, datagrams", datagrams, receive_one, send_one, 1, EAGAIN, 0, NULL },
    { "recvmmsg, foreign packets", foreign_packets, receive_one, send_one, 1, EAGAIN, 0, NULL },
    { "recvmmsg of three", datagrams, receive_three, send_three, 3, EAGAIN,
      WAITING_ALONE | WAITING_PARTS, NULL },
    { "sendmmsg, full", full, send_batch, take_all, 1, EAGAIN, WAITING_ALONE, fill_up },
};

WAITING_TESTS

/* --- what arrives, and how much of it --- */

static void close_both(struct waiting *w)
{
    CHECK_EQ(dure_close(w->fd), 0);
    CHECK_EQ(dure_close(w->other), 0);
}

static void check_contents(void)
{
    struct waiting w;
    struct batch out, in;
    int i;

    if (!datagrams(&w))
        return;
    batch_init(&out, 3);
    for (i = 0; i < 4; i++)
        memset(out.bytes[i], 'a' + i, 3);
    CHECK_EQ(dure_sendmmsg(w.other, out.messages, 4, 0), 4);
    batch_init(&in, 8);
    CHECK_EQ(dure_recvmmsg(w.fd, in.messages, 4, 0, NULL), 4);
    for (i = 0; i < 4; i++) {
        CHECK_EQ(out.messages[i].msg_len, 3);
        CHECK_EQ(in.messages[i].msg_len, 3);
        CHECK(memcmp(in.bytes[i], out.bytes[i], 4) == 0);
    }
    close_both(&w);
}

TEST(in_order)
{
    check_contents();
}

TEST_OUTSIDE(in_order_outside)
{
    dure_scope scope;

    check_contents();
    dure_scope_open(&scope);
    check_contents();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(fewer_than_asked_for)
{
    struct timespec none = { 0, 0 };
    struct waiting w;
    struct batch in;

    if (!datagrams(&w))
        return;
    batch_init(&in, 8);
    CHECK_FAILS(dure_recvmmsg(w.fd, in.messages, 4, MSG_DONTWAIT, NULL), EAGAIN);
    CHECK_EQ(dure_recvmmsg(w.fd, in.messages, 0, 0, NULL), 0);
    send_three(&w);
    CHECK_EQ(dure_recvmmsg(w.fd, in.messages, 4, MSG_WAITFORONE, NULL), 3);
    send_three(&w);
    CHECK_EQ(dure_recvmmsg(w.fd, in.messages, 4, 0, &none), 3); /* over after the first look */
    send_three(&w);
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    CHECK_EQ(dure_recvmmsg(w.fd, in.messages, 4, 0, NULL), 3); /* progress wins */
    none.tv_nsec = -1;
    CHECK_FAILS(dure_recvmmsg(w.fd, in.messages, 4, 0, &none), EINVAL);
    close_both(&w);
    CHECK_FAILS(dure_recvmmsg(w.fd, in.messages, 4, 0, NULL), EBADF);
    CHECK_FAILS(dure_sendmmsg(w.fd, in.messages, 4, 0), EBADF);
}

/* No SIGPIPE; the call that meets the end says how far it came. */
TEST(to_nobody)
{
    struct waiting w;
    struct batch out;

    if (!foreign_packets(&w))
        return;
    CHECK_EQ(dure_close(w.other), 0);
    batch_init(&out, 3);
    CHECK_FAILS(dure_sendmmsg(w.fd, out.messages, 4, 0), EPIPE);
    CHECK_EQ(dure_close(w.fd), 0);
}

/* A stream takes the last message in part; the call sends all of it. */
static char piece[1 << 20];

static int64_t drain_stream(void *arg)
{
    static char sink[65536];
    int64_t total = 0;
    ssize_t n;

    while ((n = dure_read(*(int *)arg, sink, sizeof sink)) > 0)
        total += n;
    return total;
}

TEST(all_of_a_stream)
{
    struct iovec iov[2] = { { piece, sizeof piece }, { piece, sizeof piece } };
    struct mmsghdr messages[2] = { { .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
                                   { .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } } };
    struct background reader;
    dure_scope scope;
    int fds[2];

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    dure_scope_open(&scope);
    background_start(&reader, &scope, DURE_LOOP(1), drain_stream, &fds[1]);
    CHECK_EQ(dure_sendmmsg(fds[0], messages, 2, 0), 2);
    CHECK_EQ(messages[0].msg_len, sizeof piece);
    CHECK_EQ(messages[1].msg_len, sizeof piece);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(reader.result, 2 * sizeof piece);
    CHECK_EQ(dure_close(fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(in_order),
        cmocka_unit_test(in_order_outside),
        cmocka_unit_test(fewer_than_asked_for),
        cmocka_unit_test(to_nobody),
        cmocka_unit_test(all_of_a_stream),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
