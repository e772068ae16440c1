/* Threads for what can only block. Knows nothing of tasks: a job is a function and whom to tell.

   Each class has threads of its own, or a full pool of waiters would block the write that would
   free them. Threads are made on demand up to the class's bound, the last to fall idle is the first
   to get work, and one that was idle for 5 s ends. Beyond the bound jobs queue, first in first
   out; the queue is bounded by those who submit: a parked task submits one job at a time. */
#ifndef DURE_SRC_POOL_POOL_H
#define DURE_SRC_POOL_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum pool_class {
    POOL_FILES, /* ends by itself, some time: file reads, open, fsync, dure_blocking */
    POOL_WAITS, /* waits for somebody: flock, a FIFO's open, a foreign listener's accept */
    POOL_NAMES, /* getaddrinfo and its like */
    POOL_CLASSES
};

struct pool;
struct pool_thread;

/* In the caller's memory, which the pool uses from pool_submit until it calls finished, or until
   pool_cancel returns true. */
struct pool_job {
    struct list link;
    void (*run)(struct pool_job *job);      /* on a pool thread; may block */
    void (*finished)(struct pool_job *job); /* on the same thread after run; the pool has let go of
                                               the job: posts to whoever may now free it */
    struct pool_thread *thread;             /* that runs it; the pool's */
    atomic_bool interrupted;                /* ask pool_job_interrupted */
    uint8_t class;                          /* enum pool_class */
    uint8_t state;                          /* the pool's */
};

struct pool_options {
    unsigned threads_max[POOL_CLASSES]; /* 0: 16, 256, 8 */
    int64_t idle_ns;                    /* after which an idle thread ends; 0: 5 s */
};

struct pool_stats {
    unsigned threads, threads_max;
    unsigned idle, running; /* threads; the rest is starting, waking or telling */
    unsigned queued;        /* jobs that no thread has taken */
};

/* Makes a pool without threads; options may be NULL. Returns NULL without memory. */
struct pool *pool_create(const struct pool_options *options);

/* Ends the threads and waits for them and for what they run, but for jobs that were abandoned: those
   threads end by themselves when their job has, with its finished. No job is queued. */
void pool_destroy(struct pool *pool);

/* From now on it takes no job: pool_submit fails with -ENOSYS. For a simulation, which has no
   threads. */
void pool_refuse(struct pool *pool);

/* Gives the pool a job; run, finished and class are set. Any thread; takes a lock for some hundred
   nanoseconds, or as long as it takes to make a thread. Returns 0, or -EAGAIN when the class has
   not even one thread and none can be made, or -ENOSYS: neither run nor finished will be called. */
int pool_submit(struct pool *pool, struct pool_job *job);

/* Takes a job back that no thread has taken yet. Returns true when neither run nor finished will be
   called, false when finished will be or is called. Any thread, until the submitter knows that the
   job is finished. */
bool pool_cancel(struct pool *pool, struct pool_job *job);

/* As pool_cancel, for a job that nobody waits for any more: if it runs, the pool's end will not wait
   for it either. Its run and finished use nothing then that ends with the run. */
bool pool_abandon(struct pool *pool, struct pool_job *job);

/* Makes a job's system call return EINTR, and every later one, until its run has returned. Does not
   wait. Any thread, until the submitter knows that the job is finished; harmless when run
   has returned.

   A signal that arrives between run's look at `interrupted` and its system call would be lost, so
   a timer of the kernel's sends it again every millisecond until run has returned. The signal is
   the first one down from SIGRTMAX - 2 that had its default action, and was not blocked, when the
   first pool was made (who blocks a signal means to wait for it; were all blocked, the first one
   with its default action); it is sent to pool threads only, and its handler does nothing.

   Returns 0, or -EAGAIN when the kernel had no timer to give: the signal was sent once; call again
   after a millisecond. */
int pool_interrupt(struct pool *pool, struct pool_job *job);

/* True of the interrupting signal, once the first pool was made. */
bool pool_interrupts_by(int number);

/* For run: true once somebody has called pool_interrupt. To be asked before each system call, and
   when one failed with EINTR: false then means a stray signal, and the call is made again. */
static inline bool pool_job_interrupted(const struct pool_job *job)
{
    /* Relaxed: nothing is published with it, and a look that comes too early is made up for by
       the next signal. */
    return atomic_load_explicit(&job->interrupted, memory_order_relaxed);
}

/* How the class is doing, for the dump. Any thread. */
void pool_stats(struct pool *pool, enum pool_class class, struct pool_stats *out);

#endif
