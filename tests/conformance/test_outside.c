/* Twins on plain threads, while no run is active and beside one. */
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static void close_both(int fds[2])
{
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- with no scope open, a twin is the plain call --- */

static void *write_later(void *arg)
{
    CHECK_EQ(dure_write(*(int *)arg, "later", 5), 5);
    return NULL;
}

static void use_twins(void)
{
    struct iovec iov = { "cd", 2 };
    struct pollfd fd = { .events = POLLIN };
    struct sockaddr_storage addr;
    socklen_t addr_len = sizeof addr;
    char text[8] = "";
    int fds[2], listener, conns[2];

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(dure_write(fds[0], "ab", 2), 2);
    CHECK_EQ(dure_writev(fds[0], &iov, 1), 2);
    CHECK_EQ(dure_send(fds[0], "e", 1, 0), 1);
    fd.fd = fds[1];
    CHECK_EQ(dure_poll(&fd, 1, -1), 1);
    CHECK_EQ(dure_read_full(fds[1], text, 5), 5);
    CHECK_STR(text, "abcde");
    CHECK_EQ(dure_poll(&fd, 1, 0), 0);
    CHECK_FAILS(dure_recv(fds[1], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(dure_shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(dure_read(fds[1], text, 1), 0);
    close_both(fds);
    CHECK_FAILS(dure_read(fds[0], text, 1), EBADF);

    listener = dure_listen_tcp("127.0.0.1", 0);
    CHECK(listener >= 0);
    CHECK_EQ(dure_getsockname(listener, (struct sockaddr *)&addr, &addr_len), 0);
    conns[0] = dure_dial_tcp("127.0.0.1", ntohs(((struct sockaddr_in *)&addr)->sin_port));
    conns[1] = dure_accept(listener, NULL, NULL);
    CHECK(conns[0] >= 0 && conns[1] >= 0);
    CHECK_EQ(dure_write_all(conns[0], "tcp", 4), 4);
    CHECK_EQ(dure_read_full(conns[1], text, 4), 4);
    CHECK_STR(text, "tcp");
    close_both(conns);
    CHECK_EQ(dure_close(listener), 0);
}

static void use_files(void)
{
    int in = make_file("0123456789", 10), out = make_file("", 0);
    off_t offset = 2;
    struct stat st;
    char byte;

    CHECK_EQ(dure_pread(in, &byte, 1, 3), 1);
    CHECK_EQ(byte, '3');
    CHECK_EQ(dure_pwrite(out, "x", 1, 0), 1);
    CHECK_EQ(dure_sendfile(out, in, &offset, 5), 5);
    CHECK_EQ(offset, 7);
    CHECK_EQ(dure_fsync(out), 0);
    CHECK_EQ(dure_fstat(in, &st), 0);
    CHECK_EQ(st.st_size, 10);
    CHECK_EQ(dure_stat("/", &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_FAILS(dure_open("/no/such/file", O_RDONLY), ENOENT);
    CHECK_EQ(dure_close(in), 0);
    CHECK_EQ(dure_close(out), 0);
}

static void wait_for_a_thread(void)
{
    char text[8] = "";
    pthread_t thread;
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(pthread_create(&thread, NULL, write_later, &fds[1]), 0);
    CHECK_EQ(dure_read(fds[0], text, sizeof text), 5);
    CHECK_STR(text, "later");
    pthread_join(thread, NULL);
    close_both(fds);
}

TEST_OUTSIDE(the_plain_calls)
{
    int64_t begun_ns = dure_now();

    CHECK_EQ(dure_loop_count(), 0);
    CHECK(dure_backend_name() == NULL);
    use_twins();
    use_files();
    wait_for_a_thread();
    CHECK_EQ(dure_sleep_for(2 * DURE_MILLISECOND), 0);
    CHECK(dure_now() - begun_ns >= 2 * DURE_MILLISECOND);
    CHECK_EQ(dure_canceled(), 0);
    CHECK(dure_deadline_left() == INT64_MAX);
}

/* The same with a scope open that ends much later. */
TEST_OUTSIDE(in_a_scope_that_does_not_end)
{
    dure_scope scope;

    CHECK_EQ(dure_scope_open(&scope), 0);
    dure_scope_set_deadline(&scope, dure_after(60 * DURE_SECOND));
    use_twins();
    use_files();
    wait_for_a_thread();
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    CHECK(dure_deadline_left() < 60 * DURE_SECOND);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- with a deadline --- */

/* `result` is what the call in the statement gave. */
static void check_timed_out(int64_t begun_ns, int64_t result)
{
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(result, -1);
    CHECK(dure_now() - begun_ns >= 5 * DURE_MILLISECOND);
    CHECK_EQ(dure_canceled(), 0);
}

#define CHECK_WITHIN(call)                                  \
    do {                                                    \
        int64_t within_begun_ns_ = dure_now(), result_ = 0; \
                                                            \
        DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))       \
        result_ = (call);                                   \
        check_timed_out(within_begun_ns_, result_);         \
    } while (0)

static void feel_deadlines(void)
{
    struct pollfd fd = { .events = POLLIN };
    int fds[2], listener = dure_listen_tcp("127.0.0.1", 0);
    char byte;

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fd.fd = fds[0];
    CHECK_WITHIN(dure_read(fds[0], &byte, 1));
    CHECK_WITHIN(dure_recv(fds[0], &byte, 1, 0));
    CHECK_WITHIN(dure_poll(&fd, 1, -1));
    CHECK_WITHIN(dure_poll(&fd, 1, 60000));
    CHECK_WITHIN(dure_accept(listener, NULL, NULL));
    CHECK_WITHIN(dure_sleep_for(60 * DURE_SECOND));
    CHECK_WITHIN(dure_sleep_until((dure_deadline){ 0 }));
    CHECK_WITHIN(dure_poll(NULL, 0, -1));
    fill(fds[0], fds[1]);
    CHECK_WITHIN(dure_write(fds[0], &byte, 1));
    CHECK_WITHIN(dure_send(fds[0], &byte, 1, 0));
    CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    drain(fds[1]);
    CHECK_EQ(dure_write(fds[0], "x", 1), 1);
    CHECK_EQ(dure_read(fds[1], &byte, 1), 1);
    close_both(fds);
    CHECK_EQ(dure_close(listener), 0);
}

TEST_OUTSIDE(deadlines)
{
    feel_deadlines();
}

TEST_OUTSIDE(a_deadline_that_has_passed)
{
    ssize_t n = 0;
    int fds[2];
    char byte;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    DURE_WITHIN(dure_after(0))
    {
        n = dure_read(fds[0], &byte, 1); /* ready or not */
        CHECK_EQ(errno, ECANCELED);
    }
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(n, -1);
    CHECK_EQ(drain(fds[0]), 1);
    close_both(fds);
}

/* A scope of one plain thread, cancelled by another. */
static void *cancel_it(void *arg)
{
    dure_scope_cancel(arg);
    return NULL;
}

TEST_OUTSIDE(canceled_by_another_thread)
{
    dure_scope scope;
    pthread_t thread;
    int fds[2], i;
    char byte;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    for (i = 0; i < 50; i++) {
        CHECK_EQ(dure_scope_open(&scope), 0);
        CHECK_EQ(pthread_create(&thread, NULL, cancel_it, &scope), 0);
        CHECK_FAILS(dure_read(fds[0], &byte, 1), ECANCELED);
        CHECK_EQ(dure_canceled(), 1);
        CHECK_FAILS(dure_read(fds[0], &byte, 1), ECANCELED);
        pthread_join(thread, NULL);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(dure_canceled(), 0);
    }
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
    close_both(fds);
}

/* What a signal's handler may do, even in the middle of a wait. */
static dure_scope *ended_by_signal;

static void end_by_signal(int number)
{
    (void)number;
    dure_scope_set_deadline(ended_by_signal, dure_after(0));
}

static void *signal_it(void *arg)
{
    pthread_kill(*(pthread_t *)arg, SIGUSR2);
    return NULL;
}

TEST_OUTSIDE(ended_by_a_signals_handler)
{
    struct sigaction action = { .sa_handler = end_by_signal }, before;
    pthread_t self = pthread_self(), thread;
    dure_scope scope;
    int fds[2], i;
    char byte;

    ended_by_signal = &scope;
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(sigaction(SIGUSR2, &action, &before), 0);
    for (i = 0; i < 50; i++) {
        CHECK_EQ(dure_scope_open(&scope), 0);
        CHECK_EQ(pthread_create(&thread, NULL, signal_it, &self), 0);
        while (dure_read(fds[0], &byte, 1) < 0 && errno == EINTR)
            ;
        CHECK_EQ(errno, ECANCELED);
        pthread_join(thread, NULL);
        CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    }
    CHECK_EQ(sigaction(SIGUSR2, &before, NULL), 0);
    close_both(fds);
}

/* The time of a shield begins while its thread waits in it. */
TEST_OUTSIDE(a_shield_s_time_counts_from_another_thread_s_cancel)
{
    int64_t begun_ns = dure_now();
    dure_scope scope;
    pthread_t thread;
    int fds[2];
    char byte;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_EQ(pthread_create(&thread, NULL, cancel_it, &scope), 0);
    DURE_SHIELD(20 * DURE_MILLISECOND)
    CHECK_FAILS(dure_read(fds[0], &byte, 1), ECANCELED);
    CHECK(dure_now() - begun_ns >= 20 * DURE_MILLISECOND);
    pthread_join(thread, NULL);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    close_both(fds);
}

/* A forked process has its own scopes: what ends the parent's wakes the parent, whatever the child
   waits for. */
static int wait_in_a_scope(int fd)
{
    dure_scope scope;
    char byte;
    int result;

    dure_scope_open(&scope);
    result = dure_read(fd, &byte, 1) == 1 ? 0 : 1; /* a word for the parent would end it */
    dure_scope_close(&scope);
    return result;
}

TEST_OUTSIDE(a_forked_child_leaves_its_parent_s_scopes_alone)
{
    int fds[2], status = -1, i;
    dure_scope scope;
    pthread_t thread;
    pid_t pid;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_scope_open(&scope), 0); /* what the thread needs for it is there from now on */
    CHECK_EQ(dure_scope_close(&scope), 0);
    pid = fork();
    if (pid == 0) {
        alarm(20);
        _exit(wait_in_a_scope(fds[0]));
    }
    for (i = 0; i < 50; i++) {
        CHECK_EQ(dure_scope_open(&scope), 0);
        CHECK_EQ(pthread_create(&thread, NULL, cancel_it, &scope), 0);
        CHECK_FAILS(dure_sleep_for(20 * DURE_SECOND), ECANCELED);
        pthread_join(thread, NULL);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close_both(fds);
}

/* --- beside a run --- */

static void run_thread(void *(*fn)(void *), void *arg, atomic_bool *done)
{
    pthread_t thread;

    atomic_store(done, false);
    CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
    YIELD_UNTIL(atomic_load(done));
    pthread_join(thread, NULL);
}

static void *use_all(void *arg)
{
    dure_scope scope;

    use_twins();
    use_files();
    wait_for_a_thread();
    feel_deadlines();
    CHECK_EQ(dure_loop_number(), -1);
    CHECK_STR(dure_task_name(), "");
    CHECK_EQ(dure_scope_open(&scope), 0);
    use_twins();
    CHECK_EQ(dure_scope_close(&scope), 0);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

TEST(twins_beside_a_run)
{
    atomic_bool done;

    run_thread(use_all, &done, &done);
}

/* A plain thread's scope whose tasks run on the loops: they live, are waited for, and fail. */
struct shared {
    atomic_bool done;
    atomic_int ran, canceled;
    int fds[2];
};

static int read_one(void *arg)
{
    struct shared *shared = *(struct shared **)arg;
    char byte;

    CHECK(dure_loop_number() >= 0);
    if (dure_read(shared->fds[0], &byte, 1) < 0) {
        CHECK_EQ(errno, ECANCELED);
        atomic_fetch_add(&shared->canceled, 1);
        return -1;
    }
    atomic_fetch_add(&shared->ran, 1);
    return 0;
}

static int fail_with_words(void *arg)
{
    (void)arg;
    dure_task_set_name("failing");
    return dure_fail(EDOM, "no such luck");
}

static void spawn_readers(dure_scope *scope, struct shared *shared)
{
    int i;

    for (i = 0; i < 20; i++)
        CHECK_EQ(dure_spawn_with(scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 read_one, &shared, sizeof shared),
                 0);
}

static void *own_tasks(void *arg)
{
    struct shared *shared = arg;
    dure_scope scope;
    int i;

    CHECK_EQ(dure_scope_open(&scope), 0);
    spawn_readers(&scope, shared);
    for (i = 0; i < 20; i++)
        CHECK_EQ(dure_write(shared->fds[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(shared->ran, 20);

    CHECK_EQ(dure_scope_open(&scope), 0);
    spawn_readers(&scope, shared);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(shared->canceled, 20);

    CHECK_EQ(dure_scope_open(&scope), 0);
    spawn_readers(&scope, shared);
    dure_scope_set_deadline(&scope, dure_after(5 * DURE_MILLISECOND));
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(shared->canceled, 40);
    atomic_store(&shared->done, true);
    return NULL;
}

TEST(a_thread_s_scope_has_tasks_on_the_loops)
{
    struct shared shared = { .ran = 0 };

    CHECK_EQ(dure_pipe2(shared.fds, O_CLOEXEC), 0);
    run_thread(own_tasks, &shared, &shared.done);
    close_both(shared.fds);
}

/* A child's failure ends the opener's own wait too. */
static void *wait_beside_a_failing_task(void *arg)
{
    struct shared *shared = arg;
    dure_scope scope;
    char byte;

    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_EQ(dure_spawn(&scope, fail_with_words, NULL, 0), 0);
    CHECK_FAILS(dure_read(shared->fds[0], &byte, 1), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), EDOM);
    CHECK_HAS(dure_why(), "failing");
    CHECK_HAS(dure_why(), "no such luck");
    atomic_store(&shared->done, true);
    return NULL;
}

TEST(a_task_s_failure_ends_the_thread_s_wait)
{
    struct shared shared = { .ran = 0 };

    CHECK_EQ(dure_pipe2(shared.fds, O_CLOEXEC), 0);
    run_thread(wait_beside_a_failing_task, &shared, &shared.done);
    close_both(shared.fds);
}

/* Threads and tasks talk through one socket pair, under one scope that a thread opened. */
static int echo_task(void *arg)
{
    int fd = *(int *)arg;
    char byte;
    ssize_t n;

    while ((n = dure_read(fd, &byte, 1)) > 0)
        CHECK_EQ(dure_write(fd, &byte, 1), 1);
    CHECK_EQ(n, 0);
    return 0;
}

static void *talk(void *arg)
{
    dure_scope scope;
    int fds[2], i;
    char byte;

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_EQ(dure_spawn(&scope, echo_task, &fds[1], sizeof fds[1]), 0);
    for (i = 0; i < 200; i++) {
        byte = (char)i;
        CHECK_EQ(dure_write(fds[0], &byte, 1), 1);
        CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
        CHECK_EQ(byte, (char)i);
    }
    CHECK_EQ(dure_shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    close_both(fds);
    atomic_fetch_add((atomic_int *)arg, 1);
    return NULL;
}

TEST(threads_and_tasks_talk)
{
    atomic_int done = 0;
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, talk, &done), 0);
    YIELD_UNTIL(atomic_load(&done) == 4);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

TEST_OUTSIDE(no_tasks_without_a_run)
{
    dure_scope scope;

    CHECK_EQ(dure_scope_open(&scope), 0);
    CHECK_FAILS(dure_spawn(&scope, fail_with_words, NULL, 0), EPERM);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_FAILS(dure_go(fail_with_words, NULL, 0), EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_calls),
        cmocka_unit_test(in_a_scope_that_does_not_end),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(a_deadline_that_has_passed),
        cmocka_unit_test(canceled_by_another_thread),
        cmocka_unit_test(ended_by_a_signals_handler),
        cmocka_unit_test(a_shield_s_time_counts_from_another_thread_s_cancel),
        cmocka_unit_test(a_forked_child_leaves_its_parent_s_scopes_alone),
        cmocka_unit_test(twins_beside_a_run),
        cmocka_unit_test(a_thread_s_scope_has_tasks_on_the_loops),
        cmocka_unit_test(a_task_s_failure_ends_the_thread_s_wait),
        cmocka_unit_test(threads_and_tasks_talk),
        cmocka_unit_test(no_tasks_without_a_run),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
