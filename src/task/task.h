/* Tasks, the scheduler of one loop, and whoever may open scopes.

   A task's memory is the top of its own stack:

       low                                                   top
       | guard | ... grows down <- frames | argument | task | colour |

   so that a parked task touches one page and costs no other memory. */
#ifndef DURE_SRC_TASK_TASK_H
#define DURE_SRC_TASK_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <dure/base.h>

#include "base/assert.h"
#include "base/fifo.h"
#include "base/list.h"
#include "base/message.h"
#include "base/spin.h"
#include "base/timers.h"
#include "task/fiber.h"
#include "task/stack.h"

struct scope;
struct task;
struct sched;

/* How far the scopes around somebody have come to their end. */
enum level {
    LEVEL_RUNNING,
    LEVEL_STOPPING, /* within a grace: calls go on, dure_stopping() says so */
    LEVEL_ENDED,    /* calls that wait fail with ECANCELED */
};

/* Whoever can open scopes: a task, or a plain thread. */
struct flow {
    struct scope *innermost; /* the scopes it has open, both ends of a list */
    struct scope *outermost;
    struct scope *home;    /* a task's: spawned into it. A pool thread's: its caller's innermost */
    struct task *task;     /* NULL: a plain thread */
    char *why;             /* the words of its last failure; malloc, or NULL */
    struct locals *locals; /* the values of its keys; malloc, or NULL */
    /* Read by itself, written by its loop's thread: relaxed, as what matters besides travels by
       messages. */
    _Atomic uint8_t level;
    uint8_t home_level; /* what home hands down */
};

/* Something that a parked task waits for. */
struct wait {
    /* Called at most once, on the task's thread, when the task's scopes end: makes the wait end,
       now or later. NULL: is never cancelled. */
    void (*cancel)(struct wait *wait);
    struct task *task;
    const char *what; /* for the dump: "recv", "scope close" */
    int64_t since_ns;
    int64_t until_ns; /* 0: open */
    int fd;           /* -1: none */
    bool cancel_asked;
};

/* Makes a wait that can be ended end. Its task's or thread's own thread, once a wait. */
static inline void wait_end(struct wait *wait)
{
    wait->cancel_asked = true;
    wait->cancel(wait);
}

enum task_state {
    TASK_UNSTARTED,
    TASK_ACTIVE, /* it runs or can run */
    TASK_PARKED,
    TASK_ENDED,
};

#define TASK_NAME_LEN 32

struct task {
    struct fiber fiber;
    struct fifo_node queue; /* in a run queue or the unstarted queue */
    struct sched *sched;    /* of the loop that runs it; changed by a thief before the start only */
    struct wait *wait;      /* what it is parked on */
    int error;              /* errno at its end */
    uint8_t state;          /* enum task_state; its loop's thread */
    uint8_t failed;         /* it returned non-zero */
    uint8_t recheck; /* home's loop: a message that its home ended is under way; 2: once more */
    uint8_t gone;    /* home's loop: it ended while such a message was under way */
    uint8_t at_home; /* home's loop: it started there */
    struct flow flow;
    dure_fn *fn;
    void *arg;
    void *future;           /* set for a future's task alone */
    struct list siblings;   /* in home's tasks; home's loop's thread */
    struct list all;        /* in its loop's started tasks */
    struct message message; /* its arrival at a loop, its end */
    struct message told;    /* "look at your home's level again" */
    struct stack stack;
    uint64_t number;
    int place;     /* where it is to start */
    uint32_t host; /* in a simulation, whose task it is: its spawner's, as a rule */
    char name[TASK_NAME_LEN];
};

/* What a switch has to care for besides the ready tasks; none of it, as a rule. */
enum detour {
    DETOUR_UNSTARTED = 1, /* there were unstarted tasks; thieves may have taken them */
    DETOUR_CXX = 2,       /* the program has C++ exceptions */
};

/* What one loop's scheduler holds. Everything is its thread's own but what says otherwise. */
struct sched {
    struct task *current; /* NULL: the loop itself runs */
    struct fifo ready;    /* tasks that can go on, first come first served */
    int turns_left;       /* dispatches until the loop must look at the world again */
    int turn_len;         /* what turns_left begins with */
    unsigned calls_left;  /* calls that the running task may have answered without waiting */
    unsigned brief_left;  /* the same of all tasks together, for calls of some nanoseconds */
    struct task *ended;   /* it ended, and its stack was still in use then: see sched_reclaim */
    int *errno_at;        /* this thread's errno, and its C++ exception globals or NULL: tasks do */
    void **exceptions;    /* not change threads, so the addresses hold */
    uint8_t detours;      /* enum detour: why a switch takes the long way */
    int64_t now_ns;       /* the time, read once a turn */

    struct fiber fiber;  /* the thread's own flow of control: the loop */
    struct list started; /* all tasks that started here, for the dump */
    atomic_uint live;    /* how many; written by its thread alone, read as a hint: relaxed */
    struct timers timers;
    struct stack_cache *stacks;
    uint64_t next_number;
    unsigned number; /* of the loop */
    unsigned quiet;  /* messages sent without waking their receiver */
    uint32_t random; /* sched_random's; never 0 */

    /* Tasks that have not started: its own thread and thieves, under the lock; the length is read
       without it (relaxed: a hint that is looked at again under the lock). */
    struct spin unstarted_lock;
    struct fifo unstarted;
    atomic_uint unstarted_len;
    unsigned offers_skipped; /* spawns since the last wake of an idle loop, and how many to skip: */
    unsigned offers_skip;    /* fruitless wakes double it, so that spawn-and-join stays cheap */
    int64_t pace_ns;         /* when the pace of starts was looked at */
    atomic_bool offer_taken; /* a thief found something here since the last wake */

    /* Other threads' side. */
    _Alignas(64) struct inbox inbox;
    atomic_bool sleeping; /* it sleeps or is about to: a message must wake it */
    atomic_uint waits;    /* how often somebody here began to wait for the end of tasks */
    atomic_uint coming;   /* tasks on their way here from other loops; relaxed, a hint */
    void (*wake)(struct sched *sched);
    int64_t (*now)(struct sched *sched);
    /* Between its turns, on its own thread: takes one, and sleeps in it when nothing is ready.
       NULL while another turn is under way, in which nobody may wait but tasks. */
    void (*take_turn)(struct sched *sched);
};

/* Of tasks that have not started. */
enum search {
    SEARCH_NONE,
    SEARCH_ON,
    SEARCH_AGAIN, /* some were queued since it began, and it may have missed them */
};

/* What all loops share. */
struct sched_group {
    struct sched **scheds;
    unsigned len;
    bool guards; /* below the tasks' stacks */
    /* A number below the bound, for what is otherwise left to chance and to the clock; NULL but in
       a simulation. */
    unsigned (*draw)(unsigned bound);
    /* Bit n: loop n (below 64) sleeps for want of work and may be woken to take some. */
    _Atomic uint64_t idle;
    /* enum search: whether a loop searches, or has been woken to; at most one at a time. */
    _Atomic uint8_t search;
    /* What keeps the run from ending: the roots that have tasks, and plain threads' scopes and
       spawns. 0: there is no run, or it is over. */
    _Atomic uint64_t alive;
    void (*over)(void); /* nothing is alive any more; the thread that found out */
};
extern struct sched_group sched_group;

/* The scheduler of this thread's loop; NULL on threads that are none. */
extern _Thread_local struct sched *sched_here;

/* The running task, or NULL. */
static inline struct task *task_current(void)
{
    struct sched *sched = sched_here;

    return sched ? sched->current : NULL;
}

/* True if the caller may wait: a task, a thread, the thread of an embedded loop between its turns;
   not a callback within a turn. */
static inline bool sched_may_wait(void)
{
    struct sched *sched = sched_here;

    return likely(!sched || sched->current || sched->take_turn);
}

/* thread.c: the plain thread's flow, made at first use; NULL without memory. */
struct flow *flow_of_thread(void);

/* Whoever runs: the task, or the plain thread. */
static inline struct flow *flow_current(void)
{
    struct task *task = task_current();

    return likely(task != NULL) ? &task->flow : flow_of_thread();
}

/* A counter that one thread writes and others read as a hint: no locked instruction is due. */
static inline void hint_add(atomic_uint *counter, unsigned n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline unsigned unstarted_len(struct sched *sched)
{
    return atomic_load_explicit(&sched->unstarted_len, memory_order_relaxed);
}

/* The task runs on this loop from now on. */
static inline void task_started(struct sched *sched, struct task *task)
{
    task->state = TASK_ACTIVE;
    list_push_back(&sched->started, &task->all);
    hint_add(&sched->live, 1);
}

/* sched.c */
int sched_init(struct sched *sched, unsigned number);
void sched_fini(struct sched *sched);
void sched_enter(struct sched *sched); /* the calling thread is the loop's from now on */
void sched_leave(struct sched *sched);
bool sched_run(struct sched *sched); /* runs what is ready, bounded; true if something is left */
bool sched_has_work(struct sched *sched);
void sched_post(struct sched *sched, struct message *message); /* any thread */
/* The same without waking it: for news that nobody waits for yet; some wake it all the same, so
   that they do not pile up. */
void sched_post_quiet(struct sched *sched, struct message *message);

/* Frees the task that ended last, whose stack is out of use by now. Called where the next stack is
   taken, where the next task ends and when the loop runs again: not at each switch, where looking
   whether somebody has ended cost 0.25 ns. */
void sched_bury(struct sched *sched);
static inline void sched_reclaim(struct sched *sched)
{
    if (sched->ended != NULL)
        sched_bury(sched);
}

/* steal.c */
/* Takes unstarted tasks from another loop; the other loops know if more is left. Returns true if it
   took some. */
bool sched_steal(struct sched *thief);
void sched_offer(struct sched *sched); /* unstarted tasks wait: wakes an idle loop */
/* True: this loop is the one that may search now. */
bool sched_may_search(void);
/* The one that may search does, as sched_steal, and then another one may. *again: tasks were queued
   meanwhile, and left to this loop. */
bool sched_search(struct sched *thief, bool *again);
struct sched *sched_least_loaded(void);

/* alive.c */
/* A thread that owns its loop did something between the turns that a turn has to follow: makes the
   loop's descriptor tell. Tasks need not. */
void sched_stir(void);
/* The clock of a loop; NULL: the machine's. */
int64_t sched_now(struct sched *sched);
/* A number by chance, the same ones in each run of a loop; NULL: a thread without one. */
uint32_t sched_random(struct sched *sched);
/* A root has its first task, or no task any more. Its loop's thread. */
void sched_root_filled(void);
void sched_root_emptied(void);
/* Keeps the run from ending; false if none of its roots has tasks any more. inside: the caller is
   inside something that keeps it already, and can keep it on. Any thread. */
bool sched_hold(bool inside);
void sched_release(void);
/* What keeps the run, for the dump: roots that have tasks, and holds. */
void sched_count_alive(unsigned *roots, unsigned *holds);
/* A thread without a loop uses one's memory from enter to leave; settle waits until none does. */
void sched_enter_outside(void);
void sched_leave_outside(void);
void sched_settle(void);

/* Parks the running task until task_ready. wait: what for; wait->task and since are set here. */
void task_park(struct wait *wait);
/* The same until the clock reaches wait->until_ns at the latest: then the wait is ended as by its
   scopes. Returns true if it was. */
bool task_park_until(struct wait *wait);
/* The parked task can go on. Its loop's thread. */
static inline void task_ready(struct task *task)
{
    ASSERT(task->state == TASK_PARKED);
    task->state = TASK_ACTIVE;
    fifo_push(&task->sched->ready, &task->queue);
}
/* Lets others go first. */
void task_yield(void);
/* The running task's calls were answered at once too often: others go first. */
void task_pay(struct sched *sched);
/* The same when sched->brief_left has run out. */
void task_pay_brief(struct sched *sched);
/* The level of a task's scopes has risen to LEVEL_ENDED: ends its wait. Its loop's thread. */
void task_interrupt(struct task *task);

/* spawn.c */
/* dure_spawn, with task->future set. */
int task_spawn_for(struct scope *scope, dure_fn *fn, const void *arg, size_t len, void *future);
/* The task has ended: takes it out of its scope, which may be gone after it; task->flow.home is NULL
   then. No message to it is under way. Home's loop's thread. */
void task_leave(struct task *task);
/* The end of its memory, once it no longer runs. Any loop's thread. */
void task_free(struct task *task);
/* Both; put off while a message to it is under way. Home's loop's thread. */
void task_release(struct task *task);

/* local.c: the values of a flow with locals are destroyed. Itself. */
void flow_end_locals(struct flow *flow);

/* why.c: the words of failures. */
void flow_say(struct flow *flow, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Set in the child of a fork: what is here belongs to the parent. */
extern bool task_forked;

/* The stack size of tasks that do not ask for another. */
extern size_t task_stack_size;

#endif
