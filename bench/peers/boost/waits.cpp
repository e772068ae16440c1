/* A peer: Boost's fibers that sleep again and again, for times between 1 and 50 ms: nanoseconds
   of CPU a sleep. Or that are parked in a sleep: bytes each.
   waits [tasks=N] [sleeps=N] | waits parked=N [stack=BYTES] */
#include <boost/fiber/all.hpp>
#include <chrono>
#include <unistd.h>
#include <vector>

#include "footprint.h"
#include "sleep_times.h"

namespace fibers = boost::fibers;

static void park(long tasks, size_t stack)
{
    long before = footprint(), parked = 0;

    for (long i = 0; i < tasks; i++)
        fibers::fiber(std::allocator_arg, fibers::fixedsize_stack(stack), [&parked] {
            parked++;
            boost::this_fiber::sleep_for(std::chrono::hours(1));
        }).detach();
    while (parked < tasks)
        boost::this_fiber::yield();
    footprint_report(before, tasks);
    _exit(0);
}

static void sleeper(long number, long sleeps)
{
    uint64_t x = sleep_times_seed(number);

    for (long i = 0; i < sleeps; i++)
        boost::this_fiber::sleep_for(std::chrono::microseconds(sleep_times_next_us(&x)));
}

int main(int, char **argv)
{
    long tasks = bench_number(argv, "tasks", 10000), sleeps = bench_number(argv, "sleeps", 50);
    long parked = bench_number(argv, "parked", 0);
    std::vector<fibers::fiber> all;

    if (parked > 0)
        park(parked, (size_t)bench_number(argv, "stack", 128 << 10));
    int64_t started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < tasks; i++)
        all.emplace_back(sleeper, i, sleeps);
    for (auto &fiber : all)
        fiber.join();
    printf("{\"ns\": %.1f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) / (double)(tasks * sleeps));
    return 0;
}
