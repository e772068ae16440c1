/* A small server for the three clients: told a name and a newline, it answers
   with a price, and closes. */
#ifndef PRICES_H
#define PRICES_H

#include <stdint.h>

#include <dure.h>

/* Starts it in a scope, whose end ends it. Returns its port, or -1 with errno. */
int prices_start(dure_scope *scope);

/* What each client fetches, and the sum. */
#define PRICES_NAMES                \
    {                               \
        "tea\n", "rice\n", "salt\n" \
    }
#define PRICES_LEN 3
#define PRICES_SUM (12 + 30 + 7)

#endif
