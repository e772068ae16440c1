/* Waiting for the lock of a file. */
#include "posix/lock.h"

#include "loop/loop.h"

#include <dure/file.h>
#include <dure/time.h>
#include <errno.h>

static int64_t try_fcntl(const struct lock_call *call, bool waits)
{
    int command = waits ? call->command : call->command == F_OFD_SETLKW ? F_OFD_SETLK : F_SETLK;
    int result = fcntl(call->fd, command, call->lock);

    return result < 0 ? -errno : result;
}

static int64_t try_flock(const struct lock_call *call, bool waits)
{
    int result = flock(call->fd, waits ? call->command : call->command | LOCK_NB);

    return result < 0 ? -errno : result;
}

static int64_t take(const struct lock_call *call, bool waits)
{
    return call->lock ? try_fcntl(call, waits) : try_flock(call, waits);
}

static void take_on_thread(struct offload *offload, void *arg)
{
    struct lock_call *call = arg;

    do {
        call->result = offload_ended(offload);
        if (call->result == 0)
            call->result = take(call, true);
    } while (call->result == -EINTR);
}

/* A plain thread with a scope. Nothing tells that a lock has become free except to wait for it,
   which no scope could end: so it asks again and again, ever less often. */
static int64_t take_in_scope(const struct lock_call *call)
{
    int64_t pause_ns = 100 * DURE_MICROSECOND, ready = thread_refused(), result;

    while (ready == 0) {
        result = take(call, false);
        if (result != -EAGAIN && result != -EACCES)
            return result;
        ready = thread_wait(-1, 0, dure_now() + pause_ns);
        if (pause_ns < 10 * DURE_MILLISECOND)
            pause_ns *= 2;
    }
    return ready;
}

int64_t lock_wait(struct lock_call *call)
{
    int error;

    if (!task_current())
        return thread_has_scope() ? take_in_scope(call) : take(call, true);
    if (io_refused())
        return -ECANCELED;
    error = offload_run(POOL_WAITS, OFFLOAD_INTERRUPT, call->lock ? "lock" : "flock", call->fd,
                        take_on_thread, call);
    if (error == 0)
        error = (int)call->result;
    if (error == -ECANCELED)
        flow_feel(&task_current()->flow);
    return error;
}

int dure_flock(int fd, int operation)
{
    struct lock_call call = { .fd = fd, .command = operation };

    /* An unlock is never cancelled; the others of these do not wait. */
    if (operation & (LOCK_NB | LOCK_UN))
        return flock(fd, operation);
    return (int)io_result(lock_wait(&call));
}
