/* A ring of processes or threads, each asleep on a futex until its turn. */
#include "cmd/compare/switch_ring.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t size_of(unsigned len)
{
    return sizeof(struct ring) + (size_t)len * sizeof(uint32_t);
}

struct ring *ring_create(unsigned len, bool shared)
{
    struct ring *ring = mmap(NULL, size_of(len), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (ring == MAP_FAILED)
        return NULL;
    ring->len = len;
    ring->shared = shared;
    return ring;
}

void ring_destroy(struct ring *ring)
{
    munmap(ring, size_of(ring->len));
}

static void await_turn(struct ring *ring, unsigned me)
{
    int operation = ring->shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE;

    /* A store between the look and the call makes the call return at once. */
    while (atomic_load(&ring->turns[me]) == 0)
        syscall(SYS_futex, &ring->turns[me], operation, 0, NULL, NULL, 0);
    atomic_store(&ring->turns[me], 0);
}

static void give_turn(struct ring *ring, unsigned next)
{
    atomic_store(&ring->turns[next], 1);
    syscall(SYS_futex, &ring->turns[next], ring->shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, NULL,
            NULL, 0);
}

void ring_take_turns(struct ring *ring, unsigned me)
{
    bool over = false;

    while (!over) {
        await_turn(ring, me);
        over = atomic_load(&ring->over);
        give_turn(ring, (me + 1) % ring->len);
    }
}

void ring_laps(struct ring *ring, unsigned laps)
{
    for (; laps > 0; laps--) {
        give_turn(ring, 1 % ring->len);
        await_turn(ring, 0);
    }
}

void ring_end(struct ring *ring)
{
    atomic_store(&ring->over, true);
    ring_laps(ring, 1);
}
