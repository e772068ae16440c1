/* A simulated run, between simulated.c (turns), hosts.c (programs on hosts) and sim_run.c. */
#ifndef DURE_SRC_LOOP_SIMULATED_H
#define DURE_SRC_LOOP_SIMULATED_H

#include "backend/sim/sim.h"
#include "loop/runtime.h"

struct simulation {
    uint64_t turns, turns_max; /* 0: no bound */
    bool closed;               /* nothing outside of the world takes part: dure_sim_run */
    int failed;                /* EDEADLK, ETIME: why it was given up; or 0 */
};
extern struct simulation simulation;

/* hosts.c */
/* Ends all programs on hosts. */
void hosts_cancel(void);

#endif
