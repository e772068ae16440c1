/* Twins that make, change and close descriptors of any kind. */
#include "loop/loop.h"

#include "base/descriptors.h"
#include "posix/lock.h"

#include <dure/io.h>
#include <errno.h>
#include <stdarg.h>

int dure_close(int fd)
{
    if (unlikely(!sched_may_wait()))
        return (int)io_result(-EDEADLK);
    return (int)io_result(descriptor_close(fd));
}

/* O_NONBLOCK belongs to the description. What has two numbers, or came from elsewhere, is not ours
   to flip: calls that overlap are counted by number. */
static int duplicate_born(int fd, int duplicate)
{
    if (duplicate < 0 || world_here()->simulated)
        return duplicate;
    descriptor_born(duplicate);
    descriptors_set_ours(duplicate, false);
    descriptors_set_ours(fd, false);
    return duplicate;
}

/* An unlock does not wait, and is never cancelled. */
static int lock_by_fcntl(int fd, int command, struct flock *lock)
{
    if (!lock || lock->l_type == F_UNLCK)
        return world_here()->fcntl(fd, lock_at_once(command), lock);
    return (int)io_result(lock_wait(&(struct lock_call){ fd, command, lock }));
}

/* What the loops must agree on with each other. */
static int fcntl_kernel(int fd, int command, void *arg)
{
    const struct world *world = &world_kernel;

    switch (command) {
    case F_GETFL:
        return (int)io_result(descriptors_get_flags(fd));
    case F_SETFL:
        return (int)io_result(descriptors_set_flags(fd, (int)(intptr_t)arg));
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate_born(fd, world->fcntl(fd, command, arg));
    default:
        return world->fcntl(fd, command, arg);
    }
}

int dure_fcntl(int fd, int command, ...)
{
    const struct world *world = world_here();
    va_list args;
    void *arg;

    /* As the C library's own: whatever the command takes fits a pointer. */
    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    if (unlikely(command == F_SETLKW || command == F_OFD_SETLKW))
        return lock_by_fcntl(fd, command, arg);
    if (unlikely(world->simulated))
        return simulated_words(world->fcntl(fd, command, arg), "this command of fcntl");
    return fcntl_kernel(fd, command, arg);
}

int dure_dup(int fd)
{
    return duplicate_born(fd, world_here()->dup(fd));
}

int dure_dup3(int fd, int to, int flags)
{
    if (unlikely(!sched_may_wait()))
        return (int)io_result(-EDEADLK);
    if (unlikely(world_here()->simulated))
        return simulated_words(world_here()->dup3(fd, to, flags),
                               "dup2 to a number of the machine");
    return (int)io_result(descriptor_replace(fd, to, flags));
}

int dure_dup2(int fd, int to)
{
    if (unlikely(fd == to))
        return world_here()->fcntl(fd, F_GETFD, NULL) < 0 ? -1 : to;
    return dure_dup3(fd, to, 0);
}

int dure_pipe2(int fds[2], int flags)
{
    if (world_here()->pipe2(fds, flags) < 0)
        return -1;
    descriptor_born(fds[0]);
    descriptor_born(fds[1]);
    return 0;
}
