/* The pool's public face. */
#include "loop/loop.h"

#include <dure/blocking.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct call {
    struct wait wait;
    struct waiter waiter;
    struct pool_job job;
    dure_fn *fn;
    void *arg;
    struct flow *caller;
    struct flow *thread; /* of the thread that runs it, while it does */
    bool canceled;
    int result, error;
    bool withdrawn;
};

/* Guards a call's thread and canceled, and the end of the thread's borrowed home: between the pool's
   thread and the loop that tells it of a cancel. Held for some instructions. */
static pthread_mutex_t borrow_lock = PTHREAD_MUTEX_INITIALIZER;

static void run_call(struct pool_job *job)
{
    struct call *call = container_of(job, struct call, job);
    struct flow *flow = flow_current();

    if (!flow) {
        call->result = -1;
        call->error = ENOMEM;
        return;
    }
    /* Inside, the caller's scopes are the thread's. */
    pthread_mutex_lock(&borrow_lock);
    flow->home = call->caller->innermost ? call->caller->innermost : call->caller->home;
    flow->home_level = LEVEL_RUNNING;
    atomic_store_explicit(&flow->level, LEVEL_RUNNING, memory_order_relaxed);
    call->thread = flow;
    if (call->canceled)
        flow_end_home(flow);
    pthread_mutex_unlock(&borrow_lock);
    errno = 0;
    call->result = call->fn(call->arg);
    call->error = errno;
    pthread_mutex_lock(&borrow_lock);
    call->thread = NULL;
    flow->home = NULL;
    flow->home_level = LEVEL_RUNNING;
    atomic_store_explicit(&flow->level, LEVEL_RUNNING, memory_order_relaxed);
    pthread_mutex_unlock(&borrow_lock);
}

static void call_finished(struct pool_job *job)
{
    waiter_signal(&container_of(job, struct call, job)->waiter);
}

static void cancel_call(struct wait *wait)
{
    struct call *call = container_of(wait, struct call, wait);

    if (pool_cancel(runtime_active->pool, &call->job)) {
        call->withdrawn = true;
        waiter_signal(&call->waiter);
        return;
    }
    pthread_mutex_lock(&borrow_lock);
    call->canceled = true;
    if (call->thread)
        flow_end_home(call->thread);
    pthread_mutex_unlock(&borrow_lock);
}

/* The task itself is the thread: what the function calls waits in simulated time too. */
static void run_simulated(struct call *call)
{
    call->withdrawn = simulated_pause(call->wait.what, -1) < 0;
    if (call->withdrawn)
        return;
    errno = 0;
    call->result = call->fn(call->arg);
    call->error = errno;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

int dure_blocking(dure_fn *fn, const void *arg, size_t len)
{
    struct task *task = task_current();
    struct call call = {
        .wait = { .what = "blocking call", .fd = -1, .cancel = cancel_call },
        .job = { .run = run_call, .finished = call_finished, .class = POOL_FILES },
        .fn = fn,
        .arg = (void *)(uintptr_t)arg,
    };
    void *copy = NULL;

    if (!sched_may_wait())
        return refuse(EDEADLK);
    if (!task)
        return fn(call.arg); /* the caller waits here anyway: what it points to stays */
    if (io_refused())
        return refuse(ECANCELED);
    if (len) {
        copy = malloc(len);
        if (!copy)
            return refuse(ENOMEM);
        call.arg = memcpy(copy, arg, len);
    }
    call.caller = &task->flow;
    waiter_init(&call.waiter);
    if (unlikely(world_here()->simulated)) {
        run_simulated(&call);
    } else if (pool_submit(runtime_active->pool, &call.job) < 0) {
        call.result = -1;
        call.error = EAGAIN;
    } else {
        waiter_wait(&call.waiter, &call.wait);
    }
    free(copy);
    if (call.withdrawn) {
        flow_feel(&task->flow);
        return refuse(ECANCELED);
    }
    errno = call.error;
    return call.result;
}
