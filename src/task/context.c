/* What surrounds the switches written in assembly: the first frame of a new context, and reading
   the frame of a stopped one. */
#define _GNU_SOURCE 1
#include "task/context.h"

#include <string.h>

#include "base/assert.h"

#if !DURE_UCONTEXT && !defined(__ILP32__) && (defined(__x86_64__) || defined(__aarch64__))

/* Calls the entry; in arch/. */
extern char context_entry[] __attribute__((visibility("hidden")));

#ifdef __x86_64__

/* What arch/x86_64.S pushes, lowest address first. */
struct frame {
    uint32_t mxcsr;
    uint16_t x87_control;
    uint16_t pad;
    uintptr_t r15, r14, r13, r12, rbx, rbp, rip;
};

_Static_assert(sizeof(struct frame) == 64, "the frame of arch/x86_64.S");

static void frame_init(struct frame *frame, void (*entry)(void *), void *arg)
{
    /* A new context inherits its maker's rounding and exception masks, as a thread does. */
    __asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(frame->mxcsr), "=m"(frame->x87_control));
    frame->r12 = (uintptr_t)entry;
    frame->r13 = (uintptr_t)arg;
    frame->rbp = 0;
    frame->rip = (uintptr_t)context_entry;
}

void context_registers(const struct context *context, struct context_registers *out)
{
    const struct frame *frame = context->sp;

    *out = (struct context_registers){
        .pc = frame->rip,
        .sp = (uintptr_t)(frame + 1),
        .fp = frame->rbp,
        .callee = { frame->rbx, frame->r12, frame->r13, frame->r14, frame->r15 },
    };
}

void context_to_ucontext(const struct context *context, ucontext_t *out)
{
    struct context_registers registers;
    greg_t *to = out->uc_mcontext.gregs;

    context_registers(context, &registers);
    memset(out, 0, sizeof *out);
    to[REG_RIP] = (greg_t)registers.pc;
    to[REG_RSP] = (greg_t)registers.sp;
    to[REG_RBP] = (greg_t)registers.fp;
    to[REG_RBX] = (greg_t)registers.callee[0];
    to[REG_R12] = (greg_t)registers.callee[1];
    to[REG_R13] = (greg_t)registers.callee[2];
    to[REG_R14] = (greg_t)registers.callee[3];
    to[REG_R15] = (greg_t)registers.callee[4];
}

#else

/* What arch/aarch64.S stores, lowest address first. */
struct frame {
    uintptr_t x19_to_x28[10];
    uintptr_t x29, x30;
    double d8_to_d15[8];
    uint64_t fpcr, pad;
};

_Static_assert(sizeof(struct frame) == 176, "the frame of arch/aarch64.S");

static void frame_init(struct frame *frame, void (*entry)(void *), void *arg)
{
    /* A new context inherits its maker's rounding and traps, as a thread does. */
    __asm__("mrs %0, fpcr" : "=r"(frame->fpcr));
    frame->x19_to_x28[0] = (uintptr_t)entry;
    frame->x19_to_x28[1] = (uintptr_t)arg;
    frame->x29 = 0;
    frame->x30 = (uintptr_t)context_entry;
}

void context_registers(const struct context *context, struct context_registers *out)
{
    const struct frame *frame = context->sp;

    out->pc = frame->x30;
    out->sp = (uintptr_t)(frame + 1);
    out->fp = frame->x29;
    memcpy(out->callee, frame->x19_to_x28, sizeof out->callee);
}

void context_to_ucontext(const struct context *context, ucontext_t *out)
{
    struct context_registers registers;
    mcontext_t *to = &out->uc_mcontext;
    int i;

    context_registers(context, &registers);
    memset(out, 0, sizeof *out);
    to->pc = registers.pc;
    to->sp = registers.sp;
    to->regs[29] = registers.fp;
    to->regs[30] = registers.pc;
    for (i = 0; i < 10; i++)
        to->regs[19 + i] = registers.callee[i];
}

#endif

void context_make(struct context *context, void *low, void *top, void (*entry)(void *arg),
                  void *arg)
{
    /* One aligned pair of words above the frame stays zero: the end of the chain for whoever
       walks by frame pointers. */
    struct frame *frame = (struct frame *)((char *)top - 16 - sizeof *frame);

    ASSERT((uintptr_t)top % 16 == 0);
    ASSERT((char *)frame > (char *)low);
    memset(frame, 0, sizeof *frame + 16);
    frame_init(frame, entry, arg);
    context->sp = frame;
}

#endif
