/* What the contestants on dure share. Their arguments are key=value. */
#ifndef DURE_BENCH_DURE_H
#define DURE_BENCH_DURE_H

#include <dure.h>

#include "bench.h"

/* Runs on as many loops as loops= says, else one; with stacks of stack= bytes. */
static inline int bench_run(char **argv, dure_fn *fn)
{
    dure_run_options options = {
        .loops = (unsigned)bench_number(argv, "loops", 1),
        .stack_size = (size_t)bench_number(argv, "stack", 0),
        .backend = bench_text(argv, "backend", NULL),
    };

    if (dure_run_with(&options, fn, argv) != 0) {
        fprintf(stderr, "%s: %s: %s\n", argv[0], strerror(errno), dure_why());
        return 1;
    }
    return 0;
}

#endif
