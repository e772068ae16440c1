/* The twins of poll and ppoll: several waits at once, of which the first ends all. */
#include "posix/poll.h"

#include "loop/loop.h"

#include <dure/io.h>
#include <dure/time.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Descriptors that are polled without asking for memory. */
#define POLLED_INLINE 4

struct polled {
    struct op op;
    struct polling *polling;
    bool pending;
};

struct polling {
    struct wait wait;
    struct timer timer;
    struct polled *polled;
    nfds_t len;
    unsigned pending;
    bool settling; /* the first is there, or a cancel: the rest is being called back */
    bool woken;
};

static void wake_up(struct polling *polling)
{
    if (polling->woken || polling->wait.task->state != TASK_PARKED)
        return;
    polling->woken = true;
    task_ready(polling->wait.task);
}

static void polled_done(struct op *op)
{
    struct polled *polled = container_of(op, struct polled, op);
    struct polling *polling = polled->polling;

    polled->pending = false;
    polling->pending--;
    /* 0: one that is never ready, which is no reason to stop waiting for the others. */
    if (polling->settling ? polling->pending == 0 : op->result != 0)
        wake_up(polling);
}

static void time_over(struct timer *timer)
{
    wake_up(container_of(timer, struct polling, timer));
}

static void cancel_polling(struct wait *wait)
{
    wake_up(container_of(wait, struct polling, wait));
}

/* Starts all waits. Returns true if one was ready at once. */
static bool start(struct polling *polling, struct pollfd *fds)
{
    struct backend *backend = loop_here()->backend;
    bool ready = false;
    nfds_t i;

    for (i = 0; i < polling->len; i++) {
        struct polled *polled = &polling->polled[i];

        polled->polling = polling;
        polled->pending = false;
        polled->op.result = 0;
        if (fds[i].fd < 0)
            continue;
        polled->op.code = OP_POLL;
        polled->op.fd = fds[i].fd;
        polled->op.flags = 0;
        polled->op.done = polled_done;
        polled->op.waiter = NULL;
        polled->op.since_ns = sched_here->now_ns;
        polled->op.u.poll.events = (unsigned short)fds[i].events;
        switch (backend->ops->submit(backend, &polled->op)) {
        case SUBMIT_DONE:
            ready = true;
            break;
        case SUBMIT_PENDING:
            polled->pending = true;
            polling->pending++;
            break;
        default: /* a file, and nothing asked of it that a file could be: never ready */
            polled->op.result = 0;
        }
    }
    return ready;
}

static void park(struct polling *polling)
{
    polling->woken = false;
    task_park(&polling->wait);
}

/* Calls back what is pending and waits until all have answered. */
static void settle(struct polling *polling)
{
    struct backend *backend = loop_here()->backend;
    nfds_t i;

    polling->settling = true;
    polling->wait.cancel = NULL;
    for (i = 0; i < polling->len; i++) {
        if (!polling->polled[i].pending)
            continue;
        polling->polled[i].op.flags |= OP_CANCEL_ASKED;
        backend->ops->cancel(backend, &polling->polled[i].op);
    }
    while (polling->pending)
        park(polling);
}

/* Says why: EINVAL alone would not. */
static int cannot_poll(int fd, int error)
{
    if (error == -EINVAL)
        flow_say(&sched_here->current->flow,
                 "descriptor %d: the backend %s does not poll numbers so large", fd,
                 loop_here()->backend->ops->name);
    return error;
}

static int count_ready(const struct polling *polling, struct pollfd *fds)
{
    int ready = 0;
    nfds_t i;

    for (i = 0; i < polling->len; i++) {
        int64_t result = polling->polled[i].op.result;

        fds[i].revents = 0;
        if (result == -EBADF)
            fds[i].revents = POLLNVAL;
        else if (result > 0)
            fds[i].revents = (short)result;
        else if (result < 0 && result != -ECANCELED)
            return cannot_poll(fds[i].fd, (int)result);
        ready += fds[i].revents != 0;
    }
    return ready;
}

/* until_ns: 0 at once, INT64_MAX for ever. Returns as poll, or -errno. */
static int poll_task(struct pollfd *fds, struct polled *polled, nfds_t len, int64_t until_ns)
{
    struct sched *sched = sched_here;
    struct polling polling = {
        .wait = { .what = "poll", .fd = len ? fds[0].fd : -1, .cancel = cancel_polling },
        .timer = { .at_ns = until_ns, .fire = time_over },
        .polled = polled,
        .len = len,
    };
    bool asked = false;
    int ready;

    polling.wait.task = sched->current;
    if (!start(&polling, fds) && until_ns > 0) {
        if (until_ns != INT64_MAX) {
            polling.wait.until_ns = until_ns;
            timers_add(&sched->timers, &polling.timer);
        }
        park(&polling);
        asked = polling.wait.cancel_asked;
        timers_remove(&sched->timers, &polling.timer);
    } else {
        task_pay(sched);
    }
    settle(&polling);
    ready = count_ready(&polling, fds);
    if (ready != 0 || !asked)
        return ready;
    flow_feel(&sched->current->flow);
    return -ECANCELED;
}

/* A plain thread with a scope: one more for its wake-up. */
static int poll_thread(struct pollfd *fds, nfds_t len, int64_t until_ns, const sigset_t *mask)
{
    struct pollfd inline_fds[POLLED_INLINE + 1], *all = inline_fds;
    int64_t ready;

    if (len > POLLED_INLINE) {
        all = calloc(len + 1, sizeof *all);
        if (!all)
            return -ENOMEM;
    }
    if (len)
        memcpy(all + 1, fds, len * sizeof *fds);
    ready = thread_refused();
    if (ready == 0)
        ready = thread_poll(all, len, until_ns == INT64_MAX ? 0 : until_ns ? until_ns : 1, mask);
    if (ready >= 0 && len)
        memcpy(fds, all + 1, len * sizeof *fds);
    if (all != inline_fds)
        free(all);
    return (int)ready;
}

static int poll_here(struct pollfd *fds, nfds_t len, int64_t until_ns)
{
    struct polled inline_polled[POLLED_INLINE], *polled = inline_polled;
    struct rlimit most;
    int result;

    if (len > POLLED_INLINE) {
        if (getrlimit(RLIMIT_NOFILE, &most) == 0 && len > most.rlim_cur)
            return -EINVAL;
        polled = calloc(len, sizeof *polled);
        if (!polled)
            return -ENOMEM;
    }
    do
        result = io_refused() ? -ECANCELED : poll_task(fds, polled, len, until_ns);
    while (result == -ERESTART);
    if (polled != inline_polled)
        free(polled);
    return result;
}

int64_t poll_until(struct pollfd *fds, nfds_t len, int64_t until_ns, const sigset_t *mask)
{
    if (!task_current())
        return poll_thread(fds, len, until_ns, mask);
    if (!mask)
        return poll_here(fds, len, until_ns);
    flow_say(&task_current()->flow, "a task cannot change its thread's signal mask for a wait");
    return -ENOTSUP;
}

int dure_poll(struct pollfd *fds, nfds_t fds_len, int timeout_ms)
{
    int64_t until_ns = INT64_MAX;

    if (!task_current() && !thread_has_scope())
        return poll(fds, fds_len, timeout_ms);
    if (timeout_ms >= 0)
        until_ns = timeout_ms ? dure_now() + timeout_ms * DURE_MILLISECOND : 0;
    return (int)io_result(poll_until(fds, fds_len, until_ns, NULL));
}

int64_t poll_time(const struct timespec *timeout, int64_t *until_ns)
{
    *until_ns = INT64_MAX;
    if (!timeout)
        return 0;
    if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= DURE_SECOND)
        return -EINVAL;
    if (timeout->tv_sec == 0 && timeout->tv_nsec == 0)
        *until_ns = 0;
    else if (timeout->tv_sec < INT64_MAX / DURE_SECOND / 2) /* else for ever */
        *until_ns = dure_now() + timeout->tv_sec * DURE_SECOND + timeout->tv_nsec;
    return 0;
}

int dure_ppoll(struct pollfd *fds, nfds_t fds_len, const struct timespec *timeout,
               const sigset_t *mask)
{
    int64_t until_ns, result;

    if (!task_current() && !thread_has_scope())
        return ppoll(fds, fds_len, timeout, mask);
    result = poll_time(timeout, &until_ns);
    return (int)io_result(result < 0 ? result : poll_until(fds, fds_len, until_ns, mask));
}
