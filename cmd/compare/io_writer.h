/* The side that makes events: writes to the busy descriptors in turn, at set times. */
#ifndef CMD_COMPARE_IO_WRITER_H
#define CMD_COMPARE_IO_WRITER_H

#include "cmd/compare/io_point.h"

struct io_writer {
    const struct io_order *order;
    struct io_waiter *waiter;
    unsigned written;    /* of all sources */
    uint64_t late, held; /* as in io_result */
};

/* Writes so many events at their times, and waits until they have been read. Returns: whether all
   were read; false when nothing was for some seconds. */
bool io_write(struct io_writer *writer, unsigned count);

#endif
