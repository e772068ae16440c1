#include "inspect/unwind.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "inspect/dwarf.h"

#define UNINSTRUMENTED __attribute__((no_sanitize_address, no_sanitize_thread))

/* More than anybody reads; a run-away recursion shows in the first ones. */
#define FRAMES_MAX 64

/* What stands behind the address, by address. To look a name up costs some 100 us (the file is
   mapped and its symbols are searched), and the same few addresses come up in every task. */
#define NAMES_MAX 256
struct name {
    uintptr_t pc;
    char text[112];
};

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two below; innermost */
static struct name names[NAMES_MAX];
static unsigned long long names_unloaded; /* libraries, by the time these were found */

static int take_unloaded(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(unsigned long long *)arg = info->dlpi_subs;
    return 1; /* every library would say the same */
}

/* Forgets the names and tables of libraries that have gone: others may lie there now. */
static void forget_unloaded(void)
{
    unsigned long long unloaded = 0;

    dl_iterate_phdr(take_unloaded, &unloaded);
    pthread_mutex_lock(&names_lock);
    if (unloaded != names_unloaded) {
        memset(names, 0, sizeof names);
        dwarf_flush();
        names_unloaded = unloaded;
    }
    pthread_mutex_unlock(&names_lock);
}

static void describe(uintptr_t pc, char *out, size_t size)
{
    /* The byte before: a call that never returns may be the last of its function. */
    const void *call = (const void *)(pc - 1);
    const char *binary = "?", *slash;
    char name[80] = "";
    uintptr_t offset = 0;
    Dl_info info;

    if (dladdr(call, &info)) {
        slash = strrchr(info.dli_fname, '/');
        binary = slash ? slash + 1 : info.dli_fname;
        if (info.dli_sname) {
            snprintf(name, sizeof name, "%s", info.dli_sname);
            offset = (uintptr_t)call - (uintptr_t)info.dli_saddr;
        }
        dwarf_name((uintptr_t)call, name, sizeof name, &offset); /* static functions too */
    }
    if (name[0])
        snprintf(out, size, "%s+0x%lx (%.24s)", name, (unsigned long)offset + 1, binary);
    else
        snprintf(out, size, "?? (%.24s)", binary);
}

static void write_frame(struct text *out, int number, uintptr_t pc)
{
    struct name *slot = &names[(pc ^ pc >> 8) % NAMES_MAX];

    pthread_mutex_lock(&names_lock);
    if (slot->pc != pc) {
        describe(pc, slot->text, sizeof slot->text);
        slot->pc = pc;
    }
    text_printf(out, "    #%-2d 0x%016lx %s\n", number, (unsigned long)pc, slot->text);
    pthread_mutex_unlock(&names_lock);
}

/* By frame pointers, which on both architectures point to the caller's and the return address. Not
   instrumented: a damaged stack may well lead it to a poisoned byte. */
UNINSTRUMENTED static int walk_frame_pointers(const struct context_registers *registers,
                                              uintptr_t low, uintptr_t high, uintptr_t *pcs,
                                              int max)
{
    uintptr_t fp = registers->fp;
    int count = 0;

    pcs[count++] = registers->pc;
    while (count < max && fp >= low && fp < high && high - fp >= 2 * sizeof fp &&
           fp % sizeof fp == 0) {
        const volatile uintptr_t *frame = (const volatile uintptr_t *)fp;

        if (frame[1] == 0)
            break;
        pcs[count++] = frame[1];
        low = fp + 1; /* a stack only ever gets emptier on the way out */
        fp = frame[0];
    }
    return count;
}

void unwind_write(struct text *out, const struct context *context, const void *stack_low,
                  const void *stack_high)
{
    uintptr_t low = (uintptr_t)stack_low, high = (uintptr_t)stack_high, pcs[FRAMES_MAX];
    struct context_registers registers;
    int count, i;

    if ((uintptr_t)context->sp < low || (uintptr_t)context->sp >= high) {
        text_printf(out, "    the stack pointer is outside of the stack\n");
        return;
    }
    context_registers(context, &registers);
    forget_unloaded();
    count = dwarf_walk(&registers, low, high, pcs, FRAMES_MAX);
    if (count < 1)
        count = walk_frame_pointers(&registers, low, high, pcs, FRAMES_MAX);
    for (i = 0; i < count; i++)
        write_frame(out, i, pcs[i]);
    if (count == FRAMES_MAX)
        text_printf(out, "    and so on\n");
}
