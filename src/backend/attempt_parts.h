/* What the files of attempts share. */
#ifndef DURE_SRC_BACKEND_ATTEMPT_PARTS_H
#define DURE_SRC_BACKEND_ATTEMPT_PARTS_H

#include <errno.h>

#include "backend/attempt.h"

static inline int64_t result_of(int64_t n)
{
    return n < 0 ? -errno : n;
}

static inline bool is_socket(enum fd_kind kind)
{
    return kind == FD_TCP || kind == FD_STREAM || kind == FD_DATAGRAM;
}

/* Where a transfer may be cut without losing bytes or merging messages. */
static inline size_t cut(size_t len, enum fd_kind kind, size_t transfer_max)
{
    bool whole = transfer_max == 0 || kind == FD_DATAGRAM || kind == FD_EVENT;

    return whole || len <= transfer_max ? len : transfer_max;
}

/* attempt_sendfile.c: as attempt. */
int64_t attempt_sendfile(struct op *op, enum fd_kind kind, size_t transfer_max);

#endif
