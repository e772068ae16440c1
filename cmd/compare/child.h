/* A measurement in a process of its own: what it leaves behind (threads, descriptors, blocked
   signals, a wait that never ends) goes with it. */
#ifndef CMD_COMPARE_CHILD_H
#define CMD_COMPARE_CHILD_H

#include <stddef.h>
#include <stdint.h>

/* Runs work in a child, which leads a process group: a Ctrl-C of the terminal does not reach it,
   and whatever it forks ends with it. It dies with its parent too.
   work: gets arg, and the len bytes of result, all 0 at first, which the parent gets if it returns
     0. It must not return while its result may still be written to.
   limit_ns: so long it may take.
   Returns: 0, or -1 with errno
     ECANCELED   the run was interrupted.
     ETIMEDOUT   it took too long, and was ended.
     ECHILD      it died, or work returned something else.
     others      there was no memory or process for it.
   Blocks: until no process of the child's is left. */
int child_run(int (*work)(const void *arg, void *result), const void *arg, void *result, size_t len,
              int64_t limit_ns);

#endif
