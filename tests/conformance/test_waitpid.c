/* The twins of waitpid and waitid, beside the plain calls. */
#include "kids.h"
#include "waiting.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/syscall.h>

static const char *const endings[] = {
    "exit 0", "exit 7", "exit 255", "kill -TERM $$", "kill -KILL $$", "kill -USR1 $$",
};

#define ENDINGS (sizeof endings / sizeof *endings)

/* A wait in the background. */
struct call {
    pid_t pid;
    int options, status;
    struct background background;
};

static int64_t wait_for(void *arg)
{
    struct call *call = arg;

    call->status = -1;
    return dure_waitpid(call->pid, &call->status, call->options);
}

static void call_start(struct call *call, dure_scope *scope, int place, pid_t pid, int options)
{
    call->pid = pid;
    call->options = options;
    background_start(&call->background, scope, place, wait_for, call);
}

static void check_answer(struct call *call, pid_t pid, int status)
{
    YIELD_UNTIL(atomic_load(&call->background.done));
    CHECK_EQ(call->background.result, pid);
    CHECK_EQ(call->status, status);
}

static void check_failed(struct call *call, int error)
{
    YIELD_UNTIL(atomic_load(&call->background.done));
    CHECK_EQ(call->background.result, -1);
    CHECK_EQ(call->background.error, error);
}

/* --- what it tells --- */

static void check_endings(void)
{
    siginfo_t info, plain_info;
    int status, plain;
    size_t i;

    for (i = 0; i < ENDINGS; i++) {
        pid_t pid = kid_run(endings[i]), other = kid_run(endings[i]);

        CHECK_EQ(waitpid(other, &plain, 0), other);
        CHECK_EQ(dure_waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, plain);

        pid = kid_run(endings[i]);
        other = kid_run(endings[i]);
        memset(&info, 0x55, sizeof info);
        CHECK_EQ(waitid(P_PID, (id_t)other, &plain_info, WEXITED), 0);
        CHECK_EQ(dure_waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
        CHECK_EQ(info.si_pid, pid);
        CHECK_EQ(info.si_signo, SIGCHLD);
        CHECK_EQ(info.si_uid, plain_info.si_uid);
        CHECK_EQ(info.si_code, plain_info.si_code);
        CHECK_EQ(info.si_status, plain_info.si_status);
    }
    CHECK(!kids_left());
}

TEST(ends_are_told)
{
    check_endings();
}

TEST_OUTSIDE(ends_are_told_outside)
{
    check_endings();
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_endings();
}

static void check_stops(void)
{
    int status = 0;
    struct kid kid;

    kid_start(&kid, "kill -STOP $$; exit 5", -1);
    kid_go(&kid);
    CHECK_EQ(dure_waitpid(kid.pid, &status, WUNTRACED), kid.pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(dure_waitpid(kid.pid, &status, WNOHANG | WUNTRACED), 0);
    CHECK_EQ(kill(kid.pid, SIGCONT), 0);
    CHECK_EQ(dure_waitpid(kid.pid, &status, WCONTINUED), kid.pid);
    if (!WIFCONTINUED(status)) /* it ended before we came, as it may */
        return;
    CHECK_EQ(dure_waitpid(kid.pid, &status, 0), kid.pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    CHECK(!kids_left());
}

TEST(stops_and_continues)
{
    check_stops();
}

TEST_OUTSIDE(stops_and_continues_outside)
{
    check_stops();
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_stops();
}

TEST(a_stop_of_any_child)
{
    int status = 0;
    struct kid kid;
    siginfo_t info;

    kid_start(&kid, "exit 5", -1);
    CHECK_EQ(kill(kid.pid, SIGSTOP), 0);
    CHECK_EQ(dure_waitid(P_ALL, 0, &info, WSTOPPED), 0);
    CHECK_EQ(info.si_pid, kid.pid);
    CHECK_EQ(info.si_code, CLD_STOPPED);
    CHECK_EQ(kill(kid.pid, SIGCONT), 0);
    CHECK_EQ(dure_waitid(P_ALL, 0, &info, WCONTINUED), 0);
    CHECK_EQ(info.si_code, CLD_CONTINUED);
    kid_go(&kid);
    CHECK_EQ(dure_waitpid(-1, &status, 0), kid.pid);
    CHECK_EQ(status, W_EXITCODE(5, 0));
}

static void check_nohang(void)
{
    int status = 77;
    struct kid kid;
    siginfo_t info;

    kid_start(&kid, "exit 3", -1);
    CHECK_EQ(dure_waitpid(kid.pid, &status, WNOHANG), 0);
    CHECK_EQ(dure_waitpid(-1, &status, WNOHANG), 0);
    CHECK_EQ(dure_waitpid(0, &status, WNOHANG), 0);
    CHECK_EQ(status, 77);
    memset(&info, 0x55, sizeof info);
    CHECK_EQ(dure_waitid(P_PID, (id_t)kid.pid, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ(info.si_pid, 0);
    kid_go(&kid);
    CHECK_EQ(dure_waitid(P_PID, (id_t)kid.pid, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(info.si_pid, kid.pid);
    CHECK_EQ(dure_waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(info.si_pid, kid.pid);
    CHECK_EQ(dure_waitpid(-1, NULL, WNOHANG), kid.pid);
    CHECK_FAILS(dure_waitpid(kid.pid, &status, WNOHANG), ECHILD);
    CHECK_FAILS(dure_waitpid(kid.pid, &status, 0), ECHILD);
    CHECK_FAILS(dure_waitpid(-1, &status, 0), ECHILD);
}

TEST(nohang)
{
    check_nohang();
}

TEST_OUTSIDE(nohang_outside)
{
    check_nohang();
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_nohang();
}

static void check_refusals(void)
{
    siginfo_t info;

    CHECK_FAILS(dure_waitpid(getppid(), NULL, 0), ECHILD);
    CHECK_FAILS(dure_waitpid(-1, NULL, WNOWAIT), EINVAL);
    CHECK_FAILS(dure_waitpid(-1, NULL, 0x10000), EINVAL);
    CHECK_FAILS(dure_waitpid(INT_MIN, NULL, 0), ESRCH);
    CHECK_FAILS(dure_waitid(P_ALL, 0, &info, 0), EINVAL);
    CHECK_FAILS(dure_waitid((idtype_t)77, 0, &info, WEXITED), EINVAL);
    CHECK_FAILS(dure_waitid(P_PIDFD, 9999, &info, WEXITED), EBADF);
}

TEST(refusals)
{
    check_refusals();
}

TEST_OUTSIDE(refusals_outside)
{
    check_refusals();
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_refusals();
}

/* --- whom it waits for --- */

TEST(any_child_each_once)
{
    struct kid kids[3];
    int status, i;
    pid_t pid;

    for (i = 0; i < 3; i++)
        kid_start(&kids[i], "exit 4", -1);
    for (i = 2; i >= 0; i--) {
        kid_go(&kids[i]);
        pid = dure_waitpid(-1, &status, 0);
        CHECK_EQ(pid, kids[i].pid);
        CHECK_EQ(status, W_EXITCODE(4, 0));
    }
    CHECK_FAILS(dure_waitpid(-1, &status, 0), ECHILD);
}

static void check_groups(void)
{
    struct kid leader, member, ours;
    int status;

    kid_start(&leader, "exit 1", 0);
    kid_start(&member, "exit 2", leader.pid);
    kid_start(&ours, "exit 3", -1);
    CHECK_EQ(dure_waitpid(-leader.pid, &status, WNOHANG), 0);
    kid_go(&ours);
    kid_ended(ours.pid);
    CHECK_EQ(dure_waitpid(-leader.pid, &status, WNOHANG), 0);
    kid_go(&member);
    CHECK_EQ(dure_waitpid(-leader.pid, &status, 0), member.pid);
    CHECK_EQ(dure_waitpid(0, &status, 0), ours.pid);
    CHECK_EQ(status, W_EXITCODE(3, 0));
    kid_go(&leader);
    CHECK_EQ(dure_waitpid(-leader.pid, &status, 0), leader.pid);
    CHECK_FAILS(dure_waitpid(0, &status, 0), ECHILD);
}

TEST(groups)
{
    check_groups();
}

TEST_OUTSIDE(groups_outside)
{
    check_groups();
    DURE_WITHIN(dure_after(DURE_MINUTE))
    check_groups();
}

/* Who waits for one child gets it, whatever the order, though another waits for any. */
static void check_not_stolen(int any_place, int one_place, bool any_first)
{
    struct call any, one;
    struct kid mine, other;
    dure_scope scope;

    kid_start(&mine, "exit 1", -1);
    kid_start(&other, "exit 2", -1);
    dure_scope_open(&scope);
    if (any_first)
        call_start(&any, &scope, any_place, -1, 0);
    call_start(&one, &scope, one_place, mine.pid, 0);
    if (!any_first)
        call_start(&any, &scope, any_place, -1, 0);
    kid_go(&mine);
    check_answer(&one, mine.pid, W_EXITCODE(1, 0));
    CHECK(!atomic_load(&any.background.done));
    kid_go(&other);
    check_answer(&any, other.pid, W_EXITCODE(2, 0));
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(!kids_left());
}

TEST(any_steals_from_nobody)
{
    int i;

    for (i = 0; i < 20; i++) {
        check_not_stolen(DURE_LOOP(1), DURE_LOOP(0), i & 1);
        check_not_stolen(DURE_LOOP(0), DURE_LOOP(0), i & 1);
    }
}

/* A look that may not wait comes upon a child which somebody else waits for: that one gets it, and
   what lies behind it is found. */
static atomic_bool thread_began;

static void *wait_plainly(void *arg)
{
    atomic_store(&thread_began, true);
    wait_for(arg);
    return NULL;
}

TEST(nohang_hands_over)
{
    struct kid mine, other;
    pthread_t thread;
    struct call one;
    int status, i;

    for (i = 0; i < 20; i++) {
        kid_start(&mine, "exit 1", -1);
        kid_start(&other, "exit 2", -1);
        one = (struct call){ .pid = mine.pid };
        atomic_store(&thread_began, false);
        CHECK_EQ(pthread_create(&thread, NULL, wait_plainly, &one), 0);
        YIELD_UNTIL(atomic_load(&thread_began));
        kid_go(&mine);
        kid_go(&other);
        while (waitid(P_PID, (id_t)other.pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT) < 0)
            ;
        /* The thread may not have begun to wait: then mine is anybody's. */
        do
            status = dure_waitpid(-1, NULL, WNOHANG);
        while (status == 0);
        CHECK_EQ(dure_pthread_join(thread, NULL), 0);
        if (status == mine.pid) {
            CHECK_EQ(waitpid(other.pid, NULL, 0), other.pid);
            continue;
        }
        CHECK_EQ(status, other.pid);
        CHECK_EQ(one.status, W_EXITCODE(1, 0));
    }
    CHECK(!kids_left());
}

TEST(two_wait_for_one)
{
    struct call calls[2];
    dure_scope scope;
    struct kid kid;
    int i;

    for (i = 0; i < 4; i++) {
        int options = i & 2 ? WUNTRACED : 0;
        int first;

        kid_start(&kid, "exit 9", -1);
        dure_scope_open(&scope);
        call_start(&calls[0], &scope, DURE_LOOP(0), kid.pid, options);
        call_start(&calls[1], &scope, i & 1 ? DURE_LOOP(1) : DURE_LOOP(0), kid.pid, options);
        kid_go(&kid);
        YIELD_UNTIL(atomic_load(&calls[0].background.done) &&
                    atomic_load(&calls[1].background.done));
        first = calls[0].background.result == kid.pid ? 0 : 1;
        check_answer(&calls[first], kid.pid, W_EXITCODE(9, 0));
        check_failed(&calls[!first], ECHILD);
        CHECK_EQ(dure_scope_close(&scope), 0);
    }
}

/* --- many --- */

static atomic_int right;

static int wait_for_kid(void *arg)
{
    struct kid *kid = arg;
    int status;

    kid_go(kid);
    if (CHECK_EQ(dure_waitpid(kid->pid, &status, 0), kid->pid) &&
        CHECK_EQ(status, W_EXITCODE(kid->pid % 200, 0)))
        atomic_fetch_add(&right, 1);
    return 0;
}

static int wait_for_any(void *arg)
{
    int want = *(int *)arg, status;
    pid_t pid;

    while (want-- > 0) {
        pid = dure_waitpid(-1, &status, 0);
        if (CHECK(pid > 0) && CHECK_EQ(status, W_EXITCODE(pid % 200, 0)))
            atomic_fetch_add(&right, 1);
    }
    return 0;
}

/* Half of them waited for by number, the other half by two tasks that take any. */
TEST(many_children)
{
    int many = (int)conformance_scale(500), half = many / 2, quarter = half / 2, i;
    dure_spawn_options on[2] = { { .place = DURE_LOOP(0) }, { .place = DURE_LOOP(1) } };
    struct kid *kids = calloc((size_t)many, sizeof *kids);
    dure_scope scope;

    atomic_store(&right, 0);
    dure_scope_open(&scope);
    for (i = 0; i < many; i++)
        kid_start(&kids[i], "exit $(($$ % 200))", -1);
    for (i = 0; i < half; i++)
        dure_spawn_with(&scope, &on[i & 1], wait_for_kid, &kids[i], sizeof kids[i]);
    /* All of them have a claim now: each gave its kid the word before, but had the loop until it
       waited. */
    for (i = half; i < many; i++)
        kid_ended((kid_go(&kids[i]), kids[i].pid));
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&right), half);

    dure_scope_open(&scope);
    half = many - half - quarter;
    dure_spawn_with(&scope, &on[0], wait_for_any, &quarter, sizeof quarter);
    dure_spawn_with(&scope, &on[1], wait_for_any, &half, sizeof half);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(atomic_load(&right), many);
    CHECK(!kids_left());
    free(kids);
}

/* --- cancelled --- */

struct aim {
    const char *name;
    int pid, options; /* pid 1: the child's */
};

static const struct aim aims[] = {
    { "one", 1, 0 },
    { "any", -1, 0 },
    { "group", 0, 0 },
    { "stops", 1, WUNTRACED },
};

#define AIMS (sizeof aims / sizeof *aims)

static pid_t aim_at(const struct aim *aim, const struct kid *kid)
{
    return aim->pid == 1 ? kid->pid : aim->pid;
}

TEST(canceled_before)
{
    dure_scope scope;
    struct kid kid;
    size_t i;

    for (i = 0; i < AIMS; i++) {
        kid_start(&kid, "exit 6", -1);
        kid_go(&kid);
        kid_ended(kid.pid);
        dure_scope_open(&scope);
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_waitpid(aim_at(&aims[i], &kid), NULL, aims[i].options), ECANCELED);
        CHECK_EQ(dure_waitpid(kid.pid, NULL, WNOHANG), kid.pid);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
}

TEST(canceled_during)
{
    dure_scope scope;
    struct call call;
    struct kid kid;
    size_t i;

    for (i = 0; i < AIMS * 2; i++) {
        const struct aim *aim = &aims[i / 2];

        kid_start(&kid, "exit 6", -1);
        dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
        call_start(&call, &scope, DURE_LOOP(i % 2), aim_at(aim, &kid), aim->options);
        dure_scope_cancel(&scope);
        check_failed(&call, ECANCELED);
        dure_scope_close(&scope);
        kid_go(&kid);
        CHECK_EQ(dure_waitpid(kid.pid, NULL, 0), kid.pid);
    }
}

/* The end and the cancel meet: whoever wins, the child is reaped exactly once. */
TEST(canceled_as_it_ends)
{
    dure_scope scope;
    struct call call;
    struct kid kid;
    int64_t result;
    size_t i;

    for (i = 0; i < AIMS * 10; i++) {
        const struct aim *aim = &aims[i % AIMS];

        kid_start(&kid, "exit 6", -1);
        dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
        call_start(&call, &scope, DURE_LOOP(1), aim_at(aim, &kid), aim->options);
        kid_go(&kid);
        if (i & 4)
            kid_ended(kid.pid);
        dure_scope_cancel(&scope);
        dure_scope_close(&scope);
        result = call.background.result;
        if (result == kid.pid)
            CHECK_EQ(call.status, W_EXITCODE(6, 0));
        else
            CHECK_EQ(call.background.error, ECANCELED);
        CHECK_EQ(waitpid(kid.pid, NULL, 0), result == kid.pid ? -1 : kid.pid);
    }
}

static void check_deadline(void)
{
    struct kid kid;
    size_t i;

    for (i = 0; i < AIMS; i++) {
        kid_start(&kid, "exit 6", -1);
        errno = 0;
        DURE_WITHIN(dure_after(20 * DURE_MILLISECOND))
        CHECK_FAILS(dure_waitpid(aim_at(&aims[i], &kid), NULL, aims[i].options), ECANCELED);
        CHECK_EQ(errno, ETIMEDOUT);
        kid_go(&kid);
        CHECK_EQ(dure_waitpid(kid.pid, NULL, 0), kid.pid);
    }
}

TEST(deadline)
{
    check_deadline();
}

TEST_OUTSIDE(deadline_outside)
{
    check_deadline();
}

/* --- by descriptor --- */

static int open_pidfd(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int64_t wait_on_pidfd(void *arg)
{
    return dure_waitid(P_PIDFD, *(id_t *)arg, NULL, WEXITED);
}

TEST(by_pidfd)
{
    struct background background;
    dure_scope scope;
    siginfo_t info;
    struct kid kid;
    int fd, flags;

    if (kids_pidfd_missing())
        return;
    kid_start(&kid, "exit 8", -1);
    fd = open_pidfd(kid.pid, 0);
    if (!CHECK(fd >= 0))
        return;
    flags = fcntl(fd, F_GETFL);
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    background_start(&background, &scope, DURE_LOOP(1), wait_on_pidfd, &fd);
    CHECK_EQ(dure_close(fd), 0);
    dure_scope_close(&scope);
    CHECK_EQ(background.result, -1);
    CHECK_EQ(background.error, EBADF);

    fd = open_pidfd(kid.pid, 0);
    CHECK_EQ(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    CHECK_FAILS(dure_waitid(P_PIDFD, (id_t)fd, &info, WEXITED), EAGAIN);
    CHECK_EQ(fcntl(fd, F_SETFL, flags), 0);
    kid_go(&kid);
    CHECK_EQ(dure_waitid(P_PIDFD, (id_t)fd, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, kid.pid);
    CHECK_EQ(info.si_status, 8);
    CHECK_FAILS(dure_waitid(P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
    CHECK_EQ(dure_close(fd), 0);
}

/* --- plain threads --- */

static struct kid threads_kid;

static void *wait_in_thread(void *scoped)
{
    struct call call = { .pid = threads_kid.pid };

    if (!scoped) {
        CHECK_EQ(wait_for(&call), threads_kid.pid);
    } else {
        DURE_WITHIN(dure_after(DURE_MINUTE))
        CHECK_EQ(wait_for(&call), threads_kid.pid);
    }
    CHECK_EQ(call.status, W_EXITCODE(2, 0));
    return NULL;
}

/* A thread waits for one child, a task for any. */
TEST(threads_and_tasks)
{
    struct kid other;
    pthread_t thread;
    int status;
    bool scoped;

    for (scoped = false;; scoped = true) {
        kid_start(&threads_kid, "exit 2", -1);
        kid_start(&other, "exit 3", -1);
        CHECK_EQ(pthread_create(&thread, NULL, wait_in_thread, scoped ? &other : NULL), 0);
        kid_go(&other);
        CHECK_EQ(dure_waitpid(-1, &status, 0), other.pid);
        CHECK_EQ(status, W_EXITCODE(3, 0));
        kid_go(&threads_kid);
        CHECK_EQ(dure_pthread_join(thread, NULL), 0);
        if (scoped)
            break;
    }
    CHECK(!kids_left());
}

static void nothing(int number)
{
    (void)number;
}

/* A thread sees EINTR as ever. */
TEST_OUTSIDE(interrupted_outside)
{
    struct sigaction action = { .sa_handler = nothing }, before;
    pid_t pids[2] = { 0, -1 };
    struct kid kid;
    int i;

    sigaction(SIGUSR1, &action, &before);
    kid_start(&kid, "exit 1", -1);
    pids[0] = kid.pid;
    for (i = 0; i < 4; i++) {
        char script[80];
        pid_t bell;

        /* It rings until it is told that it was heard. */
        snprintf(script, sizeof script, "while kill -USR1 %d; do sleep 0.01; done", getpid());
        bell = kid_run(script);
        if (i < 2) {
            CHECK_FAILS(dure_waitpid(pids[i % 2], NULL, 0), EINTR);
        } else {
            DURE_WITHIN(dure_after(DURE_MINUTE))
            CHECK_FAILS(dure_waitpid(pids[i % 2], NULL, 0), EINTR);
        }
        kill(bell, SIGKILL);
        while (waitpid(bell, NULL, 0) < 0)
            ;
    }
    sigaction(SIGUSR1, &before, NULL);
    kid_go(&kid);
    CHECK_EQ(dure_waitpid(kid.pid, NULL, 0), kid.pid);
}

/* --- the program's own ways --- */

TEST(sigchld_is_ignored)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    struct kid kid;

    kid_start(&kid, "exit 1", -1);
    kid_go(&kid);
    CHECK_FAILS(dure_waitpid(kid.pid, NULL, 0), ECHILD);
    kid_start(&kid, "exit 1", -1);
    kid_go(&kid);
    CHECK_FAILS(dure_waitpid(-1, NULL, 0), ECHILD);
    signal(SIGCHLD, before);
}

static atomic_int told;

static void count(int number)
{
    (void)number;
    atomic_fetch_add(&told, 1);
}

/* SIGCHLD is the program's. */
TEST(sigchld_comes)
{
    void (*before)(int) = signal(SIGCHLD, count);
    int i;

    for (i = 0; i < 3; i++) {
        atomic_store(&told, 0);
        CHECK(dure_waitpid(kid_run("exit 1"), NULL, i == 1 ? WUNTRACED : 0) > 0);
        YIELD_UNTIL(atomic_load(&told) > 0);
    }
    signal(SIGCHLD, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_told),
        cmocka_unit_test(ends_are_told_outside),
        cmocka_unit_test(stops_and_continues),
        cmocka_unit_test(stops_and_continues_outside),
        cmocka_unit_test(a_stop_of_any_child),
        cmocka_unit_test(nohang),
        cmocka_unit_test(nohang_outside),
        cmocka_unit_test(refusals),
        cmocka_unit_test(refusals_outside),
        cmocka_unit_test(any_child_each_once),
        cmocka_unit_test(groups),
        cmocka_unit_test(groups_outside),
        cmocka_unit_test(any_steals_from_nobody),
        cmocka_unit_test(nohang_hands_over),
        cmocka_unit_test(two_wait_for_one),
        cmocka_unit_test(many_children),
        cmocka_unit_test(canceled_before),
        cmocka_unit_test(canceled_during),
        cmocka_unit_test(canceled_as_it_ends),
        cmocka_unit_test(deadline),
        cmocka_unit_test(deadline_outside),
        cmocka_unit_test(by_pidfd),
        cmocka_unit_test(threads_and_tasks),
        cmocka_unit_test(interrupted_outside),
        cmocka_unit_test(sigchld_is_ignored),
        cmocka_unit_test(sigchld_comes),
    };

    kids_without_pidfd();
    return conformance_main(tests, sizeof tests / sizeof *tests);
}
