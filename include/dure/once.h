/* What is to be done once, by whoever needs it first. */
#ifndef DURE_ONCE_H
#define DURE_ONCE_H

#include <dure/base.h>

DURE_BEGIN_DECLS

/* Whether it is done, in the caller's memory, which is static as a rule. */
typedef struct dure_once {
    uint64_t reserved[8];
} dure_once;

/* Zeroed memory is one too. */
/* clang-format off */
#define DURE_ONCE_INIT { { 0 } }
/* clang-format on */

/* Calls fn(arg), unless that was done before with this once; whoever comes
   meanwhile waits for it. It is done when fn has returned 0. If fn fails, be it
   that its caller was cancelled, its own caller is told, and the next of those
   who wait calls the function that it came with.
   Returns: 0 if it is done, by whomever; or -1 with errno
     ECANCELED   it was not done and a scope has ended; fn was not called.
     EDEADLK     fn itself calls it; or it would have to wait in a callback,
                 which must not.
     other       fn failed, and left this errno.
   Blocks: the task (the thread outside one), while another is at it.
   Cancellation: exact; what is done is told to whoever asks. Threads: any.
   Ownership: the memory may go when nobody calls it any more. Source: as
   call_once of C11, whose function cannot fail. */
DURE_API int dure_call_once(dure_once *once, dure_fn *fn, void *arg);

DURE_END_DECLS

#endif
