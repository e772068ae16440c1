/* Waiting for one signal, as a task or as a thread. */
#include "task/waiter.h"

#include "task/scope.h"

/* Who waits on a loop is signaled by the message's arrival there; a task that has not parked yet
   finds the signal. */
void waiter_deliver(struct message *message)
{
    struct waiter *waiter = container_of(message, struct waiter, message);

    atomic_store_explicit(&waiter->signaled, 1, memory_order_relaxed);
    if (unlikely(!waiter->task))
        waiter->sched->wake(waiter->sched); /* its thread is in a turn, which must not sleep now */
    else if (likely(waiter->task->state == TASK_PARKED))
        task_ready(waiter->task);
}

void waiter_init_thread(struct waiter *waiter)
{
    waiter->sleep = NULL;
    waiter->thread = thread_flow_current();
    if (!waiter->thread)
        die("no memory for a thread that is to wait");
}

/* --- as a task --- */

static bool park_until(struct waiter *waiter, struct wait *wait)
{
    bool over = false;

    while (!waiter_is_signaled(waiter))
        over |= task_park_until(wait);
    return over;
}

/* --- as a thread --- */

static void wake_up(struct timer *timer)
{
    (void)timer; /* that it fires ends the turn's sleep */
}

/* Between the turns of a loop whose thread this is: the signal comes in one of them. */
static void take_turn(struct sched *sched, int64_t until_ns)
{
    struct timer timer = { .at_ns = until_ns, .fire = wake_up };

    if (!sched->take_turn)
        die("what runs inside a turn of a loop, and is no task, must not wait");
    if (until_ns != INT64_MAX)
        timers_add(&sched->timers, &timer);
    sched->take_turn(sched);
    timers_remove(&sched->timers, &timer);
}

/* What else ends the wait than its signal; INT64_MAX: nothing that has a time. */
static int64_t next_end(struct flow *flow, const struct wait *wait)
{
    int64_t scopes_ns = flow_deadline(flow);

    return wait->until_ns && wait->until_ns < scopes_ns ? wait->until_ns : scopes_ns;
}

/* Returns true if the wait is to end; sets *over if it is the time's doing. */
static bool is_to_end(struct flow *flow, const struct wait *wait, bool *over)
{
    if (flow_has_ended(flow))
        return true;
    *over = wait->until_ns && sched_now(sched_here) >= wait->until_ns;
    return *over;
}

static bool wait_as_thread(struct waiter *waiter, struct wait *wait)
{
    struct thread_flow *thread = waiter->thread;
    bool endable = wait->cancel != NULL, over = false;

    thread_lie_down(thread, waiter->sleep != NULL);
    while (!waiter_is_signaled(waiter)) {
        int64_t until_ns = INT64_MAX;

        if (endable && is_to_end(&thread->flow, wait, &over)) {
            endable = false;
            wait_end(wait);
        } else {
            if (endable)
                until_ns = next_end(&thread->flow, wait);
            if (sched_here)
                take_turn(sched_here, until_ns);
            else if (waiter->sleep)
                waiter->sleep(waiter, until_ns);
            else
                thread_doze(thread, until_ns);
        }
        thread_get_up(thread);
        thread_lie_down(thread, waiter->sleep != NULL);
    }
    thread_get_up(thread);
    return over;
}

bool waiter_wait_otherwise(struct waiter *waiter, struct wait *wait)
{
    return waiter->task ? park_until(waiter, wait) : wait_as_thread(waiter, wait);
}

void waiter_signal_otherwise(struct waiter *waiter)
{
    if (likely(waiter->sched && waiter->sched == sched_here)) {
        waiter_deliver(&waiter->message);
        if (unlikely(sched_here->take_turn != NULL)) /* between turns: one is to follow */
            sched_stir();
    } else if (waiter->sched) {
        sched_post(waiter->sched, &waiter->message);
    } else {
        struct thread_flow *thread = waiter->thread;

        /* After the store the waiter's memory may be gone; a thread's own never is. */
        atomic_store_explicit(&waiter->signaled, 1, memory_order_seq_cst);
        thread_nudge(thread);
    }
}
