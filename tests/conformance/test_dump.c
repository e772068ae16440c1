/* The dump: every task by name, with what it waits for. */
#include "conformance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

static char text[256 * 1024];

static const char *dump(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    ssize_t n;

    CHECK_EQ(dure_dump(fd), 0);
    n = pread(fd, text, sizeof text - 1, 0);
    CHECK(n > 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

static atomic_int waiting;

static int read_for_ever(void *arg)
{
    char byte;

    atomic_fetch_add(&waiting, 1);
    CHECK_FAILS(dure_read(*(int *)arg, &byte, 1), ECANCELED);
    return 0;
}

static int sleep_for_ever(void *arg)
{
    (void)arg;
    atomic_fetch_add(&waiting, 1);
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

static int close_for_ever(void *arg)
{
    dure_scope scope;

    dure_scope_open(&scope);
    dure_spawn_with(&scope, &(dure_spawn_options){ .name = "grandchild" }, sleep_for_ever, arg, 0);
    atomic_fetch_add(&waiting, 1);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    return 0;
}

static void *dump_from_a_thread(void *arg)
{
    (void)arg;
    dump();
    return NULL;
}

static int join(void *arg)
{
    return pthread_join(*(pthread_t *)arg, NULL);
}

/* The dump says of the task in whose scope it lives: one of this other task's. */
static void check_lives_with(const char *task, const char *other)
{
    char name[32], number[32] = "", wanted[64];
    const char *at;

    snprintf(name, sizeof name, " \"%s\"", other);
    at = strstr(text, name);
    if (!CHECK(at != NULL))
        return;
    while (at[-1] != ' ')
        at--;
    CHECK_EQ(sscanf(at, "%31s", number), 1);
    snprintf(wanted, sizeof wanted, ", in a scope of task %s", number);
    snprintf(name, sizeof name, " \"%s\"", task);
    at = strstr(text, name);
    if (!CHECK(at != NULL))
        return;
    at = strstr(at, wanted);
    CHECK(at && memchr(strstr(text, name), '\n', (size_t)(at - strstr(text, name))) == NULL);
}

TEST(dump_names_tasks_and_waits)
{
    dure_spawn_options reader = { .name = "reader", .place = DURE_LOOP(1) };
    dure_spawn_options sleeper = { .name = "sleeper" };
    dure_spawn_options closer = { .name = "closer" };
    char descriptor[16];
    pthread_t thread;
    dure_scope scope;
    int fds[2];

    atomic_store(&waiting, 0);
    CHECK_EQ(dure_pipe2(fds, 0), 0);
    snprintf(descriptor, sizeof descriptor, "%d", fds[0]);
    dure_scope_open(&scope);
    dure_spawn_with(&scope, &reader, read_for_ever, fds, sizeof *fds);
    dure_spawn_with(&scope, &sleeper, sleep_for_ever, NULL, 0);
    dure_spawn_with(&scope, &closer, close_for_ever, NULL, 0);
    YIELD_UNTIL(waiting == 4);
    dure_sleep_for(DURE_MILLISECOND);
    CHECK_EQ(conformance_tasks(), 5);
    dump();
    CHECK_HAS(text, "reader");
    CHECK_HAS(text, "read");
    CHECK_HAS(text, descriptor);
    CHECK_HAS(text, "sleeper");
    CHECK_HAS(text, "sleep");
    CHECK_HAS(text, "closer");
    CHECK_HAS(text, "scope close");
    CHECK_HAS(text, "grandchild");
    CHECK_HAS(text, "main");
    CHECK_HAS(text, dure_backend_name());
    check_lives_with("grandchild", "closer");
    check_lives_with("closer", "main");
    check_lives_with("reader", "main");
    pthread_create(&thread, NULL, dump_from_a_thread, NULL);
    CHECK_EQ(dure_blocking(join, &thread, sizeof thread), 0);
    CHECK_HAS(text, "reader");
    CHECK_HAS(text, "main");
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static void *dump_in_a_scope(void *arg)
{
    dure_scope scope;

    CHECK_EQ(dure_scope_open(&scope), 0);
    dump_from_a_thread(arg);
    CHECK_EQ(dure_scope_close(&scope), 0);
    return NULL;
}

/* A run that goes on without tasks is kept by somebody. */
TEST(dump_tells_what_keeps_the_run)
{
    pthread_t thread;

    CHECK_HAS(dump(), "tasks: 1, by scopes and spawns of plain threads: 0");
    pthread_create(&thread, NULL, dump_in_a_scope, NULL);
    CHECK_EQ(dure_blocking(join, &thread, sizeof thread), 0);
    CHECK_HAS(text, "tasks: 1, by scopes and spawns of plain threads: 1");
}

static int hog(void *arg)
{
    atomic_bool *enough = *(atomic_bool **)arg;

    atomic_fetch_add(&waiting, 1);
    while (!atomic_load(enough))
        ;
    return 0;
}

/* A task that does not give its thread away is named all the same. */
TEST(dump_names_who_hogs_its_loop)
{
    atomic_bool enough = false, *enough_at = &enough;
    dure_scope scope;

    atomic_store(&waiting, 0);
    dure_scope_open(&scope);
    dure_spawn_with(&scope, &(dure_spawn_options){ .name = "hog", .place = DURE_LOOP(1) }, hog,
                    &enough_at, sizeof enough_at);
    YIELD_UNTIL(waiting == 1);
    CHECK_HAS(dump(), "hog");
    atomic_store(&enough, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(dump_to_nowhere)
{
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_FAILS(dure_dump(fds[0]), EBADF);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_dump(-1), EBADF);
}

TEST_OUTSIDE(dump_without_a_run)
{
    CHECK_FAILS(dure_dump(STDERR_FILENO), EPERM);
}

/* Dumps while tasks come and go, and at the run's end. */
static atomic_bool enough_dumps;

static int come_and_go(void *arg)
{
    int left = *(int *)arg - 1;

    dure_yield();
    if (left > 0)
        dure_go(come_and_go, &left, sizeof left);
    return 0;
}

static int start_coming_and_going(void *arg)
{
    int i, length = 100;

    (void)arg;
    for (i = 0; i < 10; i++)
        dure_go(come_and_go, &length, sizeof length);
    return 0;
}

static void *dump_all_the_time(void *arg)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);

    (void)arg;
    while (!atomic_load(&enough_dumps)) {
        if (dure_dump(fd) < 0)
            CHECK_EQ(errno, EPERM);
        if (lseek(fd, 0, SEEK_CUR) > 1 << 20)
            lseek(fd, 0, SEEK_SET);
    }
    close(fd);
    return NULL;
}

TEST_OUTSIDE(dump_meets_the_runs_end)
{
    int rounds = UNDER_TSAN || UNDER_ASAN || conformance_valgrind() ? 20 : 100, i;
    pthread_t thread;

    atomic_store(&enough_dumps, false);
    CHECK_EQ(pthread_create(&thread, NULL, dump_all_the_time, NULL), 0);
    for (i = 0; i < rounds; i++)
        CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2 }, start_coming_and_going, NULL), 0);
    atomic_store(&enough_dumps, true);
    pthread_join(thread, NULL);
}

static void nothing_told(dure_op *op, int64_t result, void *arg)
{
    (void)op;
    (void)result;
    (void)arg;
}

/* What the close of a scope waits for besides tasks. */
TEST(operations_by_name)
{
    enum { OPS = 20 };
    static dure_op ops[OPS];
    char byte, words[64];
    dure_scope scope;
    int fds[2], i;

    CHECK_EQ(dure_pipe2(fds, 0), 0);
    dure_scope_open(&scope);
    for (i = 0; i < OPS; i++) {
        if (i == OPS - 1)
            dure_op_read(&ops[i], fds[0], &byte, 1);
        else
            dure_op_sleep_until(&ops[i], (dure_deadline){ 0 });
        CHECK_EQ(dure_start(&ops[i], nothing_told, NULL), 0);
    }
    snprintf(words, sizeof words, "operation read on descriptor %d, for ", fds[0]);
    dump();
    CHECK_HAS(text, words);
    CHECK_HAS(text, "operation sleep, for ");
    CHECK_HAS(text, "and more: 20 operations in all");
    dure_op_cancel(&ops[OPS - 1]);
    dump();
    CHECK(!strstr(text, words) || strstr(text, ", canceled"));
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_names_tasks_and_waits),
        cmocka_unit_test(dump_tells_what_keeps_the_run),
        cmocka_unit_test(dump_names_who_hogs_its_loop),
        cmocka_unit_test(dump_to_nowhere),
        cmocka_unit_test(dump_without_a_run),
        cmocka_unit_test(dump_meets_the_runs_end),
        cmocka_unit_test(operations_by_name),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
