/* A time that comes, once or again and again, as timerfd has it. */
#include "backend/sim/inside.h"

#include <stdlib.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)

struct timer_file {
    struct sim_file file;
    struct sim_event event;
    int64_t next_ns; /* 0: never */
    int64_t interval_ns;
    bool expired; /* since the last read; how often is counted by who asks */
};

static struct timer_file *timer_of(struct sim_file *file)
{
    return container_of(file, struct timer_file, file);
}

static void expire(struct sim_event *event)
{
    struct timer_file *timer = container_of(event, struct timer_file, event);

    timer->expired = true;
    sim_file_changed(&timer->file);
}

/* Moves it beyond now. Returns how often it came. Without memory for the event it stands still. */
static uint64_t go_on(struct timer_file *timer)
{
    uint64_t times = 1;

    if (timer->interval_ns == 0) {
        timer->next_ns = 0;
        return times;
    }
    times += (uint64_t)((sim_now() - timer->next_ns) / timer->interval_ns);
    timer->next_ns += (int64_t)times * timer->interval_ns;
    (void)sim_event_add(&timer->event, timer->next_ns);
    return times;
}

static int64_t timer_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct timer_file *timer = timer_of(file);
    uint64_t times;

    if (transfer->len < sizeof times)
        return -EINVAL;
    if (!timer->expired)
        return -EAGAIN;
    timer->expired = false;
    times = go_on(timer);
    sim_transfer_in(transfer, &times, sizeof times);
    return sizeof times;
}

static unsigned timer_poll(struct sim_file *file)
{
    return timer_of(file)->expired ? POLLIN : 0;
}

static void timer_release(struct sim_file *file, bool crashed)
{
    (void)crashed;
    sim_event_remove(&timer_of(file)->event);
    free(timer_of(file));
}

static const struct sim_kind timer_kind = {
    .read = timer_read,
    .poll = timer_poll,
    .release = timer_release,
};

struct sim_file *sim_timer_create(struct sim_host *host)
{
    struct timer_file *timer = sim_fails(&host->memory) ? NULL : calloc(1, sizeof *timer);

    if (!timer)
        return NULL;
    sim_file_init(&timer->file, &timer_kind, host, O_RDWR);
    timer->event.fire = expire;
    return &timer->file;
}

static struct timespec time_of(int64_t ns)
{
    return (struct timespec){ .tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS };
}

/* Returns nanoseconds, as many as there are at the most, or -1. */
static int64_t ns_of(const struct timespec *time)
{
    if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= SECOND_NS)
        return -1;
    if (time->tv_sec >= INT64_MAX / 4 / SECOND_NS)
        return INT64_MAX / 4;
    return time->tv_sec * SECOND_NS + time->tv_nsec;
}

/* The time until it comes again. */
static int64_t left_ns(const struct timer_file *timer)
{
    int64_t ns = timer->next_ns - sim_now();

    if (!timer->next_ns || ns > 0)
        return timer->next_ns ? ns : 0;
    /* It came, and nobody has read so yet. */
    return timer->interval_ns ? timer->interval_ns + ns % timer->interval_ns : 0;
}

int sim_timer_get(struct sim_file *file, struct itimerspec *out)
{
    const struct timer_file *timer = timer_of(file);

    if (file->kind != &timer_kind)
        return -EINVAL;
    *out = (struct itimerspec){ .it_interval = time_of(timer->interval_ns),
                                .it_value = time_of(left_ns(timer)) };
    return 0;
}

int sim_timer_set(struct sim_file *file, bool absolute, const struct itimerspec *to,
                  struct itimerspec *old)
{
    struct timer_file *timer = timer_of(file);
    int64_t value_ns = ns_of(&to->it_value), interval_ns = ns_of(&to->it_interval);

    if (file->kind != &timer_kind || value_ns < 0 || interval_ns < 0)
        return -EINVAL;
    if (old)
        sim_timer_get(file, old);
    sim_event_remove(&timer->event);
    timer->expired = false;
    timer->interval_ns = interval_ns;
    timer->next_ns = value_ns == 0 ? 0 : absolute ? value_ns : sim_now() + value_ns;
    return timer->next_ns ? sim_event_add(&timer->event, timer->next_ns) : 0;
}
