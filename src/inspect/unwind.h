/* The stack trace of a parked task. */
#ifndef DURE_SRC_INSPECT_UNWIND_H
#define DURE_SRC_INSPECT_UNWIND_H

#include "base/text.h"
#include "task/context.h"

/* Appends the frames of a stopped context, innermost first, a line each:

       #0  0x000055d0c0de1234 function+0x12 (binary)

   Called on the thread that could resume the context. Reads nothing but the stack between the
   bounds and what the loader has mapped of programs and libraries, so a broken stack yields a short
   trace and no fault. The first one in a process loads libunwind, where there is one; without it
   the walk goes by frame pointers, and static functions have no names. */
void unwind_write(struct text *out, const struct context *context, const void *stack_low,
                  const void *stack_high);

#endif
