/* Readers: a buffer in front of a descriptor. */
#include "posix/transfer.h"

#include <dure/io.h>
#include <dure/reader.h>
#include <errno.h>
#include <string.h>

/* buf[begin] to buf[end - 1] have been read ahead. */
struct reader {
    char *buf;
    size_t limit; /* one less than its size: room for the zero byte of the last line */
    size_t begin, end;
    int fd;
};
_Static_assert(sizeof(struct reader) <= sizeof(dure_reader), "the public reader is too small");

static struct reader *reader_of(dure_reader *reader)
{
    return (struct reader *)(void *)reader;
}

int dure_reader_init(dure_reader *reader, int fd, void *buf, size_t size)
{
    if (size < 2)
        return (int)io_result(-EINVAL);
    *reader_of(reader) = (struct reader){ .buf = buf, .limit = size - 1, .fd = fd };
    return 0;
}

static size_t buffered(const struct reader *reader)
{
    return reader->end - reader->begin;
}

/* Takes what is there out of the buffer, at most len bytes. */
static size_t take(struct reader *reader, void *buf, size_t len)
{
    if (len > buffered(reader))
        len = buffered(reader);
    if (len && buf)
        memcpy(buf, reader->buf + reader->begin, len);
    reader->begin += len;
    return len;
}

/* One read that waits until there is something. Returns a count, 0 at the end, or -errno. */
static int64_t read_some(const struct reader *reader, void *buf, size_t len)
{
    int64_t n;

    for (;;) {
        n = transfer_read(reader->fd, buf, len, -1);
        if (n == -EAGAIN) {
            n = transfer_wait(reader->fd, POLLIN);
            if (n == 0)
                continue;
        }
        if (n != -EINTR) /* of a plain thread: a signal is no reason to give up */
            return n;
    }
}

/* Reads more into the buffer. Returns as read_some, or -EMSGSIZE when it is full. */
static int64_t fill(struct reader *reader)
{
    size_t len = buffered(reader);
    int64_t n;

    if (len == reader->limit)
        return -EMSGSIZE;
    /* Only when there is no room behind it, or nothing to move: each byte moves rarely. */
    if (len == 0 || reader->end == reader->limit) {
        memmove(reader->buf, reader->buf + reader->begin, len);
        reader->begin = 0;
        reader->end = len;
    }
    n = read_some(reader, reader->buf + reader->end, reader->limit - reader->end);
    if (n > 0)
        reader->end += (size_t)n;
    return n;
}

/* How many bytes there are up to and with the delimiter, at the end without it; 0 if there are none
   at all, or -errno. */
static int64_t find(struct reader *reader, int delimiter)
{
    size_t seen = 0;
    int64_t n;

    for (;;) {
        const char *first = reader->buf + reader->begin,
                   *at = memchr(first + seen, delimiter, buffered(reader) - seen);

        if (at)
            return at - first + 1;
        seen = buffered(reader);
        n = fill(reader);
        if (n <= 0)
            return n < 0 ? n : (int64_t)seen;
    }
}

int dure_reader_until(dure_reader *public_reader, int delimiter, char **data, size_t *len)
{
    struct reader *reader = reader_of(public_reader);
    int64_t n = io_entry_refused();

    if (n == 0)
        n = find(reader, delimiter);
    if (n <= 0)
        return (int)io_result(n);
    *data = reader->buf + reader->begin;
    *len = (size_t)n;
    reader->begin += (size_t)n;
    return 1;
}

int dure_reader_line(dure_reader *reader, char **line, size_t *line_len)
{
    size_t len;
    int result = dure_reader_until(reader, '\n', line, &len);

    if (result <= 0)
        return result;
    if ((*line)[len - 1] == '\n')
        len--;
    (*line)[len] = '\0'; /* the newline's place; at the end the one behind the limit */
    if (line_len)
        *line_len = len;
    return 1;
}

ssize_t dure_reader_peek(dure_reader *public_reader, size_t len, char **data)
{
    struct reader *reader = reader_of(public_reader);
    int64_t n = io_entry_refused();

    if (n == 0 && len > reader->limit)
        n = -EMSGSIZE;
    while (n >= 0 && buffered(reader) < len) {
        n = fill(reader);
        if (n == 0)
            break;
    }
    if (n < 0)
        return io_result(n);
    if (data)
        *data = reader->buf + reader->begin;
    return (ssize_t)buffered(reader);
}

ssize_t dure_reader_read(dure_reader *public_reader, void *buf, size_t len)
{
    struct reader *reader = reader_of(public_reader);
    int64_t n = io_entry_refused();

    if (n < 0 || len == 0)
        return io_result(n);
    if (buffered(reader) == 0) {
        /* What would fill the buffer need not go through it. */
        n = len < reader->limit ? fill(reader) : read_some(reader, buf, len);
        if (n <= 0 || len >= reader->limit)
            return io_result(n);
    }
    return (ssize_t)take(reader, buf, len);
}

ssize_t dure_reader_read_full(dure_reader *public_reader, void *buf, size_t len)
{
    struct reader *reader = reader_of(public_reader);
    int64_t n = io_entry_refused();
    size_t moved;

    if (n < 0)
        return io_result(n);
    for (moved = take(reader, buf, len); moved < len; moved += (size_t)n) {
        n = read_some(reader, (char *)buf + moved, len - moved);
        if (n <= 0)
            break;
    }
    return moved || n >= 0 ? (ssize_t)moved : io_result(n);
}

size_t dure_reader_buffered(const dure_reader *public_reader, char **data)
{
    const struct reader *reader = (const struct reader *)(const void *)public_reader;

    if (data)
        *data = reader->buf + reader->begin;
    return buffered(reader);
}

size_t dure_reader_skip(dure_reader *reader, size_t len)
{
    return take(reader_of(reader), NULL, len);
}
