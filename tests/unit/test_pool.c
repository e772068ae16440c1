/* Pool threads: bounds, order, taking back, interrupting what blocks. DURE_TEST_SEED repeats a
   run. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/pool.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

struct work {
    struct pool_job job;
    sem_t started, go, told;
    int runs, number, error;
    long linger_ns; /* between take_lock's look at interrupted and its call */
};

static atomic_int order;

static void tell(struct pool_job *job)
{
    sem_post(&container_of(job, struct work, job)->told);
}

static void count(struct pool_job *job)
{
    struct work *work = container_of(job, struct work, job);

    work->runs++;
    work->number = atomic_fetch_add(&order, 1);
}

static void wait_for_go(struct pool_job *job)
{
    struct work *work = container_of(job, struct work, job);

    count(job);
    sem_post(&work->started);
    while (sem_wait(&work->go) < 0)
        assert_int_equal(errno, EINTR);
}

static void work_init(struct work *work, enum pool_class class, void (*run)(struct pool_job *))
{
    memset(work, 0, sizeof *work);
    sem_init(&work->started, 0, 0);
    sem_init(&work->go, 0, 0);
    sem_init(&work->told, 0, 0);
    work->job.class = class;
    work->job.run = run;
    work->job.finished = tell;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        assert_int_equal(errno, EINTR);
}

static void sleep_ns(long ns)
{
    struct timespec time = { ns / 1000000000, ns % 1000000000 };

    nanosleep(&time, NULL);
}

static struct pool *pool_with(unsigned files, unsigned waits, int64_t idle_ns)
{
    struct pool_options options = {
        .threads_max = { [POOL_FILES] = files, [POOL_WAITS] = waits },
        .idle_ns = idle_ns,
    };
    struct pool *pool = pool_create(&options);

    assert_non_null(pool);
    atomic_store(&order, 0);
    return pool;
}

/* Stands first: a thread that has ended would leave its stack for reuse. */
static void without_a_thread_submit_says_so(void **state)
{
#ifdef SANITIZED
    (void)state;
    print_message("skipped: a sanitizer needs the address space that this test takes away\n");
    skip();
#else
    struct rlimit limit;
    struct work work;
    struct pool *pool;
    long pages = 0;
    pid_t child;
    FILE *file;
    int status;

    (void)state;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pool = pool_with(1, 0, 0);
        work_init(&work, POOL_FILES, count);
        file = fopen("/proc/self/statm", "r");
        if (!file || fscanf(file, "%ld", &pages) != 1)
            _exit(1);
        limit.rlim_cur = limit.rlim_max = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + 65536;
        if (setrlimit(RLIMIT_AS, &limit) < 0)
            _exit(2);
        if (mmap(NULL, 256 << 10, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            _exit(77); /* qemu-user does not keep the limit */
        if (pool_submit(pool, &work.job) != -EAGAIN)
            _exit(3);
        pool_destroy(pool);
        _exit(work.runs == 0 ? 0 : 4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("skipped: the limit on address space is not kept here\n");
        skip();
    }
    assert_int_equal(status, 0);
#endif
}

static void each_job_runs_once_and_is_told_once(void **state)
{
    static struct work work[1000];
    struct pool *pool = pool_with(4, 0, 0);
    struct pool_stats stats;
    int i, told;

    (void)state;
    for (i = 0; i < 1000; i++) {
        work_init(&work[i], POOL_FILES, count);
        assert_int_equal(pool_submit(pool, &work[i].job), 0);
    }
    for (i = 0; i < 1000; i++)
        wait_for(&work[i].told);
    pool_stats(pool, POOL_FILES, &stats);
    assert_in_range(stats.threads, 1, 4);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.running, 0);
    pool_destroy(pool);
    for (i = 0; i < 1000; i++) {
        assert_int_equal(work[i].runs, 1);
        assert_int_equal(sem_getvalue(&work[i].told, &told), 0);
        assert_int_equal(told, 0);
    }
}

static void one_thread_runs_in_order_of_submission(void **state)
{
    struct pool *pool = pool_with(1, 0, 0);
    struct work first, work[50];
    int i;

    (void)state;
    work_init(&first, POOL_FILES, wait_for_go);
    assert_int_equal(pool_submit(pool, &first.job), 0);
    for (i = 0; i < 50; i++) {
        work_init(&work[i], POOL_FILES, count);
        assert_int_equal(pool_submit(pool, &work[i].job), 0);
    }
    sem_post(&first.go);
    for (i = 0; i < 50; i++) {
        wait_for(&work[i].told);
        assert_int_equal(work[i].number, i + 1);
    }
    wait_for(&first.told);
    pool_destroy(pool);
}

static void the_bound_runs_and_the_next_one_queues(void **state)
{
    struct pool *pool = pool_with(3, 0, 0);
    struct pool_stats stats;
    struct work work[4];
    int i;

    (void)state;
    for (i = 0; i < 4; i++) {
        work_init(&work[i], POOL_FILES, wait_for_go);
        assert_int_equal(pool_submit(pool, &work[i].job), 0);
    }
    for (i = 0; i < 3; i++)
        wait_for(&work[i].started);
    pool_stats(pool, POOL_FILES, &stats);
    assert_int_equal(stats.threads, 3);
    assert_int_equal(stats.threads_max, 3);
    assert_int_equal(stats.running, 3);
    assert_int_equal(stats.queued, 1);
    sem_post(&work[1].go);
    wait_for(&work[3].started);
    for (i = 0; i < 4; i++)
        sem_post(&work[i].go);
    for (i = 0; i < 4; i++)
        wait_for(&work[i].told);
    pool_destroy(pool);
}

static void a_queued_job_can_be_taken_back_a_running_one_not(void **state)
{
    struct pool *pool = pool_with(1, 0, 0);
    struct work running, queued, after;

    (void)state;
    work_init(&running, POOL_FILES, wait_for_go);
    work_init(&queued, POOL_FILES, count);
    work_init(&after, POOL_FILES, count);
    assert_int_equal(pool_submit(pool, &running.job), 0);
    wait_for(&running.started);
    assert_int_equal(pool_submit(pool, &queued.job), 0);
    assert_int_equal(pool_submit(pool, &after.job), 0);
    assert_true(pool_cancel(pool, &queued.job));
    assert_false(pool_cancel(pool, &queued.job));
    assert_false(pool_cancel(pool, &running.job));
    sem_post(&running.go);
    wait_for(&running.told);
    wait_for(&after.told);
    pool_destroy(pool);
    assert_int_equal(queued.runs, 0);
    assert_int_equal(after.runs, 1);
}

/* The pool's end waits for one that runs, but not for one that nobody waits for. */
static void an_abandoned_job_outlives_the_pool(void **state)
{
    struct pool *pool = pool_with(2, 0, 0);
    struct work running, queued, other;

    (void)state;
    work_init(&running, POOL_FILES, wait_for_go);
    work_init(&other, POOL_FILES, wait_for_go);
    work_init(&queued, POOL_FILES, count);
    assert_int_equal(pool_submit(pool, &running.job), 0);
    assert_int_equal(pool_submit(pool, &other.job), 0);
    wait_for(&running.started);
    wait_for(&other.started);
    assert_int_equal(pool_submit(pool, &queued.job), 0);
    assert_true(pool_abandon(pool, &queued.job));
    assert_false(pool_abandon(pool, &running.job));
    sem_post(&other.go);
    pool_destroy(pool);
    wait_for(&other.told); /* already: it was waited for */
    assert_int_equal(sem_trywait(&running.told), -1);
    sem_post(&running.go);
    wait_for(&running.told);
    assert_int_equal(queued.runs, 0);
    assert_int_equal(running.runs, 1);
}

static void full_waits_do_not_hold_up_files(void **state)
{
    struct pool *pool = pool_with(1, 1, 0);
    struct work waiting, file;

    (void)state;
    work_init(&waiting, POOL_WAITS, wait_for_go);
    work_init(&file, POOL_FILES, count);
    assert_int_equal(pool_submit(pool, &waiting.job), 0);
    assert_int_equal(pool_submit(pool, &file.job), 0);
    wait_for(&file.told);
    sem_post(&waiting.go);
    wait_for(&waiting.told);
    pool_destroy(pool);
}

static void idle_threads_end_and_come_back(void **state)
{
    struct pool *pool = pool_with(4, 0, 10000000);
    struct work work[4];
    struct pool_stats stats;
    int i, round;

    (void)state;
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 4; i++) {
            work_init(&work[i], POOL_FILES, wait_for_go);
            assert_int_equal(pool_submit(pool, &work[i].job), 0);
        }
        for (i = 0; i < 4; i++)
            sem_post(&work[i].go);
        for (i = 0; i < 4; i++)
            wait_for(&work[i].told);
        do {
            sleep_ns(5000000);
            pool_stats(pool, POOL_FILES, &stats);
        } while (stats.threads > 0);
        assert_int_equal(stats.idle, 0);
    }
    pool_destroy(pool);
}

static char seen_name[16];
static sigset_t seen_mask;
static size_t seen_stack;

static void look_at_thread(struct pool_job *job)
{
    pthread_attr_t attributes;

    (void)job;
    pthread_getname_np(pthread_self(), seen_name, sizeof seen_name);
    pthread_sigmask(SIG_BLOCK, NULL, &seen_mask);
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &seen_stack);
    pthread_attr_destroy(&attributes);
}

static void threads_are_named_small_and_take_no_signals(void **state)
{
    struct pool *pool = pool_with(0, 0, 0);
    struct work work;

    (void)state;
    work_init(&work, POOL_WAITS, look_at_thread);
    assert_int_equal(pool_submit(pool, &work.job), 0);
    wait_for(&work.told);
    pool_destroy(pool);
    assert_string_equal(seen_name, "dure-wait-1");
    assert_true(sigismember(&seen_mask, SIGINT));
    assert_true(sigismember(&seen_mask, SIGCHLD));
    assert_false(sigismember(&seen_mask, SIGSEGV));
#ifndef SANITIZED /* they ask for more */
    assert_in_range(seen_stack, 200 << 10, 300 << 10);
#endif
}

static char lock_path[64];

/* As the layers above do it: asks before each call, tries again after a stray signal. */
static void take_lock(struct pool_job *job)
{
    struct work *work = container_of(job, struct work, job);
    int fd = open(lock_path, O_RDWR | O_CLOEXEC);

    sem_post(&work->started);
    work->error = EINTR;
    while (!pool_job_interrupted(job)) {
        if (work->linger_ns > 0)
            sleep_ns(work->linger_ns); /* takes the signal that was meant for flock */
        work->error = flock(fd, LOCK_EX) == 0 ? 0 : errno;
        if (work->error != EINTR)
            break;
    }
    if (close(fd) < 0 && work->error == 0)
        work->error = errno;
}

static int make_lock(void)
{
    int fd;

    strcpy(lock_path, "/tmp/dure-test-pool-XXXXXX");
    fd = mkostemp(lock_path, O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static void remove_lock(int fd)
{
    close(fd);
    unlink(lock_path);
}

static void an_interrupted_call_ends(void **state)
{
    struct pool *pool = pool_with(0, 0, 0);
    struct work interrupted, patient;
    int fd = make_lock();

    (void)state;
    work_init(&interrupted, POOL_WAITS, take_lock);
    work_init(&patient, POOL_WAITS, take_lock);
    assert_int_equal(pool_submit(pool, &interrupted.job), 0);
    assert_int_equal(pool_submit(pool, &patient.job), 0);
    wait_for(&interrupted.started);
    wait_for(&patient.started);
    sleep_ns(20000000);
    assert_int_equal(pool_interrupt(pool, &interrupted.job), 0);
    wait_for(&interrupted.told);
    assert_int_equal(interrupted.error, EINTR);
    assert_int_equal(sem_trywait(&patient.told), -1);
    assert_int_equal(pool_interrupt(pool, &interrupted.job), 0); /* harmless: run has returned */
    assert_int_equal(flock(fd, LOCK_UN), 0);
    wait_for(&patient.told);
    assert_int_equal(patient.error, 0);
    pool_destroy(pool);
    remove_lock(fd);
}

/* At whatever point the interrupt comes, the call ends. And the thread's next job, which a late
   signal may reach, waits on. */
static void an_interrupt_is_never_lost(void **state)
{
    const char *text = getenv("DURE_TEST_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)time(NULL);
    struct pool *pool = pool_with(0, 2, 0);
    int fd = make_lock(), round;
    struct work work[2];

    (void)state;
    print_message("seed: DURE_TEST_SEED=%u\n", seed);
    for (round = 0; round < 2000; round++) {
        struct work *one = &work[round % 2];
        int delay = rand_r(&seed) % 64;

        if (round >= 2 && round % 2 == 0) { /* the patient one of the pair before has its lock */
            assert_int_equal(flock(fd, LOCK_UN), 0);
            wait_for(&work[1].told);
            assert_int_equal(work[1].error, 0);
            assert_int_equal(flock(fd, LOCK_EX), 0);
        }
        work_init(one, POOL_WAITS, take_lock);
        one->linger_ns = rand_r(&seed) % 4 ? 0 : rand_r(&seed) % 100000;
        assert_int_equal(pool_submit(pool, &one->job), 0);
        if (round % 2 == 1)
            continue;
        if (delay > 16)
            wait_for(&one->started);
        if (delay > 32)
            sleep_ns((delay - 32) * 1000);
        if (!pool_cancel(pool, &one->job)) {
            assert_int_equal(pool_interrupt(pool, &one->job), 0);
            wait_for(&one->told);
            assert_int_equal(one->error, EINTR);
        }
    }
    assert_int_equal(flock(fd, LOCK_UN), 0);
    wait_for(&work[1].told);
    pool_destroy(pool);
    remove_lock(fd);
}

#define SUBMITTERS 4
#define EACH 2000

static struct pool *shared_pool;

/* Submits and takes back at random; counts must agree. */
static void *submit_and_cancel(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    struct work work;
    int i;

    for (i = 0; i < EACH; i++) {
        work_init(&work, POOL_FILES, count);
        if (pool_submit(shared_pool, &work.job) < 0)
            return "submit failed";
        if (rand_r(&seed) % 2 && pool_cancel(shared_pool, &work.job)) {
            if (work.runs != 0)
                return "a job that was taken back ran";
            continue;
        }
        wait_for(&work.told);
        if (work.runs != 1)
            return "a job did not run once";
    }
    return NULL;
}

static void many_threads_submit_and_cancel(void **state)
{
    pthread_t threads[SUBMITTERS];
    void *error;
    int i;

    (void)state;
    shared_pool = pool_with(3, 0, 1000000);
    for (i = 0; i < SUBMITTERS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, submit_and_cancel, (void *)(uintptr_t)(i + 1)), 0);
    for (i = 0; i < SUBMITTERS; i++) {
        assert_int_equal(pthread_join(threads[i], &error), 0);
        if (error)
            fail_msg("%s", (char *)error);
    }
    pool_destroy(shared_pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_thread_submit_says_so),
        cmocka_unit_test(each_job_runs_once_and_is_told_once),
        cmocka_unit_test(one_thread_runs_in_order_of_submission),
        cmocka_unit_test(the_bound_runs_and_the_next_one_queues),
        cmocka_unit_test(a_queued_job_can_be_taken_back_a_running_one_not),
        cmocka_unit_test(an_abandoned_job_outlives_the_pool),
        cmocka_unit_test(full_waits_do_not_hold_up_files),
        cmocka_unit_test(idle_threads_end_and_come_back),
        cmocka_unit_test(threads_are_named_small_and_take_no_signals),
        cmocka_unit_test(an_interrupted_call_ends),
        cmocka_unit_test(an_interrupt_is_never_lost),
        cmocka_unit_test(many_threads_submit_and_cancel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
