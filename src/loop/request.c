/* A question to the pool that may outlive its asker. The asker and the pool hold it; the last one
   frees it. */
#include "loop/loop.h"

#include <errno.h>

/* Whoever moves it from ASKED first decides who signals the waiter, which is done once. */
enum { ASKED, ANSWERED, GONE };

static bool decide(struct request *request, int state)
{
    int asked = ASKED;

    /* Acquire and release: the asker sees the answer. */
    return atomic_compare_exchange_strong_explicit(&request->state, &asked, state,
                                                   memory_order_acq_rel, memory_order_acquire);
}

void request_let_go(struct request *request)
{
    /* Acquire and release: what the other one did comes before the end of the memory. */
    if (atomic_fetch_sub_explicit(&request->holders, 1, memory_order_acq_rel) == 1)
        request->drop(request);
}

static void run(struct pool_job *job)
{
    struct request *request = container_of(job, struct request, job);

    request->ask(request);
}

static void answered(struct pool_job *job)
{
    struct request *request = container_of(job, struct request, job);

    if (decide(request, ANSWERED))
        waiter_signal(&request->waiter);
    request_let_go(request);
}

/* On the asker's thread, while it waits. */
static void abandon(struct request *request, int error)
{
    if (!decide(request, GONE))
        return; /* the answer is on its way */
    request->error = error;
    if (pool_abandon(request->pool, &request->job))
        request_let_go(request); /* for the pool, which never begins */
    waiter_signal(&request->waiter);
}

static void cancel(struct wait *wait)
{
    abandon(container_of(wait, struct request, wait), -ECANCELED);
}

static void end_entry(struct offload_entry *entry, int error)
{
    abandon(container_of(entry, struct request, entry), error);
}

static int ask(struct request *request, struct pool *pool, enum pool_class class, const char *what,
               int fd)
{
    struct loop *loop = task_current() ? loop_here() : NULL;
    int error;

    request->pool = pool;
    request->job = (struct pool_job){ .run = run, .finished = answered, .class = (uint8_t) class };
    request->wait = (struct wait){ .what = what, .fd = fd, .cancel = cancel };
    request->entry = (struct offload_entry){ .fd = fd, .end = end_entry };
    request->error = 0;
    waiter_init(&request->waiter);
    atomic_init(&request->holders, 2);
    atomic_init(&request->state, ASKED);
    error = loop ? offloads_add(loop, &request->entry, true) : 0;
    if (error < 0)
        goto err_drop;
    error = pool_submit(request->pool, &request->job);
    if (error == 0)
        waiter_wait(&request->waiter, &request->wait);
    if (loop)
        offloads_remove(loop, &request->entry);
    if (error < 0)
        goto err_drop;
    error = request->error;
    if (error < 0)
        request_let_go(request);
    if (error == -ECANCELED)
        flow_feel(flow_current());
    return error;

err_drop:
    request->drop(request);
    return error;
}

/* For a plain thread without a run: a pool for this one. */
static int ask_outside(struct request *request, enum pool_class class, const char *what)
{
    struct pool *pool = pool_create(NULL);
    int error;

    if (!pool) {
        request->drop(request);
        return -ENOMEM;
    }
    error = ask(request, pool, class, what, -1);
    pool_destroy(pool); /* which does not wait for a job that was abandoned */
    return error;
}

int request_run(struct request *request, enum pool_class class, const char *what, int fd)
{
    struct runtime *held;
    int error;

    if (task_current())
        return ask(request, runtime_active->pool, class, what, fd);
    held = runtime_hold();
    if (!held)
        return ask_outside(request, class, what);
    error = ask(request, held->pool, class, what, -1);
    runtime_let_go(held);
    return error;
}
