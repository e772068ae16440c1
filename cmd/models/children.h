/* The processes that a server has forked. Their parent has one thread, and holds its signals. */
#ifndef CMD_MODELS_CHILDREN_H
#define CMD_MODELS_CHILDREN_H

#include <stdbool.h>

#include "cmd/models/models.h"

struct children {
    pid_t *pids;
    unsigned len, len_max;
    bool told; /* that no process could be made: once */
};

/* Returns: 0, or -1 without memory, which was said. */
int children_init(struct children *children, unsigned len_max);

/* Forks one that calls serve, then the service's end, and exits; fewer than len_max live.
   fd: handed to serve. Returns: 0, or -1: not now; the first time it is said why. */
int children_fork(struct children *children, const struct model_service *service,
                  void (*serve)(const struct model_service *service, int fd), int fd);

/* Forgets those that have ended, without waiting. Returns: how many of them crashed, which was said. */
unsigned children_reap(struct children *children);

/* Tells all to finish, kills those that have not a second after the grace, and waits for all. */
void children_end(struct children *children, int64_t grace_ns);

#endif
