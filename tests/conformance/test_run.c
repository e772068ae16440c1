/* Runs: options, environment, results, stop signals, one after the other. */
#include "conformance.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int sleep_for_ever(void *arg)
{
    (void)arg;
    return dure_sleep_until((dure_deadline){ 0 });
}

/* --- results --- */

static int return_number(void *arg)
{
    errno = 33;
    return *(int *)arg;
}

static int fail_with_words(void *arg)
{
    (void)arg;
    return dure_fail(EIO, "of %d words", 3);
}

TEST_OUTSIDE(result_errno_and_words_of_the_first_task)
{
    int number;

    for (number = -2; number <= 2; number++) {
        CHECK_EQ(dure_run(return_number, &number), number);
        if (number)
            CHECK_EQ(errno, 33);
    }
    CHECK_FAILS(dure_run(fail_with_words, NULL), EIO);
    CHECK_STR(dure_why(), "of 3 words");
}

static int look_around(void *arg)
{
    unsigned loops = *(unsigned *)arg;
    const char *backend = getenv("DURE_BACKEND");

    CHECK_EQ(dure_loop_count(), loops);
    CHECK_EQ(dure_loop_number(), 0);
    CHECK(dure_backend_name() != NULL);
    if (backend && *backend && dure_backend_name())
        CHECK_STR(dure_backend_name(), backend);
    return 0;
}

TEST_OUTSIDE(run_after_run)
{
    unsigned loops;
    int i;

    CHECK_EQ(dure_loop_count(), 0);
    CHECK_EQ(dure_loop_number(), -1);
    CHECK(dure_backend_name() == NULL);
    for (i = 0; i < 5; i++)
        for (loops = 1; loops <= 4; loops++)
            CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = loops }, look_around, &loops), 0);
    CHECK_EQ(dure_loop_count(), 0);
    CHECK(dure_backend_name() == NULL);
}

/* --- refused --- */

static int run_inside(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_run(nothing, NULL), EBUSY);
    CHECK(*dure_why() != '\0');
    CHECK_FAILS(dure_loop_open(NULL, nothing, NULL), EBUSY);
    return 0;
}

static void *run_on_a_thread(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_run(nothing, NULL), EBUSY);
    return NULL;
}

TEST(one_run_at_a_time)
{
    pthread_t thread;

    run_inside(NULL);
    pthread_create(&thread, NULL, run_on_a_thread, NULL);
    pthread_join(thread, NULL);
    CHECK_EQ(dure_blocking(run_inside, NULL, 0), 0);
}

TEST_OUTSIDE(options_out_of_range)
{
    const dure_run_options wrong[] = {
        { .flags = 0x80000000u }, { .grace_ns = -1 },         { .loops = 100000 },
        { .stack_size = 1 },      { .stack_size = SIZE_MAX }, { .backend = "abacus" },
    };
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_FAILS(dure_run_with(&wrong[i], nothing, NULL), EINVAL);
        CHECK(*dure_why() != '\0');
        CHECK_FAILS(dure_loop_open(&wrong[i], nothing, NULL), EINVAL);
    }
}

TEST_OUTSIDE(environment_out_of_range)
{
    static const char *const wrong[][2] = {
        { "DURE_LOOPS", "0" },          { "DURE_LOOPS", "-1" },
        { "DURE_LOOPS", "two" },        { "DURE_LOOPS", "1x" },
        { "DURE_LOOPS", "99999999" },   { "DURE_QUEUE_ENTRIES", "0" },
        { "DURE_QUEUE_ENTRIES", "-4" }, { "DURE_TRANSFER_MAX", "x" },
        { "DURE_BACKEND", "abacus" },   { "DURE_LOOPS", "99999999999999999999999" },
    };
    char *before;
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        before = getenv(wrong[i][0]);
        before = before ? strdup(before) : NULL;
        setenv(wrong[i][0], wrong[i][1], 1);
        CHECK_FAILS(dure_run(nothing, NULL), EINVAL);
        CHECK_HAS(dure_why(), wrong[i][1]);
        if (before)
            setenv(wrong[i][0], before, 1);
        else
            unsetenv(wrong[i][0]);
        free(before);
    }
}

TEST_OUTSIDE(environment_sets_what_the_options_leave_open)
{
    unsigned loops = 3;

    setenv("DURE_LOOPS", "3", 1);
    CHECK_EQ(dure_run(look_around, &loops), 0);
    loops = 2;
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2 }, look_around, &loops), 0);
    unsetenv("DURE_LOOPS");
}

/* --- stop signals; in children, to which alone they are sent --- */

static int stop_me(void *arg)
{
    kill(getpid(), *(int *)arg);
    return sleep_for_ever(NULL);
}

static void stop_by_sigterm(void)
{
    int number = SIGTERM;

    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2 }, stop_me, &number), 0);
    /* Again: the first run has left nothing behind. */
    number = SIGINT;
    CHECK_EQ(dure_run(stop_me, &number), 0);
}

static atomic_int ended;

static int end_by_stop(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    atomic_fetch_add(&ended, 1);
    return -1;
}

static int end_in_the_grace(void *arg)
{
    (void)arg;
    YIELD_UNTIL(dure_stopping());
    CHECK_EQ(dure_canceled(), 0);
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    atomic_fetch_add(&ended, 1);
    return 0;
}

static int go_and_stop(void *arg)
{
    dure_fn *fn = ((dure_fn **)arg)[0];
    int number = SIGTERM, i;

    for (i = 0; i < 10; i++)
        CHECK_EQ(dure_go(fn, NULL, 0), 0);
    dure_yield();
    return stop_me(&number);
}

static void stop_ends_the_tasks_of_dure_go(void)
{
    dure_fn *fn = end_by_stop;

    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2 }, go_and_stop, &fn), 0);
    CHECK_EQ(ended, 10);
}

static void stop_grants_the_grace_of_the_run(void)
{
    dure_fn *fn = end_in_the_grace;

    CHECK_EQ(
        dure_run_with(&(dure_run_options){ .loops = 2, .grace_ns = DURE_MINUTE }, go_and_stop, &fn),
        0);
    CHECK_EQ(ended, 10);
}

static int fail_otherwise_after_stop(void *arg)
{
    (void)arg;
    kill(getpid(), SIGTERM);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return dure_fail(EIO, "a real failure");
}

static void stop_does_not_hide_a_failure(void)
{
    CHECK_FAILS(dure_run(fail_otherwise_after_stop, NULL), EIO);
    CHECK_STR(dure_why(), "a real failure");
}

static int stop_twice(void *arg)
{
    (void)arg;
    kill(getpid(), SIGTERM);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    kill(getpid(), SIGTERM);
    for (;;)
        ; /* it hogs its thread, and dies all the same */
    return 0;
}

static void second_stop_ends_the_process(void)
{
    dure_run(stop_twice, NULL);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled = number;
}

static int raise_and_go_on(void *arg)
{
    (void)arg;
    kill(getpid(), SIGTERM);
    YIELD_UNTIL(handled == SIGTERM);
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    return 0;
}

static void stop_signals_may_be_left_alone(void)
{
    signal(SIGTERM, handle);
    CHECK_EQ(
        dure_run_with(&(dure_run_options){ .flags = DURE_NO_STOP_SIGNALS }, raise_and_go_on, NULL),
        0);
}

static int go_for_sigusr1(void *arg)
{
    (void)arg;
    dure_task_set_name("dumped");
    kill(getpid(), SIGUSR1);
    return dure_sleep_for(50 * DURE_MILLISECOND);
}

static void dump_on_sigusr1(void)
{
    CHECK_EQ(
        dure_run_with(&(dure_run_options){ .flags = DURE_DUMP_ON_SIGUSR1 }, go_for_sigusr1, NULL),
        0);
}

static void mask_is_restored(void)
{
    sigset_t before, after;
    int number;

    sigprocmask(SIG_SETMASK, NULL, &before);
    CHECK_EQ(dure_run(nothing, NULL), 0);
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (number = 1; number < 32; number++)
        CHECK_EQ(sigismember(&after, number), sigismember(&before, number));
}

TEST_OUTSIDE(stop_signals)
{
    struct child child;

    conformance_child(&child, stop_by_sigterm);
    CHECK_CHILD_OK(&child);
    conformance_child(&child, stop_ends_the_tasks_of_dure_go);
    CHECK_CHILD_OK(&child);
    conformance_child(&child, stop_grants_the_grace_of_the_run);
    CHECK_CHILD_OK(&child);
    conformance_child(&child, stop_does_not_hide_a_failure);
    CHECK_CHILD_OK(&child);
    conformance_child(&child, stop_signals_may_be_left_alone);
    CHECK_CHILD_OK(&child);
    conformance_child(&child, mask_is_restored);
    CHECK_CHILD_OK(&child);
}

TEST_OUTSIDE(second_stop_signal_ends_the_process)
{
    struct child child;

    conformance_child(&child, second_stop_ends_the_process);
    CHECK_EQ(child.status, SIGTERM);
}

TEST_OUTSIDE(sigusr1_dumps_where_asked_for)
{
    struct child child;

    conformance_child(&child, dump_on_sigusr1);
    CHECK_CHILD_OK(&child);
    CHECK_HAS(child.text, "dumped");
}

#ifdef SYS_poll
#define POLL_CALL SYS_poll
#else
#define POLL_CALL SYS_ppoll
#endif

/* From now on poll fails in every thread with EPERM. Returns false if that cannot be had here. */
static bool forbid_poll(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, POLL_CALL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

/* The signals' thread sleeps in its poll already: a dump has it come back and try another. */
static int forbid_and_stop(void *arg)
{
    (void)arg;
    if (!forbid_poll())
        return dure_fail(ENOSYS, "no filter");
    kill(getpid(), SIGUSR1);
    dure_sleep_for(50 * DURE_MILLISECOND);
    kill(getpid(), SIGTERM);
    return sleep_for_ever(NULL);
}

static void stop_without_poll(void)
{
    if (dure_run_with(&(dure_run_options){ .flags = DURE_DUMP_ON_SIGUSR1 }, forbid_and_stop, NULL) <
            0 &&
        errno == ENOSYS)
        fprintf(stderr, "no filter\n");
}

/* A signals' thread that cannot wait leaves them their usual meaning, and does not spin. */
TEST_OUTSIDE(stop_where_poll_is_forbidden)
{
    const char *backend = getenv("DURE_BACKEND");
    struct child child;

    if (backend && strcmp(backend, "poll") == 0) {
        print_message("skipped: this backend cannot do without poll\n");
        return;
    }
    conformance_child(&child, stop_without_poll);
    if (strstr(child.text, "no filter"))
        print_message("skipped: no seccomp filter here\n");
    else
        CHECK_EQ(child.status, SIGTERM);
}

/* With ever more descriptors, until it starts: each time it says what was missing. */
TEST_OUTSIDE(what_a_run_lacks_is_said)
{
    const dure_run_options options = { .loops = 3 };
    struct rlimit before, few;
    int result = -1;

    if (UNDER_ASAN) {
        print_message("skipped: AddressSanitizer reads a file to find a thread's stack\n");
        return;
    }
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    for (few.rlim_cur = conformance_descriptors(); result < 0 && few.rlim_cur < before.rlim_cur;
         few.rlim_cur++) {
        dure_fail(0, "%s", "");
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
        result = dure_run_with(&options, nothing, NULL);
        if (result < 0)
            CHECK_HAS(dure_why(), strerror(EMFILE));
    }
    CHECK_EQ(result, 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_run_lacks_is_said),
        cmocka_unit_test(result_errno_and_words_of_the_first_task),
        cmocka_unit_test(run_after_run),
        cmocka_unit_test(one_run_at_a_time),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(environment_out_of_range),
        cmocka_unit_test(environment_sets_what_the_options_leave_open),
        cmocka_unit_test(stop_signals),
        cmocka_unit_test(second_stop_signal_ends_the_process),
        cmocka_unit_test(sigusr1_dumps_where_asked_for),
        cmocka_unit_test(stop_where_poll_is_forbidden),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
