/* Scopes as the runtime sees them.

   A scope's state belongs to its home loop's thread: the opener's. Whoever is elsewhere sends a
   message. A scope that a plain thread opened has a loop as home too if a run was active; its
   opener's lock guards what the thread itself reads. */
#ifndef DURE_SRC_TASK_SCOPE_H
#define DURE_SRC_TASK_SCOPE_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <dure/scope.h>

#include "task/task.h"
#include "task/waiter.h"

/* Why a scope ended; the first reason stays. */
enum cause {
    CAUSE_NONE,
    CAUSE_DEADLINE,
    CAUSE_CANCEL,
    CAUSE_OUTSIDE,
    CAUSE_FAILURE,
};

#define SCOPE_SHIELD 0x80000000u /* internal flag: grace_ns delays what comes from outside */

/* What the owner of a root is told, on its home's thread. */
enum scope_event {
    SCOPE_FILLED,  /* the first task has come; may be told again */
    SCOPE_ADOPTED, /* a task has come from another thread */
    SCOPE_EMPTIED, /* the last task has ended; may be told again */
};

/* Relaxed everywhere but where a comment says otherwise: the fields belong to one thread, and
   others read them as hints. */
#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE(field, value) atomic_store_explicit(&(field), value, memory_order_relaxed)

/* What lives in a scope besides its tasks, and ends with them: an operation, to the layers above. It
   belongs to home's thread, and so does all that is done with it (dependent.c). */
struct dependent {
    struct dependent *next, **at; /* in scope->dependents */
    struct scope *scope;
    void (*end)(struct dependent *dependent); /* the scope ends: once; it leaves later */
    bool ended;
};

struct scope {
    struct scope *outer, *inner; /* of the same opener */
    struct flow *opener;         /* NULL: a loop's root */
    struct sched *home;          /* NULL: a plain thread's, outside any run */
    struct list tasks;           /* through task->siblings */
    struct list limited;         /* spawners that wait for a place: struct place */
    struct dependent *dependents;
    struct scope *work;    /* while its end spreads: the next one to look at */
    struct waiter *closer; /* waits until it is empty */
    void (*event)(struct scope *scope, enum scope_event event); /* a root's; else NULL */
    char *failure_words; /* of the first failure: "task NAME: WORDS"; malloc, or NULL */
    int failure;         /* its errno; 0: none */
    bool shield_counts;  /* a shield's time has begun */
    struct timer timer;  /* its deadline; after its end, its tasks' grace; a shield's time */
    _Atomic int64_t deadline_ns; /* 0: none. Relaxed: read by others only to tell the time left */
    int64_t grace_ns;
    uint32_t live, live_max;
    uint32_t dependents_live; /* those that have been unlinked, and have not left, too */
    uint32_t flags;
    _Atomic uint32_t foreign; /* spawns and messages of other threads under way; the close waits */
    _Atomic uint32_t failures;
    /* Written by home's thread, read by spawners and dure_scope_* elsewhere: relaxed hints, the
       truth travels by messages. */
    _Atomic uint8_t level;       /* for the opener's body */
    _Atomic uint8_t tasks_level; /* for the tasks: behind level by the grace */
    _Atomic uint8_t felt;        /* some call failed because of it */
    _Atomic uint8_t awaited;     /* somebody waits for its tasks' ends: they must wake the loop */
    _Atomic uint8_t cause;
    uint8_t counted; /* the root's owner's */
    /* Requests of other threads, each at most once under way. */
    uint8_t end_cause;
    _Atomic uint8_t end_sent, deadline_sent;
    _Atomic int64_t deadline_wanted_ns;
    struct message end_message, deadline_message;
};
_Static_assert(sizeof(struct scope) <= sizeof(dure_scope), "the public scope is too small");

/* A spawner that waits for a place below the scope's limit (limit.c). */
struct place {
    struct list link; /* in scope->limited */
    struct waiter waiter;
    bool granted;
    bool queued;
};

/* Takes a place among the scope's tasks: waits if it is at its limit. flags: DURE_NO_WAIT.
   Returns 0, -EAGAIN or -ECANCELED. A place taken is a task that lives: scope->live counts it. */
int scope_take_place(struct scope *scope, uint32_t flags);
/* The spawn failed after all. */
void scope_return_place(struct scope *scope);
/* Home's thread: places that have become free go to who waits. */
void scope_grant_places(struct scope *scope);
/* Home's thread: the scope has ended, nobody gets a place any more. */
void scope_refuse_places(struct scope *scope);

void scope_init_root(struct scope *scope, struct sched *home, uint32_t flags,
                     void (*event)(struct scope *, enum scope_event));

/* scope.c */
/* Something left the scope: wakes who waits for that; the scope may be gone after it. Home's
   thread. */
void scope_left(struct scope *scope);
/* True if nothing is in the way of a close. */
bool scope_is_empty(const struct scope *scope);
/* Sends home that the scope is to end. Any thread but home's. */
void scope_request_end(struct scope *scope, enum cause cause);

/* sched_hold for a plain thread: what it has open keeps the run already. */
bool flow_hold_run(const struct flow *flow);

/* spread.c */
/* Home's thread: the scope ends for a cause. */
void scope_end(struct scope *scope, enum cause cause);
/* The scope's timer: its deadline has come, or the grace is over. */
void scope_timer_fired(struct timer *timer);
/* Home's thread: the grace begins. */
void scope_arm_grace(struct scope *scope);
/* A task's home has risen: looks at its level. The task's loop's thread. */
void scope_tell_task(struct task *task);
/* What is around the whole flow has ended: a pool thread's caller was cancelled (any thread), a task
   cancelled its own home (its loop's thread). */
void flow_end_home(struct flow *flow);
/* Some call of this flow failed because a scope ended: remembers it for the closes. */
void flow_feel(struct flow *flow);
/* The same for a call that this scope itself refused. Any thread. */
void scope_feel(struct scope *scope);
/* A task of the scope has ended in failure. Home's thread. */
void scope_fail(struct scope *scope, const struct task *task);

/* dependent.c */
/* Puts it into a scope, whose close then waits until it has left. If the scope's tasks have ended, it
   will not be told to. */
void dependent_join(struct scope *scope, struct dependent *dependent);
/* First it is out of the scope's reach, then the scope may close. In between its memory may go. */
void dependent_unlink(struct dependent *dependent);
void dependent_left(struct scope *scope);
/* The scope's tasks end: so do these. */
void dependents_end(struct scope *scope);

/* deadline.c */
/* When the calls of a flow end: 0 if they have, INT64_MAX for never. */
int64_t flow_deadline(const struct flow *flow);
/* Ends its scopes whose deadline has passed and that no other loop looks after. */
void flow_end_passed(struct flow *flow, int64_t now_ns);
/* True if a waiting call would be refused; looks at the deadlines itself. Its own thread. */
bool flow_has_ended(struct flow *flow);

/* thread.c: plain threads as openers of scopes. Their memory is used again, never given back: a
   signal may come to a thread that has gone on, or has ended. */
struct thread_flow {
    struct flow flow;
    pthread_mutex_t lock; /* guards the flow's chain of scopes and their levels */
    int wake_fd;          /* eventfd: readable when a level has risen */
    /* A futex: THREAD_DOZES while it sleeps in thread_doze, or is about to; THREAD_POLLS the same in
       thread_doze_polling. */
    _Atomic uint32_t doze;
    bool polls, nudged; /* its own: it lay down to poll, and has read a nudge from wake_fd since */
    struct thread_flow *next_free;
};
#define THREAD_DOZES 1
#define THREAD_POLLS 2
struct thread_flow *thread_flow_current(void);
/* Makes a thread that waits in a call look at its scopes anew. Any thread, while it has a scope
   open. */
void thread_rouse(struct thread_flow *thread);
/* Makes one that dozes look at what it waits for. Any thread, at any time. */
void thread_nudge(struct thread_flow *thread);
/* Between these two the calling thread looks at what it waits for; thread_doze sleeps until a nudge
   that came after the first, or until a time (INT64_MAX: none). polls: it is thread_doze_polling that
   does, or one of fds[1] to fds[len - 1]; that returns how many of those are ready, or -1. mask: as
   ppoll's. Without the two, a poll that the end of a scope breaks off. */
void thread_lie_down(struct thread_flow *thread, bool polls);
void thread_doze(struct thread_flow *thread, int64_t until_ns);
int thread_doze_polling(struct thread_flow *thread, struct pollfd *fds, nfds_t len,
                        int64_t until_ns, const sigset_t *mask);
void thread_get_up(struct thread_flow *thread);

static inline struct thread_flow *thread_of(struct flow *flow)
{
    return flow && !flow->task ? container_of(flow, struct thread_flow, flow) : NULL;
}

static inline void lock_opener(struct flow *flow)
{
    struct thread_flow *thread = thread_of(flow);

    if (unlikely(thread != NULL))
        pthread_mutex_lock(&thread->lock);
}

static inline void unlock_opener(struct flow *flow)
{
    struct thread_flow *thread = thread_of(flow);

    if (unlikely(thread != NULL))
        pthread_mutex_unlock(&thread->lock);
}

/* What a scope whose time has come ends for. */
static inline enum cause scope_deadline_cause(const struct scope *scope)
{
    return scope->flags & SCOPE_SHIELD ? CAUSE_OUTSIDE : CAUSE_DEADLINE;
}

static inline struct scope *scope_of(dure_scope *scope)
{
    return (struct scope *)(void *)scope;
}

#endif
