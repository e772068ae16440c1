/* read and readv: what they wait on, and what they answer. */
#include "waiting.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* --- the waits --- */

static bool unix_pair(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool tcp_pair(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made;
}

static bool foreign_tcp_pair(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair_plain(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made;
}

static bool our_pipe(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool foreign_pipe(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(plain_pipe(fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool fifo(struct waiting *w)
{
    snprintf(w->path, sizeof w->path, "/tmp/dure-fifo-%d-%p", (int)getpid(), (void *)w);
    unlink(w->path);
    if (!CHECK_EQ(mkfifo(w->path, 0600), 0))
        return false;
    w->other = open(w->path, O_RDWR | O_CLOEXEC);
    w->fd = open(w->path, O_RDONLY | O_CLOEXEC);
    return CHECK(w->fd >= 0 && w->other >= 0);
}

static bool pty(struct waiting *w)
{
    return make_pty(&w->other, &w->fd);
}

static bool event(struct waiting *w)
{
    w->fd = dure_eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    return CHECK(w->fd >= 0);
}

static bool timer(struct waiting *w)
{
    w->fd = dure_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    return CHECK(w->fd >= 0);
}

static void release_byte(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "x", 1), 1);
}

static void release_event(struct waiting *w)
{
    uint64_t one = 1;

    CHECK_EQ(plain_write(w->fd, &one, sizeof one), sizeof one);
}

static void release_timer(struct waiting *w)
{
    struct itimerspec soon = { .it_value.tv_nsec = 1 };

    CHECK_EQ(dure_timerfd_settime(w->fd, 0, &soon, NULL), 0);
}

static int64_t call_read(struct waiting *w)
{
    char buf[16] = "";
    ssize_t n = dure_read(w->fd, buf, sizeof buf);

    if (n == 1)
        CHECK_EQ(buf[0], 'x');
    return n;
}

static int64_t call_readv(struct waiting *w)
{
    char a[3] = "", b[8] = "";
    struct iovec iov[3] = { { NULL, 0 }, { a, sizeof a }, { b, sizeof b } };
    ssize_t n = dure_readv(w->fd, iov, 3);

    if (n == 1)
        CHECK_EQ(a[0], 'x');
    return n;
}

/* At the position, which a pipe does not have. */
static int64_t call_preadv2(struct waiting *w)
{
    char byte;
    struct iovec iov = { &byte, 1 };

    return dure_preadv2(w->fd, &iov, 1, -1, 0);
}

/* A flag that means nothing here, but has a thread make the call. */
static int64_t call_preadv2_flags(struct waiting *w)
{
    char byte;
    struct iovec iov = { &byte, 1 };

    return dure_preadv2(w->fd, &iov, 1, -1, RWF_HIPRI);
}

static int64_t call_read_full(struct waiting *w)
{
    char byte;

    return dure_read_full(w->fd, &byte, 1);
}

static int64_t call_readv_event(struct waiting *w)
{
    uint64_t count;
    struct iovec iov = { &count, sizeof count };

    return dure_readv(w->fd, &iov, 1);
}

static const struct waiting_kind kinds[] = {
    { "read, AF_UNIX", unix_pair, call_read, release_byte, 1, EAGAIN, 0, NULL },
    { "read, TCP", tcp_pair, call_read, release_byte, 1, EAGAIN, 0, NULL },
    { "read, foreign TCP", foreign_tcp_pair, call_read, release_byte, 1, EAGAIN, 0, NULL },
    { "read, pipe", our_pipe, call_read, release_byte, 1, EAGAIN, 0, NULL },
    { "read, foreign pipe", foreign_pipe, call_read, release_byte, 1, EAGAIN, 0, NULL },
    { "read, FIFO", fifo, call_read, release_byte, 1, EAGAIN, WAITING_REAL, NULL },
    { "read, tty", pty, call_read, release_byte, 1, EAGAIN, WAITING_REAL, NULL },
    { "read, eventfd", event, call_read, release_event, 8, EAGAIN, WAITING_ANON, NULL },
    { "read, timerfd", timer, call_read, release_timer, 8, EAGAIN, WAITING_ANON, NULL },
    { "readv, AF_UNIX", unix_pair, call_readv, release_byte, 1, EAGAIN, 0, NULL },
    { "readv, TCP", tcp_pair, call_readv, release_byte, 1, EAGAIN, 0, NULL },
    { "readv, pipe", our_pipe, call_readv, release_byte, 1, EAGAIN, 0, NULL },
    { "readv, tty", pty, call_readv, release_byte, 1, EAGAIN, WAITING_REAL, NULL },
    { "readv, foreign pipe", foreign_pipe, call_readv, release_byte, 1, EAGAIN, 0, NULL },
    { "readv, FIFO", fifo, call_readv, release_byte, 1, EAGAIN, WAITING_REAL, NULL },
    { "preadv2, pipe", our_pipe, call_preadv2, release_byte, 1, EAGAIN, 0, NULL },
    { "preadv2, TCP", tcp_pair, call_preadv2, release_byte, 1, EAGAIN, 0, NULL },
    { "read_full, pipe", our_pipe, call_read_full, release_byte, 1, 0, 0, NULL },
    { "read_full, TCP", tcp_pair, call_read_full, release_byte, 1, 0, 0, NULL },
    { "readv, eventfd", event, call_readv_event, release_event, 8, EAGAIN, WAITING_ANON, NULL },
};

WAITING_TESTS

/* A flag has a thread of the pool wait. */
static const struct waiting_kind with_flags[] = {
    { "preadv2 with flags, pipe", our_pipe, call_preadv2_flags, release_byte, 1, EAGAIN,
      WAITING_REAL, NULL },
    { "preadv2 with flags, AF_UNIX", unix_pair, call_preadv2_flags, release_byte, 1, EAGAIN,
      WAITING_REAL, NULL },
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

/* --- results --- */

TEST(reads_what_is_there)
{
    int fds[2];
    char buf[8];
    ssize_t n;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(plain_write(fds[1], "hello", 5), 5);
    n = dure_read(fds[0], buf, 2);
    CHECK((n == 2 && !one_byte()) || (n == 1 && short_counts()));
    CHECK_EQ(dure_read(fds[0], buf, 0), 0);
    CHECK_EQ(dure_read_full(fds[0], buf, 5 - (size_t)n), 5 - n);
    CHECK_EQ(buf[0], "hello"[n]);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_read(fds[0], buf, sizeof buf), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
}

TEST(bad_descriptors)
{
    struct iovec iov = { &(char){ 0 }, 1 };
    int fds[2];
    char byte;

    CHECK_FAILS(dure_read(-1, &byte, 1), EBADF);
    CHECK_FAILS(dure_read(900, &byte, 1), EBADF);
    CHECK_FAILS(dure_read(INT_MAX, &byte, 1), EBADF);
    CHECK_FAILS(dure_readv(-1, &iov, 1), EBADF);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_FAILS(dure_read(fds[1], &byte, 1), EBADF); /* the writing end */
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_read(fds[0], &byte, 1), EBADF);
    CHECK_FAILS(dure_close(fds[0]), EBADF);
    CHECK_FAILS(dure_close(-1), EBADF);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* What the plain call answers on a thread is what the twin answers in a task. */
struct answer {
    ssize_t result;
    int error;
};

static struct answer answer(ssize_t result)
{
    return (struct answer){ result, result < 0 ? errno : 0 };
}

static void check_same(struct answer twin, struct answer plain, const char *what)
{
    dure_task_set_name(what);
    CHECK_EQ(twin.result, plain.result);
    CHECK_EQ(twin.error, plain.error);
}

TEST(odd_vectors_as_the_plain_call)
{
    char a[2], b[3];
    struct iovec none[1] = { { a, 0 } };
    struct iovec holes[4] = { { NULL, 0 }, { a, 2 }, { NULL, 0 }, { b, 3 } };
    static struct iovec many[IOV_MAX + 1];
    void *volatile nowhere = (void *)1; /* hidden from the compiler's own checks */
    volatile int minus_one = -1;
    int fds[2], dir;
    size_t i;

    NOT_SIMULATED("the kernel finds addresses that are none");
    for (i = 0; i < IOV_MAX + 1; i++)
        many[i] = (struct iovec){ b, i == IOV_MAX - 1 };
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    errno = 0;
#define SAME(twin, plain) check_same(answer(twin), answer(plain), #twin)
    SAME(dure_readv(fds[0], none, 1), plain_readv(fds[0], none, 1));
    SAME(dure_readv(fds[0], NULL, 0), plain_readv(fds[0], NULL, 0));
    SAME(dure_readv(fds[0], none, minus_one), plain_readv(fds[0], none, minus_one));
    SAME(dure_readv(fds[0], many, IOV_MAX + 1), plain_readv(fds[0], many, IOV_MAX + 1));
    SAME(dure_readv(dir, holes, 4), plain_readv(dir, holes, 4));
    SAME(dure_read(dir, a, 1), plain_read(dir, a, 1));
    SAME(dure_read(fds[1], a, 1), plain_read(fds[1], a, 1));
    CHECK_EQ(plain_write(fds[1], "12", 2), 2);
    SAME(dure_readv(fds[0], many, IOV_MAX), plain_readv(fds[0], many, IOV_MAX));
    CHECK_EQ(plain_write(fds[1], "12", 2), 2);
    SAME(dure_read(fds[0], nowhere, 1), plain_read(fds[0], nowhere, 1)); /* EFAULT */
    if (!one_byte()) {
        drain(fds[0]);
        CHECK_EQ(plain_write(fds[1], "1234", 4), 4);
        CHECK_EQ(dure_readv(fds[0], holes, 4), 4);
        CHECK(memcmp(a, "12", 2) == 0 && memcmp(b, "34", 2) == 0);
    }
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(dir), 0);
}

TEST(zero_bytes_never_wait)
{
    int fds[2], sockets[2];

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    CHECK_EQ(dure_read(fds[0], NULL, 0), 0);
    CHECK_EQ(dure_read(sockets[0], NULL, 0), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(sockets[0]), 0);
    CHECK_EQ(dure_close(sockets[1]), 0);
}

/* Packets of a pipe with O_DIRECT are not merged, and a hang-up shows after the data. */
TEST(packets_and_ends)
{
    int fds[2];
    char buf[64];

    NOT_SIMULATED("its pipes know no packets");
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC | O_DIRECT), 0);
    CHECK_EQ(plain_write(fds[1], "abc", 3), 3);
    CHECK_EQ(plain_write(fds[1], "d", 1), 1);
    CHECK_EQ(dure_close(fds[1]), 0);
    if (!one_byte()) {
        CHECK_EQ(dure_read(fds[0], buf, sizeof buf), 3);
        CHECK_EQ(dure_read(fds[0], buf, sizeof buf), 1);
        CHECK_EQ(dure_read(fds[0], buf, sizeof buf), 0);
    }
    CHECK_EQ(dure_close(fds[0]), 0);
}

struct stream {
    int fd;
    size_t len;
};

static int64_t write_stream(void *arg)
{
    struct stream *stream = arg;
    char buf[777];
    size_t sent = 0, i, n;

    while (sent < stream->len) {
        n = stream->len - sent < sizeof buf ? stream->len - sent : sizeof buf;
        for (i = 0; i < n; i++)
            buf[i] = (char)((sent + i) % 251);
        if (!CHECK_EQ(dure_write(stream->fd, buf, n), n))
            break;
        sent += n;
    }
    dure_shutdown(stream->fd, SHUT_WR);
    return (int64_t)sent;
}

static int64_t read_stream(void *arg)
{
    struct stream *stream = arg;
    size_t got = 0, i;
    char buf[1000];
    ssize_t n;

    while ((n = dure_read(stream->fd, buf, sizeof buf)) > 0) {
        for (i = 0; i < (size_t)n; i++)
            if (!CHECK_EQ((unsigned char)buf[i], (got + i) % 251))
                return -1;
        got += (size_t)n;
    }
    CHECK_EQ(n, 0);
    return (int64_t)got;
}

/* A reader and a writer on each end, at the same time, on two loops. */
TEST(both_directions_at_once)
{
    struct background tasks[4];
    struct stream ends[2];
    dure_scope scope;
    int fds[2], i;

    CHECK(make_tcp_pair(fds));
    for (i = 0; i < 2; i++)
        ends[i] = (struct stream){ fds[i], amount(1000000) };
    dure_scope_open(&scope);
    for (i = 0; i < 4; i++)
        background_start(&tasks[i], &scope, DURE_LOOP(i % 2), i < 2 ? read_stream : write_stream,
                         &ends[i % 2]);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 4; i++)
        CHECK_EQ(tasks[i].result, amount(1000000));
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static int64_t read_one(void *arg)
{
    char byte;

    return dure_read(*(int *)arg, &byte, 1);
}

static ino_t inode_of(int fd)
{
    struct stat st;

    CHECK_EQ(fstat(fd, &st), 0);
    return st.st_ino;
}

/* Two descriptions that are told apart by the last bit of their inodes alone. */
TEST(pipes_made_one_after_the_other)
{
    struct background old, new;
    dure_scope olds, news;
    int a[2], b[2], number, tries;

    NOT_SIMULATED("no plain call puts another description under a number");
    dure_pipe2(a, O_CLOEXEC);
    dure_pipe2(b, O_CLOEXEC);
    for (tries = 0; tries < 1000 && (inode_of(a[0]) ^ inode_of(b[0])) != 1; tries++) {
        CHECK_EQ(dure_close(a[0]), 0);
        CHECK_EQ(dure_close(a[1]), 0);
        a[0] = b[0];
        a[1] = b[1];
        dure_pipe2(b, O_CLOEXEC);
    }
    dure_scope_open(&olds);
    dure_scope_open(&news);
    number = a[0];
    background_start(&old, &olds, DURE_THIS_LOOP, read_one, &number);
    CHECK_EQ(dup2(b[0], number), number);
    background_start(&new, &news, DURE_THIS_LOOP, read_one, &number);
    CHECK_EQ(dure_write(b[1], "n", 1), 1);
    YIELD_UNTIL(atomic_load(&new.done) || atomic_load(&old.done));
    CHECK(atomic_load(&new.done));
    dure_scope_cancel(&news);
    dure_scope_close(&news);
    dure_scope_cancel(&olds);
    dure_scope_close(&olds);
    CHECK_EQ(new.result, 1);
    CHECK_EQ(old.result, -1);
    CHECK_EQ(dure_close(a[0]), 0);
    CHECK_EQ(dure_close(a[1]), 0);
    CHECK_EQ(dure_close(b[0]), 0);
    CHECK_EQ(dure_close(b[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(waits_with_flags),
        cmocka_unit_test(flags_outside),
        cmocka_unit_test(reads_what_is_there),
        cmocka_unit_test(bad_descriptors),
        cmocka_unit_test(odd_vectors_as_the_plain_call),
        cmocka_unit_test(zero_bytes_never_wait),
        cmocka_unit_test(packets_and_ends),
        cmocka_unit_test(both_directions_at_once),
        cmocka_unit_test(pipes_made_one_after_the_other),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
