/* One measurement of one mechanism, in a process of its own. */
#ifndef CMD_COMPARE_IO_POINT_H
#define CMD_COMPARE_IO_POINT_H

#include "cmd/compare/io.h"

/* What is to be measured. */
struct io_order {
    const struct io_mechanism *mechanism;
    unsigned descriptors;
    unsigned events;     /* to be counted; some more come before */
    unsigned burst;      /* so many at once */
    int64_t interval_ns; /* from one burst to the next */
    int writer_processor, waiter_processor, kernel_processor; /* negative: any */
};

enum io_outcome {
    IO_DONE,
    IO_REFUSED, /* why says by whom */
    IO_LOST,    /* an event was not read */
};

struct io_result {
    enum io_outcome outcome;
    char why[160];
    uint64_t events, calls, wasted;
    uint64_t calls_all;        /* those before the events are counted among them */
    uint64_t strange;          /* reads that brought what was not written, or brought it twice */
    uint64_t late;             /* events that were written an interval or more after their time */
    uint64_t held;             /* events that had to wait until the waiter had made room */
    int64_t cpu_ns;            /* of all but the writer */
    int64_t median_ns, p99_ns; /* from the write to the end of the read */
};

/* Measures: the work of child_run, with an io_order and an io_result. Uses the process up: threads
   and descriptors are left. Returns: 0. */
int io_measure(const void *order, void *result);

#endif
