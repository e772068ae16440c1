/* dure_command: programs that belong to a scope. */
#include "kids.h"
#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SH(script) ((char *[]){ "sh", "-c", script, NULL })

static int start_sh(dure_scope *scope, dure_command *command, char *script,
                    const dure_command_options *streams)
{
    dure_command_options options = *streams;

    options.argv = SH(script);
    return dure_command_start(scope, command, &options);
}

static const dure_command_options plain = { .flags = 0 };
static const dure_command_options reads = { .out = DURE_PIPE };

/* All that comes from a descriptor, which is then closed; cut, ends in a NUL. */
static const char *read_all(int fd)
{
    static char text[65536];
    ssize_t n = dure_read_full(fd, text, sizeof text - 1);

    CHECK(n >= 0);
    text[n > 0 ? n : 0] = '\0';
    CHECK_EQ(dure_close(fd), 0);
    return text;
}

/* True if nobody runs or is a zombie under this number; waits for a grandchild that somebody else
   reaps. */
static bool gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

/* A line with a number that a script wrote. */
static pid_t read_pid(int fd)
{
    char text[32] = "";
    size_t len = 0;

    while (len < sizeof text - 1 && dure_read(fd, text + len, 1) == 1 && text[len] != '\n')
        len++;
    return (pid_t)atoi(text);
}

/* --- how it ends --- */

TEST(status)
{
    static const struct {
        char *script;
        int status;
    } cases[] = {
        { "exit 0", W_EXITCODE(0, 0) },
        { "exit 42", W_EXITCODE(42, 0) },
        { "kill -KILL $$", SIGKILL },
        { "kill -PIPE $$", SIGPIPE },
    };
    dure_command command;
    dure_scope scope;
    int status;
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        dure_scope_open(&scope);
        CHECK_EQ(start_sh(&scope, &command, cases[i].script, &plain), 0);
        CHECK(command.pid > 0);
        CHECK(command.in == -1 && command.out == -1 && command.err == -1);
        CHECK_EQ(dure_command_wait(&command, &status), 0);
        CHECK_EQ(status, cases[i].status);
        CHECK_EQ(dure_command_wait(&command, NULL), 0); /* as often as wanted */
        CHECK_FAILS(dure_command_signal(&command, 0), ESRCH);
        dure_command_stop(&command, DURE_SECOND);
        CHECK(gone(command.pid));
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
    CHECK(!kids_left());
}

/* Nobody waits for it but its scope. */
TEST(scope_waits)
{
    dure_command command;
    dure_scope scope;
    int status;

    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, "sleep 0.05; exit 3", &plain), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(!kids_left());
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, W_EXITCODE(3, 0));
    /* Nothing is left to wait for, even for who may not wait. */
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, W_EXITCODE(3, 0));
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
}

/* --- what cannot start --- */

/* qemu-user's vfork is a fork: no word of a failed exec comes back, and tables are copied. */
static bool emulated(void)
{
    return getenv("DURE_TEST_EMULATED") != NULL;
}

static void check_refused(const dure_command_options *options, int error, const char *words)
{
    unsigned before = conformance_descriptors();
    dure_command command;
    dure_scope scope;

    dure_scope_open(&scope);
    CHECK_FAILS(dure_command_start(&scope, &command, options), error);
    if (words)
        CHECK_HAS(dure_why(), words);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(command.in == -1 && command.out == -1);
    CHECK_EQ(conformance_descriptors(), before);
    CHECK(!kids_left());
}

TEST(cannot_start)
{
    char *none[] = { NULL }, *missing[] = { "/nowhere/at/all", NULL };
    char *unknown[] = { "dure-no-such-program", NULL }, *folder[] = { "/tmp", NULL };
    char *no_program[] = { "/etc/passwd", NULL }, *ls[] = { "ls", NULL };
    char path[] = "/tmp/dure-conformance-XXXXXX", *text[] = { path, NULL };
    int fd;

    if (emulated())
        return;
    fd = mkstemp(path);
    CHECK_EQ(fchmod(fd, 0700), 0);
    CHECK_EQ(write(fd, "no program\n", 11), 11);
    CHECK_EQ(dure_close(fd), 0);
    check_refused(&(dure_command_options){ .argv = none }, EINVAL, NULL);
    check_refused(&(dure_command_options){ .argv = ls, .flags = 0x80 }, EINVAL, NULL);
    check_refused(&(dure_command_options){ .argv = ls, .out = DURE_JOIN }, EINVAL, NULL);
    check_refused(&(dure_command_options){ .argv = ls, .in = DURE_PIPE, .out = -1 }, EBADF, NULL);
    check_refused(&(dure_command_options){ .argv = ls, .err = 9999 }, EBADF, NULL);
    check_refused(&(dure_command_options){ .argv = missing, .out = DURE_PIPE }, ENOENT,
                  "cannot run /nowhere/at/all: No such file");
    check_refused(&(dure_command_options){ .argv = unknown }, ENOENT, "dure-no-such-program");
    check_refused(&(dure_command_options){ .argv = folder }, EACCES, "cannot run /tmp:");
    check_refused(&(dure_command_options){ .argv = no_program }, EACCES, "cannot run /etc/passwd:");
    check_refused(&(dure_command_options){ .argv = text }, ENOEXEC, "cannot run /tmp/dure-");
    check_refused(&(dure_command_options){ .argv = ls, .directory = "/nowhere" }, ENOENT,
                  "cannot enter /nowhere to run ls");
    check_refused(&(dure_command_options){ .argv = ls, .directory = "/etc/passwd" }, ENOTDIR,
                  "cannot enter /etc/passwd");
    unlink(path);
}

TEST(canceled_before)
{
    dure_command command;
    dure_scope scope, inner;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(start_sh(&scope, &command, "exit 0", &reads), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    /* The caller's own is enough. */
    dure_scope_open(&scope);
    dure_scope_open(&inner);
    dure_scope_cancel(&inner);
    CHECK_FAILS(start_sh(&scope, &command, "exit 0", &reads), ECANCELED);
    CHECK_FAILS(dure_scope_close(&inner), ECANCELED);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(!kids_left());
}

TEST_OUTSIDE(outside_a_run)
{
    dure_command command;
    dure_scope scope;

    dure_scope_open(&scope);
    CHECK_FAILS(start_sh(&scope, &command, "exit 0", &reads), EPERM);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- streams --- */

TEST(streams)
{
    dure_command command;
    dure_scope scope;
    char text[16] = "";
    int fd, status;

    dure_scope_open(&scope);
    /* Three pipes. */
    CHECK_EQ(
        start_sh(&scope, &command, "read a; echo out $a; echo err >&2",
                 &(dure_command_options){ .in = DURE_PIPE, .out = DURE_PIPE, .err = DURE_PIPE }),
        0);
    CHECK_EQ(dure_write_all(command.in, "word\n", 5), 5);
    CHECK_EQ(dure_close(command.in), 0);
    CHECK_STR(read_all(command.out), "out word\n");
    CHECK_STR(read_all(command.err), "err\n");
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, 0);
    /* Joined; nothing to read. */
    CHECK_EQ(
        start_sh(&scope, &command, "cat; echo out; echo err >&2",
                 &(dure_command_options){ .in = DURE_NULL, .out = DURE_PIPE, .err = DURE_JOIN }),
        0);
    CHECK_STR(read_all(command.out), "out\nerr\n");
    CHECK_EQ(dure_command_wait(&command, NULL), 0);
    /* A file; into nothing. */
    fd = make_file("from file", 9);
    CHECK_EQ(start_sh(&scope, &command, "echo gone; cat >&2; echo gone",
                      &(dure_command_options){ .in = fd, .out = DURE_NULL, .err = DURE_PIPE }),
             0);
    CHECK_STR(read_all(command.err), "from file");
    CHECK_EQ(dure_command_wait(&command, NULL), 0);
    CHECK_EQ(start_sh(&scope, &command, "echo -n into", &(dure_command_options){ .out = fd }), 0);
    CHECK_EQ(dure_command_wait(&command, NULL), 0);
    CHECK_EQ(pread(fd, text, sizeof text, 9), 4);
    CHECK_STR(text, "into");
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* The numbers 0 to 2 are ours to give too, crosswise, and those of pipes that were made when this
   process had them closed. */
TEST(streams_below_three)
{
    int saved[3], pipe_fds[2], i;
    dure_command command;
    dure_scope scope;
    char text[32];

    for (i = 0; i < 3; i++)
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
    CHECK_EQ(pipe2(pipe_fds, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    /* Standard output of ours is its error, and the pipe, as our error, its output. */
    dup2(pipe_fds[1], 2);
    CHECK_EQ(start_sh(&scope, &command, "echo here", &(dure_command_options){ .out = 2, .err = 1 }),
             0);
    CHECK_EQ(dure_command_wait(&command, NULL), 0);
    dup2(saved[2], 2);
    CHECK_EQ(dure_read_full(pipe_fds[0], text, 5), 5);
    for (i = 0; i < 3; i++)
        close(i);
    CHECK_EQ(
        start_sh(&scope, &command, "read a; echo $a; echo err >&2",
                 &(dure_command_options){ .in = DURE_PIPE, .out = DURE_PIPE, .err = DURE_PIPE }),
        0);
    for (i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) < 0)
            dup2(saved[i], i);
    CHECK_EQ(dure_write_all(command.in, "word\n", 5), 5);
    CHECK_STR(read_all(command.out), "word\n");
    CHECK_STR(read_all(command.err), "err\n");
    CHECK_EQ(dure_close(command.in), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

struct flow_of_bytes {
    int fd;
    size_t len;
};

static int write_much(void *arg)
{
    struct flow_of_bytes *flow = arg;
    unsigned char data[4093];
    size_t at = 0, n, i;

    while (at < flow->len) {
        n = flow->len - at < sizeof data ? flow->len - at : sizeof data;
        for (i = 0; i < n; i++)
            data[i] = (unsigned char)((at + i) * 7 % 251);
        CHECK_EQ(dure_write_all(flow->fd, data, n), n);
        at += n;
    }
    return dure_close(flow->fd);
}

/* Megabytes both ways: who writes waits for who reads. */
TEST(streams_of_megabytes)
{
    char *cat[] = { "cat", NULL };
    dure_command_options options = { .argv = cat, .in = DURE_PIPE, .out = DURE_PIPE };
    struct flow_of_bytes flow = { .len = amount(8 << 20) };
    unsigned char data[8192];
    size_t at = 0, wrong = 0;
    dure_command command;
    dure_scope scope;
    int status;
    ssize_t n, i;

    dure_scope_open(&scope);
    CHECK_EQ(dure_command_start(&scope, &command, &options), 0);
    flow.fd = command.in;
    CHECK_EQ(dure_spawn(&scope, write_much, &flow, sizeof flow), 0);
    while ((n = dure_read(command.out, data, sizeof data)) > 0)
        for (i = 0; i < n; i++, at++)
            wrong += data[i] != (unsigned char)(at * 7 % 251);
    CHECK_EQ(n, 0);
    CHECK_EQ(at, flow.len);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(dure_close(command.out), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- what it finds --- */

TEST(surroundings)
{
    char *env[] = { "WORD=here", "PATH=/usr/bin:/bin", NULL };
    dure_command command;
    dure_scope scope;
    char expected[64];

    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, "echo $WORD; pwd",
                      &(dure_command_options){ .env = env, .directory = "/usr", .out = DURE_PIPE }),
             0);
    CHECK_STR(read_all(command.out), "here\n/usr\n");
    CHECK_EQ(dure_command_wait(&command, NULL), 0);
    setenv("WORD", "inherited", 1);
    CHECK_EQ(start_sh(&scope, &command, "echo $WORD", &reads), 0);
    CHECK_STR(read_all(command.out), "inherited\n");
    CHECK_EQ(dure_command_wait(&command, NULL), 0);
    unsetenv("WORD");
    /* A group of its own. */
    CHECK_EQ(start_sh(&scope, &command, "echo $$; ps -o pgid= -p $$ | tr -d ' '", &reads), 0);
    snprintf(expected, sizeof expected, "%d\n%d\n", command.pid, command.pid);
    CHECK_STR(read_all(command.out), expected);
    CHECK_EQ(dure_command_wait(&command, NULL), 0);
    /* argv[0] is the program's affair. */
    CHECK_EQ(dure_command_start(
                 &scope, &command,
                 &(dure_command_options){ .argv = (char *[]){ "name", "-c", "echo $0", NULL },
                                          .path = "sh",
                                          .out = DURE_PIPE }),
             0);
    CHECK_STR(read_all(command.out), "name\n");
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* Nothing but its streams: neither ours nor those of another command, close-on-exec or not. */
TEST(descriptors_in_the_child)
{
    int open_fd = dup(0), i; /* not close-on-exec */
    dure_command commands[3];
    dure_scope scope;

    dure_scope_open(&scope);
    for (i = 0; i < 3; i++)
        CHECK_EQ(start_sh(&scope, &commands[i], "read x; ls /proc/self/fd",
                          &(dure_command_options){
                              .in = DURE_PIPE, .out = DURE_PIPE, .err = DURE_NULL }),
                 0);
    for (i = 0; i < 3; i++) {
        CHECK_EQ(dure_close(commands[i].in), 0);
        CHECK_STR(read_all(commands[i].out), "0\n1\n2\n3\n"); /* 3: ls reads the folder */
        CHECK_EQ(dure_command_wait(&commands[i], NULL), 0);
    }
    CHECK_EQ(start_sh(&scope, &commands[0], "ls /proc/self/fd",
                      &(dure_command_options){ .out = DURE_PIPE, .flags = DURE_KEEP_DESCRIPTORS }),
             0);
    {
        char line[16];

        snprintf(line, sizeof line, "\n%d\n", open_fd);
        CHECK_HAS(read_all(commands[0].out), line);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    close(open_fd);
}

/* The mask is that from before the run, SIGPIPE kills. */
TEST(signals_in_the_child)
{
    static char *script = "grep -E 'Sig(Blk|Ign)' /proc/self/status";
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    unsigned long long blocked = 1, ignored = 1;
    dure_command command;
    dure_scope scope;
    const char *text;

    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, script, &reads), 0);
    text = read_all(command.out);
    CHECK_EQ(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    CHECK_EQ(blocked, 0);
    CHECK_EQ(ignored & 1ull << (SIGPIPE - 1), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    signal(SIGPIPE, before);
}

/* --- stopping --- */

TEST(stop_terminates)
{
    dure_command command;
    dure_scope scope;
    int status;

    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, "trap 'exit 5' TERM; echo; while :; do sleep 0.01; done",
                      &reads),
             0);
    read_pid(command.out); /* the trap is set */
    dure_command_stop(&command, DURE_MINUTE);
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, W_EXITCODE(5, 0));
    /* One that is stopped hears it too. */
    CHECK_EQ(dure_close(command.out), 0);
    CHECK_EQ(start_sh(&scope, &command, "kill -STOP $$; exit 1", &plain), 0);
    CHECK_EQ(waitid(P_PID, (id_t)command.pid, &(siginfo_t){ 0 }, WSTOPPED | WNOWAIT), 0);
    dure_command_stop(&command, DURE_MINUTE);
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, SIGTERM);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(stop_kills_what_ignores_it)
{
    int64_t begun_ns, grace_ns = 50 * DURE_MILLISECOND;
    dure_command command;
    dure_scope scope;
    int status, i;

    for (i = 0; i < 2; i++) {
        dure_scope_open(&scope);
        CHECK_EQ(
            start_sh(&scope, &command, "trap '' TERM; echo; while :; do sleep 0.01; done", &reads),
            0);
        read_pid(command.out);
        begun_ns = dure_now();
        dure_command_stop(&command, i ? 0 : grace_ns);
        CHECK(i || dure_now() - begun_ns >= grace_ns);
        CHECK_EQ(dure_command_wait(&command, &status), 0);
        CHECK_EQ(status, SIGKILL);
        CHECK_EQ(dure_close(command.out), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
}

/* The scope's end is the program's; its close waits for that. */
TEST(scope_stops)
{
    static char *scripts[] = {
        "trap 'exit 5' TERM; echo; while :; do sleep 0.01; done",
        "trap '' TERM; echo; while :; do sleep 0.01; done",
    };
    dure_command_options options = { .out = DURE_PIPE };
    dure_command commands[2];
    dure_scope scope;
    int status, way, i;

    for (way = 0; way < 2; way++) {
        dure_scope_open(&scope);
        for (i = 0; i < 2; i++) {
            options.grace_ns = i == 0 ? DURE_MINUTE : 50 * DURE_MILLISECOND;
            CHECK_EQ(start_sh(&scope, &commands[i], scripts[i], &options), 0);
            read_pid(commands[i].out);
        }
        if (way == 0)
            dure_scope_cancel(&scope);
        else
            dure_scope_set_deadline(&scope, dure_after(20 * DURE_MILLISECOND));
        CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
        CHECK_FAILS(dure_scope_close(&scope), way == 0 ? ECANCELED : ETIMEDOUT);
        CHECK(!kids_left());
        CHECK_EQ(dure_command_wait(&commands[0], &status), 0);
        CHECK_EQ(status, W_EXITCODE(5, 0));
        CHECK_EQ(dure_command_wait(&commands[1], &status), 0);
        CHECK_EQ(status, SIGKILL);
        CHECK_EQ(dure_close(commands[0].out), 0);
        CHECK_EQ(dure_close(commands[1].out), 0);
    }
}

/* One that has gone on in the background, with the pipe. */
#define LEAVES "sleep 100 & echo $!"

/* It is not waited for, and left alone where nothing is stopped. */
TEST(grandchild_stays)
{
    dure_command command;
    dure_scope scope;
    pid_t grandchild;
    int status;

    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, LEAVES, &reads), 0);
    grandchild = read_pid(command.out);
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, 0);
    dure_command_stop(&command, DURE_SECOND);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(kill(grandchild, 0), 0);
    CHECK_EQ(kill(grandchild, SIGKILL), 0);
    CHECK_EQ(dure_close(command.out), 0);
}

/* With the program it goes too, though it ignores SIGTERM and the program does not. */
TEST(grandchild_is_stopped)
{
    dure_command command;
    dure_scope scope;
    pid_t grandchild;
    int way;

    for (way = 0; way < 2; way++) {
        dure_scope_open(&scope);
        CHECK_EQ(start_sh(&scope, &command,
                          "(trap '' TERM; exec sleep 100) & echo $!; while :; do sleep 0.01; done",
                          &(dure_command_options){ .out = DURE_PIPE, .grace_ns = DURE_MINUTE }),
                 0);
        grandchild = read_pid(command.out);
        CHECK(grandchild > 0);
        if (way == 0)
            dure_command_stop(&command, DURE_MINUTE);
        else
            dure_scope_cancel(&scope);
        CHECK_EQ(dure_scope_close(&scope), way == 0 ? 0 : -1);
        CHECK_STR(read_all(command.out), ""); /* its end comes when nobody holds it any more */
    }
}

TEST(signals)
{
    dure_command command;
    dure_scope scope;
    int status;

    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, "trap 'exit 8' USR1; echo; while :; do sleep 0.01; done",
                      &reads),
             0);
    read_pid(command.out);
    CHECK_FAILS(dure_command_signal(&command, 999), EINVAL);
    CHECK_EQ(dure_command_signal(&command, 0), 0);
    CHECK_EQ(dure_command_signal(&command, SIGUSR1), 0);
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, W_EXITCODE(8, 0));
    CHECK_EQ(dure_close(command.out), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- who waits --- */

static int64_t wait_for(void *arg)
{
    int status = -1;

    return dure_command_wait(arg, &status) < 0 ? -1 : status;
}

TEST(many_wait)
{
    struct background waits[4];
    dure_command command;
    dure_scope scope, waiters;
    int i;

    dure_scope_open(&scope);
    CHECK_EQ(
        start_sh(&scope, &command, "read x; exit 3", &(dure_command_options){ .in = DURE_PIPE }),
        0);
    dure_scope_open_with(&waiters, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    for (i = 0; i < 2; i++)
        background_start(&waits[i], &waiters, DURE_LOOP(i), wait_for, &command);
    dure_scope_cancel(&waiters);
    CHECK_EQ(dure_scope_close(&waiters), -1);
    for (i = 0; i < 2; i++) {
        CHECK_EQ(waits[i].result, -1);
        CHECK_EQ(waits[i].error, ECANCELED);
    }
    dure_scope_open(&waiters);
    for (i = 0; i < 4; i++)
        background_start(&waits[i], &waiters, DURE_LOOP(i & 1), wait_for, &command);
    CHECK_EQ(dure_close(command.in), 0);
    CHECK_EQ(dure_scope_close(&waiters), 0);
    for (i = 0; i < 4; i++)
        CHECK_EQ(waits[i].result, W_EXITCODE(3, 0));
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static int64_t wait_for_any(void *arg)
{
    return dure_waitpid(-1, arg, 0);
}

/* Those who wait for any child do not see it, not even while it is being started. */
TEST(any_child_is_another)
{
    char *argv[] = { "true", NULL }, *missing[] = { "/nowhere", NULL };
    dure_command_options options = { .argv = argv }, wrong = { .argv = missing };
    struct background any;
    dure_command commands[10], failed;
    dure_scope scope, outer;
    int status, any_status, round, i;
    struct kid kid;

    for (round = 0; round < 10; round++) {
        kid_start(&kid, "exit 2", -1);
        dure_scope_open(&outer);
        background_start(&any, &outer, DURE_LOOP(1), wait_for_any, &any_status);
        dure_scope_open(&scope);
        for (i = 0; i < 10; i++) {
            CHECK_EQ(dure_command_start(&scope, &commands[i], &options), 0);
            if (!emulated())
                CHECK_FAILS(dure_command_start(&scope, &failed, &wrong), ENOENT);
        }
        for (i = 0; i < 10; i++) {
            status = -1;
            CHECK_EQ(dure_command_wait(&commands[i], &status), 0);
            CHECK_EQ(status, 0);
        }
        CHECK(!atomic_load(&any.done));
        CHECK_EQ(dure_scope_close(&scope), 0);
        kid_go(&kid);
        CHECK_EQ(dure_scope_close(&outer), 0);
        CHECK_EQ(any.result, kid.pid);
        CHECK_EQ(any_status, W_EXITCODE(2, 0));
    }
}

/* Who asks for its number gets its status, and so does its owner. */
TEST(waited_for_by_number)
{
    dure_command command;
    int status, other, i;
    dure_scope scope;

    for (i = 0; i < 10; i++) {
        dure_scope_open(&scope);
        CHECK_EQ(start_sh(&scope, &command, "sleep 0.01; exit 6", &plain), 0);
        CHECK_EQ(dure_waitpid(command.pid, &status, 0), command.pid);
        CHECK_EQ(status, W_EXITCODE(6, 0));
        CHECK_EQ(dure_command_wait(&command, &other), 0);
        CHECK_EQ(other, status);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
}

/* Whoever knows nothing of dure may take it: then nobody can tell. */
TEST(reaped_by_another)
{
    dure_command command;
    dure_scope scope;
    int i;

    for (i = 0; i < 10; i++) {
        dure_scope_open(&scope);
        CHECK_EQ(start_sh(&scope, &command, "exit 6", &plain), 0);
        if (waitpid(command.pid, NULL, 0) == command.pid)
            CHECK_FAILS(dure_command_wait(&command, NULL), ECHILD);
        else
            CHECK_EQ(dure_command_wait(&command, NULL), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
    {
        void (*before)(int) = signal(SIGCHLD, SIG_IGN);

        dure_scope_open(&scope);
        CHECK_EQ(start_sh(&scope, &command, "exit 6", &plain), 0);
        CHECK_FAILS(dure_command_wait(&command, NULL), ECHILD);
        CHECK_EQ(dure_scope_close(&scope), 0);
        signal(SIGCHLD, before);
    }
}

/* --- from elsewhere, and many --- */

static void *use_in_thread(void *arg)
{
    dure_command command;
    dure_scope scope;
    int status = -1;

    dure_scope_open(&scope);
    if (CHECK_EQ(start_sh(&scope, &command, "echo thread; exit 4", &reads), 0)) {
        CHECK_STR(read_all(command.out), "thread\n");
        CHECK_EQ(dure_command_wait(&command, &status), 0);
        CHECK_EQ(status, W_EXITCODE(4, 0));
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, "sleep 100", &plain), 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_command_wait(&command, &status), 0);
    CHECK_EQ(status, SIGTERM);
    return arg;
}

TEST(in_a_thread)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, use_in_thread, NULL), 0);
    CHECK_EQ(dure_pthread_join(thread, NULL), 0);
    CHECK(!kids_left());
}

static int run_one(void *arg)
{
    int number = *(int *)arg, status = -1;
    char script[40], *argv[] = { "sh", "-c", script, NULL };
    dure_command_options options = { .argv = argv, .out = DURE_PIPE };
    dure_command command;
    dure_scope scope;
    char text[16] = "";

    snprintf(script, sizeof script, "echo %d; exit %d", number, number % 256);
    dure_scope_open(&scope);
    if (CHECK_EQ(dure_command_start(&scope, &command, &options), 0)) {
        CHECK(dure_read_full(command.out, text, sizeof text - 1) > 0);
        CHECK_EQ(atoi(text), number);
        CHECK_EQ(dure_close(command.out), 0);
        CHECK_EQ(dure_command_wait(&command, &status), 0);
        CHECK_EQ(status, W_EXITCODE(number % 256, 0));
    }
    return dure_scope_close(&scope);
}

TEST(many)
{
    dure_scope scope;
    int i;

    dure_scope_open_with(&scope, &(dure_scope_options){ .tasks_max = 100 });
    for (i = 0; i < 500; i++)
        CHECK_EQ(dure_spawn(&scope, run_one, &i, sizeof i), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(!kids_left());
}

/* 500 at once in one scope, all stopped by its end. */
TEST(many_stopped)
{
    enum { count = 500 };
    dure_command *commands = calloc(count, sizeof *commands);
    int i, status, killed = 0;
    dure_scope scope;

    dure_scope_open(&scope);
    for (i = 0; i < count; i++)
        CHECK_EQ(dure_command_start(
                     &scope, &commands[i],
                     &(dure_command_options){ .argv = (char *[]){ "sleep", "1000", NULL } }),
                 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    for (i = 0; i < count; i++)
        killed += dure_command_wait(&commands[i], &status) == 0 && status == SIGTERM;
    CHECK_EQ(killed, count);
    CHECK(!kids_left());
    free(commands);
}

/* A fork would copy the tables of all that is mapped, and each page written after it would fault
   once. */
TEST(large_parent)
{
    size_t len = (size_t)4 << 30, touched = (size_t)64 << 20, page = 4096, at;
    char *memory =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct rusage before, after;
    dure_command command;
    dure_scope scope;

    if (emulated())
        return;
    if (!CHECK(memory != MAP_FAILED))
        return;
    CHECK_EQ(madvise(memory, len, MADV_NOHUGEPAGE), 0);
    for (at = 0; at < touched; at += page)
        memory[at] = 1;
    dure_scope_open(&scope);
    CHECK_EQ(start_sh(&scope, &command, "read x", &(dure_command_options){ .in = DURE_PIPE }), 0);
    getrusage(RUSAGE_SELF, &before);
    for (at = 0; at < touched; at += page)
        memory[at] = 2;
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_minflt - before.ru_minflt < (long)(touched / page / 10));
    CHECK_EQ(dure_close(command.in), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    munmap(memory, len);
}

/* The n-th descriptor is refused, for each n: nothing stays behind. */
TEST(without_descriptors)
{
    dure_command_options options = {
        .argv = SH("exit 0"), .in = DURE_PIPE, .out = DURE_PIPE, .err = DURE_PIPE
    };
    struct rlimit before, few;
    dure_command command;
    int result = -1, n;
    dure_scope scope;

    getrlimit(RLIMIT_NOFILE, &before);
    for (n = 3; n < 60 && result < 0; n++) {
        unsigned open_before = conformance_descriptors();

        few = before;
        few.rlim_cur = (rlim_t)n;
        dure_scope_open(&scope);
        setrlimit(RLIMIT_NOFILE, &few);
        result = dure_command_start(&scope, &command, &options);
        if (result < 0)
            CHECK_EQ(errno, EMFILE);
        else
            CHECK_EQ(dure_command_wait(&command, NULL), 0);
        setrlimit(RLIMIT_NOFILE, &before);
        if (result == 0) {
            CHECK_EQ(dure_close(command.in), 0);
            CHECK_EQ(dure_close(command.out), 0);
            CHECK_EQ(dure_close(command.err), 0);
        }
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(conformance_descriptors(), open_before);
    }
    CHECK_EQ(result, 0);
    CHECK(!kids_left());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status),
        cmocka_unit_test(scope_waits),
        cmocka_unit_test(cannot_start),
        cmocka_unit_test(canceled_before),
        cmocka_unit_test(outside_a_run),
        cmocka_unit_test(streams),
        cmocka_unit_test(streams_below_three),
        cmocka_unit_test(streams_of_megabytes),
        cmocka_unit_test(surroundings),
        cmocka_unit_test(descriptors_in_the_child),
        cmocka_unit_test(signals_in_the_child),
        cmocka_unit_test(stop_terminates),
        cmocka_unit_test(stop_kills_what_ignores_it),
        cmocka_unit_test(scope_stops),
        cmocka_unit_test(grandchild_stays),
        cmocka_unit_test(grandchild_is_stopped),
        cmocka_unit_test(signals),
        cmocka_unit_test(many_wait),
        cmocka_unit_test(any_child_is_another),
        cmocka_unit_test(waited_for_by_number),
        cmocka_unit_test(reaped_by_another),
        cmocka_unit_test(in_a_thread),
        cmocka_unit_test(many),
        cmocka_unit_test(many_stopped),
        cmocka_unit_test(large_parent),
        cmocka_unit_test(without_descriptors),
    };

    kids_without_pidfd();
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
