/* A connection's deadline. */
#include "http/deadline.h"

void http_deadline_open(struct http_deadline *deadline, int64_t now_ns, int64_t limit_ns)
{
    deadline->at_ns = now_ns + limit_ns;
    dure_scope_open_with(&deadline->scope,
                         &(dure_scope_options){ .deadline = dure_at(deadline->at_ns) });
}

void http_deadline_set(struct http_deadline *deadline, int64_t now_ns, int64_t limit_ns)
{
    int64_t wanted_ns = now_ns + limit_ns;
    int64_t off_ns = wanted_ns - deadline->at_ns;
    int64_t slack_ns = limit_ns / 16;

    if (off_ns <= slack_ns && off_ns >= -slack_ns)
        return;
    deadline->at_ns = wanted_ns;
    dure_scope_set_deadline(&deadline->scope, dure_at(wanted_ns));
}

int http_deadline_close(struct http_deadline *deadline)
{
    return dure_scope_close(&deadline->scope);
}
