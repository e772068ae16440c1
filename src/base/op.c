/* The names of the operations. */
#include "base/op.h"

#include "base/assert.h"

static const char *const names[OP_CODES] = {
    [OP_READ] = "read",         [OP_WRITE] = "write",     [OP_READV] = "readv",
    [OP_WRITEV] = "writev",     [OP_RECV] = "recv",       [OP_SEND] = "send",
    [OP_RECVMSG] = "recvmsg",   [OP_SENDMSG] = "sendmsg", [OP_ACCEPT] = "accept",
    [OP_CONNECT] = "connect",   [OP_POLL] = "poll",       [OP_OPENAT] = "openat",
    [OP_CLOSE] = "close",       [OP_FSYNC] = "fsync",     [OP_STAT] = "stat",
    [OP_SENDFILE] = "sendfile", [OP_LOCK] = "lock",       [OP_FORGET] = "forget",
};

const char *op_name(enum op_code code)
{
    ASSERT(code < OP_CODES);
    return names[code];
}
