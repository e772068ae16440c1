/* How many processes and threads this machine has room for, asked before they are made. */
#ifndef CMD_COMPARE_ROOM_H
#define CMD_COMPARE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/* What one is reckoned to take at most, kernel's memory included: a guess that is on the safe side,
   only to know when to stop. */
#define ROOM_PROCESS_BYTES ((size_t)256 << 10)
#define ROOM_THREAD_BYTES ((size_t)64 << 10)
#define ROOM_TASK_BYTES ((size_t)16 << 10)

/* Whether so many more processes or threads may be made: by the process ids, the system's limit on
   threads, the user's, the control group's, and memory, of which half stays free.
   count: how many; bytes: what one takes at most.
   why: gets words of at most len bytes, ending in NUL, if not.
   Returns: whether they may. */
bool room_for_threads(unsigned count, size_t bytes, char *why, size_t len);

/* The same for what takes memory alone. */
bool room_for_memory(unsigned count, size_t bytes, char *why, size_t len);

/* Returns: the number after a key in a file of /proc, or -1. key: what a line begins with; "" is
   the file's first number. */
long room_read(const char *path, const char *key);

#endif
