/* The switch: from one stack to another. What an architecture needs is in arch/, and the build says
   which header of it: the assembly ones have context_switch in line, because a call and a return
   about it, and registers that nobody uses, cost more than the switch itself. */
#ifndef DURE_SRC_TASK_CONTEXT_H
#define DURE_SRC_TASK_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

/* struct context, a stopped flow of control, and

       struct context *context_switch(struct context *from, struct context *to)

   which stops the caller in *from and goes on in *to; it returns when somebody switches back to
   *from. All that the ABI wants a called function to keep is kept, floating point control words
   included. It returns from, which whoever switched back had in a register: what is found through
   it need not wait for the stack's memory.

       _Noreturn void context_switch_last(const struct context *to)

   is the same for a caller that will not run again. */
#include DURE_SWITCH_HEADER

/* Where a stopped context goes on: what an unwinder needs to walk its stack. */
struct context_registers {
    uintptr_t pc; /* the address that context_switch returns to */
    uintptr_t sp; /* the stack pointer there */
    uintptr_t fp; /* the frame pointer: rbp, x29 */
    /* x86-64: rbx r12 r13 r14 r15; aarch64: x19 to x28. Zero where the frame at pc holds them. */
    uintptr_t callee[10];
};

/* Prepares a context that will call entry(arg) on the given stack when first switched to. entry
   never returns. low and top bound the stack; top is 16-byte aligned; what lies above is not
   touched. The frame that calls entry carries unwind information that ends the stack there. */
void context_make(struct context *context, void *low, void *top, void (*entry)(void *arg),
                  void *arg);

/* Reads the registers of a context that is stopped. The stack is only read where context_switch
   put them; one that runs meanwhile yields rubbish, not a fault, as stacks stay mapped. */
void context_registers(const struct context *context, struct context_registers *out);

#endif
