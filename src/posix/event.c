/* Twins that make counters and timers. */
#include "loop/loop.h"

#include <dure/event.h>

int dure_eventfd(unsigned count, int flags)
{
    return descriptor_born(world_here()->eventfd(count, flags));
}

int dure_timerfd_create(int clock, int flags)
{
    return descriptor_born(world_here()->timerfd_create(clock, flags));
}

int dure_timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
    return world_here()->timerfd_settime(fd, flags, to, old);
}

int dure_timerfd_gettime(int fd, struct itimerspec *out)
{
    return world_here()->timerfd_gettime(fd, out);
}
