/* What was said of the points that a chart shows. */
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/format.h"
#include "cmd/compare/ranking.h"
#include "cmd/compare/remarks.h"
#include "cmd/compare/results.h"

static const struct texts *of_kind(const struct mark *mark, enum remark kind)
{
    return kind == REMARK_REFUSAL ? &mark->point->refusals : &mark->point->warnings;
}

static bool says(const struct mark *mark, enum remark kind, const char *text)
{
    const struct texts *texts = of_kind(mark, kind);
    size_t i;

    for (i = 0; i < texts->len; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

/* Returns: the x of all marks of a line that say so, with what is counted: "8, 64 connections". */
static char *where_said(const struct view *view, const struct line *line, enum remark kind,
                        const char *text)
{
    char *list = memory_copy(""), *longer, *last = NULL;
    unsigned i;

    for (i = 0; i < line->len; i++) {
        if (!says(&line->marks[i], kind, text))
            continue;
        longer = text_format("%s%s%s", list, list[0] != '\0' ? ", " : "",
                             shown_count(line->marks[i].at).text);
        free(list);
        list = longer;
        free(last);
        last = things_at(view, line->marks[i].at);
    }
    if (strchr(list, ' ') == NULL) {
        free(list);
        return last;
    }
    longer = text_format("%s %s", list, view->experiment->x_title);
    free(list);
    free(last);
    return longer;
}

void remarks_collect(struct texts *remarks, const struct view *view, enum remark kind)
{
    const struct line *line;
    const struct texts *texts;
    unsigned i, j;
    size_t k;
    char *where;

    for (i = 0; i < view->len; i++)
        for (line = &view->lines[i], j = 0; j < line->len; j++)
            for (texts = of_kind(&line->marks[j], kind), k = 0; k < texts->len; k++) {
                where = where_said(view, line, kind, texts->items[k]);
                texts_add(remarks,
                          text_format("%s at %s: %s", line->series, where, texts->items[k]));
                free(where);
            }
}
