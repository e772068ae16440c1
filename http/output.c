/* Sending. */
#include "http/output.h"

#include <assert.h>
#include <errno.h>

/* One call moves at most so much, so that other connections of the loop have their turn. */
#define FILE_STEP ((size_t)2 * 1024 * 1024)
/* Less than this within the limit, and the peer only holds the connection. */
#define FILE_STEP_MIN ((size_t)16 * 1024)

char *http_output_room(struct http_output *output, size_t len)
{
    assert(len <= HTTP_BUFFER_SIZE);
    if (output->buffer != NULL && HTTP_BUFFER_SIZE - output->buffer->len < len &&
        http_output_flush(output, true) < 0)
        return NULL;
    if (output->buffer == NULL)
        output->buffer = http_loop_take_buffer(output->loop);
    return output->buffer != NULL ? output->buffer->data + output->buffer->len : NULL;
}

void http_output_added(struct http_output *output, size_t len)
{
    assert(len <= HTTP_BUFFER_SIZE - output->buffer->len);
    output->buffer->len += len;
}

void http_output_drop(struct http_output *output)
{
    if (output->buffer != NULL)
        http_loop_put_buffer(output->loop, output->buffer);
    output->buffer = NULL;
}

int http_output_flush(struct http_output *output, bool more)
{
    ssize_t sent;
    size_t len;

    if (output->buffer == NULL)
        return 0;
    len = output->buffer->len;
    http_deadline_set(output->deadline, output->loop->now_ns, output->limit_ns);
    sent = dure_send(output->fd, output->buffer->data, len, more ? MSG_MORE : 0);
    http_output_drop(output);
    return sent == (ssize_t)len ? 0 : -1;
}

int http_output_memory(struct http_output *output, const char *data, size_t len, bool more)
{
    struct iovec iov[2] = { { NULL, 0 }, { (void *)(uintptr_t)data, len } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    ssize_t sent;

    if (output->buffer != NULL)
        iov[0] = (struct iovec){ output->buffer->data, output->buffer->len };
    len += iov[0].iov_len;
    http_deadline_set(output->deadline, output->loop->now_ns, output->limit_ns);
    sent = dure_sendmsg(output->fd, &msg, more ? MSG_MORE : 0);
    http_output_drop(output);
    return sent == (ssize_t)len ? 0 : -1;
}

int http_output_file(struct http_output *output, int fd, uint64_t offset, uint64_t len)
{
    off_t at = (off_t)offset;
    ssize_t sent = 0;
    size_t step;

    if (http_output_flush(output, true) < 0)
        return -1;
    /* Each step has a limit of its own; the connection's must not come first. */
    http_deadline_set(output->deadline, output->loop->now_ns, INT64_MAX / 4);
    while (len > 0) {
        step = len < FILE_STEP ? (size_t)len : FILE_STEP;
        DURE_WITHIN(dure_after(output->limit_ns))
        sent = dure_sendfile(output->fd, fd, &at, step);
        /* 0: the file has become shorter; the length promised cannot be kept. */
        if (sent <= 0 || ((size_t)sent < step && (size_t)sent < FILE_STEP_MIN))
            return -1;
        len -= (uint64_t)sent;
    }
    http_loop_tick(output->loop);
    return 0;
}
