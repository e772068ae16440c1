/* Tasks that wait for signals: the loop polls a signalfd of all that they wait for, and its thread
   takes a signal when somebody is there to have it. See docs/decisions/0007. */
#include "loop/loop.h"

#include "base/descriptors.h"

#include <dure/task.h>

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

void signals_init(struct signals *signals)
{
    list_init(&signals->waiters);
    sigemptyset(&signals->watched);
    signals->polls = false;
    signals->fd = -1;
}

int signals_take(const sigset_t *set, siginfo_t *info)
{
    static const struct timespec at_once;
    int number;

    do
        number = sigtimedwait(set, info, &at_once);
    while (number < 0 && errno == EINTR);
    return number < 0 ? -errno : number;
}

/* One by one: glibc's sigisemptyset (2.36) overlooks the real-time signals. */
static bool have_common(const sigset_t *a, const sigset_t *b)
{
    int number;

    for (number = 1; number <= SIGRTMAX; number++)
        if (sigismember(a, number) == 1 && sigismember(b, number) == 1)
            return true;
    return false;
}

static void pending_here(sigset_t *pending)
{
    if (sigpending(pending) < 0)
        sigfillset(pending); /* forbidden to ask: the takes will tell */
}

static struct signal_waiter *waiter_of(struct list *node)
{
    return container_of(node, struct signal_waiter, link);
}

void signals_withdraw(struct signal_waiter *waiter)
{
    if (waiter->waits)
        list_remove(&waiter->link);
    waiter->waits = false;
}

static void tell(struct signal_waiter *waiter, int result)
{
    waiter->result = result;
    waiter->told(waiter);
}

/* Claimed first and taken then: what was taken could not be given back. */
static void offer(struct signal_waiter *waiter)
{
    int number;

    signals_withdraw(waiter);
    if (!waiter->claim(waiter))
        return;
    number = signals_take(waiter->set, waiter->info);
    tell(waiter, number == -EAGAIN ? 0 : number);
}

/* To those who have waited longest. Each offer takes its waiter off the list, so that this ends. */
static void hand_out(struct signals *signals)
{
    struct list *node, *next;
    sigset_t pending;

    pending_here(&pending);
    for (node = signals->waiters.next; node != &signals->waiters; node = next) {
        next = node->next;
        if (!have_common(waiter_of(node)->set, &pending))
            continue;
        offer(waiter_of(node));
        pending_here(&pending);
    }
}

static void tell_all(struct signals *signals, int error)
{
    struct signal_waiter *waiter;

    while (!list_empty(&signals->waiters)) {
        waiter = waiter_of(signals->waiters.next);
        signals_withdraw(waiter);
        if (waiter->claim(waiter))
            tell(waiter, error);
    }
}

/* Changing the set wakes who polls the descriptor: what is pending already is seen. */
static int watch(struct signals *signals, const sigset_t *set)
{
    if (signalfd(signals->fd, set, SFD_CLOEXEC | SFD_NONBLOCK) < 0)
        return -errno;
    signals->watched = *set;
    return 0;
}

static int open_once(struct signals *signals)
{
    int fd;

    if (signals->fd >= 0)
        return 0;
    sigemptyset(&signals->watched);
    fd = signalfd(-1, &signals->watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    signals->fd = fd; /* first: others may run while the number's old waiters are told */
    descriptor_born(fd);
    return 0;
}

/* A pending signal that nobody waits for any more would end each poll at once. The set shrinks here
   alone: most waiters who leave come back for the same. */
static int watch_no_more_than_needed(struct signals *signals)
{
    struct list *node;
    sigset_t set;

    sigemptyset(&set);
    for (node = signals->waiters.next; node != &signals->waiters; node = node->next)
        sigorset(&set, &set, waiter_of(node)->set);
    return watch(signals, &set);
}

static int polled(struct signals *signals, int64_t result)
{
    if (result == -ERESTART || result == -ECANCELED)
        return 0;
    if (result < 0 || !(result & POLLIN))
        return result < 0 ? (int)result : -EBADF; /* foreign code has closed the descriptor */
    hand_out(signals);
    return watch_no_more_than_needed(signals);
}

static void poll_done(struct op *op);

/* Sees to it that the descriptor is polled while somebody waits. Returns 0 or -errno. */
static int arm(struct loop *loop)
{
    struct signals *signals = &loop->signals;
    int error = 0;

    while (error == 0 && !signals->polls && !list_empty(&signals->waiters)) {
        signals->poll = (struct op){
            .code = OP_POLL,
            .fd = signals->fd,
            .since_ns = loop->sched.now_ns,
            .done = poll_done,
            .u.poll.events = POLLIN,
        };
        switch (loop->backend->ops->submit(loop->backend, &signals->poll)) {
        case SUBMIT_PENDING:
            signals->polls = true;
            break;
        case SUBMIT_DONE:
            error = polled(signals, signals->poll.result);
            break;
        default:
            error = -ENOTSUP;
        }
    }
    return error;
}

static void poll_done(struct op *op)
{
    struct signals *signals = container_of(op, struct signals, poll);
    struct loop *loop = container_of(signals, struct loop, signals);
    int error;

    signals->polls = false;
    error = polled(signals, op->result);
    if (error == 0)
        error = arm(loop);
    if (error < 0)
        tell_all(signals, error);
}

static int explain(const struct loop *loop, int error)
{
    if (error == -EINVAL)
        dure_fail(EINVAL, "the backend %s does not poll descriptor %d", loop->backend->ops->name,
                  loop->signals.fd);
    return error;
}

int signals_register(struct loop *loop, struct signal_waiter *waiter)
{
    struct signals *signals = &loop->signals;
    int error = open_once(signals);
    bool refused;
    sigset_t set;

    waiter->waits = false;
    waiter->result = 0;
    if (error < 0)
        return error;
    sigorset(&set, &signals->watched, waiter->set);
    error = watch(signals, &set);
    if (error < 0)
        return error;
    list_push_back(&signals->waiters, &waiter->link);
    waiter->waits = true;
    error = arm(loop);
    if (error == 0)
        return 0;
    refused = waiter->waits;
    signals_withdraw(waiter);
    tell_all(signals, error);
    return refused ? explain(loop, error) : 0;
}

void signals_fini(struct loop *loop)
{
    struct signals *signals = &loop->signals;
    struct backend *backend = loop->backend;

    ASSERT(list_empty(&signals->waiters));
    if (signals->polls) {
        signals->poll.flags |= OP_CANCEL_ASKED;
        backend->ops->cancel(backend, &signals->poll);
    }
    while (signals->polls)
        backend->ops->collect(backend, -1);
    if (signals->fd < 0)
        return;
    descriptors_set_ours(signals->fd, false);
    descriptors_unmark(signals->fd, loop->sched.number);
    close(signals->fd);
}
