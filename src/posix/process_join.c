/* The twin of pthread_join.

   Since Linux 6.9 a thread's end can be polled for. Before, a thread of the pool joins in slices:
   pthread_join knows no EINTR, so that a cancel is felt at the end of one, the thread's end at
   once. */
#include "loop/loop.h"

#include "base/timespec.h"

#include <dure/process.h>
#include <dure/time.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIDFD_OF_THREAD 0200u /* PIDFD_THREAD */
#define SLICE_NS (20 * DURE_MILLISECOND)

struct joining {
    struct list link;
    pthread_t thread;
    void **result;
    int error; /* as pthread_join; ETIMEDOUT: it runs yet */
};

/* Who is being joined: a second joiner gets EINVAL, as from the C library. The lock guards the list
   for the length of a look; innermost. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list all = { &all, &all };

static bool begin(struct joining *joining)
{
    struct list *node;
    bool first = true;

    pthread_mutex_lock(&lock);
    for (node = all.next; node != &all; node = node->next)
        first &= !pthread_equal(container_of(node, struct joining, link)->thread, joining->thread);
    if (first)
        list_push_back(&all, &joining->link);
    pthread_mutex_unlock(&lock);
    return first;
}

static void end(struct joining *joining)
{
    pthread_mutex_lock(&lock);
    list_remove(&joining->link);
    pthread_mutex_unlock(&lock);
}

/* Unlike pthread_tryjoin_np, a timed join says of a thread that runs what else is wrong with it. */
static int try(struct joining *joining)
{
    static const struct timespec long_ago;

    return pthread_timedjoin_np(joining->thread, joining->result, &long_ago);
}

static int try_for_a_slice(struct joining *joining)
{
    struct timespec until = timespec_of(dure_now() + SLICE_NS);

    return pthread_clockjoin_np(joining->thread, joining->result, CLOCK_MONOTONIC, &until);
}

/* The kernel's number is in the thread's clock, as the kernel defines it. */
static int open_thread(pthread_t thread)
{
    clockid_t clock;

    if (pthread_getcpuclockid(thread, &clock) != 0)
        return -1;
    return (int)syscall(SYS_pidfd_open, ~(clock >> 3), PIDFD_OF_THREAD);
}

/* Returns 0 when joining->error tells, -ECANCELED, or -ENOSYS if nothing can be polled for. */
static int join_by_descriptor(struct joining *joining)
{
    int fd = open_thread(joining->thread);
    int64_t result = fd < 0 ? -ENOSYS : 0;
    struct io io;

    if (fd >= 0)
        descriptor_born(fd);
    /* If it runs still, the number was its own; if there is none, it may have ended by now. */
    joining->error = try(joining);
    while (joining->error == ETIMEDOUT && (result >= 0 || result == -EINTR)) {
        io_init(&io, OP_POLL, fd);
        io.op.u.poll.events = POLLIN;
        result = io_run(&io);
        if (result >= 0)
            joining->error = try(joining);
    }
    if (fd >= 0)
        descriptor_close(fd);
    if (joining->error != ETIMEDOUT)
        return 0;
    return result == -ECANCELED ? -ECANCELED : -ENOSYS;
}

static void join_on_thread(struct offload *offload, void *arg)
{
    struct joining *joining = arg;

    while (joining->error == ETIMEDOUT && offload_ended(offload) == 0)
        joining->error = try_for_a_slice(joining);
}

static int join_in_slices(struct joining *joining)
{
    int error = 0;

    if (task_current()) {
        error = offload_run(POOL_WAITS, OFFLOAD_INTERRUPT, "join", -1, join_on_thread, joining);
        if (error == 0 && joining->error == ETIMEDOUT)
            error = -ECANCELED;
        if (error == -ECANCELED)
            flow_feel(&task_current()->flow);
        return error;
    }
    while (joining->error == ETIMEDOUT && error == 0) {
        joining->error = try_for_a_slice(joining);
        if (joining->error == ETIMEDOUT)
            error = thread_refused();
    }
    return error;
}

static int join(struct joining *joining)
{
    int error;

    joining->error = try(joining);
    if (joining->error != ETIMEDOUT)
        return joining->error;
    error = join_by_descriptor(joining);
    if (error == -ENOSYS)
        error = join_in_slices(joining);
    return error < 0 ? -error : joining->error;
}

int dure_pthread_join(pthread_t thread, void **result)
{
    struct joining joining = { .thread = thread, .result = result };
    int error = io_entry_refused();

    if (error < 0)
        return -error;
    if (!task_current() && !thread_has_scope())
        return pthread_join(thread, result);
    if (pthread_equal(thread, pthread_self()))
        return EDEADLK;
    if (!begin(&joining))
        return EINVAL;
    error = join(&joining);
    end(&joining);
    return error;
}
