/* The experiment `models`: who is measured, under what, and one measurement. */
#ifndef CMD_COMPARE_MODELS_H
#define CMD_COMPARE_MODELS_H

#include "cmd/compare/client.h"
#include "cmd/compare/compare.h"
#include "cmd/compare/server.h"

/* The metrics, by their numbers. */
enum models_metric {
    MODELS_RATE,
    MODELS_P50,
    MODELS_P99,
    MODELS_P999,
    MODELS_CPU,
    MODELS_MEMORY,
    MODELS_PROCESSES,
    MODELS_THREADS,
    MODELS_VOLUNTARY,
    MODELS_INVOLUNTARY,
    MODELS_ERRORS,
};

/* One point, without who is measured. */
struct models_point {
    enum handler_id handler;
    unsigned connections;
    bool reconnects;
    double rate;        /* 0: closed loop */
    const char *manner; /* its label: "keep-alive" */
};

/* Measures one point within slice_ns, and adds its figures. Returns: true, or false when the contestant
   cannot hold the load, which has been said; then it need not be tried again.
   Blocks: the thread. */
bool models_measure(struct compare *compare, const struct contestant *contestant,
                    const struct models_point *at, const struct handler_world *world,
                    const struct processors *processors, int64_t slice_ns);

extern const struct experiment experiment_models;

#endif
