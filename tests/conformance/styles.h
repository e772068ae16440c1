/* One operation, three styles. */
#ifndef STYLES_H
#define STYLES_H

#include "waiting.h"

enum style { DIRECT, FUTURE, CALLBACK, STYLES };

/* What a callback was told. */
struct told {
    int64_t result;
    int error, times;
};
void tell_it(dure_op *op, int64_t result, void *arg);

/* Runs an operation in a style, in a scope of its own, and waits until it is done. Returns its
   result, with errno; -1 with ECANCELED if it could not even be started for that. */
int64_t run_in_style(dure_op *op, enum style style);

#endif
