/* What a round trip between two stacks costs: two switches; and what it costs to take a stack and
   give it back. Prints the best and the median of eleven runs, in nanoseconds. */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "task/fiber.h"
#include "task/stack.h"

#define RUNS 11
#define ROUNDS 2000000
#define STACK_SIZE ((size_t)256 << 10)

static struct fiber outside, one, two;
static struct stack stack_one, stack_two;
static struct stack_cache *cache;

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void report(const char *what, double (*measure)(void))
{
    double runs[RUNS];
    int i;

    for (i = 0; i < RUNS; i++)
        runs[i] = measure();
    qsort(runs, RUNS, sizeof runs[0], by_value);
    printf("%-40s best %.2f ns, median %.2f ns\n", what, runs[0], runs[RUNS / 2]);
}

/* ---- both sides in the same call, as tasks are that park: returns are predicted well ---- */

__attribute__((noinline)) static void bounce(struct fiber *from, struct fiber *to, int rounds)
{
    for (; rounds > 0; rounds--)
        fiber_switch(from, to);
}

static void run_one(void *arg)
{
    (void)arg;
    fiber_entered();
    bounce(&one, &two, ROUNDS);
    fiber_switch_last(&outside);
}

static void run_two(void *arg)
{
    (void)arg;
    fiber_entered();
    bounce(&two, &one, ROUNDS + 1);
    fiber_switch_last(&outside);
}

static double measure_same_call(void)
{
    double start;

    fiber_init(&one, stack_one.low, stack_one.top, run_one, NULL);
    fiber_init(&two, stack_two.low, stack_two.top, run_two, NULL);
    start = now_ns();
    fiber_switch(&outside, &one);
    start = now_ns() - start;
    fiber_fini(&two);
    fiber_fini(&one);
    return start / ROUNDS;
}

/* ---- each side in a call of its own: returns are predicted to the other's ---- */

static void answer(void *arg)
{
    (void)arg;
    fiber_entered();
    for (;;)
        fiber_switch(&one, &outside);
}

static double measure_different_calls(void)
{
    double start;
    int i;

    fiber_init(&one, stack_one.low, stack_one.top, answer, NULL);
    start = now_ns();
    for (i = 0; i < ROUNDS; i++)
        fiber_switch(&outside, &one);
    start = now_ns() - start;
    fiber_fini(&one);
    return start / ROUNDS;
}

static double measure_stack(void)
{
    double start = now_ns();
    const char *why;
    struct stack stack;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        if (stack_take(cache, STACK_SIZE, &stack, &why) != 0)
            exit(1);
        stack_give(cache, &stack);
    }
    return (now_ns() - start) / ROUNDS;
}

int main(void)
{
    const char *why;

    cache = stack_cache_create(true);
    if (cache == NULL || stack_take(cache, STACK_SIZE, &stack_one, &why) != 0 ||
        stack_take(cache, STACK_SIZE, &stack_two, &why) != 0)
        return 1;
    fiber_init_thread(&outside);
    report("round trip, parked in the same call", measure_same_call);
    report("round trip, parked in different calls", measure_different_calls);
    report("stack taken and given back", measure_stack);
    stack_give(cache, &stack_two);
    stack_give(cache, &stack_one);
    stack_cache_destroy(cache);
    return 0;
}
