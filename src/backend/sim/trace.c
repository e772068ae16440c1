/* What has happened, as a hash and, if asked for, as lines. No address enters it: they differ from
   run to run. */
#include "backend/sim/inside.h"

static FILE *out;
static uint64_t hash, events;
static bool stopped;

static const char *const names[TRACE_KINDS] = {
    [TRACE_TURN] = "turn",     [TRACE_START] = "start", [TRACE_SUBMIT] = "submit",
    [TRACE_DONE] = "done",     [TRACE_CALL] = "call",   [TRACE_SEND] = "send",
    [TRACE_ARRIVE] = "arrive", [TRACE_DROP] = "drop",   [TRACE_CONNECT] = "connect",
    [TRACE_DISK] = "disk",     [TRACE_HOST] = "host",   [TRACE_NOTE] = "note",
};

void sim_trace_init(FILE *file)
{
    out = file;
    stopped = false;
    events = 0;
    hash = UINT64_C(0x243f6a8885a308d3) ^ sim_seed();
}

void sim_trace_stop(void)
{
    stopped = true;
}

static void mix(uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9fb21c651e98df25);
    hash ^= hash >> 29;
}

void sim_trace(enum sim_trace kind, int64_t a, int64_t b)
{
    if (stopped)
        return;
    events++;
    mix((uint64_t)sim_now() ^ (uint64_t)kind << 56);
    mix((uint64_t)a << 32 ^ (uint64_t)b);
    if (unlikely(out != NULL))
        fprintf(out, "%lld %s %lld %lld\n", (long long)sim_now(), names[kind], (long long)a,
                (long long)b);
}

uint64_t sim_hash(void)
{
    return hash;
}

uint64_t sim_events(void)
{
    return events;
}
