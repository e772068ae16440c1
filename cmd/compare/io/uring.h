/* What the io_uring mechanisms share. */
#ifndef CMD_COMPARE_IO_URING_H
#define CMD_COMPARE_IO_URING_H

#include <liburing.h>

#include "cmd/compare/io.h"

/* Entries of the submission queue; its completions are as many as can come at once. */
#define URING_ENTRIES 256
#define URING_COMPLETIONS 16384

/* Makes a ring with the best that this kernel knows for one thread, or with a thread of the kernel
   that takes the entries (sqpoll). Returns: 0, or -1 after io_refuse. */
int uring_open(struct io_waiter *waiter, struct io_uring *ring, bool sqpoll);

/* Returns: a free entry; submits what is there if there is none. */
struct io_uring_sqe *uring_entry(struct io_uring *ring);

#endif
