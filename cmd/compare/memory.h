/* Memory and texts that a report cannot do without: where there is none left, the process says so
   and ends. */
#ifndef CMD_COMPARE_MEMORY_H
#define CMD_COMPARE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

/* As realloc. */
void *memory_resize(void *old, size_t size);
/* As strdup; NULL gives NULL. */
char *memory_copy(const char *text);
/* As vasprintf. */
char *memory_format(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
/* As asprintf. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A list of texts of its own. All 0: empty. */
struct texts {
    char **items;
    size_t len;
};

/* Takes a text from memory_format over; what the list has already is not added again. */
void texts_add(struct texts *texts, char *text);
void texts_fini(struct texts *texts);

#endif
