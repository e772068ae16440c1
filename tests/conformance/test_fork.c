/* fork while the runtime runs: the child may exec; anything else is refused with a clear message. */
#include "conformance.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Forks in a task; the child calls fn and exits with its result. Returns how it ended; what it
   wrote to standard error is in text. */
static int fork_and(int (*fn)(void), char *text, size_t size)
{
    int fds[2], status = -1;
    size_t len = 0;
    ssize_t n;
    pid_t pid;

    CHECK_EQ(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        alarm(20);
        _exit(fn());
    }
    close(fds[1]);
    while ((n = dure_read(fds[0], text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fds[0]);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

static int exec_true(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

/* What is done between fork and exec works as in any process. */
static int prepare_and_exec(void)
{
    char bytes[4] = "";
    int fds[2], result = -2;

    if (dure_pipe2(fds, 0) < 0)
        return 2;
    if (dure_write(fds[1], "ab", 2) != 2 || dure_read_full(fds[0], bytes, 2) != 2)
        return 3;
    if (strcmp(bytes, "ab") != 0)
        return 4;
    DURE_WITHIN(dure_after(10 * DURE_MILLISECOND))
    result = (int)dure_read(fds[0], bytes, 1);
    if (result != -1 || errno != ETIMEDOUT)
        return 5;
    if (dure_close(fds[0]) < 0 || dure_close(fds[1]) < 0)
        return 6;
    if (dure_yield() < 0 || dure_canceled())
        return 7;
    return exec_true();
}

/* The descriptors of the parent's tasks are closed here without a word to anybody. */
static int watched_fd;

static int close_the_parents_descriptor(void)
{
    return dure_close(watched_fd) == 0 ? exec_true() : 2;
}

static int refused(void)
{
    if (dure_go(nothing, NULL, 0) != -1 || errno != EPERM || !strstr(dure_why(), "fork"))
        return 2;
    if (dure_run(nothing, NULL) != -1 || errno != EPERM || !strstr(dure_why(), "fork"))
        return 3;
    if (dure_loop_open(NULL, nothing, NULL) != -1 || errno != EPERM)
        return 4;
    return 0;
}

static dure_scope *parents_scope;

static int spawn_in_the_child(void)
{
    return dure_spawn(parents_scope, nothing, NULL, 0) == -1 && errno == EPERM &&
                   strstr(dure_why(), "fork")
               ? 0
               : 2;
}

static int close_the_parents_scope(void)
{
    return dure_scope_close(parents_scope);
}

static int read_watched(void *arg)
{
    char byte;

    CHECK_EQ(dure_read(*(int *)arg, &byte, 1), 1);
    return 0;
}

TEST(child_may_exec)
{
    char text[1024];
    dure_scope scope;
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    watched_fd = fds[0];
    dure_scope_open(&scope);
    dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, read_watched, &fds[0],
                    sizeof fds[0]);
    dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(0) }, nothing, NULL, 0);
    dure_sleep_for(DURE_MILLISECOND);
    CHECK_EQ(fork_and(exec_true, text, sizeof text), 0);
    CHECK_STR(text, "");
    CHECK_EQ(fork_and(prepare_and_exec, text, sizeof text), 0);
    CHECK_STR(text, "");
    CHECK_EQ(fork_and(close_the_parents_descriptor, text, sizeof text), 0);
    CHECK_STR(text, "");
    /* The parent has noticed nothing. */
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(child_may_not_go_on)
{
    char text[1024];
    dure_scope scope;

    parents_scope = &scope;
    dure_scope_open(&scope);
    CHECK_EQ(fork_and(refused, text, sizeof text), 0);
    CHECK_STR(text, "");
    CHECK_EQ(fork_and(spawn_in_the_child, text, sizeof text), 0);
    CHECK_EQ(fork_and(close_the_parents_scope, text, sizeof text), SIGABRT);
    CHECK_HAS(text, "forked child");
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* The child comes out of the task's function. */
static int fork_and_return(void *arg)
{
    pid_t *pid = arg;

    dure_task_set_name("forker");
    *pid = fork();
    if (*pid == 0) {
        alarm(20);
        return 0;
    }
    return 0;
}

static int fork_in_a_task(void *arg)
{
    dure_scope scope;
    int status = -1;
    pid_t pid = -1;

    (void)arg;
    dure_scope_open(&scope);
    dure_spawn(&scope, fork_and_return, &pid, 0);
    if (dure_scope_close(&scope) < 0)
        return -1;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 0 : -1;
}

static void run_fork_in_a_task(void)
{
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 1 }, fork_in_a_task, NULL), 0);
}

TEST_OUTSIDE(child_that_returns_is_stopped_with_its_task_s_name)
{
    struct child child;

    conformance_child(&child, run_fork_in_a_task);
    CHECK_CHILD_OK(&child);
    CHECK_HAS(child.text, "\"forker\"");
    CHECK_HAS(child.text, "forked child");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_may_exec),
        cmocka_unit_test(child_may_not_go_on),
        cmocka_unit_test(child_that_returns_is_stopped_with_its_task_s_name),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
