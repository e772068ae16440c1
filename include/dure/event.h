/* Twins of the calls that make counters and timers with a descriptor. What waits for them are
   dure_read, dure_poll and the others on any descriptor (dure/io.h). */
#ifndef DURE_EVENT_H
#define DURE_EVENT_H

#include <dure/base.h>

struct itimerspec;

DURE_BEGIN_DECLS

/* Makes a counter. A write adds eight bytes' number to it and waits when that is too much; a read
   takes all of it, or with EFD_SEMAPHORE one, and waits for more than 0.
   count: what it begins with; flags: EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE.
   Returns: the descriptor, or -1 with errno as eventfd.
   Never blocks. Threads: any. Ownership: the caller closes it. Source: Linux eventfd. */
DURE_API int dure_eventfd(unsigned count, int flags);

/* Makes a timer, which does not run yet. A read tells how often it came since the last, and waits
   until it does.
   clock: CLOCK_MONOTONIC, or another that Linux takes; in a simulation all are dure_now's.
   flags: TFD_CLOEXEC, TFD_NONBLOCK.
   Returns: the descriptor, or -1 with errno as timerfd_create.
   Never blocks. Threads: any. Ownership: the caller closes it. Source: Linux timerfd_create. */
DURE_API int dure_timerfd_create(int clock, int flags);

/* Sets a timer.
   flags: TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET; to: when it comes, and then how often;
   zeroes stop it. old: gets what it was set to; or NULL.
   Returns: 0, or -1 with errno as timerfd_settime.
   Never blocks. Threads: any. Source: Linux timerfd_settime. */
DURE_API int dure_timerfd_settime(int fd, int flags, const struct itimerspec *to,
                                  struct itimerspec *old);

/* Tells how long a timer has still to go.
   out: gets the time until it comes, and the interval.
   Returns: 0, or -1 with errno as timerfd_gettime.
   Never blocks. Threads: any. Source: Linux timerfd_gettime. */
DURE_API int dure_timerfd_gettime(int fd, struct itimerspec *out);

DURE_END_DECLS

#endif
