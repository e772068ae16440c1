/* The switch for every other architecture, by POSIX.1-2001's ucontext. Each switch costs a system
   call, for the signal mask. */
#ifndef DURE_SRC_TASK_ARCH_UCONTEXT_H
#define DURE_SRC_TASK_ARCH_UCONTEXT_H

struct context {
    void *sp; /* a ucontext_t on the stack */
};

struct context *context_switch(struct context *from, struct context *to);
_Noreturn void context_switch_last(const struct context *to);

#endif
