/* The twins of system, popen and pclose. */
#include "kids.h"
#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>

/* --- system --- */

static void check_system(void)
{
    static const char *const commands[] = { "exit 0",   "exit 3", "kill -KILL $$",
                                            "exit 127", "true",   "nowhere",
                                            "-x",       "false" };
    size_t i;

    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        /* Under a harness of its own standard error would only disturb. */
        int saved = fcntl(2, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        int plain, twin;

        dup2(null, 2);
        plain = system(commands[i]);
        twin = dure_system(commands[i]);
        dup2(saved, 2);
        close(saved);
        close(null);
        if (strcmp(commands[i], "-x") == 0)
            plain = W_EXITCODE(127, 0); /* of glibc below 2.38, an option */
        CHECK_EQ(twin, plain);
    }
    CHECK(dure_system(NULL) != 0);
    CHECK(!kids_left());
}

TEST(system_tells)
{
    check_system();
}

TEST_OUTSIDE(system_tells_in_scope)
{
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_system();
}

/* Two at once on one loop: neither holds up the other. */
static int meet(void *arg)
{
    CHECK_EQ(dure_system(*(const char **)arg), 0);
    return 0;
}

TEST(system_holds_up_nobody)
{
    char folder[] = "/tmp/dure-conformance-XXXXXX", one[200], two[200], *at[2] = { one, two };
    dure_scope scope;
    int i;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(one, sizeof one, "mkfifo %s/f && echo > %s/f", folder, folder);
    snprintf(two, sizeof two, "until test -p %s/f; do sleep 0.01; done; read x < %s/f", folder,
             folder);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 2; i++)
        CHECK_EQ(dure_spawn(&scope, meet, &at[i], sizeof at[i]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    snprintf(one, sizeof one, "rm -r %s", folder);
    CHECK_EQ(dure_system(one), 0);
}

static int64_t run_system(void *arg)
{
    return dure_system(arg);
}

/* The shell goes with the call, is reaped, and nothing of the process changed. */
static void check_system_canceled(void)
{
    struct sigaction before, after;

    sigaction(SIGINT, NULL, &before);
    errno = 0;
    DURE_WITHIN(dure_after(30 * DURE_MILLISECOND))
    CHECK_FAILS(dure_system("exec sleep 100"), ECANCELED);
    CHECK_EQ(errno, ETIMEDOUT);
    sigaction(SIGINT, NULL, &after);
    CHECK(before.sa_handler == after.sa_handler);
    CHECK(!kids_left());
}

TEST(system_canceled)
{
    struct background background;
    dure_scope scope;

    check_system_canceled();
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_system("exit 0"), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    background_start(&background, &scope, DURE_LOOP(1), run_system,
                     (void *)(uintptr_t) "exec sleep 100");
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(background.result, -1);
    CHECK_EQ(background.error, ECANCELED);
    CHECK(!kids_left());
}

TEST_OUTSIDE(system_canceled_outside)
{
    check_system_canceled();
}

TEST(system_with_sigchld_ignored)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);

    CHECK_FAILS(dure_system("exit 3"), ECHILD);
    signal(SIGCHLD, before);
}

/* What a task set about signals is not the shell's. */
TEST(system_signals)
{
    CHECK_EQ(dure_system("test $(sed -n 's/SigBlk:.//p' /proc/self/status) = 0000000000000000"), 0);
}

/* --- popen --- */

static void check_popen(void)
{
    char text[64] = "";
    int fd;

    fd = dure_popen("echo hello; exit 3", "r");
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(dure_read_full(fd, text, sizeof text), 6);
    CHECK_STR(text, "hello\n");
    CHECK_EQ(dure_pclose(fd), W_EXITCODE(3, 0));
    CHECK_FAILS(dure_pclose(fd), EINVAL);
    fd = dure_popen("read a; test \"$a\" = word", "we");
    CHECK_EQ(dure_write_all(fd, "word\n", 5), 5);
    CHECK_EQ(dure_pclose(fd), 0);
    /* Unread: the writer gets SIGPIPE. */
    fd = dure_popen("exec yes", "r");
    CHECK_EQ(dure_read_full(fd, text, 2), 2);
    CHECK_EQ(dure_pclose(fd), SIGPIPE);
    CHECK_FAILS(dure_popen("exit 0", ""), EINVAL);
    CHECK_FAILS(dure_popen("exit 0", "rw"), EINVAL);
    CHECK_FAILS(dure_popen("exit 0", "x"), EINVAL);
    CHECK_FAILS(dure_pclose(0), EINVAL);
    CHECK_FAILS(dure_pclose(-1), EINVAL);
    CHECK(!kids_left());
}

TEST(popen_reads_and_writes)
{
    check_popen();
}

TEST_OUTSIDE(popen_outside)
{
    check_popen();
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_popen();
}

/* Two at once: neither holds the other's pipe open, so that each sees its end. */
TEST(popen_twice)
{
    int first = dure_popen("cat > /dev/null; exit 1", "w");
    int second = dure_popen("cat > /dev/null; exit 2", "w");

    CHECK_EQ(dure_pclose(first), W_EXITCODE(1, 0));
    CHECK_EQ(dure_pclose(second), W_EXITCODE(2, 0));
}

/* Nobody who waits for any child gets it, and it may have ended long before it is asked for. */
TEST(popen_is_nobody_elses)
{
    int fd = dure_popen("exit 5", "r");
    char byte;

    CHECK_EQ(dure_read(fd, &byte, 1), 0);
    CHECK_FAILS(dure_waitpid(-1, NULL, 0), ECHILD);
    CHECK_EQ(dure_pclose(fd), W_EXITCODE(5, 0));
}

/* A number that was closed behind its back and given again means the newer one. */
TEST(popen_number_reused)
{
    int first = dure_popen("exit 1", "r"), second;

    CHECK_EQ(dure_close(first), 0);
    second = dure_popen("exit 2", "r");
    CHECK_EQ(second, first);
    CHECK_EQ(dure_pclose(second), W_EXITCODE(2, 0));
    CHECK_EQ(dure_pclose(second), W_EXITCODE(1, 0)); /* nothing to close, but it is reaped */
    CHECK(!kids_left());
}

/* Not cancelled: it closes and reaps. */
TEST(pclose_canceled)
{
    dure_scope scope;
    int fd;

    fd = dure_popen("cat > /dev/null; sleep 0.05; exit 4", "w");
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_pclose(fd), W_EXITCODE(4, 0));
    CHECK_FAILS(dure_popen("exit 0", "r"), ECANCELED);
    dure_scope_close(&scope);
    CHECK(!kids_left());
}

static int64_t read_byte(void *arg)
{
    char byte;

    return dure_read(*(int *)arg, &byte, 1);
}

/* As dure_close it wakes who reads. */
TEST(pclose_wakes)
{
    int fd = dure_popen("trap '' PIPE; sleep 0.1; exit 2", "r");
    struct background background;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    background_start(&background, &scope, DURE_LOOP(1), read_byte, &fd);
    CHECK_EQ(dure_pclose(fd), W_EXITCODE(2, 0));
    dure_scope_close(&scope);
    CHECK(background.result == -1 ? background.error == EBADF : background.result == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_tells),
        cmocka_unit_test(system_tells_in_scope),
        cmocka_unit_test(system_holds_up_nobody),
        cmocka_unit_test(system_canceled),
        cmocka_unit_test(system_canceled_outside),
        cmocka_unit_test(system_with_sigchld_ignored),
        cmocka_unit_test(system_signals),
        cmocka_unit_test(popen_reads_and_writes),
        cmocka_unit_test(popen_outside),
        cmocka_unit_test(popen_twice),
        cmocka_unit_test(popen_is_nobody_elses),
        cmocka_unit_test(popen_number_reused),
        cmocka_unit_test(pclose_canceled),
        cmocka_unit_test(pclose_wakes),
    };

    kids_without_pidfd();
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
