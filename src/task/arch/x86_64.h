/* The switch for x86-64, System V ABI, in line: the compiler saves what it needs of the registers
   and its unwind information says where, the control words of floating point lie beside. */
#ifndef DURE_SRC_TASK_ARCH_X86_64_H
#define DURE_SRC_TASK_ARCH_X86_64_H

#include <stdint.h>

#if !defined(__x86_64__) || defined(__ILP32__)
#error "this switch is for 64-bit x86 with pointers of 64 bits"
#endif

/* The asm below knows the offsets. */
struct context {
    void *sp;
    void *fp;
    const void *pc;
    uint32_t mxcsr;
    uint16_t x87_control;
};

/* What only wider vectors have; named only where the compiler may use it. */
#ifdef __AVX512F__
#define CONTEXT_CLOBBERS_WIDE                                                                     \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", \
        "k7"
#else
#define CONTEXT_CLOBBERS_WIDE
#endif

/* Nothing but rsp and rbp is kept over it; the red zone below rsp is, as nobody runs on a stopped
   stack. The x87 word goes first: its two moves are done while the slow store of MXCSR is under
   way, and cost 0.2 ns after it. */
static inline __attribute__((always_inline)) struct context *context_switch(struct context *from,
                                                                            struct context *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, (%%rdi)\n\t"
                     "movq %%rbp, 8(%%rdi)\n\t"
                     "movq %%rax, 16(%%rdi)\n\t"
                     "fnstcw 28(%%rdi)\n\t"
                     "fldcw 28(%%rsi)\n\t"
                     "stmxcsr 24(%%rdi)\n\t"
                     "ldmxcsr 24(%%rsi)\n\t"
                     "movq (%%rsi), %%rsp\n\t"
                     "movq 8(%%rsi), %%rbp\n\t"
                     "jmpq *16(%%rsi)\n"
                     "1:\tendbr64"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st",
                       "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc",
                       "memory" CONTEXT_CLOBBERS_WIDE);
    return to;
}

/* The caller never runs again. Who goes on finds itself in rsi, as after context_switch. */
_Noreturn static inline void context_switch_last(const struct context *to)
{
    __asm__ volatile("movq (%0), %%rsp\n\t"
                     "movq 8(%0), %%rbp\n\t"
                     "ldmxcsr 24(%0)\n\t"
                     "fldcw 28(%0)\n\t"
                     "jmpq *16(%0)"
                     :
                     : "S"(to)
                     : "memory");
    __builtin_unreachable();
}

/* A new context inherits its maker's rounding and exception masks, as a thread does. */
static inline void context_inherit(struct context *context)
{
    __asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(context->mxcsr), "=m"(context->x87_control));
}

#endif
