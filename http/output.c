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

/* Sends all. A plain thread's call may be ended early by a signal; of one that was ended otherwise,
   the next says why. */
static int send_all(const struct http_output *output, const char *data, size_t len, int flags)
{
    ssize_t sent;

    while (len > 0) {
        sent = dure_send(output->fd, data, len, flags);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        data += sent;
        len -= (size_t)sent;
    }
    return 0;
}

int http_output_flush(struct http_output *output, bool more)
{
    int result;

    if (output->buffer == NULL)
        return 0;
    http_deadline_set(output->deadline, output->loop->now_ns, output->limit_ns);
    result = send_all(output, output->buffer->data, output->buffer->len, more ? MSG_MORE : 0);
    http_output_drop(output);
    return result;
}

/* What is left of two pieces after the first `sent` bytes. */
static int send_rest(const struct http_output *output, const struct iovec iov[2], size_t sent,
                     int flags)
{
    if (sent < iov[0].iov_len) {
        if (send_all(output, (const char *)iov[0].iov_base + sent, iov[0].iov_len - sent,
                     MSG_MORE) < 0)
            return -1;
        sent = iov[0].iov_len;
    }
    sent -= iov[0].iov_len;
    return send_all(output, (const char *)iov[1].iov_base + sent, iov[1].iov_len - sent, flags);
}

int http_output_memory(struct http_output *output, const char *data, size_t len, bool more)
{
    struct iovec iov[2] = { { NULL, 0 }, { (void *)(uintptr_t)data, len } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    int flags = more ? MSG_MORE : 0, result = 0;
    ssize_t sent;

    if (output->buffer != NULL)
        iov[0] = (struct iovec){ output->buffer->data, output->buffer->len };
    http_deadline_set(output->deadline, output->loop->now_ns, output->limit_ns);
    sent = dure_sendmsg(output->fd, &msg, flags);
    if (sent < 0 && errno == EINTR)
        sent = 0;
    if (sent != (ssize_t)(iov[0].iov_len + len))
        result = sent < 0 ? -1 : send_rest(output, iov, (size_t)sent, flags);
    http_output_drop(output);
    return result;
}

/* Sends a step of a file. Returns: how much; or -1: the peer did not take enough in time, or the
   connection is over otherwise. */
static ssize_t send_step(const struct http_output *output, int fd, off_t *at, size_t len)
{
    int64_t begun_ns = dure_now();
    ssize_t sent = 0;

    do {
        DURE_WITHIN(dure_at(begun_ns + output->limit_ns))
        sent = dure_sendfile(output->fd, fd, at, len);
    } while (sent < 0 && errno == EINTR);
    /* 0: the file has become shorter; the length promised cannot be kept. */
    if (sent <= 0)
        return -1;
    if ((size_t)sent < len && (size_t)sent < FILE_STEP_MIN &&
        dure_now() - begun_ns >= output->limit_ns)
        return -1;
    return sent;
}

int http_output_file(struct http_output *output, int fd, uint64_t offset, uint64_t len)
{
    off_t at = (off_t)offset;
    ssize_t sent;

    if (http_output_flush(output, true) < 0)
        return -1;
    /* Each step has a limit of its own; the connection's must not come first. */
    http_deadline_set(output->deadline, output->loop->now_ns, INT64_MAX / 4);
    while (len > 0) {
        sent = send_step(output, fd, &at, len < FILE_STEP ? (size_t)len : FILE_STEP);
        if (sent < 0)
            return -1;
        len -= (uint64_t)sent;
    }
    http_loop_tick(output->loop);
    return 0;
}
