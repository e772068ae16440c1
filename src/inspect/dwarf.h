/* Walking a stack by its unwind tables, and names from symbol tables: libunwind's work. */
#ifndef DURE_SRC_INSPECT_DWARF_H
#define DURE_SRC_INSPECT_DWARF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/context.h"

/* Stores the addresses that the frames will go on at, innermost first, at most max. Returns how
   many, or -ENOTSUP without libunwind. Any thread. */
int dwarf_walk(const struct context_registers *registers, uintptr_t stack_low, uintptr_t stack_high,
               uintptr_t *pcs, int max);

/* The name of the function at pc, cut to size, and how far into it pc is. Slow: opens files.
   Returns false when not known. Any thread. */
bool dwarf_name(uintptr_t pc, char *name, size_t size, uintptr_t *offset);

/* Forgets what was learnt from libraries that may have gone. */
void dwarf_flush(void);

#endif
