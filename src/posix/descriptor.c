/* Twins that make, change and close descriptors of any kind. */
#include "loop/loop.h"

#include "base/descriptors.h"

#include <dure/io.h>
#include <dure/time.h>
#include <errno.h>
#include <stdarg.h>

int dure_close(int fd)
{
    return (int)io_result(descriptor_close(fd));
}

struct lock_call {
    int fd, command;
    struct flock *lock;
    int64_t result;
};

static void lock_on_thread(struct offload *offload, void *arg)
{
    struct lock_call *call = arg;

    do {
        call->result = offload_ended(offload);
        if (call->result == 0 && fcntl(call->fd, call->command, call->lock) < 0)
            call->result = -errno;
    } while (call->result == -EINTR);
}

static int result_of(int result)
{
    return result < 0 ? -errno : result;
}

/* A plain thread with a scope. Nothing tells that a lock has become free except to wait for it,
   which no scope could end: so it asks again and again, ever less often. */
static int64_t wait_for_lock_in_scope(int fd, int command, struct flock *lock)
{
    int try_command = command == F_SETLKW ? F_SETLK : F_OFD_SETLK;
    int64_t pause_ns = 100 * DURE_MICROSECOND, ready = thread_refused();
    int result;

    while (ready == 0) {
        result = result_of(fcntl(fd, try_command, lock));
        if (result != -EAGAIN && result != -EACCES)
            return result;
        ready = thread_wait(-1, 0, dure_now() + pause_ns);
        if (pause_ns < 10 * DURE_MILLISECOND)
            pause_ns *= 2;
    }
    return ready;
}

static int64_t wait_for_lock(int fd, int command, struct flock *lock)
{
    struct lock_call call = { fd, command, lock, 0 };
    int error;

    if (!task_current())
        return thread_has_scope() ? wait_for_lock_in_scope(fd, command, lock)
                                  : result_of(fcntl(fd, command, lock));
    if (io_refused())
        return -ECANCELED;
    error = offload_run(POOL_WAITS, OFFLOAD_INTERRUPT, "lock", fd, lock_on_thread, &call);
    if (error == 0)
        error = (int)call.result;
    if (error == -ECANCELED)
        flow_feel(&task_current()->flow);
    return error;
}

/* O_NONBLOCK belongs to the description. What has two numbers, or came from elsewhere, is not ours
   to flip: calls that overlap are counted by number. */
static int duplicate_born(int fd, int duplicate)
{
    if (duplicate < 0)
        return duplicate;
    descriptor_born(duplicate);
    descriptors_set_ours(duplicate, false);
    descriptors_set_ours(fd, false);
    return duplicate;
}

int dure_fcntl(int fd, int command, ...)
{
    va_list args;
    void *arg;

    /* As the C library's own: whatever the command takes fits a pointer. */
    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    switch (command) {
    case F_SETLKW:
    case F_OFD_SETLKW:
        return (int)io_result(wait_for_lock(fd, command, arg));
    case F_GETFL:
        return (int)io_result(descriptors_get_flags(fd));
    case F_SETFL:
        return (int)io_result(descriptors_set_flags(fd, (int)(intptr_t)arg));
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate_born(fd, fcntl(fd, command, arg));
    default:
        return fcntl(fd, command, arg);
    }
}

int dure_dup(int fd)
{
    return duplicate_born(fd, dup(fd));
}

int dure_pipe2(int fds[2], int flags)
{
    if (pipe2(fds, flags) < 0)
        return -1;
    descriptor_born(fds[0]);
    descriptor_born(fds[1]);
    return 0;
}
