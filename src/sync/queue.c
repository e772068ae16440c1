/* The queues of those who wait for an object to change. */
#include "sync/queue.h"

#include "loop/loop.h"

#include <errno.h>

void guard_stray(const char *what)
{
    struct task *task = task_current();

    die("%s of one loop (DURE_SAME_LOOP) used elsewhere, by task \"%s\"", what,
        task ? task->name : "");
}

int guard_check(unsigned flags, unsigned known)
{
    if (flags & ~(known | DURE_SAME_LOOP))
        return -EINVAL;
    return (flags & DURE_SAME_LOOP) && !sched_here ? -EPERM : 0;
}

struct flow *sync_thread_self(void)
{
    struct flow *self = flow_of_thread();

    if (!self)
        die("no memory for a thread that is to lock");
    return self;
}

void sync_queue_push_front(struct sync_queue *queue, struct sync_node *node)
{
    node->prev = NULL;
    node->next = queue->first;
    if (queue->first)
        queue->first->prev = node;
    else
        queue->last = node;
    queue->first = node;
    node->queued = true;
    node->granted = false;
}

struct sync_node *sync_queue_take_all(struct sync_queue *queue)
{
    struct sync_node *first = sync_queue_take(queue), *last;

    for (last = first; last; last = last->next)
        last->next = sync_queue_take(queue);
    return first;
}

void sync_signal_all(struct sync_node *first)
{
    while (first) {
        struct sync_node *next = first->next; /* read first: its memory may go */

        sync_signal(first);
        first = next;
    }
}

/* Its scopes have ended, or its time is over. */
void sync_withdraw(struct wait *wait)
{
    struct sync_wait *of = container_of(wait, struct sync_wait, wait);
    struct sync_node *others = NULL;
    bool queued;

    guard_enter(of->guard, wait->what);
    queued = of->node.queued;
    if (queued) {
        sync_queue_remove(of->queue, &of->node);
        if (of->left)
            others = of->left(of);
    }
    guard_leave(of->guard);
    sync_signal_all(others);
    if (queued) /* else it was granted: the signal is under way */
        waiter_signal(&of->waiter);
}

void sync_withdraw_claimed(struct wait *wait)
{
    struct sync_wait *of = container_of(wait, struct sync_wait, wait);

    if (sync_claim(of)) /* else the signal is under way */
        waiter_signal(&of->waiter);
}

int sync_wait_ended(bool over)
{
    if (over)
        return -ETIMEDOUT;
    flow_feel(flow_current());
    return -ECANCELED;
}

void sync_wait_out(struct sync_wait *wait)
{
    wait->wait.cancel = NULL;
    waiter_wait(&wait->waiter, &wait->wait);
}

int sync_enter_slowly(void)
{
    struct task *task = task_current();

    if (task && task->sched->brief_left == 0)
        task_pay_brief(task->sched);
    return io_entry_refused();
}
