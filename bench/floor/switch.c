/* The floor of two tasks that yield once each: two bare switches of stacks. Both sides run the
   same code, as two tasks do that yield, so that the processor predicts the returns. */
#include "bench.h"
#include "task/context.h"

#define ROUNDS 50000000
#define STACK_SIZE 65536

static struct context main_context;
static struct context sides[2];

static void pass_on(void *arg)
{
    struct context *self = arg;
    struct context *other = self == &sides[0] ? &sides[1] : &sides[0];
    int i;

    for (i = 0; i < ROUNDS; i++)
        context_switch(self, other);
    context_switch(self, &main_context);
}

int main(void)
{
    int64_t started;
    char *stack;
    int i;

    for (i = 0; i < 2; i++) {
        stack = aligned_alloc(4096, STACK_SIZE);
        if (!stack)
            bench_die("aligned_alloc");
        /* Not at the same offset in a page: the tops would evict each other. */
        context_make(&sides[i], stack, stack + STACK_SIZE - (size_t)i * 192, pass_on, &sides[i]);
    }
    started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    context_switch(&main_context, &sides[0]);
    printf("{\"ns\": %.4f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / ROUNDS);
    return 0;
}
