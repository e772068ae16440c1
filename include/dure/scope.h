/* Scopes: nothing waits without an end in sight.

   A scope is both a nursery for tasks and a stretch of its opener's own life.
   It does not close before its tasks have ended; a deadline or a cancel ends
   its tasks' calls and the opener's calls inside it.

   A call that a scope ends fails with ECANCELED, always. Closing the scope
   tells why it ended. */
#ifndef DURE_SCOPE_H
#define DURE_SCOPE_H

#include <dure/base.h>
#include <dure/time.h>

DURE_BEGIN_DECLS

/* A scope, in the memory of whoever opens it, untouched by others until the
   close returns. */
typedef struct dure_scope {
    uint64_t reserved[32];
} dure_scope;

/* A child's failure leaves its siblings, the opener's body and the close's
   result alone: for servers, whose connections fail every day. */
#define DURE_KEEP_GOING 0x1u
/* Tasks of this scope stay on the loop of the opener. */
#define DURE_SAME_LOOP 0x2u
/* The scope ends as soon as one around it begins its grace, not when the grace
   is over: for waits that are safe to break off, as for a client's next
   request. */
#define DURE_ENDS_FIRST 0x4u

typedef struct dure_scope_options {
    dure_deadline deadline; /* when its calls end; {0}: never */
    int64_t grace_ns;       /* how long its tasks, not its opener, may go on
                               after a cancel or the deadline; 0: not at all */
    uint32_t tasks_max;     /* tasks alive at once; spawning then waits; 0: any number */
    uint32_t flags;         /* DURE_KEEP_GOING | ... */
} dure_scope_options;

/* Opens a scope inside the innermost one of the caller (task or plain thread).
   scope: the caller's memory; it must be closed by the same task or thread,
     last opened first closed. A task that returns with an open scope is stopped
     with its name.
   Returns: 0; it cannot fail in a task. On a plain thread -1 with errno
     ENOMEM   no memory for what a waiting thread needs.
   Blocks: never. Opening inside a cancelled scope works; the new one is
   cancelled too. Threads: any. */
DURE_API int dure_scope_open(dure_scope *scope);

/* Opens a scope with options; NULL options are the plain case.
   Returns: 0, or -1 with errno
     EINVAL   a flag is unknown, or grace_ns is negative.
     ENOMEM   as dure_scope_open.
   Otherwise as dure_scope_open. */
DURE_API int dure_scope_open_with(dure_scope *scope, const dure_scope_options *options);

/* Closes a scope: waits until all its tasks have ended.
   Returns: 0 with errno as it was, or -1 with errno telling why it ended:
     ETIMEDOUT  its own deadline passed and a call felt it.
     ECANCELED  it was cancelled, or a scope around it ended.
     other      the errno of the first of its tasks that failed; dure_why() has
                the task's name and words. (Not with DURE_KEEP_GOING.)
   A deadline that passed unnoticed is no failure.
   Blocks: the task (the thread outside one), and is never cancelled.
   Threads: the opener. Ownership: the memory is the caller's again. */
DURE_API int dure_scope_close(dure_scope *scope);

/* Cancels a scope: the calls of its tasks, of the scopes inside it and of its
   opener's body fail with ECANCELED, those under way and those to come. With a
   grace, its tasks get that long first. A second cancel changes nothing.
   Blocks: never. Threads: any, until the close returns: whoever is not in the
   scope has to know that it does not return meanwhile. */
DURE_API void dure_scope_cancel(dure_scope *scope);

/* Moves a scope's deadline, or takes it away with {0}. Moving one that has
   ended the scope already changes nothing.
   Blocks: never. Threads: any, until the close returns; a signal's handler
   too, for a scope that a plain thread has opened outside any run. */
DURE_API void dure_scope_set_deadline(dure_scope *scope, dure_deadline deadline);

/* Counts the failures in a scope.
   Returns: how many of its tasks have failed so far.
   Blocks: never. Threads: any, until the close returns. */
DURE_API size_t dure_scope_failures(const dure_scope *scope);

/* Asks whether the scopes around the caller have ended, so that a long
   computation can stop.
   Returns: 1 if a waiting call would fail with ECANCELED, else 0.
   Blocks: never. Threads: any. */
DURE_API int dure_canceled(void);

/* Asks whether the caller has been told to finish: dure_canceled(), or a scope
   around it is in its grace.
   Returns: 1 or 0. Blocks: never. Threads: any. */
DURE_API int dure_stopping(void);

/* Steps that DURE_WITHIN and DURE_SHIELD are made of; not for direct use. */
DURE_API int dure_within_step(dure_scope *scope, dure_deadline deadline);
DURE_API int dure_shield_step(dure_scope *scope, int64_t grace_ns);
DURE_API void dure_statement_end(dure_scope *scope);

#define DURE_NAME_2(a, b) a##b
#define DURE_NAME_1(a, b) DURE_NAME_2(a, b)
#define DURE_STATEMENT(step, limit)                                    \
    for (dure_scope DURE_NAME_1(dure_scope_, __LINE__)                 \
             __attribute__((cleanup(dure_statement_end))) = { { 0 } }; \
         step(&DURE_NAME_1(dure_scope_, __LINE__), limit);)

/* DURE_WITHIN(deadline) statement: bounds one statement by a deadline.

       DURE_WITHIN(dure_after(5 * DURE_SECOND))
           n = dure_read(fd, buf, sizeof buf);
       if (n < 0 && errno == ETIMEDOUT) ...

   The calls inside fail with ECANCELED as always; when the statement ends and
   its deadline was felt, errno becomes ETIMEDOUT. It may be left by break,
   return or goto (not by longjmp); `break` leaves the statement itself. */
#define DURE_WITHIN(deadline) DURE_STATEMENT(dure_within_step, deadline)

/* DURE_SHIELD(grace_ns) statement: lets clean-up talk to the world. Inside it
   the end of the scopes around is felt only grace_ns after it came (or after
   the statement began, if it had come before). */
#define DURE_SHIELD(grace_ns) DURE_STATEMENT(dure_shield_step, grace_ns)

DURE_END_DECLS

#endif
