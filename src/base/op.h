/* The operation: what to do, its arguments, its result, whom to tell.

   It lives in the memory of whoever starts it (a parked task's own stack, as a
   rule) and belongs to the backend from submit until `done` is called. */
#ifndef DURE_SRC_BASE_OP_H
#define DURE_SRC_BASE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/list.h"

enum op_code {
    OP_READ,     /* fd io.buf io.len io.offset (-1: the file's own position) */
    OP_WRITE,    /* same */
    OP_READV,    /* fd vec.iov vec.len vec.offset */
    OP_WRITEV,   /* same */
    OP_RECV,     /* fd io.buf io.len io.flags */
    OP_SEND,     /* same; MSG_NOSIGNAL is in the flags already */
    OP_RECVMSG,  /* fd msg.header msg.flags */
    OP_SENDMSG,  /* same */
    OP_ACCEPT,   /* fd accept.addr accept.addr_len accept.flags (SOCK_...) */
    OP_CONNECT,  /* fd connect.addr connect.addr_len */
    OP_POLL,     /* fd poll.events; result: the revents (at least 1 bit) */
    OP_OPENAT,   /* fd (dir) open.path open.flags open.mode; open.how open.how_size, or NULL */
    OP_CLOSE,    /* fd; no waiter is left on it */
    OP_FSYNC,    /* fd sync.data_only */
    OP_STAT,     /* fd (dir, or the file when path is "") stat.path stat.flags (AT_...) stat.out */
    OP_SENDFILE, /* fd (out) sendfile.in_fd sendfile.offset (NULL: in_fd's own) sendfile.len */
    OP_LOCK,     /* fd lock.command lock.lock (F_SETLKW, F_OFD_SETLKW), or NULL (flock) */
    OP_FORGET,   /* fd: end every other operation on it here with -EBADF and drop what is known of
                    the number; done when none is left. Never cancelled. */
    OP_CODES
};

struct flock;
struct open_how;
struct statx;

/* The arguments, by code. */
union op_args {
    struct {
        void *buf;
        size_t len;
        int64_t offset;
        int flags;
    } io;
    struct {
        const struct iovec *iov;
        int len;
        int64_t offset;
    } vec;
    struct {
        struct msghdr *header;
        int flags;
    } msg;
    struct {
        struct sockaddr *addr;
        socklen_t *addr_len;
        int flags;
    } accept;
    struct {
        const struct sockaddr *addr;
        socklen_t addr_len;
    } connect;
    struct {
        unsigned events;
    } poll;
    struct {
        const char *path;
        int flags;
        mode_t mode;
        const struct open_how *how; /* for openat2, which says more; NULL: openat */
        size_t how_size;
    } open;
    struct {
        bool data_only;
    } sync;
    struct {
        const char *path;
        int flags;
        struct statx *out;
    } stat;
    struct {
        int in_fd;
        off_t *offset;
        size_t len;
    } sendfile;
    struct {
        int command;
        struct flock *lock;
    } lock;
};

struct op {
    struct list link;            /* the backend's */
    void (*done)(struct op *op); /* told once, on the thread of the loop, never inside submit */
    void *waiter;     /* what done looks at first, for backends to fetch early; NULL: nothing */
    int64_t result;   /* 0 or more, or -errno */
    int64_t since_ns; /* when the wait began, by the loop's clock */
    int fd;
    uint8_t code;    /* enum op_code */
    uint8_t state;   /* the backend's */
    uint8_t flags;   /* OP_... below */
    uint8_t scratch; /* the backend's */
    union op_args u;
};

/* The caller asked for a cancel; -ECANCELED is then the caller's own doing. Set by op_cancel's
   caller before backend->cancel. */
#define OP_CANCEL_ASKED 0x1u
/* Answer -EAGAIN rather than wait (MSG_DONTWAIT was given by the user; a choice looks whether a
   descriptor is ready: OP_POLL then has its answer when submit returns). */
#define OP_DONT_WAIT 0x2u

/* The bytes of a vector. */
static inline size_t op_vector_len(const struct iovec *iov, size_t iov_len)
{
    size_t len = 0, i;

    for (i = 0; i < iov_len; i++)
        len += iov[i].iov_len;
    return len;
}

/* The name of an operation, as the dump prints it ("recv"). */
const char *op_name(enum op_code code);

#endif
