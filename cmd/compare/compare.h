/* dure compare, as its experiments see it. An experiment is a const description and a function
   that measures; what becomes of the figures (tables, charts, sentences, JSON) knows nothing of
   it. Each is listed in experiments.c. */
#ifndef CMD_COMPARE_COMPARE_H
#define CMD_COMPARE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

/* A run of dure compare; a point that was measured in it. */
struct compare;
struct point;

/* What a figure is counted in. The reports choose the prefix: 1.2 µs, 34 KB. */
enum unit {
    UNIT_COUNT,      /* a plain number: calls, threads, switches */
    UNIT_NS,         /* nanoseconds */
    UNIT_BYTES,      /* bytes */
    UNIT_PER_SECOND, /* so many a second */
    UNIT_SHARE,      /* 0 to 1, shown in percent */
};

enum better { BETTER_LOWER, BETTER_HIGHER, BETTER_NEITHER };

/* One thing that is measured at points. */
struct metric {
    const char *name;  /* the JSON's key: "cpu_ns_per_request" */
    const char *title; /* of an axis or a column, begun small: "CPU time a request" */
    enum unit unit;
    enum better better;
};

/* At most so many further labels has a point, besides its series and its x. */
#define LABELS_MAX 4

/* Where a point lies. The texts are copied. */
struct place {
    const char *series;             /* who was measured: "threaded", "epoll (edge-triggered)" */
    double x;                       /* with how many: connections, descriptors, tasks */
    const char *labels[LABELS_MAX]; /* under what conditions, in the order of the experiment's
                                       labels: "keep-alive", "waits 10 ms" */
};

enum chart_kind {
    CHART_LINES, /* a metric over x, a line a series */
    CHART_BARS,  /* a metric at one x, a bar a series */
    CHART_CLOUD, /* a metric over another one, the points of a series joined in the order of x */
};

struct view;
struct sentences;

/* A chart of the page, and a table on the terminal. */
struct chart {
    const char *name;  /* a key: "models-cpu" */
    const char *title; /* "CPU time a request, answered at once, keep-alive" */
    const char *note;  /* what one has to know to read it, a sentence or two; or NULL */
    enum chart_kind kind;
    unsigned metric;                /* upwards: its number among the experiment's */
    unsigned x_metric;              /* CHART_CLOUD: to the right, likewise */
    double at_x;                    /* CHART_BARS: where; 0: the largest x that has figures */
    const char *labels[LABELS_MAX]; /* only points with these labels; NULL: whichever */
    const char *const *series;      /* only these, in this order, up to a NULL; NULL: all, in the
                                       order in which they were measured */
    bool log_x, log_y;
    /* Adds sentences of its own, computed from what the chart shows (view.h); general ones fill up
       to three. NULL: only those. */
    void (*say)(const struct view *view, struct sentences *out);
};

/* What is measured. */
struct experiment {
    const char *name;          /* the argument and the JSON's key: "models" */
    const char *title;         /* "Concurrency models" */
    const char *summary;       /* a line of --help */
    const char *about;         /* a paragraph of the page: what is done, and how */
    const char *x_title;       /* "connections" */
    const char *const *labels; /* what the further labels tell, up to a NULL: "handler"; or NULL */
    const struct metric *metrics; /* up to one without a name */
    const struct chart *charts;   /* up to one without a name; the most telling first */
    unsigned weight;              /* its part of the time of a run of all, in percent */
    const char *strong;           /* series that begin so are drawn stronger; NULL: none */
    /* Measures. Called on the only thread of the process, with no run of dure active: it may fork,
       make threads and run dure, and has undone all that when it returns.
       Returns: 0, or -1 after compare_fail; what was measured counts all the same. */
    int (*run)(struct compare *compare);
};

/* The order of a run: rounds outside, points inside, so that the contestants take turns and what
   disturbs the machine for a while disturbs all of them.

       compare_plan(compare, points_len);
       for (round = 0; round < compare_rounds(compare); round++)
           for (i = 0; i < points_len; i++) {
               slice_ns = compare_begin(compare, "%s, %u connections", ...);
               if (slice_ns == 0)
                   return 0;
               ... measure for about slice_ns, set-up and clean-up included ...
               point = compare_point(compare, &(struct place){ ... });
               point_sample(point, CPU_NS, cpu_ns / requests);
           } */

/* Says how many points a round has, before the first begins. Those that will be refused count. */
void compare_plan(struct compare *compare, unsigned points);

/* Returns: how often each point is measured. */
unsigned compare_rounds(const struct compare *compare);

/* Returns: whether this is the quick run; then fewer points are worth more than short ones. */
bool compare_quick(const struct compare *compare);

/* Begins one measurement, and shows what it is in the line of progress. The text follows printf.
   Returns: the nanoseconds that it may take, all included: an equal part of what is left, so that
   what one saves the others get; 0 when the experiment has to return: the run was interrupted, or
   the time is over and each point has been measured once. */
int64_t compare_begin(struct compare *compare, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns: whether Ctrl-C (or SIGTERM) asked for the end: long measurements look at it, stop, and
   add no sample. The signal also interrupts system calls (EINTR). A second one ends the process.
   The experiment's part: its runs of dure have DURE_NO_STOP_SIGNALS; its child processes, which
   get the terminal's Ctrl-C too, leave the process group or ignore it, and end with their parent.
   Threads: any. */
bool compare_interrupted(void);

/* Returns: the point at a place, made if it is new; it is the run's. The order in which series
   first come is that of the reports. */
struct point *compare_point(struct compare *compare, const struct place *place);

/* Adds one repeat's figure. metric: its number among the experiment's. What is no number (nothing
   was counted, and divided by) becomes a warning. */
void point_sample(struct point *point, unsigned metric, double value);

/* Says that the point has a limit or was refused: "select: at most 1,024 descriptors". The charts
   show it as a point without a figure, unless it has some. The text follows printf; the same text
   counts once. */
void point_refuse(struct point *point, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what makes the point's figures doubtful: "the client was the bottleneck". As above. */
void point_warn(struct point *point, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Notes an exact setting for the reports: "clients", "tasks on processors 2 and 3". The texts are
   copied; the same name again replaces it. */
void compare_setting(struct compare *compare, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says why the experiment could not be run, or not to its end; the reports tell. */
void compare_fail(struct compare *compare, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds a sentence to those of a chart (see say in struct chart). */
void sentence_add(struct sentences *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
