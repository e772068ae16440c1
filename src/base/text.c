#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Makes room for len more bytes and a NUL. Doubling keeps the copying linear. */
static bool reserve(struct text *text, size_t len)
{
    size_t size = text->size ? text->size : 1024;
    char *data;

    if (text->cut)
        return false;
    if (text->size - text->len > len)
        return true;
    while (size - text->len <= len)
        size *= 2;
    data = realloc(text->data, size);
    if (!data) {
        text->cut = true;
        return false;
    }
    text->data = data;
    text->size = size;
    return true;
}

void text_add(struct text *text, const char *data, size_t len)
{
    if (!reserve(text, len))
        return;
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void text_vprintf(struct text *text, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && reserve(text, (size_t)len)) {
        vsnprintf(text->data + text->len, (size_t)len + 1, format, again);
        text->len += (size_t)len;
    }
    va_end(again);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_vprintf(text, format, args);
    va_end(args);
}

int text_write_fd(const struct text *text, int fd)
{
    size_t done = 0;

    while (done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);

        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
    return text->cut ? -ENOMEM : 0;
}

void text_fini(struct text *text)
{
    free(text->data);
    *text = (struct text){ 0 };
}
