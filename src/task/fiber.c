#define _GNU_SOURCE 1
#include "task/fiber.h"

#include <pthread.h>

#include "base/assert.h"

#if FIBER_ASAN
/* AddressSanitizer wants the bounds of what is switched to, a thread's own stack included. */
static void thread_bounds(struct fiber *fiber)
{
    pthread_attr_t attr;
    void *low;

    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        die("cannot find the bounds of this thread's stack");
    pthread_attr_getstack(&attr, &low, &fiber->size);
    fiber->low = low;
    pthread_attr_destroy(&attr);
}
#endif

void fiber_init_thread(struct fiber *fiber)
{
    *fiber = (struct fiber){ .context = { NULL } };
#if FIBER_ASAN
    thread_bounds(fiber);
#endif
#if FIBER_TSAN
    fiber->tsan = __tsan_get_current_fiber();
#endif
}
