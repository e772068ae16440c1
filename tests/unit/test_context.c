/* The switch: what it keeps, and that stacks can be walked from inside and from outside. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include <execinfo.h>
#include <fenv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unwind.h>

#include "task/fiber.h"

#define STACK_SIZE 65536

static struct fiber outside, inside;
static char *low;

static int set_up(void **state)
{
    (void)state;
    low = aligned_alloc(4096, STACK_SIZE);
    fiber_init_thread(&outside);
    return low == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    fiber_fini(&inside);
    free(low);
    return 0;
}

static void start(void (*entry)(void *), void *arg)
{
    fiber_init(&inside, low, low + STACK_SIZE, entry, arg);
    fiber_switch(&outside, &inside);
}

/* ---- the argument and the stack ---- */

static uintptr_t seen_arg, seen_frame;

static void look_around(void *arg)
{
    fiber_entered();
    seen_arg = (uintptr_t)arg;
    seen_frame = (uintptr_t)__builtin_frame_address(0);
    fiber_switch_last(&outside);
}

static void entry_runs_on_its_stack_with_its_argument(void **state)
{
    (void)state;
    start(look_around, (void *)0x123456789abcdef0);
    assert_int_equal(seen_arg, 0x123456789abcdef0);
    assert_in_range(seen_frame, (uintptr_t)low, (uintptr_t)low + STACK_SIZE);
    assert_int_equal(seen_frame % 16, 0);
}

/* ---- registers ---- */

/* Local register variables are certain to be in their registers where an asm names them. */
#if defined(__x86_64__)
#define KEPT(X) X(0, "rbx") X(1, "r12") X(2, "r13") X(3, "r14") X(4, "r15")
#define KEPT_ALL "+r"(kept0), "+r"(kept1), "+r"(kept2), "+r"(kept3), "+r"(kept4)
#define KEPT_COUNT 5
#elif defined(__aarch64__)
#define KEPT(X) \
    X(0, "x19") X(1, "x20") X(2, "x21") X(3, "x22") X(4, "x23") X(5, "x24") X(6, "x25") X(7, "x26")
#define KEPT_ALL                                                                               \
    "+r"(kept0), "+r"(kept1), "+r"(kept2), "+r"(kept3), "+r"(kept4), "+r"(kept5), "+r"(kept6), \
        "+r"(kept7)
#define KEPT_COUNT 8
#endif

#ifdef KEPT
#define LOAD(n, name) register uint64_t kept##n __asm__(name) = seed + n;
#define CHECK(n, name) sum += kept##n == seed + n;

/* Out of line, so that the registers count which a called function must keep. */
__attribute__((noinline)) static void switch_called(struct fiber *from, struct fiber *to)
{
    fiber_switch(from, to);
}

/* Fills the callee-saved registers, switches, and counts those that still hold their value. */
__attribute__((noinline)) static int switch_with(uint64_t seed, struct fiber *from,
                                                 struct fiber *to)
{
    int sum = 0;
    KEPT(LOAD)

    __asm__ volatile("" : KEPT_ALL : : "memory");
    switch_called(from, to);
    __asm__ volatile("" : KEPT_ALL : : "memory");
    KEPT(CHECK)
    return sum;
}

static void fill_registers(void *arg)
{
    int *sum = arg;

    fiber_entered();
    *sum += switch_with(UINT64_C(0xaaaa000000000000), &inside, &outside);
    *sum += switch_with(UINT64_C(0xbbbb000000000000), &inside, &outside);
    fiber_switch_last(&outside);
}

static void switch_keeps_registers(void **state)
{
    int inner = 0, outer = 0;

    (void)state;
    start(fill_registers, &inner);
    outer += switch_with(1, &outside, &inside);
    outer += switch_with(1000, &outside, &inside);
    assert_int_equal(outer, 2 * KEPT_COUNT);
    assert_int_equal(inner, 2 * KEPT_COUNT);
}
#endif

#ifdef __aarch64__
#define FLOAT(n) register double d##n __asm__("d" #n) = n + *bias;
#define FLOATS "+w"(d8), "+w"(d9), "+w"(d10), "+w"(d11), "+w"(d12), "+w"(d13), "+w"(d14), "+w"(d15)

/* The formatter never comes to rest on these macros. */
/* clang-format off */
__attribute__((noinline)) static double switch_with_floats(volatile double *bias,
                                                           struct fiber *from, struct fiber *to)
{
    FLOAT(8)
    FLOAT(9)
    FLOAT(10)
    FLOAT(11) FLOAT(12) FLOAT(13) FLOAT(14) FLOAT(15)

        __asm__ volatile(""
                         : FLOATS
                         :
                         : "memory");
    switch_called(from, to);
    __asm__ volatile("" : FLOATS : : "memory");
    return d8 + 2 * d9 + 3 * d10 + 4 * d11 + 5 * d12 + 6 * d13 + 7 * d14 + 8 * d15;
}
/* clang-format on */

static void fill_floats(void *arg)
{
    volatile double bias = 1000;

    fiber_entered();
    *(double *)arg = switch_with_floats(&bias, &inside, &outside);
    fiber_switch_last(&outside);
}

static void switch_keeps_floating_point_registers(void **state)
{
    volatile double bias = 0;
    double inner = 0;

    (void)state;
    start(fill_floats, &inner);
    assert_true(switch_with_floats(&bias, &outside, &inside) == 456);
    assert_true(inner == 456 + 36 * 1000);
}
#endif

/* ---- floating point control: rounding is kept in MXCSR and the x87 word, or in fpcr ---- */

static int rounding_at_entry, rounding_after;

static void round_upwards(void *arg)
{
    (void)arg;
    fiber_entered();
    rounding_at_entry = fegetround();
    fesetround(FE_UPWARD);
    fiber_switch(&inside, &outside);
    rounding_after = fegetround();
    fiber_switch_last(&outside);
}

static void each_side_keeps_its_rounding(void **state)
{
    (void)state;
    fesetround(FE_DOWNWARD);
    start(round_upwards, NULL);
    assert_int_equal(rounding_at_entry, FE_DOWNWARD);
    assert_int_equal(fegetround(), FE_DOWNWARD);
    fesetround(FE_TONEAREST);
    fiber_switch(&outside, &inside);
    assert_int_equal(rounding_after, FE_UPWARD);
    assert_int_equal(fegetround(), FE_TONEAREST);
}

/* ---- unwinding ---- */

struct walk {
    int frames;
    _Unwind_Reason_Code end;
    uintptr_t top_sp;
};

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;

    walk->frames++;
    walk->top_sp = _Unwind_GetCFA(context);
    return walk->frames < 100 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

/* Three frames deep; the asm keeps the compiler from making jumps of the calls. */
__attribute__((noinline)) static void walk_from_here(struct walk *walk)
{
    walk->end = _Unwind_Backtrace(count_frame, walk);
    __asm__ volatile("");
}

__attribute__((noinline)) static void call_once_more(struct walk *walk)
{
    walk_from_here(walk);
    __asm__ volatile("");
}

static void walk_inside(void *arg)
{
    fiber_entered();
    call_once_more(arg);
    fiber_switch_last(&outside);
}

static void unwinding_inside_ends_at_the_entry(void **state)
{
    struct walk walk = { 0 };

    (void)state;
    start(walk_inside, &walk);
    assert_int_equal(walk.end, _URC_END_OF_STACK);
    /* walk_from_here, call_once_more, walk_inside, and the frame below the entry. */
    assert_in_range(walk.frames, 3, 5);
    assert_in_range(walk.top_sp, (uintptr_t)low, (uintptr_t)low + STACK_SIZE);
}

static void *frames[64];
static int frames_len;

static void backtrace_inside(void *arg)
{
    (void)arg;
    fiber_entered();
    frames_len = backtrace(frames, 64);
    fiber_switch_last(&outside);
}

static void backtrace_inside_ends(void **state)
{
    (void)state;
    start(backtrace_inside, NULL);
    assert_in_range(frames_len, 1, 5);
}

static void park(void *arg)
{
    (void)arg;
    fiber_entered();
    fiber_switch(&inside, &outside);
    fiber_switch_last(&outside);
}

static void registers_of_a_parked_context(void **state)
{
    struct context_registers registers;

    (void)state;
    start(park, NULL);
    context_registers(&inside.context, &registers);
    assert_in_range(registers.sp, (uintptr_t)low, (uintptr_t)low + STACK_SIZE);
    assert_int_equal(registers.sp % sizeof(void *), 0);
    assert_true(registers.pc != 0);
    fiber_switch(&outside, &inside);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entry_runs_on_its_stack_with_its_argument),
#ifdef KEPT
        TEST(switch_keeps_registers),
#endif
#ifdef __aarch64__
        TEST(switch_keeps_floating_point_registers),
#endif
        TEST(each_side_keeps_its_rounding),
        TEST(unwinding_inside_ends_at_the_entry),
        TEST(backtrace_inside_ends),
        TEST(registers_of_a_parked_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
