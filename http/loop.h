/* What the connections of one event loop share. Their tasks never change the loop, so nothing
   here has a lock. A connection that is served outside the loops, by a plain thread, is lent one
   of its own. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <dure.h>

#include "http/cache.h"
#include "http/date.h"
#include "http/log.h"

/* A batch of answers: sixteen pipelined ones of 1 KB fit, so that they cost one send. */
#define HTTP_BUFFER_SIZE ((size_t)32 * 1024)
/* Buffers kept for the next batch; more may be in use, one a connection that is sending. */
#define HTTP_SPARE_BUFFERS_MAX 64

struct http_buffer {
    struct http_buffer *next;
    size_t len;
    char data[HTTP_BUFFER_SIZE];
};

struct http_loop {
    int64_t now_ns;         /* dure_now, as of the last tick */
    int64_t second_ends_ns; /* when the dates below are over */
    char date[HTTP_DATE_LEN];
    char log_date[HTTP_LOG_DATE_LEN];
    struct http_buffer *spare;
    unsigned spare_len;
    struct http_cache cache;
    struct http_log log;
    bool is_lent;           /* to one connection at a time; the site keeps it in between */
    struct http_loop *next; /* lent to nobody at the moment */
};

/* Asks for the time; a new second makes new dates. */
void http_loop_tick(struct http_loop *loop);

/* Returns: a buffer, or NULL without memory. Blocks: never. */
struct http_buffer *http_loop_take_buffer(struct http_loop *loop);
void http_loop_put_buffer(struct http_loop *loop, struct http_buffer *buffer);

/* Nobody uses it for a while: the log is written, descriptors that are kept for speed are closed. */
void http_loop_rest(struct http_loop *loop);

void http_loop_init(struct http_loop *loop);
void http_loop_fini(struct http_loop *loop);

#endif
