/* Conditional requests, RFC 9110 section 13. */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "http/text.h"

/* What a file is known by. */
struct http_validators {
    struct http_span etag; /* with its quotes; a strong one */
    int64_t modified;      /* seconds since 1970 */
};

/* The conditions of a request; a header that was not sent has data NULL. */
struct http_conditions {
    struct http_span if_match;
    struct http_span if_unmodified_since;
    struct http_span if_none_match;
    struct http_span if_modified_since;
    struct http_span if_range;
};

/* Evaluates the conditions of a GET or HEAD in the RFC's order of precedence.
   Returns: 0 to go on, 304, or 412. */
int http_conditional(const struct http_conditions *conditions,
                     const struct http_validators *validators);

/* Tells whether a Range header counts, as If-Range has it. */
bool http_conditional_range(const struct http_conditions *conditions,
                            const struct http_validators *validators);

#endif
