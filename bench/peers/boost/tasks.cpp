/* A peer: Boost's fibers that yield, or that are spawned and joined: nanoseconds of CPU.
   tasks yield=ROUNDS | tasks alive=N tasks=N
   Stacks come from a pool, as one would have it who spawns much. */
#include <boost/fiber/all.hpp>
#include <vector>

#include "bench.h"

namespace fibers = boost::fibers;

static fibers::pooled_fixedsize_stack stacks;

template <typename Fn> static void spawn_and_join(Fn fn, long alive)
{
    static std::vector<fibers::fiber> all;

    all.clear();
    for (long i = 0; i < alive; i++)
        all.emplace_back(std::allocator_arg, stacks, fn);
    for (auto &fiber : all)
        fiber.join();
}

int main(int, char **argv)
{
    long alive = bench_number(argv, "alive", 2), tasks = bench_number(argv, "tasks", 5000000);
    long rounds = bench_number(argv, "yield", 0), done = 0;
    auto nothing = [] {};
    auto yielder = [rounds] {
        for (long i = 0; i < rounds; i++)
            boost::this_fiber::yield();
    };

    spawn_and_join(nothing, alive); /* makes the stacks, which are reused */
    int64_t started = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (rounds > 0)
        spawn_and_join(yielder, 2);
    for (; rounds == 0 && done < tasks; done += alive)
        spawn_and_join(nothing, alive);
    printf("{\"ns\": %.4f}\n", (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started) /
                                   (double)(rounds > 0 ? rounds : done));
    return 0;
}
