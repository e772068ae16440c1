/* What is said on standard error while dure compare measures: a line that changes on a terminal,
   some lines elsewhere. */
#ifndef CMD_COMPARE_PROGRESS_H
#define CMD_COMPARE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *name; /* of the experiment */
    bool terminal;
    unsigned round; /* the last one told of elsewhere; 0: none */
};

void progress_init(struct progress *progress);

/* Shows the begin of measurement number `number` (from 1) of `planned`, in a round, and what is
   left until the end of all. */
void progress_show(struct progress *progress, unsigned number, unsigned planned, unsigned round,
                   unsigned rounds, int64_t left_ns, const char *what);

/* Takes the line away, before anything else is written. */
void progress_clear(struct progress *progress);

#endif
