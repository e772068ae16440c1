#define _GNU_SOURCE 1
#include "task/stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "task/slab.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#if DURE_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) ((void)0)
#endif

/* A cache holds up to 128 stacks of a class; half of that moves at a time to or from the store, so
   that a loop that goes up and down by one at the edge does not meet the lock each time. */
#define SHELF_MAX 128u
#define SHELF_BATCH (SHELF_MAX / 2)

/* So many new stacks are made at a time: 16 guards are 8 µs under the lock. */
#define CARVE_BATCH 16

/* A trim visits so many stacks, at 0.3 to 0.8 µs each. */
#define TRIM_MAX 64u
#define TRIM_PERIOD_NS INT64_C(1000000000)
#define TRIM_BACKLOG_NS INT64_C(10000000)

_Static_assert(STACK_SIZE_MAX == (size_t)1 << SLAB_BITS_MAX, "the largest class");

/* Free stacks of one class by their lowest address, the hottest last. Those below clean have had
   nothing put into them since pages were last given back; as stacks come and go at the end
   alone, they stay together. */
struct shelf {
    unsigned count, clean;
    uintptr_t bases[SHELF_MAX];
};

struct stack_cache {
    size_t guard_size; /* 0 without guards */
    size_t page_size;
    unsigned class_min;
    bool on_valgrind;
    int64_t trim_after_ns;
    struct shelf shelves[SLAB_CLASSES];
};

/* Free stacks that no cache holds; the same order and meaning of clean, but a clean one has no page
   at all. Eight bytes for each stack ever made: capacity is at least made, so a put cannot fail. */
struct store {
    uintptr_t *bases;
    size_t count, clean, capacity, made;
};

/* Guards stores and slab_carve. Innermost: nothing else is locked under it. */
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store stores[2][SLAB_CLASSES];

static unsigned bits_of(size_t size)
{
    return 64 - (unsigned)__builtin_clzll((unsigned long long)size - 1);
}

/* ---- the store; the lock is held, except for store_trim ---- */

/* Makes room for n more stacks than were made. */
static int store_reserve(struct store *store, size_t n)
{
    size_t capacity = 2 * store->capacity > 1024 ? 2 * store->capacity : 1024;
    uintptr_t *bases;

    if (store->made + n <= store->capacity)
        return 0;
    bases = realloc(store->bases, capacity * sizeof *bases);
    if (bases == NULL)
        return -ENOMEM;
    store->bases = bases;
    store->capacity = capacity;
    return 0;
}

static void store_put(struct store *store, const uintptr_t *bases, size_t n)
{
    ASSERT(store->count + n <= store->capacity);
    if (n > 0) /* there may be no memory to copy to yet */
        memcpy(store->bases + store->count, bases, n * sizeof *bases);
    store->count += n;
}

/* Takes the n hottest. Returns how many of them, from the first, are clean. */
static unsigned store_take(struct store *store, uintptr_t *bases, unsigned n)
{
    size_t clean_before = store->clean;

    ASSERT(n <= store->count);
    store->count -= n;
    memcpy(bases, store->bases + store->count, n * sizeof *bases);
    if (store->clean <= store->count)
        return 0;
    store->clean = store->count;
    return (unsigned)(clean_before - store->count);
}

/* Takes up to n of the coldest that have pages out of the middle. */
static unsigned store_take_coldest_dirty(struct store *store, uintptr_t *bases, unsigned n)
{
    size_t dirty = store->count - store->clean;
    uintptr_t *from = store->bases + store->clean;
    size_t moved;

    if (n > dirty)
        n = (unsigned)dirty;
    if (n == 0)
        return 0;
    memcpy(bases, from, n * sizeof *bases);
    /* The hole is filled with the hottest: their order is worth less than moving all the others. */
    moved = dirty - n < n ? dirty - n : n;
    memcpy(from, from + dirty - moved, moved * sizeof *from);
    store->count -= n;
    return n;
}

static void store_put_clean(struct store *store, const uintptr_t *bases, unsigned n)
{
    unsigned i;

    ASSERT(store->count + n <= store->capacity);
    for (i = 0; i < n; i++) {
        store->bases[store->count++] = store->bases[store->clean];
        store->bases[store->clean++] = bases[i];
    }
}

/* Gives back all pages of up to budget stacks, without the lock while it does. Returns how many. */
static unsigned store_trim(struct store *store, unsigned bits, size_t guard_size, unsigned budget)
{
    uintptr_t bases[TRIM_MAX];
    unsigned n, i;

    pthread_mutex_lock(&stores_lock);
    n = store_take_coldest_dirty(store, bases, budget);
    pthread_mutex_unlock(&stores_lock);
    if (n == 0)
        return 0;
    for (i = 0; i < n; i++)
        madvise((void *)(bases[i] + guard_size), ((size_t)1 << bits) - guard_size, MADV_DONTNEED);
    pthread_mutex_lock(&stores_lock);
    store_put_clean(store, bases, n);
    pthread_mutex_unlock(&stores_lock);
    return n;
}

/* ---- the cache ---- */

struct stack_cache *stack_cache_create(bool guards)
{
    struct stack_cache *cache = calloc(1, sizeof *cache);
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);

    if (cache == NULL)
        return NULL;
    cache->page_size = page_size;
    cache->on_valgrind = RUNNING_ON_VALGRIND;
    cache->guard_size = guards ? page_size : 0;
    /* Guard and colour must leave more than half of the smallest class: pages of 64 KiB exist. */
    if (4 * page_size > (size_t)1 << SLAB_BITS_MIN)
        cache->class_min = bits_of(4 * page_size) - SLAB_BITS_MIN;
    return cache;
}

void stack_cache_destroy(struct stack_cache *cache)
{
    struct store *of_kind = stores[cache->guard_size != 0];
    unsigned i;

    pthread_mutex_lock(&stores_lock);
    for (i = 0; i < SLAB_CLASSES; i++)
        store_put(&of_kind[i], cache->shelves[i].bases, cache->shelves[i].count);
    pthread_mutex_unlock(&stores_lock);
    free(cache);
}

/* Fills an empty shelf from the store, or with new stacks. */
static __attribute__((noinline)) int shelf_fill(struct stack_cache *cache, struct shelf *shelf,
                                                const char **why)
{
    unsigned class = (unsigned)(shelf - cache->shelves);
    bool guarded = cache->guard_size != 0;
    struct store *store = &stores[guarded][class];
    int n, rc = 0;

    pthread_mutex_lock(&stores_lock);
    if (store->count > 0) {
        shelf->count = store->count < SHELF_BATCH ? (unsigned)store->count : SHELF_BATCH;
        shelf->clean = store_take(store, shelf->bases, shelf->count);
        goto done;
    }
    rc = store_reserve(store, CARVE_BATCH);
    if (rc < 0) {
        *why = "no memory to keep account of another stack";
        goto done;
    }
    n = slab_carve(SLAB_BITS_MIN + class, guarded, shelf->bases, CARVE_BATCH, why);
    if (n < 0) {
        rc = n;
        goto done;
    }
    store->made += (size_t)n;
    shelf->count = shelf->clean = (unsigned)n;
done:
    pthread_mutex_unlock(&stores_lock);
    return rc;
}

/* Moves the colder half of a full shelf to the store. */
static __attribute__((noinline)) void shelf_spill(struct stack_cache *cache, struct shelf *shelf)
{
    pthread_mutex_lock(&stores_lock);
    store_put(&stores[cache->guard_size != 0][shelf - cache->shelves], shelf->bases, SHELF_BATCH);
    pthread_mutex_unlock(&stores_lock);
    shelf->count -= SHELF_BATCH;
    shelf->clean = shelf->clean > SHELF_BATCH ? shelf->clean - SHELF_BATCH : 0;
    memmove(shelf->bases, shelf->bases + SHELF_BATCH, shelf->count * sizeof *shelf->bases);
}

/* The hottest of a shelf that is not empty. */
static inline void shelf_take(struct stack_cache *cache, unsigned class, struct stack *out)
{
    struct shelf *shelf = &cache->shelves[class];
    unsigned bits = SLAB_BITS_MIN + class;
    uintptr_t base = shelf->bases[--shelf->count];

    if (shelf->clean > shelf->count)
        shelf->clean = shelf->count;
    out->low = (char *)base + cache->guard_size;
    out->top =
        (char *)base + ((size_t)1 << bits) - (base >> bits) % STACK_COLOURS * STACK_COLOUR_SIZE;
    out->class = class;
}

static __attribute__((noinline)) int take_from_empty(struct stack_cache *cache, size_t size,
                                                     unsigned class, struct stack *out,
                                                     const char **why)
{
    int rc;

    if (size > STACK_SIZE_MAX) {
        *why = "a stack has 64 MiB at most";
        return -EINVAL;
    }
    rc = shelf_fill(cache, &cache->shelves[class], why);
    if (rc == 0)
        shelf_take(cache, class, out);
    return rc;
}

int stack_take(struct stack_cache *cache, size_t size, struct stack *out, const char **why)
{
    unsigned class = cache->class_min;

    if (size > (size_t)1 << (SLAB_BITS_MIN + class))
        class = bits_of(size) - SLAB_BITS_MIN;
    if (unlikely(size > STACK_SIZE_MAX) || unlikely(cache->shelves[class].count == 0))
        return take_from_empty(cache, size, class, out, why);
    shelf_take(cache, class, out);
    return 0;
}

/* A stack of the other kind, from a cache that guards where this one does not or the reverse. */
static __attribute__((noinline)) void give_to_other_kind(uintptr_t base, unsigned class,
                                                         bool guarded)
{
    pthread_mutex_lock(&stores_lock);
    store_put(&stores[guarded][class], &base, 1);
    pthread_mutex_unlock(&stores_lock);
}

static inline void shelf_give(struct shelf *shelf, uintptr_t base)
{
    shelf->bases[shelf->count++] = base;
}

/* By value: it may lie in the stack itself, whose contents are forgotten here. */
static __attribute__((noinline)) void give_rarely(struct stack_cache *cache, struct stack stack,
                                                  uintptr_t base)
{
    struct shelf *shelf = &cache->shelves[stack.class];

    if (cache->on_valgrind)
        VALGRIND_MAKE_MEM_UNDEFINED(stack.low, stack.top - stack.low);
    if ((uintptr_t)stack.low - base != cache->guard_size) {
        give_to_other_kind(base, stack.class, (uintptr_t)stack.low != base);
        return;
    }
    if (shelf->count == SHELF_MAX)
        shelf_spill(cache, shelf);
    shelf_give(shelf, base);
}

void stack_give(struct stack_cache *cache, const struct stack *stack)
{
    struct shelf *shelf = &cache->shelves[stack->class];
    uintptr_t low = (uintptr_t)stack->low;
    uintptr_t base = low >> (SLAB_BITS_MIN + stack->class) << (SLAB_BITS_MIN + stack->class);

    /* The next task may lay something down anywhere, whatever the last one's calls left marked. */
    ASAN_UNPOISON_MEMORY_REGION(stack->low, (size_t)(stack->top - stack->low));
    if (unlikely(cache->on_valgrind) || unlikely(low - base != cache->guard_size) ||
        unlikely(shelf->count == SHELF_MAX))
        give_rarely(cache, *stack, base);
    else
        shelf_give(shelf, base);
}

void stack_cache_trim(struct stack_cache *cache, int64_t now_ns)
{
    unsigned budget = TRIM_MAX;
    struct store *of_kind = stores[cache->guard_size != 0];
    struct shelf *shelf;
    size_t size;
    unsigned i;

    if (now_ns < cache->trim_after_ns)
        return;
    for (i = 0; i < SLAB_CLASSES; i++) {
        shelf = &cache->shelves[i];
        size = ((size_t)1 << (SLAB_BITS_MIN + i)) - cache->guard_size - cache->page_size;
        for (; shelf->clean < shelf->count && budget > 0; shelf->clean++, budget--)
            madvise((void *)(shelf->bases[shelf->clean] + cache->guard_size), size, MADV_DONTNEED);
        budget -= store_trim(&of_kind[i], SLAB_BITS_MIN + i, cache->guard_size, budget);
    }
    cache->trim_after_ns = now_ns + (budget == 0 ? TRIM_BACKLOG_NS : TRIM_PERIOD_NS);
}

bool stack_guard_hit(const void *address, char **low, size_t *size)
{
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    bool guarded = false;
    unsigned bits = 0;
    uintptr_t base = slab_find((uintptr_t)address, &bits, &guarded);

    if (base == 0 || !guarded || (uintptr_t)address - base >= page_size)
        return false;
    *low = (char *)base + page_size;
    *size = (size_t)1 << bits;
    return true;
}
