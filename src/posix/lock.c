/* Waiting for the lock of a file. */
#include "posix/lock.h"

#include "loop/loop.h"

#include <dure/file.h>
#include <errno.h>
#include <unistd.h> /* F_LOCK */

/* The same lock, asked for without waiting. Returns 0 or -errno. */
static int64_t take_at_once(void *arg)
{
    const struct lock_call *call = arg;
    const struct world *world = world_here();
    int result;

    if (!call->lock)
        result = world->files->flock(call->fd, call->command | LOCK_NB);
    else
        result = world->fcntl(call->fd, lock_at_once(call->command), call->lock);
    return result == 0 ? 0 : errno == EACCES ? -EAGAIN : -errno;
}

int64_t lock_wait(struct lock_call *call)
{
    struct io io;

    if (!task_current() && thread_has_scope())
        return thread_ask(take_at_once, call);
    io_init(&io, OP_LOCK, call->fd);
    io.op.u.lock.command = call->command;
    io.op.u.lock.lock = call->lock;
    return io_run(&io);
}

int dure_flock(int fd, int operation)
{
    struct lock_call call = { .fd = fd, .command = operation };

    /* An unlock is never cancelled; the others of these do not wait. */
    if (operation & (LOCK_NB | LOCK_UN))
        return world_here()->files->flock(fd, operation);
    return (int)io_result(lock_wait(&call));
}

int dure_lockf(int fd, int operation, off_t len)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };

    if (operation != F_LOCK)
        return world_here()->files->lockf(fd, operation, len);
    return (int)io_result(lock_wait(&(struct lock_call){ fd, F_SETLKW, &lock }));
}
