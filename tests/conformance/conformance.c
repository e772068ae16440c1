/* The runner of the tests of the public face. */
#include "conformance.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* A test that takes longer hangs. The slowest, under a sanitizer, take a quarter of it. */
#define TEST_SECONDS 100
/* How long a condition may take to become true. */
#define PATIENCE_NS (30 * DURE_SECOND)

static atomic_int failures;

/* --- checks --- */

static void complain(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list args;
    int len;

    atomic_fetch_add(&failures, 1);
    len = snprintf(text, sizeof text, "%s:%d: [%s] ", file, line, dure_task_name());
    va_start(args, format);
    vsnprintf(text + len, sizeof text - (size_t)len, format, args);
    va_end(args);
    fprintf(stderr, "%s\n", text);
}

bool conformance_check(bool holds, const char *file, int line, const char *text)
{
    int error = errno;

    if (!holds)
        complain(file, line, "%s does not hold (errno %d, %s)", text, error, strerror(error));
    errno = error;
    return holds;
}

bool conformance_check_eq(intmax_t actual, intmax_t expected, const char *file, int line,
                          const char *actual_text, const char *expected_text)
{
    int error = errno;

    if (actual != expected)
        complain(file, line, "%s is %jd, not %s, %jd (errno %d, %s)", actual_text, actual,
                 expected_text, expected, error, strerror(error));
    errno = error;
    return actual == expected;
}

bool conformance_check_str(const char *actual, const char *expected, const char *file, int line,
                           const char *text)
{
    bool same = strcmp(actual, expected) == 0;

    if (!same)
        complain(file, line, "%s is \"%s\", not \"%s\"", text, actual, expected);
    return same;
}

bool conformance_check_has(const char *actual, const char *words, const char *file, int line,
                           const char *text)
{
    bool has = strstr(actual, words) != NULL;

    if (!has)
        complain(file, line, "%s is \"%s\", without \"%s\"", text, actual, words);
    return has;
}

bool conformance_check_fails(intmax_t result, int error, const char *file, int line,
                             const char *text)
{
    int actual = errno;
    bool right = result == -1 && actual == error;

    if (!right)
        complain(file, line, "%s returned %jd with errno %d (%s), not -1 with %d (%s)", text,
                 result, actual, strerror(actual), error, strerror(error));
    errno = actual;
    return right;
}

bool conformance_check_aborted(const struct child *child, const char *words, const char *file,
                               int line)
{
    bool aborted = WIFSIGNALED(child->status) && WTERMSIG(child->status) == SIGABRT;

    if (!aborted)
        complain(file, line, "the child ended with status 0x%x, not with SIGABRT; it said \"%s\"",
                 (unsigned)child->status, child->text);
    return conformance_check_has(child->text, words, file, line, "what the child said") && aborted;
}

bool conformance_patience(int64_t begun_ns, const char *file, int line, const char *text)
{
    if (dure_now() - begun_ns < PATIENCE_NS)
        return true;
    complain(file, line, "%s did not come true within %d seconds", text,
             (int)(PATIENCE_NS / DURE_SECOND));
    return false;
}

/* --- counting --- */

static unsigned entries_of(const char *path)
{
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir = opendir(path);

    if (!dir)
        return 0;
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

unsigned conformance_descriptors(void)
{
    return entries_of("/proc/self/fd") - 1; /* the one it is read with */
}

unsigned conformance_tasks(void)
{
    unsigned tasks, count = 0;
    char line[512];
    int fd = memfd_create("dump", MFD_CLOEXEC);
    FILE *file;

    if (!CHECK(fd >= 0))
        return 0;
    CHECK_EQ(dure_dump(fd), 0);
    lseek(fd, 0, SEEK_SET);
    file = fdopen(fd, "r");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "loop %*u: %u tasks", &tasks) == 1)
            count += tasks;
    fclose(file);
    return count;
}

size_t conformance_resident(void)
{
    unsigned long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

bool conformance_valgrind(void)
{
    static int known = -1;
    char line[512];
    FILE *file;

    if (known >= 0)
        return known;
    known = 0;
    file = fopen("/proc/self/maps", "re");
    while (file && fgets(line, sizeof line, file))
        known |= strstr(line, "vgpreload_core") != NULL;
    if (file)
        fclose(file);
    return known;
}

unsigned conformance_scale(unsigned wanted)
{
    /* ThreadSanitizer dies beyond 8,128 threads and fibers together. */
    unsigned most = UNDER_TSAN ? 4000 : UNDER_ASAN ? 20000 : conformance_valgrind() ? 1000 : wanted;

    if (wanted <= most)
        return wanted;
    printf("# %u instead of %u tasks: %s\n", most, wanted,
           UNDER_TSAN   ? "ThreadSanitizer bears 8,128 threads and fibers at most"
           : UNDER_ASAN ? "AddressSanitizer is slow"
                        : "Valgrind is slow");
    return most;
}

/* --- running --- */

static int64_t processor_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * DURE_SECOND + used.tv_nsec;
}

static void on_alarm(int signal)
{
    struct timespec second = { .tv_sec = 1 };
    int64_t before_ns = processor_ns();
    char text[160];
    int len;

    (void)signal;
    /* Nothing here is async-signal-safe, but the test is lost anyway; a second alarm kills. */
    alarm(10);
    nanosleep(&second, NULL);
    /* None: a wake was lost. A little: the machine is too busy. Much: it goes round in circles. */
    len = snprintf(text, sizeof text,
                   "\nthe test hangs, and used %d ms of processor time in the last second; this is "
                   "what its tasks wait for:\n",
                   (int)((processor_ns() - before_ns) / DURE_MILLISECOND));
    if (write(STDERR_FILENO, text, (size_t)len) > 0)
        dure_dump(STDERR_FILENO);
    abort();
}

static void set_alarm(void)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = (int)SA_RESETHAND };

    /* cmocka would jump out of a fault, off the stack of a task, and go on. */
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGFPE, SIG_DFL);
    signal(SIGILL, SIG_DFL);
    sigaction(SIGALRM, &action, NULL);
    alarm(conformance_valgrind() ? 10 * TEST_SECONDS : TEST_SECONDS);
}

/* Runs on the main thread, before and after. */
struct counts {
    unsigned descriptors, threads;
};

static struct counts count(void)
{
    return (struct counts){ conformance_descriptors(), entries_of("/proc/self/task") };
}

static void begin_test(struct counts *before)
{
    dure_canceled(); /* makes what a plain thread keeps, an eventfd, before the count */
    atomic_store(&failures, 0);
    *before = count();
    set_alarm();
}

static void end_test(const struct counts *before)
{
    struct counts after = count();
    int64_t begun_ns = dure_now();

    /* A joined thread may be listed for an instant yet, in the count before the test as well. */
    while (after.threads > before->threads && dure_now() - begun_ns < DURE_SECOND) {
        sched_yield();
        after = count();
    }
    alarm(0);
    CHECK_EQ(after.descriptors, before->descriptors);
    if (after.threads > before->threads)
        CHECK_EQ(after.threads, before->threads);
    if (atomic_load(&failures))
        fail_msg("%d checks failed, see above", atomic_load(&failures));
}

static int first_task(void *arg)
{
    void (*body)(void);

    memcpy(&body, arg, sizeof body);
    body();
    /* What the test spawned has ended, at the latest when its turn has come again. */
    YIELD_UNTIL(conformance_tasks() == 1);
    return 0;
}

void conformance_run(const dure_run_options *options, void (*body)(void))
{
    struct counts before;

    begin_test(&before);
    if (dure_run_with(options, first_task, &body) != 0)
        complain(__FILE__, __LINE__, "the run failed: errno %d (%s), %s", errno, strerror(errno),
                 dure_why());
    end_test(&before);
}

void conformance_outside(void (*body)(void))
{
    struct counts before;

    begin_test(&before);
    body();
    end_test(&before);
}

void conformance_child(struct child *child, void (*fn)(void))
{
    struct rlimit no_core = { 0, 0 };
    size_t len = 0;
    ssize_t n;
    int fds[2];
    pid_t pid;

    *child = (struct child){ .status = -1 };
    if (!CHECK_EQ(pipe(fds), 0))
        return;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        setrlimit(RLIMIT_CORE, &no_core);
        set_alarm();
        atomic_store(&failures, 0);
        fn();
        _exit(atomic_load(&failures) ? 1 : 0);
    }
    close(fds[1]);
    while ((n = read(fds[0], child->text + len, sizeof child->text - 1 - len)) > 0)
        len += (size_t)n;
    close(fds[0]);
    if (CHECK(pid > 0))
        CHECK_EQ(waitpid(pid, &child->status, 0), pid);
    if (child->status != 0 && WIFEXITED(child->status))
        fprintf(stderr, "%s", child->text);
}

static int park(void *arg)
{
    (void)arg;
    dure_sleep_until((dure_deadline){ 0 });
    return 0;
}

/* A dump of a parked task makes what the unwinder keeps for good: a pipe. */
static int dump_once(void *arg)
{
    int *fd = arg;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_spawn(&scope, park, NULL, 0);
    dure_yield();
    dure_dump(*fd);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    return 0;
}

int conformance_main(const struct CMUnitTest *tests, size_t tests_len)
{
    const char *backend = getenv("DURE_BACKEND");
    const char *not_simulated = getenv("CONFORMANCE_NOT_SIMULATED");
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (not_simulated && *not_simulated) {
        printf("SKIP: not in a simulation: %s\n", not_simulated);
        return 77;
    }
    /* A library built without liburing knows no io_uring at all. */
    if (dure_run(dump_once, &fd) < 0 &&
        (errno == ENOSYS || strstr(dure_why(), "there is no backend"))) {
        printf("SKIP: %s\n", dure_why());
        return 77;
    }
    close(fd);
    printf("# backend: %s\n", backend && *backend ? backend : "the best here");
    if (getenv("TEST_FILTER"))
        cmocka_set_test_filter(getenv("TEST_FILTER"));
    return _cmocka_run_group_tests("conformance", tests, tests_len, NULL, NULL);
}
