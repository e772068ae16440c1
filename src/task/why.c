/* The words of failures: what errno cannot say. */
#include "task/scope.h"

#include <dure/task.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void say(struct flow *flow, const char *format, va_list args)
{
    char *words = NULL;

    if (vasprintf(&words, format, args) < 0)
        words = NULL; /* without memory errno must do */
    free(flow->why);
    flow->why = words;
}

void flow_say(struct flow *flow, const char *format, ...)
{
    int error = errno;
    va_list args;

    va_start(args, format);
    say(flow, format, args);
    va_end(args);
    errno = error;
}

int dure_fail(int err, const char *format, ...)
{
    struct flow *flow = flow_current();
    va_list args;

    if (flow) {
        va_start(args, format);
        say(flow, format, args);
        va_end(args);
    }
    errno = err;
    return -1;
}

const char *dure_why(void)
{
    struct flow *flow = flow_current();

    return flow && flow->why ? flow->why : "";
}
