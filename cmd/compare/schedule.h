/* How long each measurement of an experiment may take. Knows no clock: it is told the time. */
#ifndef CMD_COMPARE_SCHEDULE_H
#define CMD_COMPARE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct schedule {
    int64_t end_ns;  /* when the experiment should be over */
    unsigned points; /* a round; 0: not yet planned */
    unsigned rounds;
    unsigned begun; /* measurements */
};

/* Begins the next measurement.
   Returns: the nanoseconds it may take, an equal part of what is left, but never so few that they
   tell nothing; 0 if the time is over and the first round complete. */
int64_t schedule_next(struct schedule *schedule, int64_t now_ns);

/* Returns: whether every measurement planned was begun. */
bool schedule_complete(const struct schedule *schedule);

#endif
