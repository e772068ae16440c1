/* write and writev: what they wait on, what they answer, and that they write all of it. */
#include "waiting.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static bool full(struct waiting *w, int fds[2])
{
    w->fd = fds[1];
    w->other = fds[0];
    fill(fds[1], fds[0]);
    return true;
}

static bool unix_pair(struct waiting *w)
{
    int fds[2];

    return CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0) &&
           full(w, fds);
}

static bool tcp_pair(struct waiting *w)
{
    int fds[2];

    return make_tcp_pair_small(fds, false) && full(w, fds);
}

static bool our_pipe(struct waiting *w)
{
    int fds[2];

    return CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0) && full(w, fds);
}

static bool foreign_pipe(struct waiting *w)
{
    int fds[2];

    return CHECK_EQ(plain_pipe(fds), 0) && full(w, fds);
}

static bool pty(struct waiting *w)
{
    if (!make_pty(&w->other, &w->fd))
        return false;
    pause_tty(w->fd);
    return true;
}

static bool event(struct waiting *w)
{
    uint64_t most = UINT64_MAX - 1;

    w->fd = dure_eventfd(0, EFD_CLOEXEC);
    return CHECK(w->fd >= 0) && CHECK_EQ(plain_write(w->fd, &most, sizeof most), sizeof most);
}

static void release(struct waiting *w)
{
    drain(w->other);
}

static void release_pty(struct waiting *w)
{
    resume_tty(w->fd);
}

static void starve_pty(struct waiting *w)
{
    pause_tty(w->fd);
}

static void starve(struct waiting *w)
{
    fill(w->fd, w->other);
}

static void release_event(struct waiting *w)
{
    uint64_t count;

    CHECK_EQ(plain_read(w->fd, &count, sizeof count), sizeof count);
}

static int64_t call_write(struct waiting *w)
{
    return dure_write(w->fd, "y", 1);
}

static int64_t call_write_event(struct waiting *w)
{
    uint64_t most = UINT64_MAX - 1;

    return dure_write(w->fd, &most, sizeof most);
}

static int64_t call_writev(struct waiting *w)
{
    struct iovec iov[3] = { { NULL, 0 }, { "y", 1 }, { "z", 1 } };

    return dure_writev(w->fd, iov, 3);
}

static int64_t call_pwritev2(struct waiting *w)
{
    struct iovec iov = { "y", 1 };

    return dure_pwritev2(w->fd, &iov, 1, -1, 0);
}

/* A flag that means nothing here, but has a thread make the call. */
static int64_t call_pwritev2_flags(struct waiting *w)
{
    struct iovec iov = { "y", 1 };

    return dure_pwritev2(w->fd, &iov, 1, -1, RWF_DSYNC);
}

static int64_t call_write_all(struct waiting *w)
{
    return dure_write_all(w->fd, "yz", 2);
}

static const struct waiting_kind kinds[] = {
    { "write, AF_UNIX", unix_pair, call_write, release, 1, EAGAIN, 0, starve },
    { "write, TCP", tcp_pair, call_write, release, 1, EAGAIN, 0, starve },
    { "write, pipe", our_pipe, call_write, release, 1, EAGAIN, 0, starve },
    { "write, foreign pipe", foreign_pipe, call_write, release, 1, EAGAIN, 0, starve },
    { "write, tty", pty, call_write, release_pty, 1, EAGAIN, WAITING_REAL, starve_pty },
    { "write, eventfd", event, call_write_event, release_event, 8, EAGAIN,
      WAITING_ANON | WAITING_ALONE, NULL },
    { "writev, AF_UNIX", unix_pair, call_writev, release, 2, EAGAIN, WAITING_PARTS, starve },
    { "writev, TCP", tcp_pair, call_writev, release, 2, EAGAIN, WAITING_PARTS, starve },
    { "writev, pipe", our_pipe, call_writev, release, 2, EAGAIN, WAITING_PARTS, starve },
    { "writev, tty", pty, call_writev, release_pty, 2, EAGAIN, WAITING_REAL | WAITING_PARTS,
      starve_pty },
    { "writev, foreign pipe", foreign_pipe, call_writev, release, 2, EAGAIN, WAITING_PARTS,
      starve },
    { "pwritev2, pipe", our_pipe, call_pwritev2, release, 1, EAGAIN, 0, starve },
    { "pwritev2, TCP", tcp_pair, call_pwritev2, release, 1, EAGAIN, 0, starve },
    { "write_all, TCP", tcp_pair, call_write_all, release, 2, 0, 0, starve },
    { "write_all, pipe", our_pipe, call_write_all, release, 2, 0, 0, starve },
};

WAITING_TESTS

/* A flag has a thread of the pool wait. */
static const struct waiting_kind with_flags[] = {
    { "pwritev2 with flags, pipe", our_pipe, call_pwritev2_flags, release, 1, EAGAIN, WAITING_REAL,
      starve },
};

TEST(waits_with_flags)
{
    if (!waiting_flags_are_known())
        return;
    waiting_goes_on(with_flags, sizeof with_flags / sizeof *with_flags);
    waiting_from_another_loop(with_flags, sizeof with_flags / sizeof *with_flags);
    waiting_canceled_before(with_flags, sizeof with_flags / sizeof *with_flags);
    waiting_canceled_during(with_flags, sizeof with_flags / sizeof *with_flags);
    waiting_closed_here(with_flags, sizeof with_flags / sizeof *with_flags);
    waiting_closed_elsewhere(with_flags, sizeof with_flags / sizeof *with_flags);
    waiting_two_tasks(with_flags, sizeof with_flags / sizeof *with_flags);
    waiting_deadline(with_flags, sizeof with_flags / sizeof *with_flags);
}

TEST_OUTSIDE(flags_outside)
{
    if (waiting_flags_are_known())
        waiting_outside(with_flags, sizeof with_flags / sizeof *with_flags);
}

/* --- all of it --- */

struct transfer {
    int fd;
    char *data;
    size_t len;
    int how; /* 0: write, 1: writev, 2: write_all */
};

static int64_t write_it(void *arg)
{
    struct transfer *t = arg;
    struct iovec iov[5] = {
        { t->data, t->len / 7 },
        { NULL, 0 },
        { t->data + t->len / 7, 1 },
        { t->data + t->len / 7 + 1, t->len - t->len / 7 - 1 },
        { NULL, 0 },
    };

    return t->how == 0   ? dure_write(t->fd, t->data, t->len)
           : t->how == 1 ? dure_writev(t->fd, iov, 5)
                         : dure_write_all(t->fd, t->data, t->len);
}

static void check_whole(int fds[2], int how, bool nonblock)
{
    size_t len = amount(3000000), got = 0, i;
    struct transfer t = { fds[1], malloc(len), len, how };
    struct background b;
    dure_scope scope;
    char *back = malloc(len);

    for (i = 0; i < len; i++)
        t.data[i] = (char)(i % 253);
    if (nonblock)
        CHECK_EQ(dure_fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, write_it, &t);
    if (!one_byte())
        CHECK(!atomic_load(&b.done));
    got = (size_t)dure_read_full(fds[0], back, len);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, len);
    CHECK_EQ(got, len);
    CHECK(memcmp(t.data, back, len) == 0);
    free(t.data);
    free(back);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(large_writes_finish_wholly)
{
    int fds[2], how;

    for (how = 0; how < 3; how++) {
        dure_pipe2(fds, O_CLOEXEC);
        check_whole(fds, how, false);
        dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
        check_whole(fds, how, false);
        make_tcp_pair_small(fds, false);
        check_whole(fds, how, false);
        make_tcp_pair_small(fds, true);
        check_whole(fds, how, false);
    }
}

/* read_full and write_all wait even where the plain calls answer EAGAIN. */
TEST(write_all_waits_with_nonblock)
{
    int fds[2];

    dure_pipe2(fds, O_CLOEXEC);
    check_whole(fds, 2, true);
    dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
    check_whole(fds, 2, false);
}

/* A partial write of an O_NONBLOCK descriptor answers its part. */
TEST(nonblock_writes_a_part)
{
    size_t len = amount(3000000), part;
    char *data = calloc(1, len);
    int fds[2];

    dure_pipe2(fds, O_CLOEXEC | O_NONBLOCK);
    part = (size_t)dure_write(fds[1], data, len);
    if (one_byte()) {
        CHECK_EQ(part, len);
    } else {
        CHECK_EQ(part, 65536);
        CHECK_FAILS(dure_write(fds[1], data, len), EAGAIN);
    }
    CHECK_EQ(drain(fds[0]), part);
    free(data);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* Progress wins: the count of what was moved, then ECANCELED. write_all cannot say how much. */
static size_t read_to_end(int fds[2])
{
    size_t got = 0;
    char buf[4096];
    ssize_t n;

    CHECK_EQ(dure_shutdown(fds[1], SHUT_WR), 0);
    while ((n = dure_read(fds[0], buf, sizeof buf)) > 0)
        got += (size_t)n;
    return got;
}

static void check_progress(int fds[2], int how, bool tcp)
{
    struct transfer t = { fds[1], calloc(1, 3000000), 3000000, how };
    struct background b;
    dure_scope scope;
    size_t got;

    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, write_it, &t);
    CHECK(!atomic_load(&b.done));
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    got = tcp ? read_to_end(fds) : drain(fds[0]);
    CHECK(got > 0);
    if (how == 2) {
        CHECK_EQ(b.result, -1);
        CHECK_EQ(b.error, ECANCELED);
    } else {
        CHECK_EQ(b.result, got);
    }
    free(t.data);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(canceled_in_the_middle)
{
    int fds[2], how;

    if (one_byte())
        return; /* three million turns */
    for (how = 0; how < 3; how++) {
        dure_pipe2(fds, O_CLOEXEC);
        check_progress(fds, how, false);
        dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
        check_progress(fds, how, false);
        make_tcp_pair_small(fds, false);
        check_progress(fds, how, true);
        if (simulated_skips("canceled in the middle", "a tty"))
            continue;
        make_pty(&fds[0], &fds[1]);
        check_progress(fds, how, false);
    }
}

/* --- ends --- */

TEST(nobody_reads_any_more)
{
    int fds[2];

    dure_pipe2(fds, O_CLOEXEC);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_write(fds[1], "x", 1), EPIPE); /* and no SIGPIPE: it would end the test */
    CHECK_FAILS(dure_writev(fds[1], &(struct iovec){ "x", 1 }, 1), EPIPE);
    CHECK_EQ(dure_close(fds[1]), 0);
    dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_write(fds[1], "x", 1), EPIPE);
    CHECK_FAILS(dure_writev(fds[1], &(struct iovec){ "x", 1 }, 1), EPIPE);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static int64_t write_large(void *arg)
{
    size_t len = amount(3000000);
    char *data = calloc(1, len);
    int64_t n = dure_write(*(int *)arg, data, len);
    int error = errno;

    free(data);
    errno = error;
    return n;
}

/* The reader goes away while a writer waits: the part that was written, then EPIPE. */
TEST(the_reader_leaves_a_waiting_writer)
{
    struct background b;
    dure_scope scope;
    int fds[2], i;

    if (one_byte())
        return; /* what fits would not fill it */
    for (i = 0; i < 2; i++) {
        CHECK_EQ(i ? dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : dure_pipe2(fds, 0), 0);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i), write_large, &fds[1]);
        CHECK(!atomic_load(&b.done));
        CHECK_EQ(dure_close(fds[0]), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK(b.result > 0 && b.result < 3000000);
        CHECK_FAILS(dure_write(fds[1], "x", 1), EPIPE);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

TEST(bad_descriptors)
{
    struct iovec iov = { "x", 1 };
    volatile int minus_one = -1;
    int fds[2];

    CHECK_FAILS(dure_write(-1, "x", 1), EBADF);
    CHECK_FAILS(dure_write(900, "x", 1), EBADF);
    CHECK_FAILS(dure_writev(-1, &iov, 1), EBADF);
    dure_pipe2(fds, O_CLOEXEC);
    CHECK_FAILS(dure_write(fds[0], "x", 1), EBADF);
    CHECK_FAILS(dure_writev(fds[1], &iov, minus_one), EINVAL);
    CHECK_EQ(dure_write(fds[1], "", 0), 0);
    CHECK_EQ(dure_writev(fds[1], NULL, 0), 0);
    CHECK_EQ(dure_write_all(fds[1], "", 0), 0);
    CHECK_FAILS(dure_write_all(fds[0], "x", 1), EBADF);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* /dev/full and a full descriptor's error are the plain call's. */
TEST(devices)
{
    int full_fd, null;
    char byte;

    NOT_SIMULATED("there are no devices");
    full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    null = open("/dev/null", O_RDWR);
    CHECK_FAILS(dure_write(full_fd, "x", 1), ENOSPC);
    CHECK_EQ(dure_write(null, "xyz", 3), 3);
    CHECK_EQ(dure_read(null, &byte, 1), 0);
    CHECK_EQ(dure_close(full_fd), 0);
    CHECK_EQ(dure_close(null), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(waits_with_flags),
        cmocka_unit_test(flags_outside),
        cmocka_unit_test(large_writes_finish_wholly),
        cmocka_unit_test(write_all_waits_with_nonblock),
        cmocka_unit_test(nonblock_writes_a_part),
        cmocka_unit_test(canceled_in_the_middle),
        cmocka_unit_test(nobody_reads_any_more),
        cmocka_unit_test(the_reader_leaves_a_waiting_writer),
        cmocka_unit_test(bad_descriptors),
        cmocka_unit_test(devices),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
