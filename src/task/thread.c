/* Plain threads: what they have in common with tasks. */
#include "task/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static _Thread_local struct thread_flow *thread_here;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void forget(void *value)
{
    struct thread_flow *thread = value;

    if (thread->flow.innermost && !task_forked)
        die("a thread ends with a scope open");
    if (thread->wake_fd >= 0)
        close(thread->wake_fd);
    pthread_mutex_destroy(&thread->lock);
    free(thread->flow.why);
    free(thread);
    thread_here = NULL;
}

static void make_key(void)
{
    if (pthread_key_create(&key, forget))
        die("no thread-specific key is left");
}

struct thread_flow *thread_flow_current(void)
{
    struct thread_flow *thread = thread_here;

    if (thread)
        return thread;
    pthread_once(&once, make_key);
    thread = calloc(1, sizeof *thread);
    if (!thread)
        return NULL;
    thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&thread->lock, NULL);
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
    errno = error;
}

struct flow *flow_of_thread(void)
{
    struct thread_flow *thread = thread_flow_current();

    return thread ? &thread->flow : NULL;
}
