/* dure: cooperative concurrency for C. What all public headers share. */
#ifndef DURE_BASE_H
#define DURE_BASE_H

#include <stddef.h>
#include <stdint.h>

#define DURE_VERSION_MAJOR 0
#define DURE_VERSION_MINOR 1
#define DURE_VERSION_PATCH 0

#ifdef __cplusplus
#define DURE_BEGIN_DECLS extern "C" {
#define DURE_END_DECLS }
#else
#define DURE_BEGIN_DECLS
#define DURE_END_DECLS
#endif

#define DURE_API __attribute__((visibility("default")))

/* A duration's units, as in 5 * DURE_SECOND. */
#define DURE_NANOSECOND ((int64_t)1)
#define DURE_MICROSECOND (1000 * DURE_NANOSECOND)
#define DURE_MILLISECOND (1000 * DURE_MICROSECOND)
#define DURE_SECOND (1000 * DURE_MILLISECOND)
#define DURE_MINUTE (60 * DURE_SECOND)

/* What a task, and a function for the pool, looks like: 0 is success, anything
   else a failure, of which errno at the return says more. */
typedef int dure_fn(void *arg);

#endif
