/* The switch: one stack's registers out, another's in. One file an architecture in arch/;
   -DDURE_UCONTEXT=1 takes arch/ucontext.c whatever the architecture. */
#ifndef DURE_SRC_TASK_CONTEXT_H
#define DURE_SRC_TASK_CONTEXT_H

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* A stopped flow of control: the stack pointer below which its registers lie (or, with ucontext,
   a pointer to the ucontext_t that lies on its stack). */
struct context {
    void *sp;
};

/* Where a stopped context goes on: what an unwinder needs to walk its stack. */
struct context_registers {
    uintptr_t pc;         /* the address that context_switch returns to */
    uintptr_t sp;         /* the stack pointer there */
    uintptr_t fp;         /* the frame pointer: rbp, x29 */
    uintptr_t callee[10]; /* x86-64: rbx r12 r13 r14 r15; aarch64: x19 to x28 */
};

/* Prepares a context that will call entry(arg) on the given stack when first switched to. entry
   never returns. low and top bound the stack; top is 16-byte aligned; what lies above is not
   touched. The frame that calls entry carries unwind information that ends the stack there. */
void context_make(struct context *context, void *low, void *top, void (*entry)(void *arg),
                  void *arg);

/* Saves the caller in *from and goes on in *to. Saves what the ABI demands of a called function,
   floating point control words included. Returns when somebody switches back to *from. */
void context_switch(struct context *from, const struct context *to);

/* Reads the registers of a context that is stopped. The stack is only read where context_switch
   put them; one that runs meanwhile yields rubbish, not a fault, as stacks stay mapped. */
void context_registers(const struct context *context, struct context_registers *out);

/* The same as a ucontext_t, of which libunwind's unw_init_local and gdb start. What a stopped
   context does not have (scratch and floating point registers, signal mask) is zero. */
void context_to_ucontext(const struct context *context, ucontext_t *out);

#endif
