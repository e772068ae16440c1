/* One operation, three styles. */
#include "styles.h"

void tell_it(dure_op *op, int64_t result, void *arg)
{
    struct told *told = arg;

    (void)op;
    told->result = result;
    told->error = errno;
    told->times++;
}

static int64_t by_callback(dure_op *op)
{
    struct told told = { 0 };
    dure_scope scope;
    int error = 0;

    dure_scope_open(&scope);
    if (dure_start(op, tell_it, &told) < 0)
        error = errno;
    CHECK_EQ(told.times, 0); /* never inside the call that starts it */
    dure_scope_close(&scope);
    CHECK_EQ(told.times, error ? 0 : 1);
    errno = error ? error : told.error;
    return error ? -1 : told.result;
}

static int64_t by_future(dure_op *op)
{
    int64_t result = -2;
    dure_future future;
    dure_scope scope;

    dure_scope_open(&scope);
    if (dure_op_future(op, &future) < 0)
        CHECK(dure_future_done(&future));
    dure_scope_close(&scope);
    CHECK(dure_future_done(&future));
    DURE_SHIELD(DURE_SECOND)
    result = dure_await(&future);
    return result;
}

int64_t run_in_style(dure_op *op, enum style style)
{
    switch (style) {
    case CALLBACK:
        return by_callback(op);
    case FUTURE:
        return by_future(op);
    default:
        return dure_op_wait(op);
    }
}
