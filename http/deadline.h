/* One scope around a connection's life, whose deadline is moved from limit to limit. */
#ifndef HTTP_DEADLINE_H
#define HTTP_DEADLINE_H

#include <dure.h>

struct http_deadline {
    dure_scope scope;
    int64_t at_ns;
};

void http_deadline_open(struct http_deadline *deadline, int64_t now_ns, int64_t limit_ns);

/* Moves it to limit_ns from now, give or take a sixteenth: a connection that is busy moves its
   deadline a few times a minute, not with every request. */
void http_deadline_set(struct http_deadline *deadline, int64_t now_ns, int64_t limit_ns);

/* Returns: as dure_scope_close. */
int http_deadline_close(struct http_deadline *deadline);

#endif
