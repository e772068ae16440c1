/* A text that grows, for the dump: written as a whole once it is complete. */
#ifndef DURE_SRC_BASE_TEXT_H
#define DURE_SRC_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory is an empty text. data is NULL or ends in a NUL that len does not count. */
struct text {
    char *data;
    size_t len, size;
    bool cut; /* something was left out for want of memory */
};

/* Appends; without memory nothing more is appended from there on, and cut is set. */
void text_add(struct text *text, const char *data, size_t len);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Writes all of it with plain write(2), which may block the thread. An O_NONBLOCK descriptor
   that is full is waited for. Returns 0; -errno of write; -ENOMEM when all there was has been
   written but the text is cut. */
int text_write_fd(const struct text *text, int fd);

/* Frees the memory; the text is empty afterwards and may be used again. */
void text_fini(struct text *text);

#endif
