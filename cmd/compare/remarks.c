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

/* A remark that begins with its series' name has it once. */
const char *remark_text(const struct point *point, const char *text)
{
    size_t len = strlen(point->series);

    if (strncmp(text, point->series, len) == 0 && strncmp(text + len, ": ", 2) == 0)
        return text + len + 2;
    return text;
}

/* The same words about the same places: said of several series at once. */
struct group {
    char *where, *text;
    const char **names;
    unsigned len;
};

struct groups {
    struct group *items;
    unsigned len;
};

static void name_add(struct group *group, const char *name)
{
    unsigned i;

    for (i = 0; i < group->len; i++)
        if (strcmp(group->names[i], name) == 0)
            return;
    group->names = memory_resize(group->names, (group->len + 1) * sizeof *group->names);
    group->names[group->len++] = name;
}

/* Takes `where` over. */
static void groups_add(struct groups *groups, const char *name, char *where, const char *text)
{
    unsigned i;

    for (i = 0; i < groups->len; i++)
        if (strcmp(groups->items[i].where, where) == 0 && strcmp(groups->items[i].text, text) == 0)
            break;
    if (i == groups->len) {
        groups->items = memory_resize(groups->items, (i + 1) * sizeof *groups->items);
        groups->items[groups->len++] = (struct group){ .where = where, .text = memory_copy(text) };
    } else {
        free(where);
    }
    name_add(&groups->items[i], name);
}

static void group_say(struct texts *remarks, struct group *group)
{
    char *names = names_join(group->names, group->len);

    texts_add(remarks, text_format("%s at %s: %s", names, group->where, group->text));
    free(names);
    free(group->names);
    free(group->where);
    free(group->text);
}

static void collect(struct groups *groups, const struct view *view, const struct line *line,
                    enum remark kind)
{
    const struct texts *texts;
    unsigned j;
    size_t k;

    for (j = 0; j < line->len; j++)
        for (texts = of_kind(&line->marks[j], kind), k = 0; k < texts->len; k++)
            groups_add(groups, line->series, where_said(view, line, kind, texts->items[k]),
                       remark_text(line->marks[j].point, texts->items[k]));
}

void remarks_collect(struct texts *remarks, const struct view *view, enum remark kind)
{
    struct groups groups = { 0 };
    unsigned i;

    for (i = 0; i < view->len; i++)
        collect(&groups, view, &view->lines[i], kind);
    for (i = 0; i < groups.len; i++)
        group_say(remarks, &groups.items[i]);
    free(groups.items);
}
