/* What goes to the peer: small pieces are gathered and sent together, large ones sent from
   where they are. */
#ifndef HTTP_OUTPUT_H
#define HTTP_OUTPUT_H

#include <dure.h>
#include <stdbool.h>

#include "http/deadline.h"
#include "http/loop.h"
#include "http/text.h"

struct http_output {
    int fd;
    struct http_loop *loop;
    struct http_deadline *deadline;
    int64_t limit_ns;           /* for the peer to take what is sent */
    struct http_buffer *buffer; /* NULL: nothing is gathered */
};

/* Makes room for len bytes, at most HTTP_BUFFER_SIZE, sending what is in the way. They count
   once http_output_added says so. Returns: where to write, or NULL: the connection is over. */
char *http_output_room(struct http_output *output, size_t len);
void http_output_added(struct http_output *output, size_t len);

/* Sends what has been gathered. more: something follows at once, so that the last packet can
   wait for it. Returns: 0, or -1 with errno: the connection is over.
   Blocks: the task, for no longer than the limit. */
int http_output_flush(struct http_output *output, bool more);

/* Sends what has been gathered and then memory that stays as it is meanwhile. */
int http_output_memory(struct http_output *output, const char *data, size_t len, bool more);

/* The same with a piece of a file. A peer must take 16 KiB within the limit, or all. */
int http_output_file(struct http_output *output, int fd, uint64_t offset, uint64_t len);

/* Gives up what has been gathered. */
void http_output_drop(struct http_output *output);

#endif
