/* Serving: accept, spawn, and again. */
#include <dure/io.h>
#include <dure/socket.h>
#include <dure/task.h>
#include <dure/time.h>

#include <errno.h>

/* A shortage is looked at again after this: the connections wait in the kernel's backlog, and a
   descriptor may come back by a plain close that nobody tells us of. */
#define SHORTAGE_NS (10 * DURE_MILLISECOND)

enum verdict { TAKE_NEXT, WAIT_A_LITTLE, GIVE_UP };

static enum verdict judge(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        return WAIT_A_LITTLE;
    case ECANCELED:
    case EBADF:
    case ENOTSOCK:
    case EINVAL:
    case EOPNOTSUPP:
    case EFAULT:
    case EDEADLK:
        return GIVE_UP;
    case EAGAIN: /* a listener with O_NONBLOCK */
        return WAIT_A_LITTLE;
    default: /* the connection's own trouble: ECONNABORTED, EPROTO, a firewall's EPERM... */
        return TAKE_NEXT;
    }
}

static int wait_readable(int fd)
{
    struct pollfd poll = { .fd = fd, .events = POLLIN };

    return dure_poll(&poll, 1, -1) < 0 ? -1 : 0;
}

static int after_trouble(int listen_fd)
{
    int error = errno;

    switch (judge(error)) {
    case TAKE_NEXT:
        return 0;
    case WAIT_A_LITTLE:
        return error == EAGAIN ? wait_readable(listen_fd) : dure_sleep_for(SHORTAGE_NS);
    default:
        errno = error;
        return -1;
    }
}

/* What every connection's task is spawned with. */
struct service {
    dure_scope *scope;
    const dure_spawn_options *options;
    dure_fn *fn;
    void *arg;
};

/* Returns 0 to go on, -1 when no other connection could be served either: the scope has ended, or
   there is no run. */
static int serve_one(const struct service *service, int fd)
{
    dure_connection connection = { .fd = fd, .arg = service->arg };
    int error;

    if (dure_spawn_with(service->scope, service->options, service->fn, &connection,
                        sizeof connection) == 0)
        return 0;
    error = errno;
    dure_close(fd); /* this one is turned away, the next may find a place, a stack, memory */
    if (error == EAGAIN && (service->options->flags & DURE_NO_WAIT))
        return 0;
    if (error == EAGAIN || error == ENOMEM)
        return dure_sleep_for(SHORTAGE_NS);
    errno = error;
    return -1;
}

int dure_serve_with(dure_scope *scope, int listen_fd, const dure_spawn_options *options,
                    dure_fn *fn, void *arg)
{
    static const dure_spawn_options usual = { .place = DURE_LEAST_LOADED };
    struct service service = { scope, options ? options : &usual, fn, arg };
    int fd;

    if (listen_fd < 0)
        return -1;
    for (;;) {
        fd = dure_accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if ((fd >= 0 ? serve_one(&service, fd) : after_trouble(listen_fd)) < 0)
            return -1;
    }
}

int dure_serve(dure_scope *scope, int listen_fd, dure_fn *fn)
{
    return dure_serve_with(scope, listen_fd, NULL, fn, NULL);
}
