/* Waiting for the lock of a file. */
#ifndef DURE_SRC_POSIX_LOCK_H
#define DURE_SRC_POSIX_LOCK_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>

struct lock_call {
    int fd;
    int command;        /* F_SETLKW, F_OFD_SETLKW; flock's operation */
    struct flock *lock; /* NULL: flock */
};

/* The command that fails instead of waiting. */
static inline int lock_at_once(int command)
{
    return command == F_OFD_SETLKW ? F_OFD_SETLK : F_SETLK;
}

/* Waits for the lock, as a task or as a thread. Returns 0 or -errno; -ECANCELED if it was not taken
   because a scope ended. */
int64_t lock_wait(struct lock_call *call);

#endif
