/* Kinds of descriptors, and what is answered on each. */
#include "answers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

/* --- kinds of descriptors, made by plain calls --- */

static int other_end;   /* -1: there is none */
static char folder[32]; /* the directory's; or empty */

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

/* Its own, in which there is a file x. */
static int make_directory(void)
{
    int dir;

    snprintf(folder, sizeof folder, "/tmp/dure-folder-XXXXXX");
    if (!CHECK(mkdtemp(folder) != NULL))
        return -1;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(openat(dir, "x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    return dir;
}

static void remove_directory(int dir)
{
    unlinkat(dir, "x", 0);
    if (unlinkat(dir, "y", 0) < 0)
        unlinkat(dir, "y", AT_REMOVEDIR);
    CHECK_EQ(rmdir(folder), 0);
    folder[0] = '\0';
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

static const struct {
    const char *name;
    int (*make)(void);
    unsigned flags;
} kinds[] = {
    { "epoll", make_epoll, 0 },
    { "eventfd", make_eventfd, ANSWERS_WRITES },
    { "inotify", make_inotify, ANSWERS_READS | ANSWERS_NOTHING },
    { "timerfd", make_timer, ANSWERS_READS },
    { "directory", make_directory, 0 },
    { "FIFO", make_fifo, ANSWERS_READS | ANSWERS_WRITES },
    { "pipe, to read", make_reader, ANSWERS_READS },
    { "pipe, to write", make_writer, ANSWERS_WRITES },
    { "stream", make_stream, ANSWERS_READS | ANSWERS_WRITES | ANSWERS_ACCEPTS },
    { "datagrams", make_datagrams, ANSWERS_READS | ANSWERS_WRITES | ANSWERS_ACCEPTS },
    { "broken stream", make_broken, 0 },
    { "UDP", make_udp, ANSWERS_READS | ANSWERS_WRITES },
    { "listener", make_listener, ANSWERS_READS | ANSWERS_WRITES | ANSWERS_ACCEPTS },
    { "none", make_none, 0 },
    { "file", make_text, ANSWERS_WRITES },
    { "tty", make_tty, ANSWERS_READS | ANSWERS_WRITES },
    { "null", make_null, ANSWERS_WRITES },
    { "signalfd", make_signals, ANSWERS_READS },
};

/* --- questions --- */

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
    if (folder[0])
        remove_directory(fd);
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

int64_t answers_made(int fd)
{
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

void answers_compare(const struct answers_call *calls, size_t len)
{
    struct answer expected, answer;
    size_t kind, call;

    for (kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (call = 0; call < len; call++) {
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

int answers_main(const struct CMUnitTest *tests, size_t len)
{
    int file = open("/proc/self/exe", O_RDONLY);

    if (file < 0 || dup2(file, STDIN_FILENO) < 0)
        return 1;
    close(file);
    signal(SIGPIPE, SIG_IGN); /* the plain calls raise it */
    return conformance_main(tests, len);
}
