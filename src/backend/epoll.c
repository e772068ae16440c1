/* epoll: one registration in the life of a connection, edge-triggered, for all
   that can happen to it; trusted, and verified when a wait grows long. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backend/reactor.h"
#include "base/assert.h"
#include "base/timespec.h"

_Static_assert(EPOLLIN == POLLIN && EPOLLPRI == POLLPRI && EPOLLOUT == POLLOUT &&
                   EPOLLERR == POLLERR && EPOLLHUP == POLLHUP && EPOLLRDHUP == POLLRDHUP,
               "epoll's events are poll's");

/* Measured with thousands of connections: larger batches push each other out of the cache
   between the event and the work on it. */
#define EVENTS_MAX 512
#define MS INT64_C(1000000)

struct epoll {
    struct reactor reactor;
    int fd;
    bool no_pwait2; /* the kernel is older than 5.11 */
    struct epoll_event events[EVENTS_MAX];
};

static struct epoll *epoll_of(struct reactor *r)
{
    return container_of(r, struct epoll, reactor);
}

static int control(struct epoll *e, int operation, struct entry *entry)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET,
                                 .data.ptr = entry };

    return epoll_ctl(e->fd, operation, entry->fd, &event) < 0 ? -errno : 0;
}

static int epoll_interest(struct reactor *r, struct entry *entry, unsigned events)
{
    struct epoll *e = epoll_of(r);
    int error = control(e, events ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, entry);

    /* The description came back to its number (dup2): modifying reports its state as well. */
    if (error == -EEXIST)
        error = control(e, EPOLL_CTL_MOD, entry);
    return error;
}

static int epoll_check(struct reactor *r, struct entry *entry)
{
    return control(epoll_of(r), EPOLL_CTL_MOD, entry);
}

/* Whole milliseconds are waited for with the older call, which needs no structure. */
static int wait_events(struct epoll *e, int64_t wait_ns)
{
    struct timespec timeout = timespec_of(wait_ns);
    int64_t wait_ms = wait_ns < 0 ? -1 : wait_ns / MS + (wait_ns % MS != 0);
    int n;

    if (wait_ns > 0 && wait_ns % MS != 0 && !e->no_pwait2) {
        n = (int)syscall(SYS_epoll_pwait2, e->fd, e->events, EVENTS_MAX, &timeout, NULL, 0);
        if (n >= 0 || errno != ENOSYS)
            return n;
        e->no_pwait2 = true;
    }
    return epoll_wait(e->fd, e->events, EVENTS_MAX, wait_ms > 1 << 30 ? 1 << 30 : (int)wait_ms);
}

static int epoll_wait_ready(struct reactor *r, int64_t wait_ns)
{
    struct epoll *e = epoll_of(r);
    int n = wait_events(e, wait_ns);

    for (int i = 0; i < n; i++)
        if (e->events[i].data.ptr) /* else a wake-up: an edge, nothing to drain */
            reactor_ready(r, e->events[i].data.ptr, e->events[i].events);
    return n;
}

static const struct mechanism mechanism = {
    .lasting = true,
    .interest = epoll_interest,
    .check = epoll_check,
    .wait = epoll_wait_ready,
};

static int create(const struct backend_config *config, struct backend **out)
{
    struct epoll_event wake = { .events = EPOLLIN | EPOLLET };
    struct epoll *e = aligned_alloc(64, (sizeof *e + 63) / 64 * 64);
    int error;

    if (!e)
        return -ENOMEM;
    e->no_pwait2 = false;
    error = reactor_init(&e->reactor, &backend_epoll, &mechanism, config);
    if (error)
        goto err_free;
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    if (e->fd < 0) {
        error = -errno;
        goto err_fini_reactor;
    }
    if (epoll_ctl(e->fd, EPOLL_CTL_ADD, e->reactor.wake_fd, &wake) < 0) {
        error = -errno;
        goto err_close_epoll;
    }
    *out = &e->reactor.base;
    return 0;

err_close_epoll:
    close(e->fd);
err_fini_reactor:
    reactor_fini(&e->reactor);
err_free:
    free(e);
    return error;
}

static void destroy(struct backend *backend)
{
    struct epoll *e = container_of(backend, struct epoll, reactor.base);

    close(e->fd);
    reactor_fini(&e->reactor);
    free(e);
}

static int poll_fd(struct backend *backend)
{
    struct epoll *e = container_of(backend, struct epoll, reactor.base);

    e->reactor.embedded = true;
    if (!list_empty(&e->reactor.finished))
        reactor_wake(backend);
    return e->fd;
}

const struct backend_ops backend_epoll = {
    .name = "epoll",
    .world = &world_kernel,
    .create = create,
    .destroy = destroy,
    .submit = reactor_submit,
    .cancel = reactor_cancel,
    .collect = reactor_collect,
    .wake = reactor_wake,
    .born = reactor_born,
    .poll_fd = poll_fd,
    .now = reactor_now,
};
