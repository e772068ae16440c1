#define _GNU_SOURCE 1
#include "task/slab.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#if DURE_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#else
#define VALGRIND_STACK_REGISTER(low, top) 0u
#define VALGRIND_MAKE_MEM_NOACCESS(address, size) ((void)0)
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) ((void)0)
#endif

/* Linux 6.13; the headers of Debian 12 do not have it. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* A class's first slab has 16 MiB, or four stacks; each further one doubles what the class has, up
   to 16 GiB. Few and large, because neighbours merge into one mapping and because the fault handler
   walks the table. 512 of them are 8 TiB at the least, of the 128 that a process can address. */
#define SLAB_SIZE_MIN ((size_t)16 << 20)
#define SLAB_SIZE_MAX ((size_t)16 << 30)
#define SLABS_MAX 512

/* Mappings that mprotected guards leave to the rest of the program: libraries, threads, malloc. */
#define MAPPINGS_LEFT 1024

struct slab {
    uintptr_t base;
    size_t size;
    unsigned bits;
    bool guarded;
};

/* The part of a class's youngest slab that has not been cut yet. */
struct rest {
    uintptr_t next, end;
    size_t total;
};

static struct slab slabs[SLABS_MAX];
/* Released after an entry is complete and acquired by the fault handler, which may run on any
   thread at any time; entries below it never change. */
static atomic_int slabs_len;
static struct rest rests[2][SLAB_CLASSES];

static enum { UNKNOWN, BY_MADVISE, BY_MPROTECT } guard_means;
static long guards_by_mprotect;
static long guards_by_mprotect_max;

static const char why_mappings[] =
    "no memory mappings are left to guard another stack: raise vm.max_map_count (each guard takes "
    "two; sysctl -w vm.max_map_count=1048576), or use Linux 6.13 or later, or go without guards "
    "(DURE_NO_GUARDS)";

/* Whether MADV_GUARD_INSTALL truly guards. Emulators answer 0 to advice that they do not know, so
   the kernel is made to read a request from the guarded page: zero, if readable, sleeps for no
   time. */
static bool guard_install_works(size_t page)
{
    bool works = false;
    void *probe;

    if (getenv("DURE_TEST_NO_GUARD_INSTALL") != NULL)
        return false;
    probe = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED)
        return false;
    if (madvise(probe, page, MADV_GUARD_INSTALL) == 0)
        works =
            syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, probe, NULL) != 0 && errno == EFAULT;
    munmap(probe, page);
    return works;
}

static long guards_max(void)
{
    long mappings = 65530; /* the kernel's default */
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");

    if (file != NULL) {
        if (fscanf(file, "%ld", &mappings) != 1)
            mappings = 65530;
        fclose(file);
    }
    /* A guard splits its surroundings: it takes one mapping for itself and one for what follows. */
    return (mappings - MAPPINGS_LEFT) / 2;
}

static int guard_by_mprotect(uintptr_t base, size_t page, const char **why)
{
    /* The limit is read again whenever it is reached: it can be raised while we run. */
    if (guards_by_mprotect >= guards_by_mprotect_max)
        guards_by_mprotect_max = guards_max();
    if (guards_by_mprotect >= guards_by_mprotect_max ||
        mprotect((void *)base, page, PROT_NONE) != 0) {
        *why = why_mappings;
        return -EAGAIN;
    }
    guards_by_mprotect++;
    return 0;
}

static int guard(uintptr_t base, const char **why)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (guard_means == UNKNOWN)
        guard_means = guard_install_works(page) ? BY_MADVISE : BY_MPROTECT;
    if (guard_means == BY_MPROTECT)
        return guard_by_mprotect(base, page, why);
    if (madvise((void *)base, page, MADV_GUARD_INSTALL) != 0) {
        *why = "no memory for the guard of another stack";
        return -ENOMEM;
    }
    return 0;
}

/* Maps size bytes aligned to a power of two. MAP_NORESERVE: nearly all of it stays untouched, and
   must not count against what the kernel is willing to promise. */
static uintptr_t map_aligned(size_t size, size_t alignment)
{
    char *mapped = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    uintptr_t base;
    size_t before;

    if (mapped == MAP_FAILED)
        return 0;
    base = ((uintptr_t)mapped + alignment - 1) & ~(alignment - 1);
    before = base - (uintptr_t)mapped;
    if (before > 0)
        munmap(mapped, before);
    if (before < alignment)
        munmap((char *)base + size, alignment - before);
    /* A huge page would back eight parked tasks of 256 KiB with 2 MiB instead of 32 KiB. */
    madvise((void *)base, size, MADV_NOHUGEPAGE);
    return base;
}

static int slab_add(struct rest *rest, unsigned bits, bool guarded, const char **why)
{
    size_t stack_size = (size_t)1 << bits;
    size_t size = rest->total > SLAB_SIZE_MIN ? rest->total : SLAB_SIZE_MIN;
    int len = atomic_load_explicit(&slabs_len, memory_order_relaxed); /* only we write it */
    uintptr_t base = 0;

    if (size < 4 * stack_size)
        size = 4 * stack_size;
    if (size > SLAB_SIZE_MAX)
        size = SLAB_SIZE_MAX;
    /* Less will do where address space is limited, but whole stacks. */
    for (; len < SLABS_MAX && size >= stack_size; size = size / 2 & ~(stack_size - 1)) {
        base = map_aligned(size, stack_size);
        if (base != 0)
            break;
    }
    if (base == 0) {
        *why = "no address space for another stack (see ulimit -v and vm.overcommit_memory)";
        return -ENOMEM;
    }
    /* Else its search for leaks would read through all of it. */
    VALGRIND_MAKE_MEM_NOACCESS(base, size);
    slabs[len] = (struct slab){ .base = base, .size = size, .bits = bits, .guarded = guarded };
    atomic_store_explicit(&slabs_len, len + 1, memory_order_release); /* see slabs_len */
    rest->next = base;
    rest->end = base + size;
    rest->total += size;
    return 0;
}

/* Once a stack, not once a task. */
static void tell_valgrind(uintptr_t base, size_t size, bool guarded)
{
    uintptr_t low = guarded ? base + (size_t)sysconf(_SC_PAGESIZE) : base;

    (void)VALGRIND_STACK_REGISTER(low, base + size);
    VALGRIND_MAKE_MEM_UNDEFINED(low, base + size - low);
    (void)low;
    (void)size;
}

int slab_carve(unsigned bits, bool guarded, uintptr_t *bases, int wanted, const char **why)
{
    struct rest *rest = &rests[guarded][bits - SLAB_BITS_MIN];
    size_t size = (size_t)1 << bits;
    int n, rc;

    ASSERT(bits >= SLAB_BITS_MIN && bits <= SLAB_BITS_MAX);
    ASSERT(wanted > 0);
    for (n = 0; n < wanted; n++) {
        rc = 0;
        if (rest->next == rest->end)
            rc = slab_add(rest, bits, guarded, why);
        if (rc == 0 && guarded)
            rc = guard(rest->next, why);
        if (rc != 0)
            return n > 0 ? n : rc;
        tell_valgrind(rest->next, size, guarded);
        bases[n] = rest->next;
        rest->next += size;
    }
    return n;
}

uintptr_t slab_find(uintptr_t address, unsigned *bits, bool *guarded)
{
    int len = atomic_load_explicit(&slabs_len, memory_order_acquire); /* see slabs_len */
    const struct slab *slab;

    for (slab = slabs; slab < slabs + len; slab++) {
        if (address - slab->base >= slab->size)
            continue;
        *bits = slab->bits;
        *guarded = slab->guarded;
        return address & ~(((uintptr_t)1 << slab->bits) - 1);
    }
    return 0;
}
