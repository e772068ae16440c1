/* Memory and texts that a report cannot do without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/memory.h"

static _Noreturn void give_up(void)
{
    fputs("dure compare: no memory left\n", stderr);
    exit(1);
}

void *memory_resize(void *old, size_t size)
{
    void *new = realloc(old, size != 0 ? size : 1);

    if (new == NULL)
        give_up();
    return new;
}

char *memory_copy(const char *text)
{
    char *copy;

    if (text == NULL)
        return NULL;
    copy = strdup(text);
    if (copy == NULL)
        give_up();
    return copy;
}

char *memory_format(const char *format, va_list args)
{
    char *text;

    if (vasprintf(&text, format, args) < 0)
        give_up();
    return text;
}

char *text_format(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = memory_format(format, args);
    va_end(args);
    return text;
}

void texts_add(struct texts *texts, char *text)
{
    size_t i;

    for (i = 0; i < texts->len; i++)
        if (strcmp(texts->items[i], text) == 0) {
            free(text);
            return;
        }
    texts->items = memory_resize(texts->items, (texts->len + 1) * sizeof *texts->items);
    texts->items[texts->len++] = text;
}

void texts_fini(struct texts *texts)
{
    size_t i;

    for (i = 0; i < texts->len; i++)
        free(texts->items[i]);
    free(texts->items);
    *texts = (struct texts){ 0 };
}
