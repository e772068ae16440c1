/* What all locks and channels are made of: a guard around some words, and a queue of those who wait
   for them to change.

   Who waits lies in a queue by a node on its own stack. Whoever makes the change takes it out under
   the guard, and signals it after. A cancel or a time that runs out does the same. So a wait ends
   by exactly one of them, and its result says which. */
#ifndef DURE_SRC_SYNC_QUEUE_H
#define DURE_SRC_SYNC_QUEUE_H

#include "base/spin.h"
#include "task/scope.h"

/* Guards an object for some dozens of instructions; nobody parks, or takes another guard but in the
   order of their addresses, while it has one. An object of one loop needs no atomics: no other task
   runs there in the middle of it. All zero: an object of all threads. */
struct guard {
    struct spin spin;
    struct sched *only; /* the one loop whose tasks may take part; NULL: anybody */
};

_Noreturn void guard_stray(const char *what);

/* What an init function makes of its flags, of which `known` are its own: 0, -EINVAL or -EPERM. */
int guard_check(unsigned flags, unsigned known);
static inline struct guard guard_make(unsigned flags)
{
    return (struct guard){ .only = flags & DURE_SAME_LOOP ? sched_here : NULL };
}

static inline void guard_enter(struct guard *guard, const char *what)
{
    if (guard->only) {
        if (unlikely(guard->only != sched_here))
            guard_stray(what);
    } else {
        spin_lock(&guard->spin);
    }
}

/* Enters it if that needs no waiting; a stray is left to guard_enter. */
static inline bool guard_try(struct guard *guard)
{
    return guard->only ? guard->only == sched_here : spin_try(&guard->spin);
}

static inline void guard_leave(struct guard *guard)
{
    if (!guard->only)
        spin_unlock(&guard->spin);
}

/* First come, first served. All zero: empty. Guarded by its object's guard; as long as there are
   tasks and threads that wait for it. */
struct sync_queue {
    struct sync_node *first, *last;
};

struct sync_node {
    struct sync_node *next, *prev;
    struct sync_wait *of;
    void *item;   /* the object's */
    bool queued;  /* under the guard */
    bool granted; /* it was taken out because it got what it waited for */
};

/* Somebody's wait, in one queue or, for a choice or a race, in several: then whoever takes it out of
   one has to win the claim. */
struct sync_wait {
    struct wait wait;
    struct waiter waiter;
    struct guard *guard; /* of the one queue; NULL: of several */
    struct sync_queue *queue;
    /* Told under the guard when it has given up, so that the object can take it back. Returns those
       who need not wait any more because of that, as a list to be signaled. Or NULL. */
    struct sync_node *(*left)(struct sync_wait *wait);
    struct sync_node node;
    _Atomic uint32_t claimed; /* of one in several queues */
};

static inline bool sync_queue_empty(const struct sync_queue *queue)
{
    return queue->first == NULL;
}

static inline void sync_queue_push(struct sync_queue *queue, struct sync_node *node)
{
    /* The compiler is not told that it is on the caller's stack, and so does not warn that it stays
       in the queue: who waits leaves the queue before that stack goes. */
    __asm__("" : "+r"(node));
    node->next = NULL;
    node->prev = queue->last;
    if (queue->last)
        queue->last->next = node;
    else
        queue->first = node;
    queue->last = node;
    node->queued = true;
    node->granted = false;
}

static inline void sync_queue_remove(struct sync_queue *queue, struct sync_node *node)
{
    if (node->prev)
        node->prev->next = node->next;
    else
        queue->first = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        queue->last = node->prev;
    node->queued = false;
}

void sync_queue_push_front(struct sync_queue *queue, struct sync_node *node);

/* True for whoever ends the wait; of one that waits in several queues, each with its own guard, the
   first of those who want to. */
static inline bool sync_claim(struct sync_wait *wait)
{
    /* Acquire and release: between the winner and whoever finds out that it has lost. */
    return likely(wait->guard != NULL) ||
           !atomic_exchange_explicit(&wait->claimed, 1, memory_order_acq_rel);
}

/* Takes out the first whose wait nothing else has ended, and grants it; NULL if there is none. It is
   still to be signaled, after the guard. */
static inline struct sync_node *sync_queue_take(struct sync_queue *queue)
{
    struct sync_node *node;

    while ((node = queue->first)) {
        sync_queue_remove(queue, node);
        if (likely(sync_claim(node->of))) {
            node->granted = true;
            return node;
        }
    }
    return NULL;
}

/* All of them, as a list through next. */
struct sync_node *sync_queue_take_all(struct sync_queue *queue);
void sync_signal_all(struct sync_node *first);

static inline void sync_signal(struct sync_node *node)
{
    waiter_signal(&node->of->waiter);
}

/* The caller's wait for one object, not queued yet: before that, each time, waiter_init. what: for
   the dump. */
static inline void sync_wait_init(struct sync_wait *wait, const char *what, struct guard *guard,
                                  struct sync_queue *queue)
{
    wait->wait.what = what;
    wait->wait.fd = -1;
    wait->wait.until_ns = 0;
    wait->guard = guard;
    wait->queue = queue;
    wait->left = NULL;
    wait->node.of = wait;
}

/* What cancels a wait in one queue, and one in several, which leaves them itself later. */
void sync_withdraw(struct wait *wait);
void sync_withdraw_claimed(struct wait *wait);
int sync_wait_ended(bool over);

/* Waits for what has been queued. until_ns: 0 or when to give up. Returns 0 if it was granted,
   -ECANCELED or -ETIMEDOUT if it was not and is in no queue any more. */
static inline int sync_wait_for(struct sync_wait *wait, int64_t until_ns)
{
    bool over;

    wait->wait.cancel = sync_withdraw;
    wait->wait.until_ns = until_ns;
    over = waiter_wait(&wait->waiter, &wait->wait);
    return likely(wait->node.granted) ? 0 : sync_wait_ended(over);
}

/* The same for a task, without a time. */
static inline int sync_wait_parked(struct sync_wait *wait)
{
    wait->wait.cancel = sync_withdraw;
    while (!waiter_is_signaled(&wait->waiter))
        task_park(&wait->wait);
    return likely(wait->node.granted) ? 0 : sync_wait_ended(false);
}

/* The same, never cancelled. */
void sync_wait_out(struct sync_wait *wait);

/* Whoever calls, as an owner. */
struct flow *sync_thread_self(void);
static inline struct flow *sync_self(void)
{
    struct task *task = task_current();

    return likely(task != NULL) ? &task->flow : sync_thread_self();
}

/* Who waits: as the owner that it becomes. */
static inline struct flow *sync_flow_of(const struct sync_node *node)
{
    const struct waiter *waiter = &node->of->waiter;

    return waiter->task ? &waiter->task->flow : &waiter->thread->flow;
}

/* At the entry of a call that may wait: true if the caller's scopes have not ended, and it need not
   let others go first. */
static inline bool sync_enter_at_once(void)
{
    struct sched *sched = sched_here;

    if (unlikely(!sched || !sched->current || LOAD(sched->current->flow.level) == LEVEL_ENDED ||
                 !sched->brief_left))
        return false;
    sched->brief_left--;
    return true;
}

/* The same for whom it is not true: 0, or -ECANCELED as the caller's scopes have ended. A task whose
   calls never need to wait lets others go first now and then. */
int sync_enter_slowly(void);
static inline int sync_enter(void)
{
    return likely(sync_enter_at_once()) ? 0 : sync_enter_slowly();
}

#endif
