/* Seeing inside a running program. */
#ifndef DURE_INSPECT_H
#define DURE_INSPECT_H

#include <dure/base.h>

DURE_BEGIN_DECLS

/* Writes what every loop and every task is doing: name, what it waits for,
   on which descriptor, since when, in whose scope it lives, until when, and a
   parked task's stack by frame; and what else keeps the run from ending.
   fd: where the text goes; written with blocking calls.
   Returns: 0, or -1 with errno of the failed write, or EPERM when no run is
   active.
   Blocks: the thread, for the writing; a loop that is too busy to answer
   within 200 ms is listed with what it runs. Never cancelled.
   Threads: any. */
DURE_API int dure_dump(int fd);

DURE_END_DECLS

#endif
