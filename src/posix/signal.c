/* Waiting for signals. */
#include "loop/runtime.h"

#include <dure/signal.h>
#include <dure/task.h>
#include <dure/time.h>

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct waiting {
    struct wait wait;
    struct timer timer;
    struct signal_waiter waiter;
    bool woken;
    bool late;
};

static void wake_up(struct waiting *waiting)
{
    if (waiting->woken)
        return;
    waiting->woken = true;
    if (waiting->wait.task->state == TASK_PARKED)
        task_ready(waiting->wait.task);
}

static bool claim(struct signal_waiter *waiter)
{
    return !container_of(waiter, struct waiting, waiter)->woken;
}

static void told(struct signal_waiter *waiter)
{
    wake_up(container_of(waiter, struct waiting, waiter));
}

static void time_over(struct timer *timer)
{
    struct waiting *waiting = container_of(timer, struct waiting, timer);

    waiting->late = true;
    wake_up(waiting);
}

static void cancel(struct wait *wait)
{
    wake_up(container_of(wait, struct waiting, wait));
}

/* --- a task --- */

/* Waits once. Returns a number, -errno, or 0: another thread was faster. */
static int park(struct loop *loop, struct waiting *waiting, int64_t until_ns)
{
    int error;

    waiting->woken = waiting->late = waiting->wait.cancel_asked = false;
    waiting->wait.task = loop->sched.current;
    error = signals_register(loop, &waiting->waiter);
    if (error < 0)
        return error;
    if (until_ns != INT64_MAX)
        timers_add(&loop->sched.timers, &waiting->timer);
    if (!waiting->woken)
        task_park(&waiting->wait);
    if (until_ns != INT64_MAX)
        timers_remove(&loop->sched.timers, &waiting->timer);
    signals_withdraw(&waiting->waiter);
    if (waiting->waiter.result)
        return waiting->waiter.result;
    if (waiting->late)
        return signals_take(waiting->waiter.set, waiting->waiter.info);
    return waiting->wait.cancel_asked ? -ECANCELED : 0;
}

static int take_in_task(const sigset_t *set, siginfo_t *info, int64_t until_ns)
{
    struct loop *loop = loop_here();
    struct waiting waiting = {
        .wait = { .what = "sigwait", .fd = -1, .cancel = cancel },
        .timer = { .at_ns = until_ns, .fire = time_over },
        .waiter = { .set = set, .info = info, .claim = claim, .told = told },
    };
    int number = signals_check_for_task(set);

    if (number < 0)
        return number;
    if (until_ns != INT64_MAX)
        waiting.wait.until_ns = until_ns;
    do {
        if (io_refused())
            return -ECANCELED;
        number = signals_take(set, info);
        if (number != -EAGAIN || until_ns <= loop->sched.now(&loop->sched))
            task_pay(&loop->sched);
        else
            number = park(loop, &waiting, until_ns);
    } while (number == 0);
    if (number == -ECANCELED)
        flow_feel(&loop->sched.current->flow);
    return number;
}

/* --- a plain thread with a scope --- */

static int take_in_scope(const sigset_t *set, siginfo_t *info, int64_t until_ns)
{
    int fd, number = thread_refused();
    int64_t ready = 1;

    if (number == 0)
        number = signals_check_for_thread(set);
    if (number < 0)
        return number;
    fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    for (;;) {
        number = signals_take(set, info);
        if (number != -EAGAIN || ready == 0)
            break;
        ready = thread_wait(fd, POLLIN, until_ns == INT64_MAX ? 0 : until_ns);
        number = (int)ready;
        if (ready < 0)
            break;
    }
    close(fd);
    return number;
}

/* --- the twins --- */

static bool is_plain(void)
{
    return !task_current() && !thread_has_scope();
}

/* Returns a number or -errno. */
static int take(const sigset_t *set, siginfo_t *info, int64_t until_ns)
{
    siginfo_t unwanted;

    if (!set)
        return -EFAULT;
    if (!info)
        info = &unwanted;
    return task_current() ? take_in_task(set, info, until_ns) : take_in_scope(set, info, until_ns);
}

int dure_sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    return is_plain() ? sigwaitinfo(set, info) : (int)io_result(take(set, info, INT64_MAX));
}

static int64_t time_after(const struct timespec *span)
{
    int64_t now_ns = dure_now();

    return span->tv_sec > (INT64_MAX - now_ns) / DURE_SECOND - 1
               ? INT64_MAX
               : now_ns + span->tv_sec * DURE_SECOND + span->tv_nsec;
}

int dure_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    if (is_plain())
        return sigtimedwait(set, info, timeout);
    if (!timeout)
        return dure_sigwaitinfo(set, info);
    if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= DURE_SECOND)
        return (int)io_result(-EINVAL);
    return (int)io_result(take(set, info, time_after(timeout)));
}

int dure_sigwait(const sigset_t *set, int *number)
{
    int result;

    if (is_plain())
        return sigwait(set, number);
    do
        result = take(set, NULL, INT64_MAX);
    while (result == -EINTR);
    if (result < 0)
        return -result;
    *number = result;
    return 0;
}
