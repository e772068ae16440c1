/* Time: the clock, deadlines and sleeping. */
#ifndef DURE_TIME_H
#define DURE_TIME_H

#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

struct timespec;

/* A point in time that something must not outlast. It is a type of its own so
   that a duration passed in its place does not compile. {0} is no deadline. */
typedef struct dure_deadline {
    int64_t at_ns;
} dure_deadline;

/* Tells the time.
   Returns: nanoseconds of CLOCK_MONOTONIC, which the backend may simulate.
   Blocks: never. Threads: any. */
DURE_API int64_t dure_now(void);

/* Tells the time of a clock: the system's, or that of a simulated world, whose date begins with
   2026.
   Returns: 0, or -1 with errno of clock_gettime; ENOSYS for a clock that is not simulated.
   Never blocks. Threads: any. Source: POSIX.1-2017 clock_gettime. */
DURE_API int dure_clock_gettime(clockid_t clock, struct timespec *time);

/* Makes the deadline that lies a duration ahead.
   duration_ns: nanoseconds from now; 0 or less is a deadline that has passed.
   Returns: the deadline; one too far ahead to be told in nanoseconds is none.
   Blocks: never. Threads: any. */
DURE_API dure_deadline dure_after(int64_t duration_ns);

/* Makes the deadline at a given time of dure_now's clock.
   at_ns: nanoseconds, greater than 0; 0 makes no deadline.
   Returns: the deadline.
   Blocks: never. Threads: any. */
DURE_API dure_deadline dure_at(int64_t at_ns);

/* Tells how long the calls of the caller may still take: the time left until
   the nearest deadline of the scopes around the caller.
   Returns: nanoseconds, 0 when it has passed, INT64_MAX when there is none.
   Blocks: never. Threads: any; outside a task, the scopes open on the thread. */
DURE_API int64_t dure_deadline_left(void);

/* Sleeps for a duration.
   duration_ns: nanoseconds; 0 or less returns after one yield.
   Returns: 0, or -1 with errno
     ECANCELED  a scope around the caller ended; the time was not slept out.
   Blocks: the task. Cancellation: exact. Never returns early otherwise.
   Threads: any; outside a task the thread sleeps. */
DURE_API int dure_sleep_for(int64_t duration_ns);

/* Sleeps until a deadline; no deadline sleeps until it is cancelled.
   Otherwise as dure_sleep_for. */
DURE_API int dure_sleep_until(dure_deadline deadline);

/* Sleeps for whole seconds.
   Returns: 0, or the seconds left when a scope ended the sleep (errno is then
   ECANCELED).
   Blocks: the task. Cancellation: exact. Source: POSIX.1-2017 sleep. */
DURE_API unsigned dure_sleep(unsigned seconds);

/* Sleeps for microseconds.
   Returns: 0, or -1 with errno ECANCELED.
   Blocks: the task. Cancellation: exact. Source: POSIX.1-2001 usleep. */
DURE_API int dure_usleep(unsigned useconds);

/* Sleeps for a timespec.
   request: how long; remain: if not NULL, gets the time left on ECANCELED.
   Returns: 0, or -1 with errno
     ECANCELED  a scope around the caller ended.
     EINVAL     tv_nsec is outside 0 to 999,999,999, or tv_sec is negative.
   Blocks: the task. Cancellation: exact. Source: POSIX.1-2017 nanosleep. */
DURE_API int dure_nanosleep(const struct timespec *request, struct timespec *remain);

DURE_END_DECLS

#endif
