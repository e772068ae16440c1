/* The loop: ties a scheduler to a backend. And the run: all loops together. */
#ifndef DURE_SRC_LOOP_LOOP_H
#define DURE_SRC_LOOP_LOOP_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <dure/run.h>

#include "backend/backend.h"
#include "loop/signals.h"
#include "pool/pool.h"
#include "task/overflow.h"
#include "task/scope.h"

struct runtime;

/* A descriptor that was found to have a position to read or write at, in the turn that began
   then. */
struct loop_position {
    int64_t turn_ns;
    int fd;
    uint16_t version; /* descriptors_version */
    bool write;
};
#define LOOP_POSITIONS 16 /* by number: as many files at once find their own place, as a rule */

struct loop {
    struct sched sched;
    struct backend *backend;
    struct runtime *runtime;
    struct scope root;           /* of dure_go on this loop */
    struct message stop_message; /* the stop signal's way to root */
    struct overflow_thread overflow;
    struct list offloads;  /* its tasks' jobs on the pool, so that a close finds them */
    struct list forgets;   /* closes that wait until the jobs on their number have ended */
    struct list ended;     /* operations that are to be told so, or go on */
    struct scope *telling; /* of the one whose callback runs */
    struct loop_position positions[LOOP_POSITIONS];
    struct signals signals;
    pthread_t thread;
    int error; /* why it could not start */
    /* Whether it looks for messages a while before it sleeps, and how many short sleeps must come
       before it does: see linger(). */
    bool lingers;
    unsigned linger_skip, short_sleeps;
};

struct runtime {
    struct loop **loops;
    unsigned loops_len;
    struct pool *pool;
    const struct backend_ops *backend; /* of all loops */
    char *backend_note;                /* why it is not the best one, or NULL */
    struct backend_config config;
    struct scope main_scope; /* of the first task */
    struct watch *watch;     /* the signals' thread, or NULL */
    sigset_t blocked;        /* on all threads of the run, since before they were made */
    uint32_t flags;
    int result, result_errno;
    char *result_why;
    pthread_barrier_t end; /* all loops have left their last turn */
    atomic_bool done;
    atomic_bool stopping; /* a stop signal came */
};

/* The active run, or NULL. */
extern struct runtime *runtime_active;

static inline struct loop *loop_here(void)
{
    return container_of(sched_here, struct loop, sched);
}

/* The world that the caller's calls go to: a plain thread is the kernel's always. */
static inline const struct world *world_here(void)
{
    return sched_here ? loop_here()->backend->ops->world : &world_kernel;
}

/* loop.c */
/* On the loop's own thread. Returns 0 or -errno. */
int loop_start(struct loop *loop);
void loop_stop(struct loop *loop);
/* Runs what is ready, looks at the world once. sleeps: waits there when nothing is ready. */
void loop_turn(struct loop *loop, bool sleeps);
/* Makes every loop look up. */
void runtime_wake(struct runtime *runtime);
/* Ends the root scopes: what a stop signal does. Any thread. */
void runtime_stop(struct runtime *runtime);
/* For plain threads: keeps the active run from ending. Returns it, or NULL if there is none. */
struct runtime *runtime_hold(void);
void runtime_let_go(struct runtime *runtime);
/* runtime.c: the signal mask that the run found, and that programs are to inherit. A loop's thread. */
const sigset_t *runtime_mask_before(void);

/* io.c: an operation and the task that waits for it. */
struct io {
    struct op op;
    struct wait wait;
};

static inline void io_init(struct io *io, enum op_code code, int fd)
{
    io->op.code = (uint8_t)code;
    io->op.fd = fd;
    io->op.flags = 0;
    io->op.scratch = 0;
}

/* Runs the operation and waits for it, as a task or as a thread. Returns its result, 0 or more, or
   -errno; -ECANCELED when a scope ended it. */
int64_t io_run(struct io *io);

/* The result as POSIX gives it: -1 and errno. */
static inline int64_t io_result(int64_t result)
{
    if (unlikely(result < 0)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

/* True, after a yield, if the caller's scopes have ended: the call must fail with ECANCELED. */
bool io_refused(void);
/* The same for task and thread: 0 or -ECANCELED; -EDEADLK in a callback. */
int io_entry_refused(void);
/* As io_run, but with the blocking call itself, on a thread of the pool. */
int64_t io_run_on_thread(struct io *io);

/* socket_limit.c */
/* Set once somebody has given a socket a time limit; asked (relaxed, the setter's own calls come
   after it) before the kernel is, at each wait. */
extern atomic_bool socket_limits_used;
/* The limit for this operation, 0 if there is none. */
int64_t socket_limit_ns(const struct op *op);
/* Waits for a pending operation, at most so long. Returns its result, or -EAGAIN. */
int64_t socket_limit_wait(struct io *io, int64_t limit_ns);

/* offload.c */
/* How a cancel, or a close of its descriptor, ends a job. */
enum offload_end {
    OFFLOAD_NEVER,     /* not at all: it is run and waited for */
    OFFLOAD_QUEUED,    /* it is taken out of the queue; once started it is waited for */
    OFFLOAD_INTERRUPT, /* its system call returns EINTR too */
};

/* A job on the pool, as a close of its descriptor finds it. */
struct offload_entry {
    struct list link; /* in loop->offloads */
    int fd;           /* or -1 */
    void (*end)(struct offload_entry *entry, int error);
};

/* A job for the pool, in the memory of whoever starts it, who sets run, arg and ended. Its loop's,
   but for what run does. */
struct offload {
    struct pool_job job;
    struct message message; /* that it has run */
    struct offload_entry entry;
    struct loop *loop;
    void (*run)(struct offload *offload, void *arg); /* on a thread of the pool */
    void (*ended)(struct offload *offload);          /* it has run, or was withdrawn and will not */
    void *arg;
    /* Read by the pool's thread once the job is interrupted. Relaxed: either answer is right when
       a cancel and a close meet. */
    _Atomic int error; /* why it is to end: 0, -ECANCELED, -EBADF */
    uint8_t end;       /* enum offload_end */
    bool withdrawn;
};

static inline int offload_error(const struct offload *offload)
{
    return atomic_load_explicit(&offload->error, memory_order_relaxed);
}

/* Gives it to the pool. Returns 0, -EBADF (dure_close is at it) or -EAGAIN without threads: then
   ended is not called. */
int offload_start(struct offload *offload, enum pool_class class, enum offload_end end, int fd);
/* Ends it as its enum offload_end says, with ended at once if it is withdrawn. */
void offload_end(struct offload *offload, int error);
/* The same as start for the running task, which waits for it. Returns 0 when it has run, -ECANCELED
   or -EBADF when it has not and will not, -EAGAIN without threads. */
int offload_run(enum pool_class class, enum offload_end end, const char *what, int fd,
                void (*run)(struct offload *offload, void *arg), void *arg);
/* For run, before each system call and after EINTR: 0, or -ECANCELED or -EBADF when it is to end. */
int offload_ended(const struct offload *offload);
/* A call that can only block, as a twin: refused if the caller's scopes have ended; for a task made on
   a thread of the class, again after each EINTR, and cancelled there if the class waits for somebody;
   outside of tasks made here. make: as a system call, -1 and errno. Returns its result or -errno. */
int64_t offload_call(enum pool_class class, const char *what, int fd, int64_t (*make)(void *arg),
                     void *arg);
/* The same for a make that makes no calls but world_here()'s: in a simulation it is called here,
   after a pause, where offload_call fails with -ENOSYS. */
int64_t offload_world(enum pool_class class, const char *what, int fd, int64_t (*make)(void *arg),
                      void *arg);
/* An operation that a thread performs; its result is in op then. Who starts it sets ended. */
struct op_job {
    struct offload offload;
    void (*ended)(struct op_job *job);
};
int op_job_start(struct op_job *job, struct op *op); /* as offload_start */
/* The same for the running task, which waits for it. Returns the result. */
int64_t offload_op(struct op *op);
/* Adds an entry whose fd and end are set. Returns 0, -EBADF if fd is being closed, or -ENOMEM.
   closes: a close of fd ends the job. */
int offloads_add(struct loop *loop, struct offload_entry *entry, bool closes);
void offloads_remove(struct loop *loop, struct offload_entry *entry);
/* The calling loop's jobs on fd are to end with -EBADF. Returns true if some have yet to. */
bool offloads_end(struct loop *loop, int fd);
bool offloads_any(struct loop *loop, int fd);

/* request.c: a question to the pool that may outlive its asker: it owns copies of its arguments and
   its answer, and lies on the heap. */
struct request {
    struct pool_job job;
    struct waiter waiter;
    struct wait wait;
    struct offload_entry entry;
    void (*ask)(struct request *request);  /* on the pool's thread; uses nothing of the run */
    void (*drop)(struct request *request); /* frees it, with what it owns; any thread, any time */
    struct pool *pool;
    atomic_int holders;
    atomic_int state;
    int error; /* what ended it: the asker's */
};
/* Asks for the running task, or for a plain thread, with ask and drop set. fd: what it is about, or
   -1 (as it is for a thread). Returns 0: the answer is there, until request_let_go; or -ECANCELED,
   -EBADF (dure_close) or another -errno: the request is the caller's no more, and if it had not begun
   it never will. */
int request_run(struct request *request, enum pool_class class, const char *what, int fd);
void request_let_go(struct request *request);

/* operation.c */
/* Goes on with the operations that have ended, or tells of them. */
void operations_tell(struct loop *loop);

/* close.c */
/* Ends all waits on fd, on every loop, with EBADF; then closes. Returns 0 or -errno. */
int descriptor_close(int fd);
/* The same without waiting, on a loop. SUBMIT_DONE: the result is in op. SUBMIT_PENDING: op->done
   will be called, and descriptor_close_finish is to follow. SUBMIT_OFFLOAD: descriptor_close_begun
   is to follow on a thread that may wait. Both return 0 or -errno. */
enum submitted descriptor_close_start(struct op *op);
int descriptor_close_finish(int fd);
int descriptor_close_begun(int fd);
/* As descriptor_close of `to`, but fd's description takes its place, by dup3 with these flags. Returns
   `to` or -errno. */
int descriptor_replace(int fd, int to, int flags);
/* A job on fd has ended: closes may wait for that. */
void descriptor_job_ended(struct loop *loop, int fd);
/* True while a close of fd waits for this loop. */
bool descriptor_is_closing(const struct loop *loop, int fd);
/* fd is a new description, made by a twin. Returns fd. May wait, but not in a callback. */
int descriptor_born(int fd);

/* simulated.c, hosts.c: what else is different in a simulation */
/* The running task waits as for a disk. Returns 0 or -ECANCELED. */
int simulated_pause(const char *what, int fd);
/* The running task waits for the answer of the simulation's name server. Returns 0, -ECANCELED, or
   -EAGAIN when none came. */
int simulated_query(const char *what);
/* Says that this is not simulated. Returns -ENOSYS. */
int simulated_refuse(const char *what);
/* The result of a call of world_here(), with these words if it is -1 for want of a simulation. */
int simulated_words(int result, const char *what);
/* The root of dure_go on the running task's host; NULL: the loop's. */
struct scope *hosts_root(void);

/* thread_io.c: operations of plain threads with a scope open. */
int64_t thread_io(struct io *io);
/* Waits for events on fd (-1: for none, only time) until a time (0: none). Returns the revents, 0
   when the time came, -ECANCELED, -EINTR. */
int64_t thread_wait(int fd, unsigned events, int64_t until_ns);
/* The same as poll(fds + 1, len), with room for one more in fds[0]; mask: as ppoll's. */
int64_t thread_poll(struct pollfd *fds, nfds_t len, int64_t until_ns, const sigset_t *mask);
/* What nothing tells of but a call that no scope could end: asks again and again, ever less often,
   until the answer is not -EAGAIN. Returns it, or -ECANCELED, -EINTR. */
int64_t thread_ask(int64_t (*ask)(void *arg), void *arg);
/* -ECANCELED if the scopes around the thread have ended, -EDEADLK if it runs a callback, which must
   not wait; else 0. */
int thread_refused(void);
/* True if a twin is more than the plain call for the calling plain thread: there is a scope around
   it, or it runs a callback. */
bool thread_has_scope(void);

#endif
