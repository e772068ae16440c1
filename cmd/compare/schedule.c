/* How long each measurement of an experiment may take. */
#include "cmd/compare/schedule.h"

/* Less tells nothing: a time slice of the kernel is 4 ms, and a server has to be started. */
#define SLICE_MIN_NS 20000000

static unsigned planned(const struct schedule *schedule)
{
    return schedule->points * schedule->rounds;
}

int64_t schedule_next(struct schedule *schedule, int64_t now_ns)
{
    int64_t left_ns = schedule->end_ns - now_ns;
    unsigned left = 1;

    if (schedule->begun >= schedule->points && left_ns < SLICE_MIN_NS)
        return 0;
    if (schedule->begun < planned(schedule))
        left = planned(schedule) - schedule->begun;
    schedule->begun++;
    return left_ns / left > SLICE_MIN_NS ? left_ns / left : SLICE_MIN_NS;
}

bool schedule_complete(const struct schedule *schedule)
{
    return schedule->begun >= planned(schedule);
}
