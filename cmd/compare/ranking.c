/* Who is first in a chart, as far as the spreads tell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/format.h"
#include "cmd/compare/memory.h"
#include "cmd/compare/ranking.h"

static int lowest_first(const void *a, const void *b)
{
    double left = ((const struct ranked *)a)->mark->y.median;
    double right = ((const struct ranked *)b)->mark->y.median;

    return (left > right) - (left < right);
}

static int highest_first(const void *a, const void *b)
{
    return lowest_first(b, a);
}

static bool overlap(const struct ranking *ranking, unsigned a, unsigned b)
{
    return summary_overlaps(&ranking->items[a].mark->y, &ranking->items[b].mark->y);
}

void ranking_init(struct ranking *ranking, const struct view *view, double at)
{
    const struct mark *mark;
    unsigned i;

    *ranking = (struct ranking){ 0 };
    ranking->items = memory_resize(NULL, view->len * sizeof *ranking->items);
    for (i = 0; i < view->len; i++) {
        mark = line_at(&view->lines[i], at);
        if (mark != NULL && mark->y.len != 0)
            ranking->items[ranking->len++] = (struct ranked){ &view->lines[i], mark };
    }
    qsort(ranking->items, ranking->len, sizeof *ranking->items,
          view->metric->better == BETTER_HIGHER ? highest_first : lowest_first);
    while (ranking->leaders < ranking->len && overlap(ranking, 0, ranking->leaders))
        ranking->leaders++;
    ranking->last = ranking->len;
    while (ranking->last != 0 && overlap(ranking, ranking->last - 1, ranking->len - 1))
        ranking->last--;
}

void ranking_fini(struct ranking *ranking)
{
    free(ranking->items);
}

static unsigned figures_at(const struct view *view, double at)
{
    const struct mark *mark;
    unsigned i, len = 0;

    for (i = 0; i < view->len; i++) {
        mark = line_at(&view->lines[i], at);
        len += mark != NULL && mark->y.len != 0;
    }
    return len;
}

bool view_ends(const struct view *view, double *min, double *max)
{
    unsigned i, j, here, most = 0;

    *min = INFINITY;
    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++) {
            here = figures_at(view, view->lines[i].marks[j].at);
            most = here > most ? here : most;
            if (here >= 2)
                *min = fmin(*min, view->lines[i].marks[j].at);
        }
    *max = *min;
    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++)
            if (3 * figures_at(view, view->lines[i].marks[j].at) >= 2 * most)
                *max = fmax(*max, view->lines[i].marks[j].at);
    return most >= 2;
}

double view_last(const struct view *view)
{
    double last = -INFINITY;
    unsigned i;

    for (i = 0; i < view->len; i++)
        last = fmax(last, view->lines[i].marks[view->lines[i].len - 1].at);
    return last;
}

char *names_join(const char *const *names, unsigned len)
{
    switch (len) {
    case 0:
        return memory_copy("");
    case 1:
        return memory_copy(names[0]);
    case 2:
        return text_format("%s and %s", names[0], names[1]);
    case 3:
        return text_format("%s, %s and %s", names[0], names[1], names[2]);
    default:
        return text_format("%s, %s and %u others", names[0], names[1], len - 2);
    }
}

char *things_at(const struct view *view, double at)
{
    const char *things = view->experiment->x_title;
    size_t len = strlen(things);

    if (at == 1 && len > 1 && things[len - 1] == 's')
        len--;
    return text_format("%s %.*s", shown_count(at).text, (int)len, things);
}
