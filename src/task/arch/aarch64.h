/* The switch for 64-bit ARM, in line: the compiler saves what it needs of the registers and its
   unwind information says where, the control word of floating point lies beside. */
#ifndef DURE_SRC_TASK_ARCH_AARCH64_H
#define DURE_SRC_TASK_ARCH_AARCH64_H

#include <stdint.h>

#if !defined(__aarch64__) || defined(__ILP32__)
#error "this switch is for 64-bit ARM with pointers of 64 bits"
#endif

/* The asm below knows the offsets. */
struct context {
    void *sp;
    void *fp;
    const void *pc;
    uint64_t fpcr;
};

/* Nothing but sp and x29 is kept over it. */
static inline __attribute__((always_inline)) struct context *context_switch(struct context *from,
                                                                            struct context *to)
{
    register struct context *x0 __asm__("x0") = from;
    register struct context *x1 __asm__("x1") = to;

    /* Writing fpcr stalls many processors: only when it differs. The way on begins with bti j. */
    __asm__ volatile("adr x9, 1f\n\t"
                     "mov x10, sp\n\t"
                     "mrs x11, fpcr\n\t"
                     "stp x10, x29, [x0]\n\t"
                     "stp x9, x11, [x0, #16]\n\t"
                     "ldp x10, x12, [x1]\n\t"
                     "ldp x9, x13, [x1, #16]\n\t"
                     "mov sp, x10\n\t"
                     "mov x29, x12\n\t"
                     "cmp x11, x13\n\t"
                     "b.eq 2f\n\t"
                     "msr fpcr, x13\n"
                     "2:\tbr x9\n"
                     "1:\thint #36"
                     : "+r"(x0), "+r"(x1)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24",
                       "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6",
                       "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17",
                       "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
                       "v29", "v30", "v31", "cc", "memory");
    return x1;
}

/* The caller never runs again. Who goes on finds itself in x1, as after context_switch. */
_Noreturn static inline void context_switch_last(const struct context *to)
{
    register const struct context *x1 __asm__("x1") = to;

    __asm__ volatile("ldp x10, x12, [%0]\n\t"
                     "ldp x9, x13, [%0, #16]\n\t"
                     "mov sp, x10\n\t"
                     "mov x29, x12\n\t"
                     "msr fpcr, x13\n\t"
                     "br x9"
                     :
                     : "r"(x1)
                     : "x9", "x10", "x12", "x13", "memory");
    __builtin_unreachable();
}

/* A new context inherits its maker's rounding and traps, as a thread does. */
static inline void context_inherit(struct context *context)
{
    __asm__("mrs %0, fpcr" : "=r"(context->fpcr));
}

#endif
