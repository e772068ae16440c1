/* The charts of dure compare io, and what they say of themselves. A sentence whose figures are not
   there, or do not bear it, is left out. */
#include "cmd/compare/io_charts.h"

#include <stddef.h>

#include "cmd/compare/format.h"
#include "cmd/compare/view.h"

/* Returns: a series' first or last mark that has a figure; NULL if there is none. */
static const struct mark *first_of(const struct view *view, const char *series)
{
    const struct line *line = view_line(view, series);
    unsigned i;

    for (i = 0; line != NULL && i < line->len; i++)
        if (line->marks[i].y.len > 0)
            return &line->marks[i];
    return NULL;
}

static const struct mark *last_of(const struct view *view, const char *series)
{
    const struct line *line = view_line(view, series);
    unsigned i;

    for (i = line != NULL ? line->len : 0; i > 0; i--)
        if (line->marks[i - 1].y.len > 0)
            return &line->marks[i - 1];
    return NULL;
}

/* How the CPU time grows with the idle descriptors: poll's, and that of one who told the kernel
   once. */
static void say_idle(const struct view *view, struct sentences *out)
{
    const struct mark *few = first_of(view, "poll"), *many = last_of(view, "poll");
    const struct mark *epoll_few = first_of(view, "epoll (level-triggered)");
    const struct mark *epoll_many = last_of(view, "epoll (level-triggered)");

    if (few == NULL || epoll_few == NULL || many->at <= few->at || epoll_many->at != many->at ||
        epoll_few->at != few->at || summary_overlaps(&few->y, &many->y) || few->y.median <= 0 ||
        many->y.median < few->y.median)
        return;
    sentence_add(
        out,
        "With %s the descriptors, as many of them busy, poll takes %s the CPU time for an "
        "event (%s, from %s); epoll (level-triggered) takes %s where it took %s%s.",
        shown_times(many->at / few->at).text, shown_times(many->y.median / few->y.median).text,
        shown(UNIT_NS, many->y.median).text, shown(UNIT_NS, few->y.median).text,
        shown(UNIT_NS, epoll_many->y.median).text, shown(UNIT_NS, epoll_few->y.median).text,
        summary_overlaps(&epoll_few->y, &epoll_many->y) ? ", which is no difference" : "");
}

/* How many calls an event takes: asking, waiting, and both in one. */
static void say_calls(const struct view *view, struct sentences *out)
{
    const struct mark *asks = last_of(view, "polled");
    const struct mark *waits = last_of(view, "epoll (level-triggered)");
    const struct mark *both = last_of(view, "io_uring (batched)");

    if (asks == NULL || waits == NULL || both == NULL)
        return;
    sentence_add(out,
                 "To ask %s descriptors in turn takes %s system calls for each event; epoll "
                 "(level-triggered), which waits and then reads, takes %s, and io_uring (batched), "
                 "which does both in one, %s.",
                 shown_count(asks->at).text, shown(UNIT_COUNT, asks->y.median).text,
                 shown(UNIT_COUNT, waits->y.median).text, shown(UNIT_COUNT, both->y.median).text);
}

/* What a pause between two rounds of asking costs and saves, and what waiting does. */
static void say_pause(const struct view *view, struct sentences *out)
{
    const struct mark *busy = first_of(view, "polled");
    const struct mark *pauses = first_of(view, "polled, pause 1 ms");
    const struct mark *waits = first_of(view, "epoll (level-triggered)");

    if (busy == NULL || pauses == NULL || waits == NULL || busy->at != pauses->at ||
        busy->at != waits->at || summary_overlaps(&busy->y, &pauses->y))
        return;
    sentence_add(
        out,
        "At %s descriptors, to ask without a pause finds an event after %s and takes %s of "
        "CPU time for it; with a pause of 1 ms it is %s and %s; epoll (level-triggered) "
        "needs %s and %s.",
        shown_count(busy->at).text, shown(UNIT_NS, busy->y.median).text,
        shown(UNIT_NS, busy->x).text, shown(UNIT_NS, pauses->y.median).text,
        shown(UNIT_NS, pauses->x).text, shown(UNIT_NS, waits->y.median).text,
        shown(UNIT_NS, waits->x).text);
}

static const char *const scalable[] = { "poll",
                                        "select",
                                        "epoll (level-triggered)",
                                        "epoll (edge-triggered)",
                                        "signals (O_ASYNC)",
                                        "blocking",
                                        "POSIX AIO (signal)",
                                        "io_uring (batched)",
                                        NULL };
static const char *const impatient[] = {
    "polled", "polled, pause 0.1 ms",    "polled, pause 1 ms", "polled, pause 10 ms",
    "poll",   "epoll (level-triggered)", "io_uring (batched)", "io_uring (SQPOLL)",
    NULL
};

const struct chart io_charts[] = {
    {
        .name = "io-cpu",
        .title = "CPU time an event, 10 descriptors busy, the others idle",
        .note = "Whoever tells the kernel of all descriptors at each call pays for the idle ones; "
                "whoever told it once does not.",
        .kind = CHART_LINES,
        .metric = IO_CPU_NS,
        .labels = { IO_SINGLE },
        .series = scalable,
        .log_x = true,
        .log_y = true,
        .say = say_idle,
    },
    {
        .name = "io-calls",
        .title = "System calls an event, 10 descriptors busy, the others idle",
        .kind = CHART_LINES,
        .metric = IO_CALLS,
        .labels = { IO_SINGLE },
        .log_x = true,
        .log_y = true,
        .say = say_calls,
    },
    {
        .name = "io-latency-cpu",
        .title = "Latency against CPU time, from 10 to 10,000 descriptors",
        .note = "Asking all the time is quick and uses a whole processor; a pause saves CPU time "
                "and is paid in latency. Left is cheap, low is quick.",
        .kind = CHART_CLOUD,
        .metric = IO_MEDIAN_NS,
        .x_metric = IO_CPU_NS,
        .labels = { IO_SINGLE },
        .series = impatient,
        .log_x = true,
        .log_y = true,
        .say = say_pause,
    },
    {
        .name = "io-bursts",
        .title = "CPU time an event, in bursts of 10, at 1,000 descriptors",
        .note = "What comes together can be taken with one call, where the mechanism tells of more "
                "than one at once.",
        .kind = CHART_BARS,
        .metric = IO_CPU_NS,
        .at_x = IO_BURSTS_AT,
        .labels = { IO_BURSTS },
        .log_y = true,
    },
    {
        .name = "io-bursts-calls",
        .title = "System calls an event, in bursts of 10, at 1,000 descriptors",
        .kind = CHART_BARS,
        .metric = IO_CALLS,
        .at_x = IO_BURSTS_AT,
        .labels = { IO_BURSTS },
        .log_y = true,
    },
    {
        .name = "io-p99",
        .title = "Latency that one event in a hundred exceeds, one at a time",
        .kind = CHART_LINES,
        .metric = IO_P99_NS,
        .labels = { IO_SINGLE },
        .series = scalable,
        .log_x = true,
        .log_y = true,
    },
    { NULL },
};
