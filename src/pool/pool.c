#include "pool/pool.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/faults.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid /* glibc before 2.38 names it so */
#endif

/* Files: what a disk's queue and a page cache can serve at once; more threads only queue in the
   kernel. Waits: each wait occupies a thread for as long as it lasts, but costs little else.
   Names: a resolver's servers answer a few questions at a time. */
static const unsigned threads_max_default[POOL_CLASSES] = { 16, 256, 8 };
static const char *const class_names[POOL_CLASSES] = { "file", "wait", "name" };

#define IDLE_NS_DEFAULT INT64_C(5000000000)
/* Names have the system's own default instead: what it loads to look them up was made for that. */
#define STACK_SIZE ((size_t)256 << 10)
#define INTERRUPT_INTERVAL_NS 1000000

enum job_state { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED };

/* Threads and jobs of one class. */
struct team {
    pthread_mutex_t lock; /* guards all of the team, its threads and its jobs' state and thread;
                             innermost: nothing else is locked under it */
    struct list queue;    /* jobs, oldest first */
    struct list idle;     /* threads, last in first out, so that the surplus stays idle and ends */
    struct list members;  /* all threads that were made and not joined */
    unsigned threads;     /* without those that have ended */
    unsigned threads_max, idle_count, running_count, queued_count;
    unsigned name_next;
    unsigned left; /* threads that pool_destroy did not wait for, and that have not ended */
    bool stopping;
    bool gone; /* the pool has let go of it: the last thread left frees it */
    enum pool_class class;
    int64_t idle_ns;
};

struct pool {
    struct team *teams[POOL_CLASSES];
    bool refuses; /* set before there are other threads */
};

struct pool_thread {
    struct list member;
    struct list idle;
    struct team *team;
    pthread_t handle;
    pthread_cond_t wake; /* taken out of the idle list, or stopping */
    pid_t tid;           /* set by the thread before it takes its first job */
    unsigned number;
    timer_t timer; /* sends the interrupting signal to this thread */
    bool timer_made, timer_armed;
    bool waiting;   /* in the idle list */
    bool abandoned; /* nobody waits for the job that it runs */
    bool left;      /* it ends by itself, after the pool */
    bool ended;     /* will not take the lock again: to be joined */
};

static pthread_once_t signal_once = PTHREAD_ONCE_INIT;
static int interrupt_signal;

static void ignore_signal(int number)
{
    (void)number;
}

/* The highest two are qemu-user's, the highest also Valgrind's. */
#define SIGNAL_FIRST (SIGRTMAX - 2)

/* Takes a signal if nobody uses it. The handler stays for the life of the process: a default action
   would end it. */
static bool take_signal(int number)
{
    struct sigaction action = { .sa_handler = ignore_signal }, old; /* no SA_RESTART */

    sigfillset(&action.sa_mask);
    if (sigaction(number, NULL, &old) < 0 || (old.sa_flags & SA_SIGINFO) ||
        old.sa_handler != SIG_DFL || sigaction(number, &action, NULL) < 0)
        return false;
    interrupt_signal = number;
    return true;
}

/* SIGURG would do as well, were it not what Go's runtime, maybe in the same process, preempts its
   threads with. */
static void choose_signal(void)
{
    sigset_t blocked;
    int number;

    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (number = SIGNAL_FIRST; number >= SIGRTMIN; number--)
        if (!sigismember(&blocked, number) && take_signal(number))
            return;
    for (number = SIGNAL_FIRST; number >= SIGRTMIN; number--)
        if (take_signal(number))
            return;
    die("no real-time signal is free to interrupt pool threads with");
}

bool pool_interrupts_by(int number)
{
    return number == interrupt_signal;
}

static struct team *team_create(enum pool_class class, unsigned threads_max, int64_t idle_ns)
{
    struct team *team = malloc(sizeof *team);

    if (!team)
        return NULL;
    *team = (struct team){
        .class = class,
        .threads_max = threads_max > 0 ? threads_max : threads_max_default[class],
        .idle_ns = idle_ns > 0 ? idle_ns : IDLE_NS_DEFAULT,
    };
    pthread_mutex_init(&team->lock, NULL);
    list_init(&team->queue);
    list_init(&team->idle);
    list_init(&team->members);
    return team;
}

static void thread_free(struct pool_thread *thread)
{
    pthread_cond_destroy(&thread->wake);
    free(thread);
}

/* Joins the threads that have ended. They hold no lock any more, so this is short. */
static void join_ended(struct team *team)
{
    struct list *node, *next;

    for (node = team->members.next; node != &team->members; node = next) {
        struct pool_thread *thread = container_of(node, struct pool_thread, member);

        next = node->next;
        if (!thread->ended)
            continue;
        list_remove(node);
        pthread_join(thread->handle, NULL);
        thread_free(thread);
    }
}

static void wake(struct pool_thread *thread)
{
    ASSERT(thread->waiting);
    thread->waiting = false;
    list_remove(&thread->idle);
    thread->team->idle_count--;
    pthread_cond_signal(&thread->wake);
}

static void team_free(struct team *team)
{
    pthread_mutex_destroy(&team->lock);
    free(team);
}

/* Leaves those alone whose job nobody waits for. The lock is held. */
static void leave_abandoned(struct team *team)
{
    struct list *node, *next;

    for (node = team->members.next; node != &team->members; node = next) {
        struct pool_thread *thread = container_of(node, struct pool_thread, member);

        next = node->next;
        if (!thread->abandoned)
            continue;
        list_remove(node);
        pthread_detach(thread->handle);
        thread->left = true;
        team->left++;
    }
}

static void team_destroy(struct team *team)
{
    struct list *node;
    bool last;

    pthread_mutex_lock(&team->lock);
    ASSERT(list_empty(&team->queue));
    team->stopping = true;
    while (!list_empty(&team->idle))
        wake(container_of(team->idle.next, struct pool_thread, idle));
    leave_abandoned(team);
    pthread_mutex_unlock(&team->lock);
    /* stopping keeps members as they are: no thread is made or joined by anybody else. */
    for (node = team->members.next; node != &team->members; node = node->next)
        pthread_join(container_of(node, struct pool_thread, member)->handle, NULL);
    while ((node = list_pop_front(&team->members)) != NULL) {
        struct pool_thread *thread = container_of(node, struct pool_thread, member);

        ASSERT(thread->ended);
        thread_free(thread);
    }
    pthread_mutex_lock(&team->lock);
    team->gone = true;
    last = team->left == 0;
    pthread_mutex_unlock(&team->lock);
    if (last)
        team_free(team);
}

struct pool *pool_create(const struct pool_options *options)
{
    static const struct pool_options defaults;
    struct pool *pool = malloc(sizeof *pool);
    unsigned n;

    if (!pool)
        return NULL;
    if (!options)
        options = &defaults;
    pthread_once(&signal_once, choose_signal);
    pool->refuses = false;
    for (n = 0; n < POOL_CLASSES; n++) {
        pool->teams[n] = team_create(n, options->threads_max[n], options->idle_ns);
        if (!pool->teams[n])
            goto err_destroy_teams;
    }
    return pool;

err_destroy_teams:
    while (n > 0)
        team_destroy(pool->teams[--n]);
    free(pool);
    return NULL;
}

void pool_destroy(struct pool *pool)
{
    unsigned n;

    for (n = 0; n < POOL_CLASSES; n++)
        team_destroy(pool->teams[n]);
    free(pool);
}

/* Waits for work with the lock held. Returns false when the idle time has passed without. */
static bool wait_for_work(struct team *team, struct pool_thread *thread)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)((until.tv_nsec + team->idle_ns) / 1000000000);
    until.tv_nsec = (long)((until.tv_nsec + team->idle_ns) % 1000000000);
    thread->waiting = true;
    list_push_front(&team->idle, &thread->idle);
    team->idle_count++;
    while (thread->waiting && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&thread->wake, &team->lock, &until);
    if (!thread->waiting)
        return true;
    thread->waiting = false;
    list_remove(&thread->idle);
    team->idle_count--;
    return false;
}

/* Runs the oldest job; called and returns with the lock held. */
static void run_oldest(struct team *team, struct pool_thread *thread)
{
    struct pool_job *job = container_of(list_pop_front(&team->queue), struct pool_job, link);
    struct itimerspec never = { 0 };

    team->queued_count--;
    team->running_count++;
    ASSERT(job->state == JOB_QUEUED);
    job->state = JOB_RUNNING;
    job->thread = thread;
    pthread_mutex_unlock(&team->lock);
    job->run(job);
    pthread_mutex_lock(&team->lock);
    job->state = JOB_FINISHED;
    job->thread = NULL;
    thread->abandoned = false;
    team->running_count--;
    if (thread->timer_armed) {
        timer_settime(thread->timer, 0, &never, NULL);
        thread->timer_armed = false;
    }
    pthread_mutex_unlock(&team->lock);
    job->finished(job); /* may be freed by now */
    pthread_mutex_lock(&team->lock);
}

/* All signals blocked but the interrupting one and those that a fault raises. */
static void set_signal_mask(void)
{
    sigset_t mask;
    int number;

    sigfillset(&mask);
    sigdelset(&mask, interrupt_signal);
    for (number = 1; number < SIGRTMIN; number++)
        if (is_fault_signal(number))
            sigdelset(&mask, number);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* The thread's last step, with the lock held. */
static void leave_team(struct team *team, struct pool_thread *thread)
{
    bool left = thread->left, last;

    thread->ended = true;
    team->threads--;
    team->left -= left;
    last = left && team->gone && team->left == 0;
    pthread_mutex_unlock(&team->lock);
    if (left)
        thread_free(thread); /* else whoever joins it does */
    if (last)
        team_free(team);
}

static void *thread_main(void *arg)
{
    struct pool_thread *thread = arg;
    struct team *team = thread->team;
    char name[16]; /* the kernel's bound */

    set_signal_mask();
    snprintf(name, sizeof name, "dure-%s-%u", class_names[team->class], thread->number);
    pthread_setname_np(pthread_self(), name);
    pthread_mutex_lock(&team->lock);
    thread->tid = (pid_t)syscall(SYS_gettid);
    do {
        while (!list_empty(&team->queue))
            run_oldest(team, thread);
    } while (!team->stopping && wait_for_work(team, thread));
    if (thread->timer_made)
        timer_delete(thread->timer);
    leave_team(team, thread);
    return NULL;
}

static int start_thread(struct pool_thread *thread)
{
    size_t stack_size = STACK_SIZE;
    pthread_attr_t attributes;
    sigset_t all, old;
    int error;

    if (stack_size < (size_t)PTHREAD_STACK_MIN)
        stack_size = (size_t)PTHREAD_STACK_MIN;
    error = pthread_attr_init(&attributes);
    if (error)
        return -error;
    if (thread->team->class != POOL_NAMES)
        pthread_attr_setstacksize(&attributes, stack_size);
    sigfillset(&all); /* no handler of the program's runs there before its mask is set */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(&thread->handle, &attributes, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

/* Makes a thread, with the lock held: were it let go, two that fail at the same time could each
   take the other's thread for one that will run their jobs. */
static int add_thread(struct team *team)
{
    struct pool_thread *thread = calloc(1, sizeof *thread);
    pthread_condattr_t attributes;
    int error;

    if (!thread)
        return -ENOMEM;
    join_ended(team);
    thread->team = team;
    thread->number = team->name_next + 1;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    error = start_thread(thread);
    if (error < 0)
        goto err_free;
    team->name_next++;
    team->threads++;
    list_push_back(&team->members, &thread->member);
    return 0;

err_free:
    pthread_cond_destroy(&thread->wake);
    free(thread);
    return error;
}

static struct team *team_of(struct pool *pool, const struct pool_job *job)
{
    ASSERT(job->class < POOL_CLASSES);
    return pool->teams[job->class];
}

void pool_refuse(struct pool *pool)
{
    pool->refuses = true;
}

/* Each job that is queued wakes or makes one thread, unless all are at work; a thread looks at the
   queue before it falls idle. So no job waits beside an idle thread, and one that was taken by a
   thread just done leaves the woken one to fall idle again. */
int pool_submit(struct pool *pool, struct pool_job *job)
{
    struct team *team = team_of(pool, job);
    int result = 0;

    ASSERT(job->run);
    ASSERT(job->finished);
    if (unlikely(pool->refuses))
        return -ENOSYS;
    job->thread = NULL;
    /* Relaxed: the lock publishes it. */
    atomic_store_explicit(&job->interrupted, false, memory_order_relaxed);
    pthread_mutex_lock(&team->lock);
    ASSERT(!team->stopping);
    if (!list_empty(&team->idle))
        wake(container_of(team->idle.next, struct pool_thread, idle));
    else if (team->threads < team->threads_max && add_thread(team) < 0 && team->threads == 0)
        result = -EAGAIN;
    if (result == 0) {
        job->state = JOB_QUEUED;
        list_push_back(&team->queue, &job->link);
        team->queued_count++;
    }
    pthread_mutex_unlock(&team->lock);
    return result;
}

static bool take_back(struct pool *pool, struct pool_job *job, bool abandon)
{
    struct team *team = team_of(pool, job);
    bool queued;

    pthread_mutex_lock(&team->lock);
    queued = job->state == JOB_QUEUED;
    if (abandon && job->state == JOB_RUNNING)
        job->thread->abandoned = true;
    if (queued) {
        list_remove(&job->link);
        team->queued_count--;
        job->state = JOB_IDLE;
    }
    pthread_mutex_unlock(&team->lock);
    return queued;
}

bool pool_cancel(struct pool *pool, struct pool_job *job)
{
    return take_back(pool, job, false);
}

bool pool_abandon(struct pool *pool, struct pool_job *job)
{
    return take_back(pool, job, true);
}

/* Lets the kernel signal the thread now and every millisecond. The lock is held: the job that runs
   there is still the one that is meant. */
static int arm(struct pool_thread *thread)
{
    struct itimerspec often = {
        .it_value.tv_nsec = 1,
        .it_interval.tv_nsec = INTERRUPT_INTERVAL_NS,
    };
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID,
        .sigev_signo = interrupt_signal,
    };

    if (thread->timer_armed)
        return 0;
    event.sigev_notify_thread_id = thread->tid;
    if (!thread->timer_made && timer_create(CLOCK_MONOTONIC, &event, &thread->timer) < 0) {
        pthread_kill(thread->handle, interrupt_signal);
        return -EAGAIN;
    }
    thread->timer_made = true;
    if (timer_settime(thread->timer, 0, &often, NULL) < 0)
        die("timer_settime: error %d", errno);
    thread->timer_armed = true;
    return 0;
}

int pool_interrupt(struct pool *pool, struct pool_job *job)
{
    struct team *team = team_of(pool, job);
    int result = 0;

    pthread_mutex_lock(&team->lock);
    /* Relaxed: see pool_job_interrupted. */
    atomic_store_explicit(&job->interrupted, true, memory_order_relaxed);
    if (job->state == JOB_RUNNING)
        result = arm(job->thread);
    pthread_mutex_unlock(&team->lock);
    return result;
}

void pool_stats(struct pool *pool, enum pool_class class, struct pool_stats *out)
{
    struct team *team = pool->teams[class];

    pthread_mutex_lock(&team->lock);
    *out = (struct pool_stats){
        .threads = team->threads,
        .threads_max = team->threads_max,
        .idle = team->idle_count,
        .running = team->running_count,
        .queued = team->queued_count,
    };
    pthread_mutex_unlock(&team->lock);
}
