/* Futures. */
#include "sync/future.h"

#include "loop/loop.h"

#include <dure/task.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct guard *future_guard(struct future *future)
{
    uint64_t state = LOAD(future->state);

    /* Before the guard, which may be anything by now. */
    if (unlikely(state != FUTURE_PENDING && state != FUTURE_DONE))
        die("the memory of a future has gone, or was never one, when task \"%s\" used it",
            dure_task_name());
    return &future->guard;
}

void future_enter(struct future *future)
{
    guard_enter(future_guard(future), "a future");
}

void dure_future_init(dure_future *public_future)
{
    struct future *future = future_of(public_future);

    future->guard = guard_make(0);
    future->queue = (struct sync_queue){ 0 };
    STORE(future->state, FUTURE_PENDING);
}

/* --- its end --- */

static void write_result(struct future *future, intptr_t value, int error, const char *words)
{
    size_t len = value == -1 ? strnlen(words, FUTURE_WORDS - 1) : 0;

    future->value = value;
    future->error = error;
    memcpy(future->words, words, len);
    future->words[len] = '\0';
    STORE(future->state, FUTURE_DONE);
}

int future_settle(struct future *future, intptr_t value, int error, const char *words)
{
    struct sync_node *all;

    future_enter(future);
    if (future_is_done(future)) {
        guard_leave(&future->guard);
        return -EALREADY;
    }
    write_result(future, value, error, words);
    all = sync_queue_take_all(&future->queue);
    guard_leave(&future->guard);
    sync_signal_all(all);
    return 0;
}

int dure_future_set(dure_future *future, intptr_t value)
{
    return (int)io_result(value == -1 ? -EINVAL : future_settle(future_of(future), value, 0, ""));
}

int dure_future_fail(dure_future *future, int err, const char *format, ...)
{
    char words[FUTURE_WORDS];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return (int)io_result(future_settle(future_of(future), -1, err, words));
}

/* --- waiting for it --- */

int future_wait(struct future *future, int64_t until_ns)
{
    bool may_wait = sched_may_wait(), done;
    int error = may_wait ? io_entry_refused() : 0;
    struct sync_wait wait;

    if (error < 0)
        return error;
    sync_wait_init(&wait, "future", &future->guard, &future->queue);
    waiter_init(&wait.waiter);
    future_enter(future);
    done = future_is_done(future);
    if (!done && may_wait)
        sync_queue_push(&future->queue, &wait.node);
    guard_leave(&future->guard);
    if (done)
        return 0;
    return may_wait ? sync_wait_for(&wait, until_ns) : -EDEADLK;
}

intptr_t future_result(const struct future *future)
{
    if (likely(future->value != -1))
        return future->value;
    return dure_fail(future->error, "%s", future->words);
}

intptr_t dure_await_until(dure_future *public_future, dure_deadline deadline)
{
    struct future *future = future_of(public_future);
    int error = future_wait(future, deadline.at_ns);

    return error < 0 ? (intptr_t)io_result(error) : future_result(future);
}

intptr_t dure_await(dure_future *future)
{
    return dure_await_until(future, (dure_deadline){ 0 });
}

int dure_future_done(dure_future *public_future)
{
    struct future *future = future_of(public_future);
    bool done;

    future_enter(future);
    done = future_is_done(future);
    guard_leave(&future->guard);
    return done;
}

/* --- its task --- */

static int run_async(void *arg)
{
    struct future *future = task_current()->future;
    intptr_t value = future->fn.async(arg);

    future_settle(future, value, errno, dure_why());
    return 0;
}

static int run_then(void *arg)
{
    struct future *future = task_current()->future;
    intptr_t value = dure_await(future->first);

    value = future->fn.then(arg, value);
    future_settle(future, value, errno, dure_why());
    return 0;
}

/* A future whose task cannot be is done, so that nobody waits for ever. */
static int spawn(dure_scope *scope, struct future *future, dure_fn *run, const void *arg,
                 size_t len)
{
    int error;

    if (task_spawn_for(scope_of(scope), run, arg, len, future) == 0)
        return 0;
    error = errno;
    future_settle(future, -1, error, dure_why());
    return (int)io_result(-error);
}

int dure_async(dure_scope *scope, dure_future *future, dure_async_fn *fn, const void *arg,
               size_t len)
{
    dure_future_init(future);
    future_of(future)->fn.async = fn;
    return spawn(scope, future_of(future), run_async, arg, len);
}

int dure_then(dure_scope *scope, dure_future *future, dure_future *next, dure_then_fn *fn,
              const void *arg, size_t len)
{
    dure_future_init(next);
    future_of(next)->fn.then = fn;
    future_of(next)->first = future;
    return spawn(scope, future_of(next), run_then, arg, len);
}
