/* Sentences on what a chart shows, computed from its figures. Each says something only if the
   figures bear it: whose spreads overlap are not ranked. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/findings.h"
#include "cmd/compare/format.h"
#include "cmd/compare/ranking.h"
#include "cmd/compare/remarks.h"
#include "cmd/compare/results.h"

void sentence_add(struct sentences *out, const char *format, ...)
{
    va_list args;

    if (out->texts.len == SENTENCES_MAX)
        return;
    va_start(args, format);
    texts_add(&out->texts, memory_format(format, args));
    va_end(args);
}

static const char *best_word(const struct view *view)
{
    return view->metric->better == BETTER_HIGHER ? "highest" : "lowest";
}

static const char *worst_word(const struct view *view)
{
    return view->metric->better == BETTER_HIGHER ? "lowest" : "highest";
}

static struct shown value(const struct view *view, const struct ranked *ranked)
{
    return shown(view->metric->unit, ranked->mark->y.median);
}

static struct shown times(const struct ranked *a, const struct ranked *b)
{
    double low = fmin(a->mark->y.median, b->mark->y.median);
    double high = fmax(a->mark->y.median, b->mark->y.median);

    return low > 0 ? shown_times(high / low) : (struct shown){ "it is none at all" };
}

/* Returns: the names of those ranked from here to there; the caller frees it. */
static char *ranked_join(const struct ranking *ranking, unsigned from, unsigned to)
{
    const char **names = memory_resize(NULL, (to - from) * sizeof *names);
    char *joined;
    unsigned i;

    for (i = from; i < to; i++)
        names[i - from] = ranking->items[i].line->series;
    joined = names_join(names, to - from);
    free(names);
    return joined;
}

/* Returns: "4.10 µs to 4.30 µs", or one value where both read the same; the caller frees it. */
static char *range(const struct view *view, const struct ranked *from, const struct ranked *to)
{
    struct shown low = value(view, from), high = value(view, to);

    if (strcmp(low.text, high.text) == 0)
        return text_format("%s", low.text);
    return text_format("%s to %s", low.text, high.text);
}

/* Returns: who is last, one or several that are too close to tell apart, and how far from the
   first; the caller frees it. */
static char *last_words(const struct view *view, const struct ranking *ranking)
{
    const struct ranked *first = &ranking->items[0], *last = &ranking->items[ranking->len - 1];
    char *who = ranked_join(ranking, ranking->last, ranking->len), *words, *values;

    values = range(view, &ranking->items[ranking->last], last);
    words = text_format("the %s %s %s with %s (%s)", worst_word(view),
                        ranking->last + 1 == ranking->len ? "is" : "are", who, values,
                        times(first, last).text);
    free(values);
    free(who);
    return words;
}

/* One is first beyond doubt: how far from the next, and from the last. */
static void say_first(struct sentences *out, const struct view *view, const struct ranking *ranking,
                      const char *where)
{
    const struct ranked *first = &ranking->items[0], *next = &ranking->items[1];
    char *last = last_words(view, ranking);

    if (ranking->last == 1)
        sentence_add(out, "At %s the %s is %s with %s; %s.", where, best_word(view),
                     first->line->series, value(view, first).text, last);
    else
        sentence_add(out, "At %s the %s is %s with %s; next is %s with %s (%s), and %s.", where,
                     best_word(view), first->line->series, value(view, first).text,
                     next->line->series, value(view, next).text, times(first, next).text, last);
    free(last);
}

static void say_shared(struct sentences *out, const struct view *view,
                       const struct ranking *ranking, const char *where)
{
    const struct ranked *first = &ranking->items[0];
    char *who = ranked_join(ranking, 0, ranking->leaders), *last = last_words(view, ranking);
    char *values = range(view, first, &first[ranking->leaders - 1]);
    bool same = first->mark->y.median == first[ranking->leaders - 1].mark->y.median;

    sentence_add(out, "At %s the %s are %s%s %s; %s.", where, best_word(view), who,
                 same ? " with" : ", too close to tell apart:", values, last);
    free(values);
    free(last);
    free(who);
}

static void say_tie(struct sentences *out, const struct view *view, const struct ranking *ranking,
                    const char *where)
{
    char *who = ranked_join(ranking, 0, ranking->len);
    char *values = range(view, &ranking->items[0], &ranking->items[ranking->len - 1]);

    sentence_add(out, "At %s %s are too close to tell apart (%s).", where, who, values);
    free(values);
    free(who);
}

/* Who is first at an x. */
static void say_order(struct sentences *out, const struct view *view, double at)
{
    struct ranking ranking;
    char *where = things_at(view, at);

    ranking_init(&ranking, view, at);
    if (ranking.len >= 2 && ranking.leaders == 1)
        say_first(out, view, &ranking, where);
    else if (ranking.len >= 2 && ranking.leaders < ranking.len)
        say_shared(out, view, &ranking, where);
    else if (ranking.len >= 2)
        say_tie(out, view, &ranking, where);
    ranking_fini(&ranking);
    free(where);
}

static bool same_leaders(const struct ranking *a, const struct ranking *b)
{
    return a->leaders == 1 && b->leaders == 1 && a->items[0].line == b->items[0].line;
}

/* Who is first at the other end. */
static void say_other_end(struct sentences *out, const struct view *view, double min, double max)
{
    struct ranking at_min, at_max;
    char *where = things_at(view, min), *who;

    ranking_init(&at_min, view, min);
    ranking_init(&at_max, view, max);
    who = ranked_join(&at_min, 0, at_min.leaders);
    if (min < max && at_min.leaders < at_min.len)
        sentence_add(out, "At %s the %s %s %s%s with %s.", where, best_word(view),
                     at_min.leaders == 1 ? "is" : "are", who,
                     same_leaders(&at_min, &at_max) ? " too," : "",
                     value(view, &at_min.items[0]).text);
    free(who);
    free(where);
    ranking_fini(&at_min);
    ranking_fini(&at_max);
}

/* Who was refused at the largest x; the reason of one alone. */
static void say_limits(struct sentences *out, const struct view *view, double at)
{
    const char **names = memory_resize(NULL, view->len * sizeof *names);
    const struct mark *mark, *first = NULL;
    char *who, *where = things_at(view, at);
    unsigned i, len = 0;

    for (i = 0; i < view->len; i++) {
        mark = line_at(&view->lines[i], at);
        if (mark == NULL || mark->y.len != 0 || mark->point->refusals.len == 0)
            continue;
        first = first != NULL ? first : mark;
        names[len++] = view->lines[i].series;
    }
    who = names_join(names, len);
    if (len == 1)
        sentence_add(out, "%s has no figure at %s: %s.", who, where,
                     remark_text(first->point, first->point->refusals.items[0]));
    else if (len > 1)
        sentence_add(out, "%s have no figures at %s.", who, where);
    free(who);
    free(where);
    free(names);
}

static double spread_of(const struct mark *mark)
{
    if (mark->y.len < 2 || mark->y.median <= 0)
        return -1;
    return (mark->y.max - mark->y.min) / mark->y.median;
}

/* How far the repeats lie apart, which is what differences have to exceed. */
static void say_spread(struct sentences *out, const struct view *view)
{
    const struct mark *widest = NULL;
    char *where;
    unsigned i, j;

    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++)
            if (widest == NULL || spread_of(&view->lines[i].marks[j]) > spread_of(widest))
                widest = &view->lines[i].marks[j];
    if (widest == NULL || spread_of(widest) <= 0)
        return;
    where = things_at(view, widest->at);
    sentence_add(out, "The repeats lie furthest apart for %s at %s: %s to %s (%s of the median).",
                 widest->point->series, where, shown(view->metric->unit, widest->y.min).text,
                 shown(view->metric->unit, widest->y.max).text,
                 shown(UNIT_SHARE, spread_of(widest)).text);
    free(where);
}

/* How many are near the first: said when there is nothing better to say. */
static void say_middle(struct sentences *out, const struct view *view, double at)
{
    struct ranking ranking;
    const struct ranked *middle;

    ranking_init(&ranking, view, at);
    if (ranking.len > 2) {
        middle = &ranking.items[(ranking.len - 1) / 2];
        sentence_add(out, "Half of the %u have %s or %s.", ranking.len, value(view, middle).text,
                     view->metric->better == BETTER_HIGHER ? "more" : "less");
    }
    ranking_fini(&ranking);
}

/* How many are not far from the first; likewise. */
static void say_near(struct sentences *out, const struct view *view, double at)
{
    struct ranking ranking;
    unsigned near = 0;

    ranking_init(&ranking, view, at);
    while (near < ranking.len &&
           fmax(ranking.items[near].mark->y.median, ranking.items[0].mark->y.median) <=
               2 * fmin(ranking.items[near].mark->y.median, ranking.items[0].mark->y.median))
        near++;
    if (ranking.len > 2 && near == 1)
        sentence_add(out, "None of the other %u lies within a factor of two of the %s.",
                     ranking.len - 1, best_word(view));
    else if (ranking.len > 2)
        sentence_add(out, "%u of the %u lie within a factor of two of the %s.", near, ranking.len,
                     best_word(view));
    ranking_fini(&ranking);
}

void sentences_init(struct sentences *sentences, const struct view *view)
{
    double min, max;

    *sentences = (struct sentences){ 0 };
    if (view->chart->say != NULL)
        view->chart->say(view, sentences);
    if (!view_ends(view, &min, &max))
        return;
    say_order(sentences, view, max);
    if (min < max)
        say_growth(sentences, view);
    say_limits(sentences, view, view_last(view));
    say_other_end(sentences, view, min, max);
    say_spread(sentences, view);
    say_middle(sentences, view, max);
    say_near(sentences, view, max);
}

void sentences_fini(struct sentences *sentences)
{
    texts_fini(&sentences->texts);
}
