/* select: three sets, kept up to date. Its sets end at FD_SETSIZE; a wait beyond
   that is answered with EINVAL, and nothing outside the sets is ever touched. */
#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

#include "backend/reactor.h"
#include "base/assert.h"
#include "base/timespec.h"

struct sets {
    fd_set read, write, except;
};

struct select {
    struct reactor reactor;
    struct sets wanted;
    int end; /* the highest number in the sets, plus 1 */
};

static struct select *select_of(struct reactor *r)
{
    return container_of(r, struct select, reactor);
}

static void put(fd_set *set, int fd, bool wanted)
{
    if (wanted)
        FD_SET(fd, set);
    else
        FD_CLR(fd, set);
}

static bool is_wanted(const struct select *s, int fd)
{
    return FD_ISSET(fd, &s->wanted.read) || FD_ISSET(fd, &s->wanted.write) ||
           FD_ISSET(fd, &s->wanted.except);
}

/* Ends and errors show as readable, so who asks for nothing else is there too. */
static int select_interest(struct reactor *r, struct entry *entry, unsigned events)
{
    struct select *s = select_of(r);
    int fd = entry->fd;

    if (fd >= FD_SETSIZE)
        return events ? -EINVAL : 0;
    put(&s->wanted.read, fd, events & (POLLIN | POLLRDNORM | POLLRDHUP) || events == POLLERR);
    put(&s->wanted.write, fd, events & (POLLOUT | POLLWRNORM));
    put(&s->wanted.except, fd, events & POLLPRI);
    if (events && fd >= s->end)
        s->end = fd + 1;
    while (s->end > 0 && !is_wanted(s, s->end - 1))
        s->end--;
    return 0;
}

/* One of the numbers was closed by foreign code: select says no more than that. */
static int find_closed(struct select *s)
{
    int n = 0;

    for (int fd = 0; fd < s->end; fd++) {
        if (is_wanted(s, fd) && fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            reactor_ready(&s->reactor, entry_find(&s->reactor, fd), POLLNVAL);
            n++;
        }
    }
    return n;
}

static int select_wait(struct reactor *r, int64_t wait_ns)
{
    struct select *s = select_of(r);
    struct timespec timeout = timespec_of(wait_ns);
    struct sets ready = s->wanted;
    int end = s->end;
    int n =
        pselect(end, &ready.read, &ready.write, &ready.except, wait_ns < 0 ? NULL : &timeout, NULL);

    if (n < 0)
        return errno == EBADF ? find_closed(s) : n;
    for (int fd = 0; n > 0 && fd < end; fd++) {
        unsigned events = (FD_ISSET(fd, &ready.read) ? POLLIN : 0u) |
                          (FD_ISSET(fd, &ready.write) ? POLLOUT : 0u) |
                          (FD_ISSET(fd, &ready.except) ? POLLPRI : 0u);

        if (!events)
            continue;
        if (fd == r->wake_fd)
            reactor_drain_wake(r);
        else
            reactor_ready(r, entry_find(r, fd), events | POLLERR);
    }
    return n;
}

static const struct mechanism mechanism = {
    .interest = select_interest,
    .wait = select_wait,
};

static int create(const struct backend_config *config, struct backend **out)
{
    struct select *s = calloc(1, sizeof *s);
    int error;

    if (!s)
        return -ENOMEM;
    error = reactor_init(&s->reactor, &backend_select, &mechanism, config);
    if (error)
        goto err_free;
    if (s->reactor.wake_fd >= FD_SETSIZE) {
        error = -EMFILE;
        goto err_fini_reactor;
    }
    FD_SET(s->reactor.wake_fd, &s->wanted.read);
    s->end = s->reactor.wake_fd + 1;
    *out = &s->reactor.base;
    return 0;

err_fini_reactor:
    reactor_fini(&s->reactor);
err_free:
    free(s);
    return error;
}

static void destroy(struct backend *backend)
{
    struct select *s = container_of(backend, struct select, reactor.base);

    reactor_fini(&s->reactor);
    free(s);
}

const struct backend_ops backend_select = {
    .name = "select",
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
