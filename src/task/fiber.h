/* A context with what the sanitizers must be told about it. In a plain build it is the context
   alone. (Valgrind is told once a stack, where stacks are made: stack.c.) */
#ifndef DURE_SRC_TASK_FIBER_H
#define DURE_SRC_TASK_FIBER_H

#include "base/list.h"
#include "task/context.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#include <sanitizer/common_interface_defs.h>
#else
#define FIBER_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define FIBER_TSAN 0
#endif

struct fiber {
    struct context context;
#if FIBER_ASAN
    void *asan_fake_stack;
    const void *low;
    size_t size;
#endif
#if FIBER_TSAN
    void *tsan;
#endif
};

/* Makes *fiber stand for the calling thread's own stack, on which it runs now. Needs no fini. */
void fiber_init_thread(struct fiber *fiber);

/* Makes a fiber that will call entry(arg) on the stack [low, top); top is 16-byte aligned. entry
   calls fiber_entered first and never returns: its last act is fiber_switch_last. */
static inline void fiber_init(struct fiber *fiber, void *low, void *top, void (*entry)(void *arg),
                              void *arg)
{
    context_make(&fiber->context, low, top, entry, arg);
#if FIBER_ASAN
    fiber->asan_fake_stack = NULL;
    fiber->low = low;
    fiber->size = (size_t)((char *)top - (char *)low);
#endif
#if FIBER_TSAN
    fiber->tsan = __tsan_create_fiber(0);
#endif
}

/* It will not run again, or never did. Not called by itself. */
static inline void fiber_fini(struct fiber *fiber)
{
#if FIBER_TSAN
    __tsan_destroy_fiber(fiber->tsan);
    fiber->tsan = NULL;
#endif
    (void)fiber;
}

/* The first call of an entry, on its own stack. */
static inline void fiber_entered(void)
{
#if FIBER_ASAN
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
}

/* From the running fiber to another of the same thread. Returns: from, as context_switch. */
static inline __attribute__((always_inline)) struct fiber *fiber_switch(struct fiber *from,
                                                                        struct fiber *to)
{
    struct context *self;

#if FIBER_ASAN
    __sanitizer_start_switch_fiber(&from->asan_fake_stack, to->low, to->size);
#endif
#if FIBER_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    self = context_switch(&from->context, &to->context);
#if FIBER_ASAN
    __sanitizer_finish_switch_fiber(from->asan_fake_stack, NULL, NULL);
#endif
    return container_of(self, struct fiber, context);
}

/* The running fiber never runs again: its fake stack is given back. */
_Noreturn static inline void fiber_switch_last(struct fiber *to)
{
#if FIBER_ASAN
    __sanitizer_start_switch_fiber(NULL, to->low, to->size);
#endif
#if FIBER_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    context_switch_last(&to->context);
}

#endif
