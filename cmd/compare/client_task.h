/* One client: a task with a connection. */
#ifndef CMD_COMPARE_CLIENT_TASK_H
#define CMD_COMPARE_CLIENT_TASK_H

#include <dure.h>

#include "cmd/compare/client.h"

struct client_world {
    const struct load *load;
    struct client_shared *shared;
    dure_scope *scope; /* of all clients */
    unsigned loops;
    int64_t begun_ns;
};

struct client_task {
    struct client_world *world;
    unsigned number; /* among the clients */
    int fd;          /* its connection; 0: none */
    bool was_served;
    uint64_t request; /* the number of its next one */
};

/* Asks until its scope ends. arg: a struct client_task. A function for dure_spawn. */
int client_task(void *arg);

#endif
