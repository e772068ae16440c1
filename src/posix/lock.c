/* Waiting for the lock of a file. */
#include "posix/lock.h"

#include "loop/loop.h"

#include <dure/file.h>
#include <errno.h>
#include <unistd.h>

static int64_t take(void *arg)
{
    const struct lock_call *call = arg;

    return call->lock ? fcntl(call->fd, call->command, call->lock) : flock(call->fd, call->command);
}

/* The same lock, asked for without waiting. Returns 0 or -errno. */
static int64_t take_at_once(void *arg)
{
    struct lock_call now = *(const struct lock_call *)arg;
    int result;

    if (!now.lock)
        now.command |= LOCK_NB;
    else
        now.command = now.command == F_OFD_SETLKW ? F_OFD_SETLK : F_SETLK;
    result = (int)take(&now);
    return result == 0 ? 0 : errno == EACCES ? -EAGAIN : -errno;
}

int64_t lock_wait(struct lock_call *call)
{
    if (!task_current() && thread_has_scope())
        return thread_ask(take_at_once, call);
    return offload_call(POOL_WAITS, call->lock ? "lock" : "flock", call->fd, take, call);
}

int dure_flock(int fd, int operation)
{
    struct lock_call call = { .fd = fd, .command = operation };

    /* An unlock is never cancelled; the others of these do not wait. */
    if (operation & (LOCK_NB | LOCK_UN))
        return flock(fd, operation);
    return (int)io_result(lock_wait(&call));
}

int dure_lockf(int fd, int operation, off_t len)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };

    if (operation != F_LOCK)
        return lockf(fd, operation, len);
    return (int)io_result(lock_wait(&(struct lock_call){ fd, F_SETLKW, &lock }));
}
