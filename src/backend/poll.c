/* poll: an array of who is waited for, kept up to date by swapping with the last. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "backend/reactor.h"
#include "base/assert.h"
#include "base/timespec.h"

struct poll {
    struct reactor reactor;
    struct pollfd *fds; /* the first is the wake descriptor */
    size_t len, room;
};

static struct poll *poll_of(struct reactor *r)
{
    return container_of(r, struct poll, reactor);
}

static int grow(struct poll *p)
{
    size_t room = p->room ? 2 * p->room : 64;
    struct pollfd *fds;

    if (p->len < p->room)
        return 0;
    fds = realloc(p->fds, room * sizeof *fds);
    if (!fds)
        return -ENOMEM;
    p->fds = fds;
    p->room = room;
    return 0;
}

static void take_out(struct poll *p, struct entry *entry)
{
    struct pollfd *last = &p->fds[--p->len];

    if (entry->slot - 1 != p->len) {
        p->fds[entry->slot - 1] = *last;
        entry_find(&p->reactor, last->fd)->slot = entry->slot;
    }
    entry->slot = 0;
}

static int poll_interest(struct reactor *r, struct entry *entry, unsigned events)
{
    struct poll *p = poll_of(r);
    int error;

    if (events == 0) {
        if (entry->slot)
            take_out(p, entry);
        return 0;
    }
    if (!entry->slot) {
        error = grow(p);
        if (error)
            return error;
        p->fds[p->len] = (struct pollfd){ .fd = entry->fd };
        entry->slot = (uint32_t)++p->len;
    }
    p->fds[entry->slot - 1].events = (short)events;
    return 0;
}

/* Backwards: an entry that leaves is replaced by one that was looked at already. */
static int poll_wait(struct reactor *r, int64_t wait_ns)
{
    struct poll *p = poll_of(r);
    struct timespec timeout = timespec_of(wait_ns);
    int n = ppoll(p->fds, p->len, wait_ns < 0 ? NULL : &timeout, NULL), left = n;

    for (size_t i = p->len; left > 0 && i-- > 0;) {
        unsigned events = (unsigned short)p->fds[i].revents;

        if (!events)
            continue;
        left--;
        if (i == 0)
            reactor_drain_wake(r);
        else
            reactor_ready(r, entry_find(r, p->fds[i].fd), events);
    }
    return n;
}

static const struct mechanism mechanism = {
    .interest = poll_interest,
    .wait = poll_wait,
};

static int create(const struct backend_config *config, struct backend **out)
{
    struct poll *p = calloc(1, sizeof *p);
    int error;

    if (!p)
        return -ENOMEM;
    error = grow(p);
    if (error)
        goto err_free;
    error = reactor_init(&p->reactor, &backend_poll, &mechanism, config);
    if (error)
        goto err_free_fds;
    p->fds[p->len++] = (struct pollfd){ .fd = p->reactor.wake_fd, .events = POLLIN };
    *out = &p->reactor.base;
    return 0;

err_free_fds:
    free(p->fds);
err_free:
    free(p);
    return error;
}

static void destroy(struct backend *backend)
{
    struct poll *p = container_of(backend, struct poll, reactor.base);

    reactor_fini(&p->reactor);
    free(p->fds);
    free(p);
}

const struct backend_ops backend_poll = {
    .name = "poll",
    .world = &world_kernel,
    .create = create,
    .destroy = destroy,
    .submit = reactor_submit,
    .cancel = reactor_cancel,
    .collect = reactor_collect,
    .wake = reactor_wake,
    .born = reactor_born,
    .poll_fd = reactor_no_poll_fd,
    .now = reactor_now,
};
