/* The time limits that a socket's user has set: SO_RCVTIMEO and SO_SNDTIMEO. The kernel keeps them
   for calls that wait in it; a task's do not. */
#include "loop/loop.h"

#include "backend/attempt.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

atomic_bool socket_limits_used;

/* connect is left out: its time-out lets the kernel go on connecting, which a task's end of the
   wait does not. */
int64_t socket_limit_ns(const struct op *op)
{
    struct timeval limit;
    socklen_t len = sizeof limit;
    int name;

    switch (op->code) {
    case OP_POLL:
    case OP_CONNECT:
        return 0;
    default:
        name = attempt_events(op) & POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO;
    }
    if (world_here()->getsockopt(op->fd, SOL_SOCKET, name, &limit, &len) < 0)
        return 0;
    return limit.tv_sec * DURE_SECOND + limit.tv_usec * DURE_MICROSECOND;
}

int64_t socket_limit_wait(struct io *io, int64_t limit_ns)
{
    struct sched *sched = sched_here;

    io->wait.until_ns = sched->now(sched) + limit_ns;
    if (task_park_until(&io->wait) && LOAD(sched->current->flow.level) != LEVEL_ENDED &&
        (io->op.result == -ECANCELED || io->op.result == -ERESTART))
        return -EAGAIN;
    return io->op.result;
}
