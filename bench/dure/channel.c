/* Items of 8 bytes through a channel, from one task to another: nanoseconds an item, of
   this process's time on one loop, of the clock's on two.
   channel [items=N] [capacity=N] [shared=1] [loops=2] [ping=1] [choose=1]
   shared: not DURE_SAME_LOOP. loops=2: the receiver is on the other one. ping: each item comes back
   through a second channel before the next; the figure is one way. choose: the receiver chooses
   between both. */
#include <stdbool.h>

#include "bench_dure.h"

static dure_channel *there, *back;
static long items, ping, choose;

static int receive(uint64_t *item)
{
    uint64_t other;
    dure_case cases[] = { dure_case_receive(there, item), dure_case_receive(back, &other) };

    if (!choose)
        return dure_channel_receive(there, item);
    return dure_choose(cases, 2) == 0 ? (int)cases[0].result : -1;
}

static int receiver(void *arg)
{
    uint64_t item;
    long i;

    (void)arg;
    for (i = 0; receive(&item) == 1; i++)
        if (item != (uint64_t)i || (ping && dure_channel_send(back, &item) < 0))
            return -1;
    return 0;
}

static int sender(void *arg)
{
    uint64_t item;
    long i;

    (void)arg;
    for (i = 0; i < items; i++) {
        item = (uint64_t)i;
        if (dure_channel_send(there, &item) < 0 || (ping && dure_channel_receive(back, &item) != 1))
            return -1;
    }
    return dure_channel_close(there);
}

static int measure(void *arg)
{
    long capacity = bench_number(arg, "capacity", 0), loops = bench_number(arg, "loops", 1);
    bool shared = loops > 1 || bench_number(arg, "shared", 0);
    dure_channel_options options = { .flags = shared ? 0 : DURE_SAME_LOOP };
    clockid_t clock = loops > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
    dure_scope scope;
    int64_t started;
    int result;

    items = bench_number(arg, "items", 20000000);
    ping = bench_number(arg, "ping", 0);
    choose = bench_number(arg, "choose", 0);
    there = dure_channel_create_with(sizeof(uint64_t), (size_t)capacity, &options);
    back = dure_channel_create_with(sizeof(uint64_t), (size_t)capacity, &options);
    if (!there || !back)
        bench_die("dure_channel_create_with");
    dure_scope_open(&scope);
    started = bench_clock_ns(clock);
    if (dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)loops - 1) },
                        receiver, NULL, 0) < 0 ||
        dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(0) }, sender, NULL, 0) <
            0)
        bench_die("dure_spawn_with");
    result = dure_scope_close(&scope);
    printf("{\"ns\": %.4f}\n",
           (double)(bench_clock_ns(clock) - started) / (double)items / (ping ? 2.0 : 1.0));
    dure_channel_destroy(there);
    dure_channel_destroy(back);
    return result;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}
