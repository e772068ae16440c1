/* How a process that runs no loop serves and is stopped: by SIGINT or SIGTERM, whose handler ends
   what its first thread waits for. No thread watches for it, so that a process has one where the
   model says one. */
#ifndef CMD_MODELS_STOP_H
#define CMD_MODELS_STOP_H

#include <poll.h>
#include <stdbool.h>

#include "cmd/models/models.h"

/* From now on a stop signal is noticed, and shuts the listener down: on Linux each accept on it, in
   any process, then fails with EINVAL. Ignores SIGPIPE. */
void stop_watch(int listen_fd);

/* In a forked child: only its parent's SIGTERM stops it, and leaves the listener alone. It ends with its
   parent. */
void stop_watch_in_child(pid_t parent);

/* Returns: true after a stop signal. Threads: any. */
bool stop_asked(void);

/* Holds stop signals and SIGCHLD back, but in stop_poll; and no longer. */
void stop_hold_signals(void);
void stop_release_signals(void);

/* Polls, until a signal comes or the time is over. timeout_ns: -1 for ever. Returns: as poll. */
int stop_poll(struct pollfd *fds, nfds_t len, int64_t timeout_ns);

/* Opens a scope that a stop signal ends; one at a time. Returns: as dure_scope_open. Threads: the
   first. */
int stop_scope_open(dure_scope *scope);
void stop_scope_close(dure_scope *scope);

/* Accepts the next connection; survives what passes: a shortage, a connection that was given up.
   Returns: its descriptor, or -1 when stopped. Blocks: the thread. Threads: any. */
int stop_accept(int listen_fd);

/* Serves one connection inside a scope that is open, whose end leaves it the grace. */
void stop_serve_in(const struct model_service *service, int fd);

/* Serves one connection on the first thread, until a stop signal and the grace end it. */
void stop_serve(const struct model_service *service, int fd);

#endif
