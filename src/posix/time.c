/* Time: deadlines and sleeping. */
#include "loop/loop.h"

#include "base/timespec.h"

#include <dure/time.h>
#include <errno.h>
#include <time.h>

int dure_clock_gettime(clockid_t clock, struct timespec *time)
{
    return world_here()->clock_gettime(clock, time);
}

dure_deadline dure_at(int64_t at_ns)
{
    return (dure_deadline){ .at_ns = at_ns };
}

dure_deadline dure_after(int64_t duration_ns)
{
    int64_t at_ns;

    /* A deadline that passed long ago is as good as one that has just passed, and not none. */
    if (duration_ns < 0)
        duration_ns = 0;
    if (__builtin_add_overflow(dure_now(), duration_ns, &at_ns))
        at_ns = 0;
    return dure_at(at_ns);
}

struct sleeping {
    struct wait wait;
    struct timer timer;
};

static void sleep_over(struct timer *timer)
{
    task_ready(container_of(timer, struct sleeping, timer)->wait.task);
}

static void cancel_sleep(struct wait *wait)
{
    struct sleeping *sleeping = container_of(wait, struct sleeping, wait);

    timers_remove(&sched_here->timers, &sleeping->timer);
    task_ready(wait->task);
}

/* Sleeps until a time, INT64_MAX for ever. Returns 0 or -ECANCELED. */
static int sleep_task(int64_t at_ns)
{
    struct sched *sched = sched_here;
    struct sleeping sleeping = {
        .wait = { .what = "sleep", .fd = -1, .cancel = cancel_sleep, .until_ns = at_ns },
        .timer = { .at_ns = at_ns, .fire = sleep_over },
    };

    if (io_refused())
        return -ECANCELED;
    if (at_ns <= sched->now(sched)) {
        task_yield();
        return 0;
    }
    if (at_ns != INT64_MAX)
        timers_add(&sched->timers, &sleeping.timer);
    else
        sleeping.wait.until_ns = 0;
    task_park(&sleeping.wait);
    if (!sleeping.wait.cancel_asked)
        return 0;
    flow_feel(&sched->current->flow);
    return -ECANCELED;
}

static int sleep_thread(int64_t at_ns)
{
    int64_t result;

    do
        result = thread_wait(-1, 0, at_ns == INT64_MAX ? 0 : at_ns);
    while (result == -EINTR);
    return (int)result;
}

static int sleep_until(int64_t at_ns)
{
    return task_current() ? sleep_task(at_ns) : sleep_thread(at_ns);
}

int dure_sleep_until(dure_deadline deadline)
{
    return (int)io_result(sleep_until(deadline.at_ns ? deadline.at_ns : INT64_MAX));
}

int dure_sleep_for(int64_t duration_ns)
{
    return dure_sleep_until(dure_after(duration_ns));
}

/* Outside of tasks and scopes a twin is the plain call, signals included. */
static bool is_plain(void)
{
    return !task_current() && !thread_has_scope();
}

unsigned dure_sleep(unsigned seconds)
{
    int64_t at_ns = dure_now() + seconds * DURE_SECOND, left_ns;
    int result;

    if (is_plain())
        return sleep(seconds);
    result = sleep_until(at_ns);
    if (result == 0)
        return 0;
    errno = -result;
    left_ns = at_ns - dure_now();
    return left_ns > 0 ? (unsigned)((left_ns + DURE_SECOND - 1) / DURE_SECOND) : 0;
}

int dure_usleep(unsigned useconds)
{
    return is_plain() ? usleep(useconds) : dure_sleep_for(useconds * DURE_MICROSECOND);
}

int dure_nanosleep(const struct timespec *request, struct timespec *remain)
{
    int64_t at_ns, left_ns;
    int result;

    if (is_plain())
        return nanosleep(request, remain);
    if (request->tv_sec < 0 || request->tv_nsec < 0 || request->tv_nsec >= DURE_SECOND) {
        errno = EINVAL;
        return -1;
    }
    at_ns = request->tv_sec > INT64_MAX / DURE_SECOND / 2
                ? INT64_MAX
                : dure_now() + request->tv_sec * DURE_SECOND + request->tv_nsec;
    result = sleep_until(at_ns);
    if (result == 0)
        return 0;
    left_ns = at_ns - dure_now();
    if (left_ns < 0)
        left_ns = 0;
    if (remain)
        *remain = timespec_of(left_ns);
    errno = -result;
    return -1;
}
