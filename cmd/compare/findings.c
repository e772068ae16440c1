/* Sentences on what a chart shows, computed from its figures. */
#include <stdarg.h>
#include <stdlib.h>

#include "cmd/compare/findings.h"

void sentence_add(struct sentences *out, const char *format, ...)
{
    va_list args;

    if (out->texts.len == SENTENCES_MAX)
        return;
    va_start(args, format);
    texts_add(&out->texts, memory_format(format, args));
    va_end(args);
}

void sentences_init(struct sentences *sentences, const struct view *view)
{
    *sentences = (struct sentences){ 0 };
    if (view->chart->say != NULL)
        view->chart->say(view, sentences);
}

void sentences_fini(struct sentences *sentences)
{
    texts_fini(&sentences->texts);
}
