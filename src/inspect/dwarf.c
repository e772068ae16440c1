/* libunwind is loaded when the first trace is wanted, and not linked: it defines _Unwind_..., and
   linked it would take the place of the compiler's own in a program that throws C++ exceptions.

   It is asked to unwind a foreign process, whose memory and registers are what the accessors below
   say. That way each word it reads is checked, which it does not do for its own process. */
#include "inspect/dwarf.h"

#include <errno.h>

#if DURE_HAVE_UNWIND

#include <dlfcn.h>
#include <libunwind.h>
#include <link.h>
#include <pthread.h>
#include <string.h>

#define UNINSTRUMENTED __attribute__((no_sanitize_address, no_sanitize_thread))

#define STRING(x) STRING_EXPANDED(x)
#define STRING_EXPANDED(x) #x

static const struct place {
    int number;
    size_t offset; /* in struct context_registers */
} places[] = {
#define CALLEE(n) (offsetof(struct context_registers, callee) + (n) * sizeof(uintptr_t))
#ifdef __x86_64__
#define LIBRARY "libunwind-x86_64.so.8"
    { UNW_X86_64_RIP, offsetof(struct context_registers, pc) },
    { UNW_X86_64_RSP, offsetof(struct context_registers, sp) },
    { UNW_X86_64_RBP, offsetof(struct context_registers, fp) },
    { UNW_X86_64_RBX, CALLEE(0) },
    { UNW_X86_64_R12, CALLEE(1) },
    { UNW_X86_64_R13, CALLEE(2) },
    { UNW_X86_64_R14, CALLEE(3) },
    { UNW_X86_64_R15, CALLEE(4) },
#elif defined(__aarch64__)
#define LIBRARY "libunwind-aarch64.so.8"
    { UNW_AARCH64_PC, offsetof(struct context_registers, pc) },
    { UNW_AARCH64_X30, offsetof(struct context_registers, pc) },
    { UNW_AARCH64_SP, offsetof(struct context_registers, sp) },
    { UNW_AARCH64_X29, offsetof(struct context_registers, fp) },
    { UNW_AARCH64_X19, CALLEE(0) },
    { UNW_AARCH64_X20, CALLEE(1) },
    { UNW_AARCH64_X21, CALLEE(2) },
    { UNW_AARCH64_X22, CALLEE(3) },
    { UNW_AARCH64_X23, CALLEE(4) },
    { UNW_AARCH64_X24, CALLEE(5) },
    { UNW_AARCH64_X25, CALLEE(6) },
    { UNW_AARCH64_X26, CALLEE(7) },
    { UNW_AARCH64_X27, CALLEE(8) },
    { UNW_AARCH64_X28, CALLEE(9) },
#else
#define LIBRARY "" /* no table of registers: never found, frame pointers it is */
    { 0, 0 },
#endif
};

/* What libunwind gets back as its argument: one walk. */
struct walk {
    const struct context_registers *registers;
    uintptr_t stack_low, stack_high;
    uintptr_t segment_low, segment_high; /* the loaded segment that was read last */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Written once, by load. */
static struct {
    unw_addr_space_t own, local;
    unw_accessors_t *local_accessors;
    __typeof__(&unw_init_remote) init_remote;
    __typeof__(&unw_step) step;
    __typeof__(&unw_get_reg) get_reg;
    __typeof__(&unw_flush_cache) flush_cache;
} lib;

static int find_proc_info(unw_addr_space_t space, unw_word_t pc, unw_proc_info_t *info,
                          int need_unwind_info, void *arg)
{
    (void)space;
    (void)arg;
    return lib.local_accessors->find_proc_info(lib.local, pc, info, need_unwind_info, NULL);
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
    (void)space;
    (void)arg;
    lib.local_accessors->put_unwind_info(lib.local, info, NULL);
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *address, void *arg)
{
    (void)space;
    (void)address;
    (void)arg;
    return -UNW_ENOINFO;
}

static bool inside(uintptr_t address, uintptr_t low, uintptr_t high)
{
    return address >= low && address < high && high - address >= sizeof(unw_word_t);
}

static int find_segment(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct walk *walk = arg;
    uintptr_t wanted = walk->segment_low, low;
    int i;

    (void)size;
    for (i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        low = info->dlpi_addr + header->p_vaddr;
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_R) ||
            !inside(wanted, low, low + header->p_memsz))
            continue;
        walk->segment_low = low;
        walk->segment_high = low + header->p_memsz;
        return 1;
    }
    return 0;
}

static bool readable(struct walk *walk, uintptr_t address)
{
    if (inside(address, walk->stack_low, walk->stack_high) ||
        inside(address, walk->segment_low, walk->segment_high))
        return true;
    walk->segment_low = address; /* what to look for */
    walk->segment_high = 0;
    return dl_iterate_phdr(find_segment, walk) == 1;
}

/* Not instrumented: a damaged stack may well lead it to a poisoned byte. */
UNINSTRUMENTED static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value,
                                     int write, void *arg)
{
    (void)space;
    if (write || address % sizeof *value != 0 || !readable(arg, address))
        return -UNW_EINVAL;
    *value = *(const volatile unw_word_t *)address;
    return 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
                      void *arg)
{
    const struct walk *walk = arg;
    size_t i;

    (void)space;
    if (write)
        return -UNW_EINVAL;
    for (i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].number == number) {
            memcpy(value, (const char *)walk->registers + places[i].offset, sizeof *value);
            return 0;
        }
    return -UNW_EBADREG;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
                        void *arg)
{
    (void)space;
    (void)number;
    (void)value;
    (void)write;
    (void)arg;
    return -UNW_EBADREG;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
    (void)space;
    (void)cursor;
    (void)arg;
    return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t pc, char *name, size_t size,
                         unw_word_t *offset, void *arg)
{
    (void)space;
    (void)arg;
    return lib.local_accessors->get_proc_name(lib.local, pc, name, size, offset, NULL);
}

static unw_accessors_t accessors = {
    .find_proc_info = find_proc_info,
    .put_unwind_info = put_unwind_info,
    .get_dyn_info_list_addr = get_dyn_info_list_addr,
    .access_mem = access_mem,
    .access_reg = access_reg,
    .access_fpreg = access_fpreg,
    .resume = resume,
    .get_proc_name = get_proc_name,
};

/* Leaves lib.own NULL where anything is missing. The library stays loaded: threads may be in it. */
static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    __typeof__(&unw_create_addr_space) create;
    __typeof__(&unw_set_caching_policy) set_caching_policy;
    __typeof__(&unw_get_accessors) get_accessors;
    unw_addr_space_t *local;

    if (!library)
        return;
    /* The header's names are macros for the architecture's own. */
    local = dlsym(library, STRING(unw_local_addr_space));
    create = (__typeof__(create))dlsym(library, STRING(unw_create_addr_space));
    get_accessors = (__typeof__(get_accessors))dlsym(library, STRING(unw_get_accessors));
    set_caching_policy =
        (__typeof__(set_caching_policy))dlsym(library, STRING(unw_set_caching_policy));
    lib.init_remote = (__typeof__(lib.init_remote))dlsym(library, STRING(unw_init_remote));
    lib.step = (__typeof__(lib.step))dlsym(library, STRING(unw_step));
    lib.get_reg = (__typeof__(lib.get_reg))dlsym(library, STRING(unw_get_reg));
    lib.flush_cache = (__typeof__(lib.flush_cache))dlsym(library, STRING(unw_flush_cache));
    if (!local || !create || !get_accessors || !set_caching_policy || !lib.init_remote ||
        !lib.step || !lib.get_reg || !lib.flush_cache)
        return;
    lib.local = *local;
    lib.local_accessors = get_accessors(lib.local);
    if (!lib.local_accessors->find_proc_info || !lib.local_accessors->get_proc_name)
        return;
    lib.own = create(&accessors, 0);
    if (lib.own)
        set_caching_policy(lib.own, UNW_CACHE_GLOBAL); /* most tasks wait at the same few places */
}

static bool available(void)
{
    pthread_once(&once, load);
    return lib.own != NULL;
}

int dwarf_walk(const struct context_registers *registers, uintptr_t stack_low, uintptr_t stack_high,
               uintptr_t *pcs, int max)
{
    struct walk walk = { .registers = registers, .stack_low = stack_low, .stack_high = stack_high };
    unw_word_t pc, sp, last_sp = stack_low;
    unw_cursor_t cursor;
    int count = 0;

    if (!available())
        return -ENOTSUP;
    if (lib.init_remote(&cursor, lib.own, &walk) < 0)
        return 0;
    do {
        if (lib.get_reg(&cursor, UNW_REG_IP, &pc) < 0 || lib.get_reg(&cursor, UNW_REG_SP, &sp) < 0)
            break;
        /* A stack only ever gets emptier on the way out. */
        if (pc == 0 || sp < last_sp || sp > stack_high)
            break;
        last_sp = sp;
        pcs[count++] = pc;
    } while (count < max && lib.step(&cursor) > 0);
    return count;
}

bool dwarf_name(uintptr_t pc, char *name, size_t size, uintptr_t *offset)
{
    unw_word_t into = 0;
    int error;

    if (!available())
        return false;
    error = get_proc_name(lib.own, pc, name, size, &into, NULL);
    *offset = into;
    return error == 0 || error == -UNW_ENOMEM; /* the latter: cut */
}

void dwarf_flush(void)
{
    if (available())
        lib.flush_cache(lib.own, 0, 0);
}

#else

int dwarf_walk(const struct context_registers *registers, uintptr_t stack_low, uintptr_t stack_high,
               uintptr_t *pcs, int max)
{
    (void)registers;
    (void)stack_low;
    (void)stack_high;
    (void)pcs;
    (void)max;
    return -ENOTSUP;
}

bool dwarf_name(uintptr_t pc, char *name, size_t size, uintptr_t *offset)
{
    (void)pc;
    (void)name;
    (void)size;
    (void)offset;
    return false;
}

void dwarf_flush(void)
{
}

#endif
