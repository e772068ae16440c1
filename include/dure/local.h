/* Values that each task, and each plain thread, has for itself. */
#ifndef DURE_LOCAL_H
#define DURE_LOCAL_H

#include <dure/base.h>

DURE_BEGIN_DECLS

/* A key, by which everybody has a value of its own; NULL at first. Static memory:
   it lives as long as anybody has a value.

       static dure_local user = DURE_LOCAL_INIT(free);

   When a task ends, destroy is called with each value that is not NULL, as the
   task's last act and on its own stack: it may call what the task could, and the
   task's scope does not close before. The value is NULL by then; values that
   these calls set are destroyed in turn, at most DURE_LOCAL_ROUNDS times. A
   thread's are destroyed when the thread ends. */
typedef struct dure_local {
    void (*destroy)(void *value); /* or NULL */
    uint64_t reserved;
} dure_local;

/* clang-format off */
#define DURE_LOCAL_INIT(destroy) { (destroy), 0 }
/* clang-format on */

#define DURE_LOCAL_ROUNDS 4

/* Sets the caller's value: the task's, or outside one the thread's. Nobody
   inherits it; a function of dure_blocking has those of the thread that runs it.
   What was set before is not destroyed.
   Returns: 0, or -1 with errno
     ENOMEM   no memory. A key that the caller has set before needs none.
   Blocks: never. Threads: any. Ownership: as destroy says. */
DURE_API int dure_local_set(dure_local *key, void *value);

/* Asks for the caller's value.
   Returns: the value; NULL if it has set none.
   Blocks: never. Threads: any. */
DURE_API void *dure_local_get(const dure_local *key);

DURE_END_DECLS

#endif
