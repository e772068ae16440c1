/* What surrounds the switches in line: the first frame of a new context, and where a stopped one
   goes on. */
#include "task/context.h"

#include "base/assert.h"

/* Calls the entry; in the architecture's own file. */
extern char context_entry[] __attribute__((visibility("hidden")));

void context_make(struct context *context, void *low, void *top, void (*entry)(void *arg),
                  void *arg)
{
    /* What context_entry takes, and above it a pair of words that stays zero: the end of the chain
       for whoever walks by frame pointers. */
    uintptr_t *frame = (uintptr_t *)top - 4;

    ASSERT((uintptr_t)top % 16 == 0);
    ASSERT((char *)frame > (char *)low);
    frame[0] = (uintptr_t)entry;
    frame[1] = (uintptr_t)arg;
    frame[2] = frame[3] = 0;
    context->sp = frame;
    context->fp = NULL;
    context->pc = context_entry;
    context_inherit(context);
}

void context_registers(const struct context *context, struct context_registers *out)
{
    *out = (struct context_registers){
        .pc = (uintptr_t)context->pc,
        .sp = (uintptr_t)context->sp,
        .fp = (uintptr_t)context->fp,
    };
}
