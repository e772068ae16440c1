/* The contract between a loop and a kernel mechanism. Completion-shaped:
   submit an operation, cancel one, collect completions until a time, wake from
   another thread, tell the time.

   A backend belongs to one loop and is called only on that loop's thread,
   except for `wake`. It knows operations, not tasks. */
#ifndef DURE_SRC_BACKEND_BACKEND_H
#define DURE_SRC_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/world.h"
#include "base/op.h"

enum submitted {
    SUBMIT_DONE,    /* op->result holds the result; op->done is not called */
    SUBMIT_PENDING, /* op->done will be called from collect (never from submit or cancel) */
    SUBMIT_OFFLOAD, /* this can only block: the caller performs it (attempt.h) on a pool thread */
};

struct backend_config {
    unsigned loop;          /* the number of the loop, for descriptors_mark */
    unsigned queue_entries; /* 0: the backend's choice; as small as 4 must work */
    bool sqpoll;
    bool embedded;       /* another event loop owns the thread, which sleeps on poll_fd */
    size_t transfer_max; /* 0: none; else no transfer (read, write, recv, send, sendfile...)
                               moves more bytes at once: tests force short counts with it */
};

struct backend {
    const struct backend_ops *ops;
};

struct backend_ops {
    const char *name;
    const struct world *world; /* whose calls go with this mechanism's descriptors */

    /* Returns 0, or -errno: -ENOSYS, -EPERM when the kernel refuses the mechanism. create is
       the probe too: it returns 0 only if everything that it needs works. */
    int (*create)(const struct backend_config *config, struct backend **out);
    void (*destroy)(struct backend *backend);

    /* Starts an operation. A failure to start it is a result (-errno), not an error of submit.
       Reads the blocking calls' meaning: it waits unless the descriptor is O_NONBLOCK or
       OP_DONT_WAIT is set, then -EAGAIN. It moves what one system call would move at once: the
       callers loop where POSIX wants all of it. */
    enum submitted (*submit)(struct backend *backend, struct op *op);

    /* Asks for an early end of a pending operation: done is called all the same, with -ECANCELED
       if nothing happened, otherwise with what happened. Never lost, whatever queue is full. */
    void (*cancel)(struct backend *backend, struct op *op);

    /* Takes in completions, a bounded batch, calling each operation's done. wait_ns: how long to
       sleep if there are none: 0 not at all, -1 until something happens. Also returns early when
       woken, and may return for no reason. */
    void (*collect)(struct backend *backend, int64_t wait_ns);

    /* Ends a sleep in collect, present or next. Any thread; async-signal-safe. */
    void (*wake)(struct backend *backend);

    /* The number fd now stands for a new description (accept, socket, open gave it to us): what
       was known of it is void. */
    void (*born)(struct backend *backend, int fd);

    /* A descriptor that polls readable when collect(0) has something to do, or -ENOTSUP. */
    int (*poll_fd)(struct backend *backend);

    /* Nanoseconds of CLOCK_MONOTONIC. Any thread. */
    int64_t (*now)(struct backend *backend);
};

extern const struct backend_ops backend_uring; /* absent without liburing: see backends.c */
extern const struct backend_ops backend_epoll;
extern const struct backend_ops backend_poll;
extern const struct backend_ops backend_select;
extern const struct backend_ops backend_sim; /* never chosen unless asked for by name */

/* All compiled-in backends, best first, NULL at the end. (backends.c) */
extern const struct backend_ops *const backends[];

#endif
