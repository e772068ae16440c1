/* Stacks: lazily backed address space, guarded, reused hot.

       base              low                                    top        base + class size
        | guard (a page)  | what the task may use ............   | colour   |

   They are never unmapped while the process lives, so that a dump may read them at any time;
   pages in them may be given back. */
#ifndef DURE_SRC_TASK_STACK_H
#define DURE_SRC_TASK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack {
    char *low; /* lowest usable byte, above the guard */
    char *top; /* end of what the task may use: 64-byte aligned, coloured (moved down from the end
                  of the mapping by a multiple of 64 bytes that differs between neighbours) */
    unsigned class; /* of sizes */
};

/* The largest stack, 64 MiB. */
#define STACK_SIZE_MAX ((size_t)1 << 26)

/* Colours: tops at the same page offset evict each other from L1, which holds 8 to 12 lines of
   each offset; moving each by a multiple of a cache line was worth 2 to 5 % of an echo server's
   time. Sixteen cost at most 960 bytes of the page that a task touches anyway. */
#define STACK_COLOURS 16
#define STACK_COLOUR_SIZE 64

/* A loop's own store of stacks; not for other threads. Stacks may be given to another cache than
   the one they were taken from. */
struct stack_cache;

/* guards: false takes stacks without guards. Returns NULL without memory. */
struct stack_cache *stack_cache_create(bool guards);
void stack_cache_destroy(struct stack_cache *cache);

/* Takes a stack of size bytes, rounded up to a size class: 16 KiB, 32 KiB, 64 KiB ... 64 MiB. The
   guard page and up to 960 bytes of colouring lie inside it. Returns 0 or
     -EAGAIN  the kernel has no more mappings for guards, with the reason in *why;
     -ENOMEM  no address space or memory, with the reason in *why;
     -EINVAL  size is above STACK_SIZE_MAX, with the reason in *why. */
int stack_take(struct stack_cache *cache, size_t size, struct stack *out, const char **why);

/* Gives it back; last in, first out. The contents stay as they are until it is taken again. */
void stack_give(struct stack_cache *cache, const struct stack *stack);

/* Gives pages back to the kernel: of stacks in the cache those below their top page, of stacks that
   no loop has use for all. Called when the loop is idle; does something once a second, or every
   10 ms while a backlog lasts, some 50 µs at a time. Cheap when there is nothing to do. */
void stack_cache_trim(struct stack_cache *cache, int64_t now_ns);

/* True if the address lies in the guard of a stack of ours; for the fault handler. Tells where that
   stack's usable part begins and the size it was taken with. Async-signal-safe. */
bool stack_guard_hit(const void *address, char **low, size_t *size);

#endif
