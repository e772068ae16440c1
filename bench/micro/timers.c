/* What a timer costs: put in and taken out again (a time-out that does not strike), put in and
   fired, each with few and with a million others; fired with thousands in the same tick. One JSON line a figure. With the argument "moved":
   only a time-out that is moved among a million, in nanoseconds for the two. With "longest": only the
   longest that one turn of the wheel takes, in microseconds, while a million fire in a minute. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/timers.h"

#define MILLION 1000000
#define ROUNDS 7
#define SECOND INT64_C(1000000000)

static struct timers wheel;
static struct timer *timers;
static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void ignore(struct timer *timer)
{
    (void)timer;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void report(const char *name, double *rounds)
{
    qsort(rounds, ROUNDS, sizeof *rounds, compare);
    printf("{\"bench\":\"timers\",\"figure\":\"%s\",\"unit\":\"ns\",\"median\":%.1f,\"min\":%.1f,"
           "\"max\":%.1f}\n",
           name, rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
}

static void fill(int count)
{
    int i;

    timers_init(&wheel, 0);
    for (i = 0; i < count; i++) {
        timers[i] =
            (struct timer){ .at_ns = (int64_t)(random_next() % (60 * SECOND)), .fire = ignore };
        timers_add(&wheel, &timers[i]);
    }
}

/* A time-out is moved `times` times, on timers picked at random. */
static double add_and_remove(int count, int times)
{
    double start;
    int i;

    fill(count);
    start = now_ns();
    for (i = 0; i < times; i++) {
        struct timer *timer = &timers[random_next() % (uint64_t)count];

        timers_remove(&wheel, timer);
        timer->at_ns = (int64_t)(random_next() % (60 * SECOND));
        timers_add(&wheel, timer);
    }
    return (now_ns() - start) / times;
}

/* All of a minute's timers fire, the wheel turned 20,000 times. */
static double add_and_fire(int count)
{
    double start = now_ns();
    int64_t at;

    fill(count);
    for (at = 0; at <= 60 * SECOND; at += 3 * SECOND / 1000)
        timers_fire(&wheel, at);
    return (now_ns() - start) / count;
}

/* How late a turn makes whoever is due right after it. */
static double longest_turn_us(int count)
{
    double taken, longest = 0;
    int64_t at;

    fill(count);
    for (at = 0; at <= 60 * SECOND; at += SECOND / 1000) {
        taken = now_ns();
        timers_fire(&wheel, at);
        taken = now_ns() - taken;
        if (taken > longest)
            longest = taken;
    }
    return longest / 1e3;
}

static double next(int count)
{
    double start;
    int64_t sum = 0;
    int i;

    fill(count);
    start = now_ns();
    for (i = 0; i < MILLION; i++) {
        struct timer first = { .at_ns = 5, .fire = ignore };

        timers_add(&wheel, &first);
        sum += timers_next(&wheel);
        timers_remove(&wheel, &first);
        sum += timers_next(&wheel);
    }
    if (sum == 0)
        abort();
    return (now_ns() - start) / MILLION;
}

/* As many as one tick has nanoseconds, each fired at its own: what a simulated clock does. */
static double one_tick(int count)
{
    double start;
    int i;

    timers_init(&wheel, 0);
    for (i = 0; i < count; i++) {
        timers[i] =
            (struct timer){ .at_ns = SECOND + (int64_t)(random_next() % 16384), .fire = ignore };
        timers_add(&wheel, &timers[i]);
    }
    start = now_ns();
    while (wheel.count > 0)
        timers_fire(&wheel, timers_next(&wheel));
    return (now_ns() - start) / count;
}

static int one_figure(const char *name)
{
    if (strcmp(name, "moved") == 0) {
        add_and_remove(MILLION, MILLION); /* once before: its pages are then there */
        printf("{\"ns\": %.1f}\n", add_and_remove(MILLION, MILLION));
    } else if (strcmp(name, "longest") == 0) {
        printf("{\"us\": %.1f}\n", longest_turn_us(MILLION));
    } else {
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    double rounds[6][ROUNDS];
    int i;

    timers = calloc(MILLION, sizeof *timers);
    if (!timers)
        return 1;
    if (argc > 1)
        return one_figure(argv[1]);
    for (i = 0; i < ROUNDS; i++) {
        rounds[0][i] = add_and_remove(100, MILLION);
        rounds[1][i] = add_and_remove(MILLION, MILLION);
        rounds[2][i] = add_and_fire(100000);
        rounds[3][i] = add_and_fire(MILLION);
        rounds[4][i] = next(100);
        rounds[5][i] = one_tick(10000);
    }
    report("remove + add, 100 timers", rounds[0]);
    report("remove + add, 1000000 timers", rounds[1]);
    report("add + fire, 100000 timers", rounds[2]);
    report("add + fire, 1000000 timers", rounds[3]);
    report("add + next + remove + next, earliest of 100", rounds[4]);
    report("fire, 10000 in one tick, one by one", rounds[5]);
    free(timers);
    return 0;
}
