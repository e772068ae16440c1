/* Waiting for one of several descriptors. */
#ifndef DURE_SRC_POSIX_POLL_H
#define DURE_SRC_POSIX_POLL_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

/* Waits as poll does, for a task or for a thread with a scope. until_ns: by dure_now's clock; 0: not
   at all; INT64_MAX: for ever. mask: as ppoll's; -ENOTSUP in a task unless it is NULL. Returns what
   poll returns, or -errno. */
int64_t poll_until(struct pollfd *fds, nfds_t len, int64_t until_ns, const sigset_t *mask);

/* The time at which a timeout that begins now is over, as poll_until takes it. Returns 0 or
   -EINVAL. */
int64_t poll_time(const struct timespec *timeout, int64_t *until_ns);

#endif
