/* Calls that end at once: on every kind of descriptor, however unfit for the call, a twin answers as
   the plain call does, and does not wait for what never comes. */
#include "conformance.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* --- kinds of descriptors, made by plain calls --- */

static int other_end; /* -1: there is none */

static int make_epoll(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

static int make_eventfd(void)
{
    return eventfd(3, EFD_CLOEXEC);
}

static int make_inotify(void)
{
    return inotify_init1(IN_CLOEXEC);
}

static int make_timer(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

static int make_directory(void)
{
    return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Both ends in one, and empty. */
static int make_fifo(void)
{
    char path[] = "/tmp/dure-fifo-XXXXXX", name[64];
    int fd;

    if (!CHECK(mkdtemp(path) != NULL))
        return -1;
    snprintf(name, sizeof name, "%s/fifo", path);
    CHECK_EQ(mkfifo(name, 0600), 0);
    fd = open(name, O_RDWR | O_CLOEXEC);
    unlink(name);
    rmdir(path);
    return fd;
}

static int make_pipe(int end)
{
    int fds[2];

    if (!CHECK_EQ(pipe2(fds, O_CLOEXEC), 0))
        return -1;
    other_end = fds[1 - end];
    return fds[end];
}

static int make_reader(void)
{
    return make_pipe(0);
}

static int make_writer(void)
{
    return make_pipe(1);
}

static int make_pair(int type)
{
    int fds[2];

    if (!CHECK_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0))
        return -1;
    other_end = fds[1];
    return fds[0];
}

static int make_stream(void)
{
    return make_pair(SOCK_STREAM);
}

static int make_datagrams(void)
{
    return make_pair(SOCK_DGRAM);
}

static int make_broken(void)
{
    int fd = make_stream();

    close(other_end);
    other_end = -1;
    return fd;
}

static int make_udp(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int make_listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_EQ(listen(fd, 5), 0);
    return fd;
}

static int make_text(void)
{
    char path[] = "/tmp/dure-answers-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    unlink(path);
    return fd;
}

static int make_tty(void)
{
    int fd;

    other_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK_EQ(grantpt(other_end), 0);
    CHECK_EQ(unlockpt(other_end), 0);
    fd = open(ptsname(other_end), O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd;
}

static int make_null(void)
{
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int make_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    return signalfd(-1, &none, SFD_CLOEXEC);
}

static int make_none(void)
{
    return -1;
}

#define ACCEPTS 0x1u /* accept and recv wait on it */
#define READS 0x2u   /* a read may wait on it */
#define WRITES 0x4u  /* sendfile to it may wait, or move bytes */
#define NOTHING 0x8u /* even a read of nothing waits */

static const struct {
    const char *name;
    int (*make)(void);
    unsigned flags;
} kinds[] = {
    { "epoll", make_epoll, 0 },
    { "eventfd", make_eventfd, WRITES },
    { "inotify", make_inotify, READS | NOTHING },
    { "timerfd", make_timer, READS },
    { "directory", make_directory, 0 },
    { "FIFO", make_fifo, READS | WRITES },
    { "pipe, to read", make_reader, READS },
    { "pipe, to write", make_writer, WRITES },
    { "stream", make_stream, READS | WRITES | ACCEPTS },
    { "datagrams", make_datagrams, READS | WRITES | ACCEPTS },
    { "broken stream", make_broken, 0 },
    { "UDP", make_udp, READS | WRITES },
    { "listener", make_listener, READS | WRITES | ACCEPTS },
    { "none", make_none, 0 },
    { "file", make_text, WRITES },
    { "tty", make_tty, READS | WRITES },
    { "null", make_null, WRITES },
    { "signalfd", make_signals, READS },
};

/* --- calls --- */

static char buf[16];
static volatile int minus = -1; /* which no compiler warns of */

#define CALL(name, plain_call)          \
    static int64_t plain_##name(int fd) \
    {                                   \
        return plain_call;              \
    }                                   \
    static int64_t twin_##name(int fd)  \
    {                                   \
        return dure_##plain_call;       \
    }

CALL(readv_nothing, readv(fd, NULL, 0))
CALL(readv_empty, readv(fd, (struct iovec[2]){ { buf, 0 }, { NULL, 0 } }, 2))
CALL(writev_nothing, writev(fd, NULL, 0))
CALL(writev_empty, writev(fd, (struct iovec[2]){ { buf, 0 }, { NULL, 0 } }, 2))
CALL(read_nothing, read(fd, buf, 0))
CALL(write_nothing, write(fd, buf, 0))
CALL(pread_nothing, pread(fd, buf, 0, 0))
CALL(pwrite_nothing, pwrite(fd, buf, 0, 0))
CALL(preadv_nothing, preadv(fd, NULL, 0, 0))
CALL(pwritev_nothing, pwritev(fd, NULL, 0, 0))
CALL(readv_negative, readv(fd, NULL, minus))
CALL(writev_negative, writev(fd, NULL, minus))
CALL(preadv_negative, preadv(fd, NULL, minus, -1))
CALL(pwritev_negative, pwritev(fd, NULL, minus, 0))
CALL(pwrite_negative, pwrite(fd, buf, sizeof buf, -1))
CALL(accept_flags, accept4(fd, NULL, NULL, 1 << 30))
CALL(connect_short, connect(fd, (struct sockaddr *)buf, 1))
CALL(recv_flags, recv(fd, buf, sizeof buf, MSG_ERRQUEUE))
CALL(recvmmsg_negative, recvmmsg(fd, NULL, 0, MSG_DONTWAIT, &(struct timespec){ -1, 0 }))
CALL(read, read(fd, buf, sizeof buf))
CALL(pread, pread(fd, buf, sizeof buf, 0))
CALL(pwrite, pwrite(fd, buf, sizeof buf, 0))
CALL(preadv, preadv(fd, (struct iovec[1]){ { buf, sizeof buf } }, 1, 0))
CALL(pwritev, pwritev(fd, (struct iovec[1]){ { buf, sizeof buf } }, 1, 0))
CALL(pread_negative, pread(fd, buf, sizeof buf, -1))
CALL(fsync, fsync(fd))
CALL(fdatasync, fdatasync(fd))
CALL(accept, accept(fd, NULL, NULL))
CALL(urgent, recv(fd, buf, sizeof buf, MSG_OOB))
CALL(sendfile, sendfile(fd, STDIN_FILENO, &(off_t){ 0 }, 1))
CALL(sendfile_from_none, sendfile(fd, -1, &(off_t){ 0 }, 1))
CALL(sendfile_negative, sendfile(fd, STDIN_FILENO, &(off_t){ -1 }, 1))

#define ROW(name, waits)                        \
    {                                           \
#name, plain_##name, twin_##name, waits \
    }

static const struct {
    const char *name;
    int64_t (*plain)(int fd);
    int64_t (*twin)(int fd);
    unsigned waits; /* the flags of the kinds on which it would not end at once */
} calls[] = {
    ROW(readv_nothing, 0),
    ROW(readv_empty, 0),
    ROW(writev_nothing, 0),
    ROW(writev_empty, 0),
    ROW(read_nothing, NOTHING),
    ROW(write_nothing, 0),
    ROW(pread_nothing, 0),
    ROW(pwrite_nothing, 0),
    ROW(preadv_nothing, 0),
    ROW(pwritev_nothing, 0),
    ROW(readv_negative, 0),
    ROW(writev_negative, 0),
    ROW(preadv_negative, 0),
    ROW(pwritev_negative, 0),
    ROW(pwrite_negative, 0),
    ROW(accept_flags, 0),
    ROW(connect_short, 0),
    ROW(recv_flags, READS | ACCEPTS),
    ROW(recvmmsg_negative, 0),
    ROW(read, READS),
    ROW(pread, 0),
    ROW(pwrite, 0),
    ROW(preadv, 0),
    ROW(pwritev, 0),
    ROW(pread_negative, 0),
    ROW(fsync, 0),
    ROW(fdatasync, 0),
    ROW(accept, ACCEPTS),
    ROW(urgent, READS),
    ROW(sendfile, WRITES),
    ROW(sendfile_from_none, 0),
    ROW(sendfile_negative, 0),
};

struct answer {
    int64_t result;
    int error;
};

static struct answer ask(size_t kind, int64_t (*call)(int fd))
{
    struct answer answer;
    int fd;

    other_end = -1;
    fd = kinds[kind].make();
    errno = 0;
    answer.result = call(fd);
    answer.error = errno;
    if (fd >= 0)
        close(fd);
    if (other_end >= 0)
        close(other_end);
    return answer;
}

/* A call that waits for ever after all is ended, and then has the wrong answer. */
static struct answer ask_twin(size_t kind, int64_t (*call)(int fd))
{
    struct answer answer = { 0, 0 };

    DURE_WITHIN(dure_after(20 * DURE_SECOND))
    answer = ask(kind, call);
    return answer;
}

static void compare_all(void)
{
    struct answer expected, answer;
    size_t kind, call;

    for (kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (call = 0; call < sizeof calls / sizeof *calls; call++) {
            if (kinds[kind].flags & calls[call].waits)
                continue;
            expected = ask(kind, calls[call].plain);
            answer = ask_twin(kind, calls[call].twin);
            if (!CHECK_EQ(answer.result, expected.result) ||
                (expected.result < 0 && !CHECK_EQ(answer.error, expected.error)))
                fprintf(stderr, "  %s on %s\n", calls[call].name, kinds[kind].name);
        }
    }
}

TEST(every_call_on_every_kind)
{
    compare_all();
}

TEST_OUTSIDE(on_a_thread_with_a_scope)
{
    dure_scope scope;

    dure_scope_open(&scope);
    compare_all();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* An empty vector is no message. */
TEST(empty_vector_sends_no_datagram)
{
    int fds[2];

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    CHECK_EQ(dure_writev(fds[0], NULL, 0), 0);
    CHECK_FAILS(dure_recv(fds[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(dure_write(fds[0], "", 0), 0); /* which is one */
    CHECK_EQ(dure_recv(fds[1], buf, sizeof buf, MSG_DONTWAIT), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* Even nothing is refused to who is cancelled. */
TEST(nothing_is_moved_in_a_canceled_scope)
{
    dure_scope scope;
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_read(fds[0], buf, 0), ECANCELED);
    CHECK_FAILS(dure_readv(fds[0], NULL, 0), ECANCELED);
    CHECK_FAILS(dure_writev(fds[1], NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* What the task's twins do in a cancelled scope, the thread's do. */
TEST_OUTSIDE(stat_in_a_canceled_scope_on_a_thread)
{
    struct stat st;
    dure_scope scope;

    dure_scope_open(&scope);
    CHECK_EQ(dure_stat("/", &st), 0);
    CHECK_EQ(dure_fstat(STDIN_FILENO, &st), 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_stat("/", &st), ECANCELED);
    CHECK_FAILS(dure_fstat(STDIN_FILENO, &st), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_on_every_kind),
        cmocka_unit_test(on_a_thread_with_a_scope),
        cmocka_unit_test(empty_vector_sends_no_datagram),
        cmocka_unit_test(nothing_is_moved_in_a_canceled_scope),
        cmocka_unit_test(stat_in_a_canceled_scope_on_a_thread),
    };
    int file = open("/proc/self/exe", O_RDONLY);

    /* sendfile's source, of which nothing is taken: its position is shared by all. */
    if (file < 0 || dup2(file, STDIN_FILENO) < 0)
        return 1;
    close(file);
    signal(SIGPIPE, SIG_IGN); /* the plain calls raise it */
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
