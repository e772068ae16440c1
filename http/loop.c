/* A loop's clock and buffers. */
#include "http/loop.h"

#include <stdlib.h>

/* Only the dates come from the world's clock; what lasts is measured with dure_now. */
void http_loop_tick(struct http_loop *loop)
{
    struct timespec wall;

    loop->now_ns = dure_now();
    if (loop->now_ns < loop->second_ends_ns)
        return;
    dure_clock_gettime(CLOCK_REALTIME, &wall);
    loop->second_ends_ns = loop->now_ns + DURE_SECOND - wall.tv_nsec;
    http_date_write(loop->date, wall.tv_sec);
    http_date_write_log(loop->log_date, wall.tv_sec);
}

/* Last in, first out: the buffer taken is the one still in the processor's cache. */
struct http_buffer *http_loop_take_buffer(struct http_loop *loop)
{
    struct http_buffer *buffer = loop->spare;

    if (buffer != NULL) {
        loop->spare = buffer->next;
        loop->spare_len--;
    } else {
        buffer = malloc(sizeof *buffer);
        if (buffer == NULL)
            return NULL;
    }
    buffer->len = 0;
    return buffer;
}

void http_loop_put_buffer(struct http_loop *loop, struct http_buffer *buffer)
{
    if (loop->spare_len == HTTP_SPARE_BUFFERS_MAX) {
        free(buffer);
        return;
    }
    buffer->next = loop->spare;
    loop->spare = buffer;
    loop->spare_len++;
}

void http_loop_init(struct http_loop *loop)
{
    loop->second_ends_ns = 0;
    loop->spare = NULL;
    loop->spare_len = 0;
    http_cache_init(&loop->cache);
}

void http_loop_rest(struct http_loop *loop)
{
    http_log_flush(&loop->log);
    http_cache_drop_fds(&loop->cache);
}

void http_loop_fini(struct http_loop *loop)
{
    struct http_buffer *buffer;

    http_log_fini(&loop->log);
    http_cache_fini(&loop->cache);
    while ((buffer = loop->spare) != NULL) {
        loop->spare = buffer->next;
        free(buffer);
    }
}
