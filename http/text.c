/* Spans and bounded text. */
#include "http/text.h"

#include <string.h>
#include <strings.h>

void http_text_init(struct http_text *text, char *data, size_t len_max)
{
    text->data = data;
    text->len = 0;
    text->len_max = len_max;
    text->overflow = false;
}

void http_text_add(struct http_text *text, const void *data, size_t len)
{
    if (len > text->len_max - text->len) {
        text->overflow = true;
        return;
    }
    memcpy(text->data + text->len, data, len);
    text->len += len;
}

void http_text_string(struct http_text *text, const char *string)
{
    http_text_add(text, string, strlen(string));
}

void http_text_char(struct http_text *text, char c)
{
    http_text_add(text, &c, 1);
}

static void add_in_base(struct http_text *text, uint64_t number, unsigned base)
{
    char digits[20]; /* 2^64 has 20 decimal digits */
    size_t at = sizeof digits;

    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    http_text_add(text, digits + at, sizeof digits - at);
}

void http_text_number(struct http_text *text, uint64_t number)
{
    add_in_base(text, number, 10);
}

void http_text_hex(struct http_text *text, uint64_t number)
{
    add_in_base(text, number, 16);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct http_span http_span_trim(struct http_span span)
{
    while (span.len > 0 && is_blank(span.data[0])) {
        span.data++;
        span.len--;
    }
    while (span.len > 0 && is_blank(span.data[span.len - 1]))
        span.len--;
    return span;
}

bool http_span_is(struct http_span span, const char *string)
{
    return span.len == strlen(string) && strncasecmp(span.data, string, span.len) == 0;
}

bool http_span_next(struct http_span *rest, struct http_span *item)
{
    const char *comma;

    if (rest->data == NULL)
        return false;
    comma = rest->len > 0 ? memchr(rest->data, ',', rest->len) : NULL;
    item->data = rest->data;
    if (comma != NULL) {
        item->len = (size_t)(comma - rest->data);
        rest->len -= item->len + 1;
        rest->data = comma + 1;
    } else {
        item->len = rest->len;
        rest->data = NULL;
        rest->len = 0;
    }
    *item = http_span_trim(*item);
    return true;
}
