/* Nanoseconds as the system calls want them. */
#ifndef DURE_SRC_BASE_TIMESPEC_H
#define DURE_SRC_BASE_TIMESPEC_H

#include <stdint.h>
#include <time.h>

/* ns: 0 or more. */
static inline struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

#endif
