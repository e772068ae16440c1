/* Stack overflow ends in words: a handler for SIGSEGV and SIGBUS on a stack of its own. */
#ifndef DURE_SRC_TASK_OVERFLOW_H
#define DURE_SRC_TASK_OVERFLOW_H

#include <signal.h>
#include <stddef.h>

/* Tells the name of the task that runs on the calling thread, if its stack begins at stack_low;
   NULL if another's does, or if no task runs: then a stray pointer hit the guard, and the fault
   is left to whoever handled it before. Called in a signal handler. */
typedef const char *overflow_name_fn(const void *stack_low);

/* Installs the handler, process-wide, keeping what was there for faults that are not ours.
   Returns 0 or -errno. Once; overflow_fini puts back what was there. */
int overflow_init(overflow_name_fn *name);
void overflow_fini(void);

/* A thread's alternate signal stack. */
struct overflow_thread {
    void *memory;
    size_t size;
    stack_t before;
};

/* Gives the calling thread an alternate signal stack. Returns 0 or -errno. Each thread that runs
   tasks calls it, and fini before it ends. */
int overflow_thread_init(struct overflow_thread *thread);
void overflow_thread_fini(struct overflow_thread *thread);

#endif
