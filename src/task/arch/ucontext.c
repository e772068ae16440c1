#define _GNU_SOURCE 1
#include "task/context.h"

#include <string.h>
#include <ucontext.h>

#include "base/assert.h"

/* makecontext passes ints: a pointer travels in two halves. */
static void enter(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
    uint64_t entry = (uint64_t)entry_high << 32 | entry_low;
    uint64_t arg = (uint64_t)arg_high << 32 | arg_low;

    ((void (*)(void *))(uintptr_t)entry)((void *)(uintptr_t)arg);
    die("a context's entry returned");
}

void context_make(struct context *context, void *low, void *top, void (*entry)(void *arg),
                  void *arg)
{
    uintptr_t place = ((uintptr_t)top - sizeof(ucontext_t)) & ~(uintptr_t)63;
    ucontext_t *first = (ucontext_t *)place;
    uint64_t entry_bits = (uintptr_t)entry;
    uint64_t arg_bits = (uintptr_t)arg;

    ASSERT((uintptr_t)top % 16 == 0);
    ASSERT((char *)first > (char *)low);
    if (getcontext(first) != 0)
        die("getcontext failed");
    first->uc_link = NULL;
    first->uc_stack.ss_sp = low;
    first->uc_stack.ss_size = place - (uintptr_t)low;
    makecontext(first, (void (*)(void))enter, 4, (unsigned)(entry_bits >> 32), (unsigned)entry_bits,
                (unsigned)(arg_bits >> 32), (unsigned)arg_bits);
    context->sp = first;
}

struct context *context_switch(struct context *from, struct context *to)
{
    ucontext_t here;

    from->sp = &here;
    if (swapcontext(&here, to->sp) != 0)
        die("swapcontext failed");
    return from;
}

void context_switch_last(const struct context *to)
{
    setcontext(to->sp);
    die("setcontext failed");
}

void context_registers(const struct context *context, struct context_registers *out)
{
    const ucontext_t *saved = context->sp;

    memset(out, 0, sizeof *out);
#if defined(__x86_64__)
    out->pc = (uintptr_t)saved->uc_mcontext.gregs[REG_RIP];
    out->sp = (uintptr_t)saved->uc_mcontext.gregs[REG_RSP];
    out->fp = (uintptr_t)saved->uc_mcontext.gregs[REG_RBP];
    out->callee[0] = (uintptr_t)saved->uc_mcontext.gregs[REG_RBX];
    out->callee[1] = (uintptr_t)saved->uc_mcontext.gregs[REG_R12];
    out->callee[2] = (uintptr_t)saved->uc_mcontext.gregs[REG_R13];
    out->callee[3] = (uintptr_t)saved->uc_mcontext.gregs[REG_R14];
    out->callee[4] = (uintptr_t)saved->uc_mcontext.gregs[REG_R15];
#elif defined(__aarch64__)
    out->pc = saved->uc_mcontext.pc;
    out->sp = saved->uc_mcontext.sp;
    out->fp = saved->uc_mcontext.regs[29];
    memcpy(out->callee, &saved->uc_mcontext.regs[19], sizeof out->callee);
#endif
}
