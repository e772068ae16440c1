/* Faults the runtime must survive: signals, a shortage of memory, queues of four, a kernel without
   io_uring. Those of peers are in test_peers.c, those of accept in test_serve.c and test_accept.c,
   those of fork in test_fork.c, those of spawn's scale in test_scale.c. */
#include "waiting.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static void close_both(int fds[2])
{
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- signals --- */

static atomic_uint ticks;

static void on_tick(int number)
{
    (void)number;
    atomic_fetch_add_explicit(&ticks, 1, memory_order_relaxed);
}

static int echo(void *arg)
{
    int fd = *(int *)arg;
    char data[64];
    ssize_t n;

    while ((n = dure_read(fd, data, sizeof data)) > 0)
        CHECK_EQ(dure_write(fd, data, (size_t)n), n);
    CHECK_EQ(n, 0);
    return 0;
}

struct traffic {
    int fds[2];
    int messages;
};

static int talk(void *arg)
{
    struct traffic *traffic = arg;
    char data[64], back[64];
    int i;

    for (i = 0; i < traffic->messages; i++) {
        memset(data, i, sizeof data);
        if (!CHECK_EQ(dure_write(traffic->fds[0], data, sizeof data), sizeof data) ||
            !CHECK_EQ(dure_read_full(traffic->fds[0], back, sizeof back), sizeof back))
            break;
        CHECK(memcmp(data, back, sizeof data) == 0);
    }
    CHECK_EQ(dure_shutdown(traffic->fds[0], SHUT_WR), 0);
    return 0;
}

/* Pairs that talk across the loops, started in scope; close the descriptors after its close. */
static void start_traffic(dure_scope *scope, struct traffic *all, int len, int messages)
{
    int i;

    for (i = 0; i < len; i++) {
        all[i].messages = messages;
        make_tcp_pair(all[i].fds);
        CHECK_EQ(dure_spawn_with(scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) }, echo,
                                 &all[i].fds[1], sizeof(int)),
                 0);
        CHECK_EQ(dure_spawn_with(scope, &(dure_spawn_options){ .place = DURE_LOOP(i / 2 % 2) },
                                 talk, &all[i], sizeof all[i]),
                 0);
    }
}

static void end_traffic(struct traffic *all, int len)
{
    int i;

    for (i = 0; i < len; i++)
        close_both(all[i].fds);
}

static int sleep_often(void *arg)
{
    int64_t begun_ns;
    int i;

    (void)arg;
    for (i = 0; i < 20; i++) {
        begun_ns = dure_now();
        CHECK_EQ(dure_sleep_for(2 * DURE_MILLISECOND), 0);
        CHECK(dure_now() - begun_ns >= 2 * DURE_MILLISECOND);
    }
    return 0;
}

static int pass_through_files(void *arg)
{
    int fd = make_file("text", 4), i, again;
    char text[4];

    (void)arg;
    for (i = 0; i < 50; i++) {
        CHECK_EQ(dure_pwrite(fd, "more", 4, 0), 4);
        CHECK(dure_pread(fd, text, 4, 0) > 0);
        again = dure_open("/dev/null", O_RDONLY);
        CHECK(again >= 0);
        CHECK_EQ(dure_close(again), 0);
    }
    CHECK_EQ(dure_close(fd), 0);
    return 0;
}

/* A timer of 100 us interrupts whatever thread of the process the kernel picks. */
TEST(interrupted_all_the_time)
{
    struct sigaction action = { .sa_handler = on_tick }, old; /* no SA_RESTART */
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    struct itimerspec every = { { 0, 100000 }, { 0, 100000 } };
    struct traffic all[4];
    dure_scope scope;
    timer_t timer;

    atomic_store(&ticks, 0);
    sigaction(SIGUSR2, &action, &old);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &every, NULL), 0);
    dure_scope_open(&scope);
    start_traffic(&scope, all, 4, one_byte() ? 20 : 300);
    CHECK_EQ(dure_spawn(&scope, sleep_often, NULL, 0), 0);
    CHECK_EQ(dure_spawn(&scope, pass_through_files, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(timer_delete(timer), 0);
    sigaction(SIGUSR2, &old, NULL);
    end_traffic(all, 4);
    CHECK(atomic_load(&ticks) > 20);
}

/* --- errno --- */

static int keep_errno(void *arg)
{
    int mine = *(int *)arg, i;

    for (i = 0; i < 50; i++) {
        errno = mine;
        dure_yield();
        CHECK_EQ(errno, mine);
        if (i % 10 == 0)
            dure_sleep_for(DURE_MILLISECOND);
        CHECK_EQ(errno, mine);
    }
    return 0;
}

TEST(errno_over_a_wait)
{
    dure_scope scope;
    int i;

    dure_scope_open(&scope);
    for (i = 0; i < 20; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 keep_errno, &(int){ 1000 + i }, sizeof(int)),
                 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- no memory at spawn --- */

static int sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_sleep_until((dure_deadline){ 0 }), ECANCELED);
    return 0;
}

static int count_one(void *arg)
{
    atomic_fetch_add(*(atomic_int **)arg, 1);
    return 0;
}

/* Spawns until that fails. Returns how often it did not. */
static int spawn_all(dure_scope *scope)
{
    const dure_spawn_options large = { .stack_size = 4 << 20 };
    int count = 0;

    while (count < 100000 && dure_spawn_with(scope, &large, sleep_for_ever, NULL, 0) == 0)
        count++;
    CHECK(errno == EAGAIN || errno == ENOMEM);
    CHECK(dure_why()[0] != '\0');
    return count;
}

static int run_short_of_memory(void *arg)
{
    struct rlimit old, limit;
    atomic_int ran = 0, *ran_at = &ran;
    unsigned long pages = 0;
    dure_scope scope;
    FILE *file = fopen("/proc/self/statm", "re");
    int i;

    (void)arg;
    CHECK_EQ(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    getrlimit(RLIMIT_AS, &old);
    limit = old;
    limit.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (64 << 20);
    dure_scope_open(&scope);
    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    CHECK(spawn_all(&scope) < 100000);
    CHECK_EQ(setrlimit(RLIMIT_AS, &old), 0);
    dure_scope_cancel(&scope); /* those that were spawned end as they should */
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    dure_scope_open(&scope);
    for (i = 0; i < 100; i++)
        CHECK_EQ(dure_spawn(&scope, count_one, &ran_at, sizeof ran_at), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(ran, 100);
    return 0;
}

static void start_short_of_memory(void)
{
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 1 }, run_short_of_memory, NULL), 0);
}

TEST_OUTSIDE(no_memory_at_spawn)
{
    struct child child;

    if (UNDER_ASAN || UNDER_TSAN || conformance_valgrind()) {
        printf("# skipped: the address space of a sanitizer cannot be bounded\n");
        return;
    }
    conformance_child(&child, start_short_of_memory);
    CHECK_CHILD_OK(&child);
}

/* --- io_uring refused --- */

static int refusal;

/* From now on io_uring_setup fails with `refusal`, for this process. */
static void refuse_uring(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)refusal),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static int use_what_there_is(void *arg)
{
    int fd = memfd_create("dump", MFD_CLOEXEC), fds[2];
    char text[4096] = "", byte;

    (void)arg;
    CHECK_STR(dure_backend_name(), "epoll");
    CHECK_EQ(dure_dump(fd), 0);
    CHECK(pread(fd, text, sizeof text - 1, 0) > 0);
    text[strcspn(text, "\n")] = '\0';
    CHECK_HAS(text, "epoll");
    CHECK_HAS(text, "io_uring");
    CHECK_HAS(text, strerror(refusal));
    close(fd);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_read(fds[0], &byte, 1), 1);
    close_both(fds);
    return 0;
}

static void fall_back(void)
{
    refuse_uring();
    unsetenv("DURE_BACKEND");
    CHECK_EQ(dure_run(use_what_there_is, NULL), 0);
}

static void insist(void)
{
    refuse_uring();
    setenv("DURE_BACKEND", "io_uring", 1);
    CHECK_FAILS(dure_run(use_what_there_is, NULL), ENOSYS);
    CHECK_HAS(dure_why(), "io_uring");
    CHECK_HAS(dure_why(), strerror(refusal));
    setenv("DURE_BACKEND", "epoll", 1);
    CHECK_FAILS(
        dure_run_with(&(dure_run_options){ .backend = "io_uring" }, use_what_there_is, NULL),
        ENOSYS);
}

static bool have_uring(void)
{
    const char *backend = getenv("DURE_BACKEND");

    return backend && strcmp(backend, "io_uring") == 0; /* else it would have been skipped */
}

TEST_OUTSIDE(uring_refused)
{
    static const int errors[] = { EPERM, ENOSYS };
    struct child child;
    int i;

    if (!have_uring())
        return;
    for (i = 0; i < 2; i++) {
        refusal = errors[i];
        conformance_child(&child, fall_back);
        CHECK_CHILD_OK(&child);
        conformance_child(&child, insist);
        CHECK_CHILD_OK(&child);
    }
}

/* --- queues of four --- */

struct shared_wait {
    int fd;
    dure_deadline deadline;
};

static int wait_until_the_deadline(void *arg)
{
    struct shared_wait *wait = arg;
    ssize_t n = 0;
    char byte;

    DURE_WITHIN(wait->deadline)
    n = dure_read(wait->fd, &byte, 1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(n, -1);
    CHECK(dure_now() >= wait->deadline.at_ns);
    return 0;
}

/* Thousands of waits that end together need a cancel each: more than the queues hold at once.
   Beside them goes traffic, which must not suffer. */
TEST_WITH(deadlines_by_the_thousand, .loops = 2, .queue_entries = 4)
{
    unsigned count = conformance_scale(UNDER_TSAN ? 2000 : 5000), i;
    struct shared_wait wait;
    struct traffic all[2];
    dure_scope scope;
    int fds[8][2];

    for (i = 0; i < 8; i++)
        CHECK_EQ(dure_pipe2(fds[i], O_CLOEXEC), 0);
    wait.deadline = dure_after(100 * DURE_MILLISECOND);
    dure_scope_open(&scope);
    start_traffic(&scope, all, 2, one_byte() ? 20 : 300);
    for (i = 0; i < count; i++) {
        wait.fd = fds[i % 8][0];
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .stack_size = 64 << 10 },
                                 wait_until_the_deadline, &wait, sizeof wait),
                 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    end_traffic(all, 2);
    for (i = 0; i < 8; i++) {
        CHECK_EQ(dure_write(fds[i][1], "x", 1), 1); /* nobody took what came too late */
        CHECK_EQ(drain(fds[i][0]), 1);
        close_both(fds[i]);
    }
}

static int read_and_count(void *arg)
{
    void **args = arg;
    char byte;

    CHECK_EQ(dure_read((int)(intptr_t)args[0], &byte, 1), 1);
    atomic_fetch_add((atomic_int *)args[1], 1);
    return 0;
}

/* As many completions at once. */
TEST_WITH(completions_by_the_thousand, .loops = 2, .queue_entries = 4)
{
    int count = (int)conformance_scale(UNDER_TSAN ? 2000 : 5000), i;
    char *data = calloc(1, (size_t)count);
    atomic_int got = 0;
    dure_scope scope;
    int fds[2];

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    dure_scope_open(&scope);
    for (i = 0; i < count; i++) {
        void *args[2] = { (void *)(intptr_t)fds[0], &got };

        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .stack_size = 64 << 10 },
                                 read_and_count, args, sizeof args),
                 0);
    }
    one_turn();
    CHECK_EQ(dure_write_all(fds[1], data, (size_t)count), count);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(got, count);
    close_both(fds);
    free(data);
}

/* --- fork while it runs --- */

TEST(children_while_it_runs)
{
    char *argv[] = { "true", NULL };
    struct traffic all[4];
    dure_scope scope;
    int i, status;
    pid_t pid;

    dure_scope_open(&scope);
    start_traffic(&scope, all, 4, one_byte() ? 20 : 300);
    for (i = 0; i < 6; i++) {
        status = -1;
        if (i % 2) {
            CHECK_EQ(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ), 0);
        } else {
            pid = fork();
            if (pid == 0) {
                execv("/bin/true", argv);
                _exit(127);
            }
        }
        CHECK(pid > 0);
        dure_yield();
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    end_traffic(all, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_all_the_time),  cmocka_unit_test(errno_over_a_wait),
        cmocka_unit_test(no_memory_at_spawn),        cmocka_unit_test(uring_refused),
        cmocka_unit_test(deadlines_by_the_thousand), cmocka_unit_test(completions_by_the_thousand),
        cmocka_unit_test(children_while_it_runs),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
