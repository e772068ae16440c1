/* Operations with callbacks: who is told, when, how often, and what a callback may do. */
#include "styles.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

static char buf[64];

static void pipe_of(int fds[2])
{
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
}

static void close_both(int fds[2])
{
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- once, and when --- */

/* Ready at once or not, it is told in a turn of the loop, once. */
TEST(told_once_and_never_inside_start)
{
    struct told told = { 0 };
    dure_scope scope;
    dure_op op;
    int fds[2], i;

    pipe_of(fds);
    dure_scope_open(&scope);
    for (i = 0; i < 2; i++) {
        if (i == 0)
            CHECK_EQ(plain_write(fds[1], "x", 1), 1);
        dure_op_read(&op, fds[0], buf, 1);
        CHECK_EQ(dure_start(&op, tell_it, &told), 0);
        CHECK_EQ(told.times, i);
        if (i == 1)
            CHECK_EQ(plain_write(fds[1], "x", 1), 1);
        YIELD_UNTIL(told.times == i + 1);
        CHECK_EQ(told.result, 1);
    }
    one_turn();
    CHECK_EQ(told.times, 2);
    CHECK_EQ(dure_scope_close(&scope), 0);
    close_both(fds);
}

/* The close of a scope waits for its operations, as for its tasks. */
TEST(scope_close_waits)
{
    struct told told[3] = { { 0 } };
    dure_scope scope;
    dure_op ops[3];
    int i;

    dure_scope_open(&scope);
    for (i = 0; i < 3; i++) {
        dure_op_sleep_until(&ops[i], dure_after((3 - i) * DURE_MILLISECOND));
        CHECK_EQ(dure_start(&ops[i], tell_it, &told[i]), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 3; i++) {
        CHECK_EQ(told[i].times, 1);
        CHECK_EQ(told[i].result, 0);
    }
}

/* --- cancelling --- */

TEST(cancel_before_during_and_after)
{
    struct told told = { 0 };
    dure_scope scope;
    dure_op op;
    int fds[2];

    pipe_of(fds);
    dure_scope_open(&scope);
    dure_op_read(&op, fds[0], buf, 1);
    CHECK_FAILS(dure_op_cancel(&op), EINVAL); /* not under way */
    CHECK_EQ(dure_start(&op, tell_it, &told), 0);
    CHECK_FAILS(dure_start(&op, tell_it, &told), EBUSY);
    CHECK_EQ(dure_op_cancel(&op), 0);
    CHECK_EQ(dure_op_cancel(&op), 0);
    CHECK_EQ(told.times, 0); /* later */
    YIELD_UNTIL(told.times);
    CHECK_EQ(told.result, -1);
    CHECK_EQ(told.error, ECANCELED);
    CHECK_FAILS(dure_op_cancel(&op), EINVAL);
    /* It had its result when the cancel came. */
    CHECK_EQ(plain_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_start(&op, tell_it, &told), 0);
    one_turn();
    if (told.times == 1) /* io_uring may be at it yet */
        CHECK_EQ(dure_op_cancel(&op), 0);
    YIELD_UNTIL(told.times == 2);
    CHECK_EQ(told.result, 1);
    CHECK_EQ(dure_scope_close(&scope), 0); /* one's own cancel is no end of a scope */
    close_both(fds);
}

/* Its time has come, but the loop has not looked yet: one of the two ends it. */
TEST(sleep_canceled_when_it_is_over)
{
    struct told told = { 0 };
    dure_deadline soon = dure_after(DURE_MILLISECOND);
    dure_scope scope;
    dure_op op;

    dure_scope_open(&scope);
    dure_op_sleep_until(&op, soon);
    CHECK_EQ(dure_start(&op, tell_it, &told), 0);
    while (dure_now() <= soon.at_ns)
        ; /* no turn in between */
    CHECK_EQ(dure_op_cancel(&op), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(told.times, 1);
    CHECK_EQ(told.error, ECANCELED);
}

TEST(scope_cancel_ends_all)
{
    struct told told[4] = { { 0 } };
    dure_scope scope;
    dure_op ops[4], late;
    int fds[2], i;

    pipe_of(fds);
    dure_scope_open(&scope);
    for (i = 0; i < 4; i++) {
        if (i < 2)
            dure_op_read(&ops[i], fds[0], buf, 1);
        else
            dure_op_sleep_until(&ops[i], i == 2 ? (dure_deadline){ 0 } : dure_after(DURE_MINUTE));
        CHECK_EQ(dure_start(&ops[i], tell_it, &told[i]), 0);
    }
    dure_scope_cancel(&scope);
    dure_op_read(&late, fds[0], buf, 1);
    CHECK_FAILS(dure_start(&late, tell_it, &told[0]), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    for (i = 0; i < 4; i++) {
        CHECK_EQ(told[i].times, 1);
        CHECK_EQ(told[i].result, -1);
        CHECK_EQ(told[i].error, ECANCELED);
    }
    close_both(fds);
}

/* A deadline that only an operation felt is told by the close. */
TEST(deadline_is_felt)
{
    struct told told = { 0 };
    dure_scope scope;
    dure_op op;

    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(2 * DURE_MILLISECOND) });
    dure_op_sleep_until(&op, (dure_deadline){ 0 });
    CHECK_EQ(dure_start(&op, tell_it, &told), 0);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(told.error, ECANCELED);
}

/* As tasks, operations have the scope's grace, in which their callbacks may start others. */
static void sleep_again(dure_op *op, int64_t result, void *arg)
{
    int *left = arg;

    if (result < 0 || --*left == 0)
        return;
    dure_op_sleep_until(op, dure_after(DURE_MILLISECOND));
    CHECK_EQ(dure_start(op, sleep_again, arg), 0);
}

TEST(grace_is_theirs_too)
{
    dure_scope scope;
    dure_op op;
    int left = 3;

    dure_scope_open_with(&scope, &(dure_scope_options){ .grace_ns = DURE_MINUTE });
    dure_op_sleep_until(&op, dure_after(DURE_MILLISECOND));
    CHECK_EQ(dure_start(&op, sleep_again, &left), 0);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(left, 0);
}

static int cancel_it(void *arg)
{
    dure_scope_cancel(*(dure_scope **)arg);
    return 0;
}

TEST(canceled_from_another_loop)
{
    dure_spawn_options there = { .place = DURE_LOOP(1) };
    struct told told = { 0 };
    dure_scope scope, *it = &scope;
    dure_op op;
    int fds[2];

    pipe_of(fds);
    dure_scope_open(&scope);
    dure_op_read(&op, fds[0], buf, 1);
    CHECK_EQ(dure_start(&op, tell_it, &told), 0);
    CHECK_EQ(dure_spawn_with(&scope, &there, cancel_it, &it, sizeof it), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(told.times, 1);
    CHECK_EQ(told.error, ECANCELED);
    close_both(fds);
}

/* --- what a callback may do --- */

struct count {
    int fd, left;
    dure_op *other;
    struct told told;
};

static void read_again(dure_op *op, int64_t result, void *arg)
{
    struct count *count = arg;

    CHECK_EQ(result, 1);
    if (--count->left > 0)
        CHECK_EQ(dure_start(op, read_again, arg), 0);
}

TEST(restarts_itself)
{
    struct count count = { .left = 20 };
    dure_scope scope;
    dure_op op;
    int fds[2];

    pipe_of(fds);
    CHECK_EQ(plain_write(fds[1], "01234567890123456789", 20), 20);
    dure_scope_open(&scope);
    dure_op_read(&op, fds[0], buf, 1);
    CHECK_EQ(dure_start(&op, read_again, &count), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(count.left, 0);
    close_both(fds);
}

static void free_it(dure_op *op, int64_t result, void *arg)
{
    tell_it(op, result, arg);
    free(op);
}

TEST(frees_itself)
{
    struct told told = { 0 };
    dure_scope scope;
    dure_op *op;
    int i;

    dure_scope_open(&scope);
    for (i = 0; i < 10; i++) {
        op = malloc(sizeof *op);
        memset(op, 0x55, sizeof *op); /* over whatever was there */
        dure_op_sleep_until(op, dure_after(i % 2 ? 0 : DURE_MILLISECOND));
        CHECK_EQ(dure_start(op, free_it, &told), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(told.times, 10);
}

static void start_other(dure_op *op, int64_t result, void *arg)
{
    struct count *count = arg;

    (void)op;
    CHECK_EQ(result, 0);
    CHECK_EQ(dure_start(count->other, tell_it, &count->told), 0);
}

static void cancel_other(dure_op *op, int64_t result, void *arg)
{
    struct count *count = arg;

    (void)op;
    CHECK_EQ(result, 0);
    CHECK_EQ(dure_op_cancel(count->other), 0);
}

/* What a callback starts belongs to the scope of its own. */
TEST(starts_and_cancels_others)
{
    struct count count = { 0 };
    dure_op first, second, third;
    dure_scope scope;

    dure_scope_open(&scope);
    count.other = &second;
    dure_op_sleep_until(&first, dure_after(0));
    dure_op_sleep_until(&second, (dure_deadline){ 0 });
    dure_op_sleep_until(&third, dure_after(3 * DURE_MILLISECOND));
    CHECK_EQ(dure_start(&first, start_other, &count), 0);
    CHECK_EQ(dure_start(&third, cancel_other, &count), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(count.told.times, 1);
    CHECK_EQ(count.told.error, ECANCELED);
}

static int note(void *arg)
{
    *(*(int **)arg) += 1;
    return 0;
}

static void spawn_some(dure_op *op, int64_t result, void *arg)
{
    dure_scope *scope = ((void **)arg)[0];
    int *spawned = ((void **)arg)[1];

    (void)op;
    (void)result;
    CHECK_EQ(dure_spawn(scope, note, &spawned, sizeof spawned), 0);
    CHECK_EQ(dure_go(note, &spawned, sizeof spawned), 0);
}

TEST_WITH(spawns, .loops = 1)
{
    dure_scope scope;
    int spawned = 0;
    void *both[] = { &scope, &spawned };
    dure_op op;

    dure_scope_open(&scope);
    dure_op_sleep_until(&op, dure_after(0));
    CHECK_EQ(dure_start(&op, spawn_some, both), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    YIELD_UNTIL(spawned == 2);
}

static int never_run(void *arg)
{
    (void)arg;
    CHECK(false);
    return 0;
}

static void wait_all_ways(dure_op *op, int64_t result, void *arg)
{
    struct pollfd pollfd = { .fd = ((int *)arg)[0], .events = POLLIN };
    struct iovec iov = { buf, 1 };
    int fd = pollfd.fd, sv[2];
    dure_mutex mutex;
    dure_future future;
    struct stat st;
    dure_op other;

    (void)op;
    (void)result;
    CHECK_FAILS(dure_read(fd, buf, 1), EDEADLK);
    CHECK_FAILS(dure_read(fd, buf, 0), EDEADLK);
    CHECK_FAILS(dure_readv(fd, &iov, 1), EDEADLK);
    CHECK_FAILS(dure_write(((int *)arg)[1], "x", 1), EDEADLK);
    CHECK_FAILS(dure_accept(fd, NULL, NULL), EDEADLK);
    CHECK_FAILS(dure_poll(&pollfd, 1, 1), EDEADLK);
    CHECK_FAILS(dure_sleep_for(1), EDEADLK);
    CHECK_FAILS(dure_usleep(1), EDEADLK);
    CHECK_FAILS(dure_open("/dev/null", O_RDONLY), EDEADLK);
    CHECK_FAILS(dure_stat("/", &st), EDEADLK);
    CHECK_FAILS(dure_unlink("/no/such/file"), EDEADLK);
    CHECK_FAILS(dure_fsync(fd), EDEADLK);
    CHECK_FAILS(dure_close(fd), EDEADLK);
    CHECK_FAILS(dure_blocking(never_run, NULL, 0), EDEADLK);
    CHECK_EQ(dure_mutex_init(&mutex, 0), 0);
    CHECK_EQ(dure_mutex_lock(&mutex), 0); /* free: nothing to wait for */
    CHECK_EQ(dure_mutex_unlock(&mutex), 0);
    dure_future_init(&future);
    CHECK_FAILS(dure_await(&future), EDEADLK);
    CHECK_EQ(dure_future_set(&future, 7), 0);
    CHECK_EQ(dure_await(&future), 7);
    dure_op_read(&other, fd, buf, 1);
    CHECK_FAILS(dure_op_wait(&other), EDEADLK);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0); /* does not wait */
    plain_close(sv[0]);
    plain_close(sv[1]);
}

TEST(twins_refuse)
{
    dure_scope scope;
    dure_op op;
    int fds[2];

    pipe_of(fds);
    CHECK_EQ(plain_write(fds[1], "y", 1), 1);
    dure_scope_open(&scope);
    dure_op_sleep_until(&op, dure_after(0));
    CHECK_EQ(dure_start(&op, wait_all_ways, fds), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_read(fds[0], buf, 64), 1); /* nothing was read or written */
    CHECK_EQ(buf[0], 'y');
    close_both(fds);
}

/* A number that another loop has used, and plain code has closed: that loop is told without waiting
   for it. */
static int64_t read_one(void *arg)
{
    char byte;

    return dure_read(*(int *)arg, &byte, 1);
}

static void make_pipe(dure_op *op, int64_t result, void *arg)
{
    int *fds = arg;

    (void)op;
    (void)result;
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
}

TEST(makes_descriptors_of_used_numbers)
{
    int fds[2], again[2], before;
    struct background b;
    dure_scope scope;
    dure_op op;

    pipe_of(fds);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), read_one, &fds[0]);
    CHECK_EQ(plain_write(fds[1], "x", 1), 1);
    YIELD_UNTIL(atomic_load(&b.done));
    before = fds[0];
    plain_close(fds[0]);
    plain_close(fds[1]);
    dure_op_sleep_until(&op, dure_after(0));
    CHECK_EQ(dure_start(&op, make_pipe, again), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(again[0], before);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), read_one, &again[0]);
    CHECK_EQ(plain_write(again[1], "y", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 1);
    close_both(again);
}

/* A scope of another loop with a limit: even its answer would have to be waited for. */
struct limited {
    dure_scope scope;
    atomic_bool open, close;
};

static int hold_open(void *arg)
{
    struct limited *limited = *(struct limited **)arg;

    dure_scope_open_with(&limited->scope, &(dure_scope_options){ .tasks_max = 1 });
    atomic_store(&limited->open, true);
    YIELD_UNTIL(atomic_load(&limited->close));
    return dure_scope_close(&limited->scope);
}

static void spawn_there(dure_op *op, int64_t result, void *arg)
{
    struct limited *limited = arg;

    (void)op;
    (void)result;
    CHECK_FAILS(dure_spawn(&limited->scope, never_run, NULL, 0), EDEADLK);
}

TEST(spawning_where_it_would_wait)
{
    dure_spawn_options there = { .place = DURE_LOOP(1) };
    struct limited limited = { .open = false }, *it = &limited;
    dure_scope scope, inner;
    dure_op op;

    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope, &there, hold_open, &it, sizeof it), 0);
    YIELD_UNTIL(atomic_load(&limited.open));
    dure_scope_open(&inner);
    dure_op_sleep_until(&op, dure_after(0));
    CHECK_EQ(dure_start(&op, spawn_there, &limited), 0);
    CHECK_EQ(dure_scope_close(&inner), 0);
    atomic_store(&limited.close, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- where it may be started --- */

static void *start_on_thread(void *arg)
{
    struct told told = { 0 };
    dure_op op;

    (void)arg;
    dure_op_sleep_until(&op, dure_after(0));
    CHECK_FAILS(dure_start(&op, tell_it, &told), EPERM);
    CHECK_HAS(dure_why(), "started on a loop");
    CHECK_EQ(dure_op_wait(&op), 0); /* as a thread */
    CHECK_EQ(told.times, 0);
    return NULL;
}

static int start_without_scope(void *arg)
{
    struct told told = { 0 };
    dure_op op;

    dure_op_sleep_until(&op, dure_after(0));
    CHECK_FAILS(dure_start(&op, tell_it, &told), EPERM);
    CHECK_HAS(dure_why(), "a scope");
    if (dure_loop_number() == 1) {
        CHECK_FAILS(dure_start_in(*(dure_scope **)arg, &op, tell_it, &told), EPERM);
        CHECK_HAS(dure_why(), "loop of its scope");
    }
    return 0;
}

TEST(refused_without_loop_or_scope)
{
    dure_spawn_options there = { .place = DURE_LOOP(1) };
    dure_scope scope, *it = &scope;
    pthread_t thread;

    pthread_create(&thread, NULL, start_on_thread, NULL);
    pthread_join(thread, NULL);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, start_without_scope, &it, sizeof it), 0);
    CHECK_EQ(dure_spawn_with(&scope, &there, start_without_scope, &it, sizeof it), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST_OUTSIDE(refused_outside_a_run)
{
    start_on_thread(NULL);
}

struct given {
    dure_scope *scope;
    dure_op *op;
    struct told *told;
};

static int start_in_parents(void *arg)
{
    struct given *given = arg;

    CHECK_EQ(dure_start_in(given->scope, given->op, tell_it, given->told), 0);
    return 0;
}

static int cancel_of_elsewhere(void *arg)
{
    CHECK_FAILS(dure_op_cancel(*(dure_op **)arg), EPERM);
    return 0;
}

/* A task may leave one behind in a scope that outlasts it. */
TEST(started_in_a_given_scope)
{
    dure_spawn_options there = { .place = DURE_LOOP(1) };
    struct told told = { 0 };
    dure_scope scope, inner;
    dure_op op, *it = &op;
    struct given given = { &scope, &op, &told };

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_op_sleep_until(&op, (dure_deadline){ 0 });
    CHECK_EQ(dure_spawn(&scope, start_in_parents, &given, sizeof given), 0);
    dure_yield();
    CHECK_EQ(told.times, 0);
    dure_scope_open(&inner);
    CHECK_EQ(dure_spawn_with(&inner, &there, cancel_of_elsewhere, &it, sizeof it), 0);
    CHECK_EQ(dure_scope_close(&inner), 0);
    CHECK_EQ(dure_op_cancel(&op), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(told.times, 1);
    CHECK_EQ(told.error, ECANCELED);
}

/* --- on threads --- */

static atomic_bool let_go;

static int occupy(void *arg)
{
    (void)arg;
    while (!atomic_load(&let_go))
        usleep(1000);
    return 0;
}

static int occupy_thread(void *arg)
{
    (void)arg;
    return dure_blocking(occupy, NULL, 0);
}

/* What only a thread can do is cancelled while it queues. A read at a file's own position is such a
   thing on every backend. */
TEST_WITH(cancel_of_what_a_thread_does, .loops = 1, .blocking_threads = 1)
{
    struct told told[2] = { { 0 } };
    int i, fd = make_file("ab", 2);
    dure_scope scope;
    dure_op ops[2];

    NOT_SIMULATED("no thread does anything");
    atomic_store(&let_go, false);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, occupy_thread, NULL, 0), 0);
    one_turn();
    for (i = 0; i < 2; i++) {
        dure_op_read(&ops[i], fd, &buf[i], 1);
        CHECK_EQ(dure_start(&ops[i], tell_it, &told[i]), 0);
    }
    one_turn();
    CHECK_EQ(told[0].times + told[1].times, 0);
    CHECK_EQ(dure_op_cancel(&ops[0]), 0);
    YIELD_UNTIL(told[0].times);
    CHECK_EQ(told[0].error, ECANCELED);
    atomic_store(&let_go, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(told[1].result, 1);
    CHECK_EQ(buf[1], 'a'); /* the other one has read nothing */
    CHECK_EQ(dure_close(fd), 0);
}

/* --- many --- */

enum { MANY = 300 };

static void note_order(dure_op *op, int64_t result, void *arg)
{
    (void)op;
    CHECK_EQ(result, 1);
    (*(int *)arg)++;
}

TEST(more_than_the_queue_holds)
{
    static dure_op ops[MANY];
    static char bytes[MANY];
    struct told told = { 0 };
    dure_scope scope;
    int fds[2], done = 0, i;

    pipe_of(fds);
    dure_scope_open(&scope);
    for (i = 0; i < MANY; i++) {
        dure_op_read(&ops[i], fds[0], &bytes[i], 1);
        CHECK_EQ(dure_start(&ops[i], note_order, &done), 0);
    }
    one_turn();
    CHECK_EQ(done, 0);
    for (i = 0; i < MANY; i++)
        CHECK_EQ(plain_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(done, MANY);
    /* And as many are cancelled at once. */
    dure_scope_open(&scope);
    for (i = 0; i < MANY; i++) {
        dure_op_read(&ops[i], fds[0], &bytes[i], 1);
        CHECK_EQ(dure_start(&ops[i], tell_it, &told), 0);
    }
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(told.times, MANY);
    close_both(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_once_and_never_inside_start),
        cmocka_unit_test(scope_close_waits),
        cmocka_unit_test(cancel_before_during_and_after),
        cmocka_unit_test(sleep_canceled_when_it_is_over),
        cmocka_unit_test(scope_cancel_ends_all),
        cmocka_unit_test(deadline_is_felt),
        cmocka_unit_test(grace_is_theirs_too),
        cmocka_unit_test(canceled_from_another_loop),
        cmocka_unit_test(restarts_itself),
        cmocka_unit_test(frees_itself),
        cmocka_unit_test(starts_and_cancels_others),
        cmocka_unit_test(spawns),
        cmocka_unit_test(twins_refuse),
        cmocka_unit_test(makes_descriptors_of_used_numbers),
        cmocka_unit_test(spawning_where_it_would_wait),
        cmocka_unit_test(cancel_of_what_a_thread_does),
        cmocka_unit_test(refused_without_loop_or_scope),
        cmocka_unit_test(refused_outside_a_run),
        cmocka_unit_test(started_in_a_given_scope),
        cmocka_unit_test(more_than_the_queue_holds),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
