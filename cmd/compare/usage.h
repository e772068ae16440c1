/* What a process and those that it has forked use, seen from outside. */
#ifndef CMD_COMPARE_USAGE_H
#define CMD_COMPARE_USAGE_H

#include <stdint.h>
#include <sys/types.h>

/* Since it was started. */
struct usage {
    int64_t cpu_ns;                  /* user and system */
    uint64_t voluntary, involuntary; /* context switches */
};

/* What the calling process, its threads that have ended and its children that were waited for have
   used. May be called in a signal's handler. */
void usage_of_self(struct usage *usage);

/* Adds what those children of a process have used that it has not waited for. */
void usage_add_children(struct usage *usage, pid_t parent);

struct footprint {
    unsigned processes, threads;
    uint64_t bytes; /* pages that it alone has written to, page tables, kernel stacks */
};

/* Measures a process and its children. Of many children some are looked at, as they are alike. */
void footprint_of(struct footprint *footprint, pid_t pid);

#endif
