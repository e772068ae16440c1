/* What a lock costs that nobody else wants, and what one costs that two loops want all the time;
   for pthread's, two threads. Nanoseconds of CPU time a pair of calls: lock and unlock, wait and
   post; wall_ns: of the clock.
   sync what=mutex|semaphore|rwlock [of=dure|same_loop|pthread] [loops=1|2] [pairs=N]
   [inside=N] [outside=N]: steps of computation with the lock, and without. */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "dure/bench_dure.h"

static dure_mutex mutex;
static dure_sem sem;
static dure_rwlock rwlock;
static pthread_mutex_t pthread_mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t pthread_sem;
static pthread_rwlock_t pthread_rwlock = PTHREAD_RWLOCK_INITIALIZER;

static long pairs, inside, outside;
static uint64_t sum;

/* Work without the lock is not to be shared by what is written. */
static void work_alone(void)
{
    if (bench_compute(outside) == 0)
        bench_die("a random number of 0");
}

#define PAIRS(take, give)                  \
    for (i = 0; i < pairs && !works; i++)  \
        if ((take) || (give))              \
            bench_die(#take " or " #give); \
    for (i = 0; i < pairs && works; i++) { \
        if (take)                          \
            bench_die(#take);              \
        sum += bench_compute(inside);      \
        if (give)                          \
            bench_die(#give);              \
        work_alone();                      \
    }                                      \
    return 0

static int mutex_pairs(void *arg)
{
    const bool works = inside || outside;
    long i;

    (void)arg;
    PAIRS(dure_mutex_lock(&mutex), dure_mutex_unlock(&mutex));
}

static int sem_pairs(void *arg)
{
    const bool works = inside || outside;
    long i;

    (void)arg;
    PAIRS(dure_sem_wait(&sem), dure_sem_post(&sem));
}

static int rwlock_pairs(void *arg)
{
    const bool works = inside || outside;
    long i;

    (void)arg;
    PAIRS(dure_rwlock_rdlock(&rwlock), dure_rwlock_unlock(&rwlock));
}

static int pthread_mutex_pairs(void *arg)
{
    const bool works = inside || outside;
    long i;

    (void)arg;
    PAIRS(pthread_mutex_lock(&pthread_mutex), pthread_mutex_unlock(&pthread_mutex));
}

static int pthread_sem_pairs(void *arg)
{
    const bool works = inside || outside;
    long i;

    (void)arg;
    PAIRS(sem_wait(&pthread_sem), sem_post(&pthread_sem));
}

static int pthread_rwlock_pairs(void *arg)
{
    const bool works = inside || outside;
    long i;

    (void)arg;
    PAIRS(pthread_rwlock_rdlock(&pthread_rwlock), pthread_rwlock_unlock(&pthread_rwlock));
}

static dure_fn *choose(char **argv)
{
    static const struct {
        const char *what;
        dure_fn *ours, *theirs;
    } kinds[] = {
        { "mutex", mutex_pairs, pthread_mutex_pairs },
        { "semaphore", sem_pairs, pthread_sem_pairs },
        { "rwlock", rwlock_pairs, pthread_rwlock_pairs },
    };
    const char *what = bench_text(argv, "what", "mutex");
    bool ours = strcmp(bench_text(argv, "of", "dure"), "pthread") != 0;
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].what, what) == 0)
            return ours ? kinds[i].ours : kinds[i].theirs;
    errno = EINVAL;
    bench_die(what);
    return NULL;
}

static void *on_thread(void *arg)
{
    (*(dure_fn **)arg)(NULL);
    return NULL;
}

static void run_threads(dure_fn *fn, long sides)
{
    pthread_t threads[2];
    long i;

    for (i = 0; i < sides; i++)
        if (pthread_create(&threads[i], NULL, on_thread, &fn) != 0)
            bench_die("pthread_create");
    for (i = 0; i < sides; i++)
        pthread_join(threads[i], NULL);
}

static void run_tasks(dure_fn *fn, long sides)
{
    dure_scope scope;
    long i;

    dure_scope_open(&scope);
    for (i = 0; i < sides; i++)
        if (dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)i) }, fn, NULL,
                            0) < 0)
            bench_die("dure_spawn_with");
    if (dure_scope_close(&scope) < 0)
        bench_die("dure_scope_close");
}

static int measure(void *arg)
{
    dure_fn *fn = choose(arg);
    const char *of = bench_text(arg, "of", "dure");
    unsigned flags = strcmp(of, "same_loop") == 0 ? DURE_SAME_LOOP : 0;
    long sides = bench_number(arg, "loops", 1);
    int64_t cpu_ns, wall_ns;

    pairs = bench_number(arg, "pairs", 20000000);
    inside = bench_number(arg, "inside", 0);
    outside = bench_number(arg, "outside", 0);
    dure_mutex_init(&mutex, flags);
    dure_sem_init(&sem, 1, flags);
    dure_rwlock_init(&rwlock, flags);
    sem_init(&pthread_sem, 0, 1);
    cpu_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    wall_ns = bench_clock_ns(CLOCK_MONOTONIC);
    if (strcmp(of, "pthread") == 0)
        run_threads(fn, sides);
    else
        run_tasks(fn, sides);
    cpu_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    wall_ns = bench_clock_ns(CLOCK_MONOTONIC) - wall_ns;
    printf("{\"ns\": %.4f, \"wall_ns\": %.4f}\n", (double)cpu_ns / (double)(pairs * sides),
           (double)wall_ns / (double)(pairs * sides));
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
