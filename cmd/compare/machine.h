/* What the figures were measured on. */
#ifndef CMD_COMPARE_MACHINE_H
#define CMD_COMPARE_MACHINE_H

#include "cmd/compare/results.h"

/* Adds what is known of processor, memory, kernel, libraries, compiler, dure, limits and load.
   Starts and ends a run of dure on each backend, to see which work here. */
void machine_describe(struct settings *machine);

/* Adds how busy it was in the end. */
void machine_describe_after(struct settings *machine);

/* Takes as many descriptors as the system allows: each connection needs two here. */
void machine_raise_limits(void);

#endif
