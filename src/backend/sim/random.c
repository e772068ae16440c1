/* Chance, of the seed: splitmix64, whose whole state is one word. */
#include "backend/sim/inside.h"

static uint64_t seed_given, state;

void sim_random_init(uint64_t seed)
{
    seed_given = state = seed;
}

uint64_t sim_seed(void)
{
    return seed_given;
}

static uint64_t next(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

unsigned sim_draw(unsigned bound)
{
    ASSERT(bound > 0);
    /* The high half of a product: as even as a remainder, without the division. */
    return (unsigned)(((next() >> 32) * bound) >> 32);
}

int64_t sim_draw_between(int64_t low, int64_t high)
{
    ASSERT(low <= high);
    return low + (int64_t)(next() % ((uint64_t)(high - low) + 1));
}

bool sim_chance(unsigned ppm)
{
    return ppm > 0 && sim_draw(1000000) < ppm;
}
