/* A peer: items of 8 bytes through a channel, from one of Boost's fibers to another: nanoseconds
   an item, of this process's time on one thread, of the clock's on two.
   channel [items=N] [capacity=N] [loops=2]
   A buffered channel of N, a power of two, takes N - 1. */
#include <boost/fiber/all.hpp>
#include <thread>

#include "bench.h"

namespace fibers = boost::fibers;

template <typename Channel> static void receive(Channel &channel)
{
    uint64_t next = 0;

    for (uint64_t item : channel)
        if (item != next++)
            abort();
}

template <typename Channel> static void send(Channel &channel, long items)
{
    for (long i = 0; i < items; i++)
        channel.push((uint64_t)i);
    channel.close();
}

template <typename Channel> static double measure(Channel &channel, long items, bool threads)
{
    clockid_t clock = threads ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
    int64_t started = bench_clock_ns(clock);

    if (threads) {
        std::thread receiver([&channel] { receive(channel); });
        send(channel, items);
        receiver.join();
    } else {
        fibers::fiber receiver([&channel] { receive(channel); });
        fibers::fiber sender([&channel, items] { send(channel, items); });
        sender.join();
        receiver.join();
    }
    return (double)(bench_clock_ns(clock) - started) / (double)items;
}

int main(int, char **argv)
{
    long items = bench_number(argv, "items", 5000000), capacity = bench_number(argv, "capacity", 0);
    bool threads = bench_number(argv, "loops", 1) > 1;
    double ns;

    if (capacity > 0) {
        fibers::buffered_channel<uint64_t> channel((size_t)capacity);
        ns = measure(channel, items, threads);
    } else {
        fibers::unbuffered_channel<uint64_t> channel;
        ns = measure(channel, items, threads);
    }
    printf("{\"ns\": %.4f}\n", ns);
    return 0;
}
