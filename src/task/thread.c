/* Plain threads: what they have in common with tasks. */
#include "task/scope.h"

#include "base/timespec.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a nudge adds to wake_fd, where the end of a scope adds 1: so that each is known. */
#define NUDGE (UINT64_C(1) << 32)

static _Thread_local struct thread_flow *thread_here;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

/* Those of threads that have ended; as many as there were threads at once. */
static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread_flow *free_flows;

static void forget(void *value)
{
    struct thread_flow *thread = value;

    if (thread->flow.locals)
        flow_end_locals(&thread->flow);
    if (thread->flow.innermost && !task_forked)
        die("a thread ends with a scope open");
    if (thread->wake_fd >= 0)
        close(thread->wake_fd);
    free(thread->flow.why);
    thread->flow = (struct flow){ 0 };
    thread_here = NULL;
    pthread_mutex_lock(&free_lock);
    thread->next_free = free_flows;
    free_flows = thread;
    pthread_mutex_unlock(&free_lock);
}

static struct thread_flow *flow_create(void)
{
    struct thread_flow *thread;

    pthread_mutex_lock(&free_lock);
    thread = free_flows;
    if (thread)
        free_flows = thread->next_free;
    pthread_mutex_unlock(&free_lock);
    if (thread)
        return thread;
    thread = calloc(1, sizeof *thread);
    if (thread)
        pthread_mutex_init(&thread->lock, NULL);
    return thread;
}

/* Of a forked child's threads this one is left. The descriptor would be its parent's too, and each
   would read what is meant for the other; a lock may have been another thread's. */
static void after_fork(void)
{
    struct thread_flow *thread = thread_here;

    pthread_mutex_init(&free_lock, NULL);
    if (!thread)
        return;
    pthread_mutex_init(&thread->lock, NULL);
    if (thread->wake_fd >= 0)
        close(thread->wake_fd);
    thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void make_key(void)
{
    if (pthread_key_create(&key, forget) || pthread_atfork(NULL, NULL, after_fork))
        die("no thread-specific key is left");
}

struct thread_flow *thread_flow_current(void)
{
    struct thread_flow *thread = thread_here;

    if (likely(thread != NULL)) {
        /* There was no descriptor left; nobody can wake it before it has a scope. */
        if (unlikely(thread->wake_fd < 0 && !thread->flow.innermost && !thread->flow.home))
            thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return thread;
    }
    pthread_once(&once, make_key);
    thread = flow_create();
    if (!thread)
        return NULL;
    thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_here = thread;
    pthread_setspecific(key, thread);
    return thread;
}

void thread_rouse(struct thread_flow *thread)
{
    static const uint64_t one = 1;
    int error = errno;

    if (thread->wake_fd >= 0 && write(thread->wake_fd, &one, sizeof one) < 0)
        ASSERT(errno == EAGAIN); /* full: it has been woken already */
    thread_nudge(thread);
    errno = error;
}

/* Sequentially consistent, all three: a thread says that it dozes and then looks, whoever has news
   for it publishes them and then asks. */
void thread_nudge(struct thread_flow *thread)
{
    static const uint64_t nudge = NUDGE;

    switch (atomic_exchange_explicit(&thread->doze, 0, memory_order_seq_cst)) {
    case THREAD_DOZES:
        syscall(SYS_futex, &thread->doze, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        break;
    case THREAD_POLLS:
        if (write(thread->wake_fd, &nudge, sizeof nudge) < 0)
            ASSERT(errno == EAGAIN);
        break;
    }
}

void thread_lie_down(struct thread_flow *thread, bool polls)
{
    thread->polls = polls;
    (void)atomic_exchange_explicit(&thread->doze, polls ? THREAD_POLLS : THREAD_DOZES,
                                   memory_order_seq_cst);
}

static void read_nudge(struct thread_flow *thread)
{
    uint64_t count = 0;

    if (read(thread->wake_fd, &count, sizeof count) < 0)
        ASSERT(errno == EAGAIN || errno == EINTR);
    thread->nudged |= count >= NUDGE;
}

void thread_get_up(struct thread_flow *thread)
{
    struct pollfd fd = { .fd = thread->wake_fd, .events = POLLIN };

    if (likely(!thread->polls)) {
        /* Relaxed: who still sees it wakes once too often. */
        atomic_store_explicit(&thread->doze, 0, memory_order_relaxed);
        return;
    }
    /* Whoever has taken the word away is about to write. That is waited for: later the descriptor
       could be somebody else's. */
    if (atomic_exchange_explicit(&thread->doze, 0, memory_order_seq_cst) != THREAD_POLLS)
        while (!thread->nudged && (poll(&fd, 1, -1) > 0 || errno == EINTR))
            read_nudge(thread);
    thread->nudged = false;
}

void thread_doze(struct thread_flow *thread, int64_t until_ns)
{
    /* An absolute time of CLOCK_MONOTONIC, the clock of sched_now. */
    struct timespec at = timespec_of(until_ns);

    syscall(SYS_futex, &thread->doze, FUTEX_WAIT_BITSET_PRIVATE, THREAD_DOZES,
            until_ns == INT64_MAX ? NULL : &at, NULL, FUTEX_BITSET_MATCH_ANY);
}

int thread_doze_polling(struct thread_flow *thread, struct pollfd *fds, nfds_t len,
                        int64_t until_ns, const sigset_t *mask)
{
    int64_t left_ns = until_ns == INT64_MAX ? 0 : until_ns - sched_now(NULL);
    struct timespec left = timespec_of(left_ns > 0 ? left_ns : 0);
    int ready;

    fds[0] = (struct pollfd){ .fd = thread->wake_fd, .events = POLLIN };
    ready = ppoll(fds, len, until_ns == INT64_MAX ? NULL : &left, mask);
    if (ready > 0 && fds[0].revents) {
        read_nudge(thread);
        ready--;
    }
    return ready;
}

struct flow *flow_of_thread(void)
{
    struct thread_flow *thread = thread_flow_current();

    return thread ? &thread->flow : NULL;
}
