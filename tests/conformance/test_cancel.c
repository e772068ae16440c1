/* Cancellation: what fails, what does not, from wherever it comes. Shields and graces are in
   test_shield.c. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

/* --- at entry --- */

/* All that could have been done at once is refused, and nothing happens. */
TEST(waits_fail_at_entry_ready_or_not)
{
    char bytes[4], path[64];
    struct pollfd poll_fd = { .events = POLLIN };
    struct iovec iov = { bytes, 1 };
    struct stat stat;
    dure_scope scope;
    int file, sockets[2];

    make_name(path);
    file = dure_open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    CHECK_EQ(dure_send(sockets[1], "abc", 3, 0), 3);
    poll_fd.fd = sockets[0];
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_yield(), ECANCELED);
    CHECK_FAILS(dure_sleep_for(0), ECANCELED);
    CHECK_FAILS(dure_sleep_for(DURE_MINUTE), ECANCELED);
    CHECK_FAILS(dure_usleep(1), ECANCELED);
    CHECK_FAILS(dure_read(sockets[0], bytes, 1), ECANCELED);
    CHECK_FAILS(dure_readv(sockets[0], &iov, 1), ECANCELED);
    CHECK_FAILS(dure_recv(sockets[0], bytes, 1, 0), ECANCELED);
    CHECK_FAILS(dure_write(sockets[0], "d", 1), ECANCELED);
    CHECK_FAILS(dure_writev(sockets[0], &iov, 1), ECANCELED);
    CHECK_FAILS(dure_send(sockets[0], "d", 1, 0), ECANCELED);
    CHECK_FAILS(dure_poll(&poll_fd, 1, -1), ECANCELED);
    CHECK_FAILS(dure_accept(sockets[0], NULL, NULL), ECANCELED);
    CHECK_FAILS(dure_open(path, O_RDONLY), ECANCELED);
    CHECK_FAILS(dure_stat(path, &stat), ECANCELED);
    CHECK_FAILS(dure_pread(file, bytes, 1, 0), ECANCELED);
    CHECK_FAILS(dure_pwrite(file, "d", 1, 0), ECANCELED);
    CHECK_FAILS(dure_fsync(file), ECANCELED);
    CHECK_FAILS(dure_blocking(sleep_for_ever, NULL, 0), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_read_full(sockets[0], bytes, 3), 3); /* all is still there */
    CHECK_EQ(dure_fstat(file, &stat), 0);
    CHECK_EQ(stat.st_size, 0);
    CHECK_EQ(dure_send(sockets[1], "e", 1, 0), 1);
    CHECK_EQ(dure_recv(sockets[0], bytes, 1, 0), 1);
    CHECK_EQ(bytes[0], 'e');
    CHECK_EQ(dure_close(sockets[0]), 0);
    CHECK_EQ(dure_close(sockets[1]), 0);
    CHECK_EQ(dure_close(file), 0);
    CHECK_EQ(dure_unlink(path), 0);
}

static atomic_bool other_ran;

static int run_beside(void *arg)
{
    (void)arg;
    atomic_store(&other_ran, true);
    return 0;
}

/* `for (;;) accept()` in a cancelled task does not freeze its loop. */
TEST(cancelled_calls_yield)
{
    int listener = dure_listen_tcp("127.0.0.1", 0), fd;
    dure_scope outer, scope;
    int call;

    CHECK(listener >= 0);
    for (call = 0; call < 4; call++) {
        atomic_store(&other_ran, false);
        dure_scope_open_with(&outer, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
        dure_scope_open(&scope);
        dure_scope_cancel(&scope);
        dure_spawn(&outer, run_beside, NULL, 0);
        while (!atomic_load(&other_ran)) {
            switch (call) {
            case 0:
                CHECK_FAILS(dure_accept(listener, NULL, NULL), ECANCELED);
                break;
            case 1:
                CHECK_FAILS(dure_sleep_for(0), ECANCELED);
                break;
            case 2:
                CHECK_FAILS(dure_open("/dev/null", O_RDONLY), ECANCELED);
                break;
            default:
                fd = dure_dial_tcp("127.0.0.1", 9);
                CHECK_EQ(fd, -1);
                CHECK_EQ(errno, ECANCELED);
            }
        }
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(dure_scope_close(&outer), 0);
    }
    CHECK_EQ(dure_close(listener), 0);
}

TEST(close_and_scopes_work_in_a_cancelled_task)
{
    dure_scope scope, inner;
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    dure_spawn(&scope, sleep_for_ever, NULL, 0);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(plain_fcntl(fds[0], F_GETFD), -1);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(plain_fcntl(fds[1], F_GETFD), -1);
    CHECK_EQ(dure_scope_open(&inner), 0);
    dure_scope_set_deadline(&inner, dure_after(DURE_MINUTE));
    dure_scope_cancel(&inner);
    CHECK_FAILS(dure_scope_close(&inner), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED); /* after the task has ended */
}

static int take_all(void *arg)
{
    int fd = *(int *)arg;
    char byte;

    CHECK_FAILS(dure_read(fd, &byte, 1), ECANCELED);
    return 0;
}

/* A cancelled read has taken nothing. */
TEST(cancelled_read_leaves_what_comes_later)
{
    dure_scope scope;
    int fds[2], i;
    char byte;

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    for (i = 0; i < 100; i++) {
        dure_scope_open(&scope);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) }, take_all, fds,
                        sizeof *fds);
        if (i % 3)
            dure_yield();
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(dure_write(fds[1], "x", 1), 1);
        CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
    }
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- from wherever --- */

static int cancel_it(void *arg)
{
    dure_scope_cancel(arg);
    return 0;
}

static void *cancel_it_from_a_thread(void *arg)
{
    dure_scope_cancel(arg);
    dure_scope_cancel(arg);
    return NULL;
}

TEST_WITH(cancel_from_every_loop_and_a_thread, .loops = 4)
{
    pthread_t thread;
    dure_scope scope;
    int place, i;

    for (i = 0; i < 50; i++)
        for (place = DURE_LOOP(0); place <= DURE_LOOP(3); place++) {
            dure_scope_open(&scope);
            dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, sleep_for_ever, NULL,
                            0);
            dure_spawn_with(&scope, &(dure_spawn_options){ .place = place }, cancel_it, &scope, 0);
            CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
            CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        }
    dure_scope_open(&scope);
    dure_spawn(&scope, sleep_for_ever, NULL, 0);
    pthread_create(&thread, NULL, cancel_it_from_a_thread, &scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    pthread_join(thread, NULL);
}

static int cancel_home_and_wait(void *arg)
{
    dure_scope_cancel(arg);
    CHECK_FAILS(dure_yield(), ECANCELED); /* at once, although the scope lives elsewhere */
    CHECK_EQ(dure_canceled(), 1);
    return 0;
}

TEST(who_cancels_its_own_scope_feels_it_at_once)
{
    dure_scope scope;
    int i;

    for (i = 0; i < 200; i++) {
        dure_scope_open(&scope);
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) },
                        cancel_home_and_wait, &scope, 0);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    }
}

/* --- under stress --- */

static atomic_int begun, ended;

static int live_shortly(void *arg)
{
    unsigned kind = *(unsigned *)arg;
    int64_t sleep_ns = kind % 5 * 7 * DURE_MICROSECOND;
    dure_scope scope;

    atomic_fetch_add(&begun, 1);
    switch (kind % 4) {
    case 0:
        break;
    case 1:
        dure_yield();
        break;
    case 2:
        dure_sleep_for(sleep_ns);
        break;
    default:
        dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(2 * sleep_ns) });
        if (dure_spawn(&scope, sleep_for_ever, NULL, 0) < 0)
            CHECK_EQ(errno, ECANCELED);
        dure_scope_close(&scope);
    }
    atomic_fetch_add(&ended, 1);
    return 0;
}

/* Tasks are cancelled while they are queued, stolen, on their way, started, parked and ending. */
TEST_WITH(cancel_meets_tasks_everywhere, .loops = 4)
{
    unsigned rounds = UNDER_TSAN || UNDER_ASAN || conformance_valgrind() ? 100 : 1500;
    unsigned round, i, spawned = 0, kind;

    atomic_store(&begun, 0);
    atomic_store(&ended, 0);
    for (round = 0; round < rounds; round++) {
        dure_scope scope;

        dure_scope_open(&scope);
        for (i = 0; i < 40; i++) {
            int place = round % 3 == 0 ? DURE_ANYWHERE : DURE_LOOP((int)(i % 4));

            kind = round + i;
            spawned += dure_spawn_with(&scope, &(dure_spawn_options){ .place = place },
                                       live_shortly, &kind, sizeof kind) == 0;
        }
        for (i = 0; i < round % 9; i++)
            dure_yield();
        if (round % 5 == 0)
            dure_sleep_for(round % 50 * DURE_MICROSECOND);
        if (round % 4 == 1)
            dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)(round % 4)) },
                            cancel_it, &scope, 0);
        else
            dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(begun, spawned);
        CHECK_EQ(ended, spawned);
    }
    CHECK_EQ(spawned, rounds * 40);
}

/* Deadlines instead of cancels, on scopes within scopes on several loops. */
static int time_out(void *arg)
{
    unsigned number = *(unsigned *)arg, i;

    for (i = 0; i < 20; i++) {
        dure_scope scope;
        int result;

        dure_scope_open_with(
            &scope,
            &(dure_scope_options){ .deadline = dure_after((number + i) % 60 * DURE_MICROSECOND) });
        if (dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)(i % 4)) },
                            sleep_for_ever, NULL, 0) < 0)
            CHECK_EQ(errno, ECANCELED);
        dure_sleep_until((dure_deadline){ 0 });
        result = dure_scope_close(&scope);
        CHECK_EQ(result, -1);
        CHECK_EQ(errno, ETIMEDOUT);
    }
    return 0;
}

TEST_WITH(deadlines_meet_tasks_everywhere, .loops = 4)
{
    unsigned tasks = UNDER_TSAN || UNDER_ASAN || conformance_valgrind() ? 40 : 300, i;
    dure_scope scope;

    dure_scope_open(&scope);
    for (i = 0; i < tasks; i++)
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)(i % 4)) }, time_out,
                        &i, sizeof i);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_fail_at_entry_ready_or_not),
        cmocka_unit_test(cancelled_calls_yield),
        cmocka_unit_test(close_and_scopes_work_in_a_cancelled_task),
        cmocka_unit_test(cancelled_read_leaves_what_comes_later),
        cmocka_unit_test(cancel_from_every_loop_and_a_thread),
        cmocka_unit_test(who_cancels_its_own_scope_feels_it_at_once),
        cmocka_unit_test(cancel_meets_tasks_everywhere),
        cmocka_unit_test(deadlines_meet_tasks_everywhere),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
