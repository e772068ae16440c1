/* Pieces of memory that are not strings, and writing text into bounded memory. */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of somebody else's memory; data is NULL when there is none. */
struct http_span {
    const char *data;
    size_t len;
};

/* A span of a literal. */
#define HTTP_SPAN(literal) ((struct http_span){ literal, sizeof(literal) - 1 })

/* A place to write into. What does not fit is dropped, and overflow set. */
struct http_text {
    char *data;
    size_t len;
    size_t len_max;
    bool overflow;
};

void http_text_init(struct http_text *text, char *data, size_t len_max);
void http_text_add(struct http_text *text, const void *data, size_t len);
void http_text_string(struct http_text *text, const char *string);
void http_text_number(struct http_text *text, uint64_t number);
void http_text_hex(struct http_text *text, uint64_t number);
void http_text_char(struct http_text *text, char c);

/* Without the blanks and tabs around. */
struct http_span http_span_trim(struct http_span span);
/* Equal but for the case of ASCII letters. */
bool http_span_is(struct http_span span, const char *string);
/* Takes the next piece of a list from *rest, separated by commas, trimmed; false at its end. */
bool http_span_next(struct http_span *rest, struct http_span *item);

#endif
