/* A server for `dure compare models`: a process of its own that serves by one of cmd/models/. */
#ifndef CMD_COMPARE_SERVER_H
#define CMD_COMPARE_SERVER_H

#include <stdint.h>

#include "cmd/compare/processors.h"
#include "cmd/compare/handlers.h"
#include "cmd/compare/usage.h"
#include "cmd/models/models.h"

/* Who is measured. */
struct contestant {
    const char *name; /* "tasks (epoll)" */
    const struct model *model;
    unsigned workers;    /* as model_service's */
    const char *backend; /* of tasks; else NULL */
};

struct server {
    pid_t pid;
    unsigned port;
    int ready_fd; /* a byte when it is ready to serve; the end when it could not start */
    int go_fd;    /* a byte lets it begin */
    int said_fd;  /* what it has written to standard error */
    struct server_shared *shared;
};

/* Starts one that waits to be let go. processors: which it gets.
   Returns: 0, or -1 with errno; what it said is for server_said. Either way server_stop follows.
   Blocks: until it is ready, or has given up. */
int server_start(struct server *server, const struct contestant *contestant,
                 const struct handler_service *handler, const struct processors *processors);

/* Lets it serve. */
void server_go(struct server *server);

/* What it and its children have used. Returns: 0, or -1: it is gone. Blocks: some microseconds. */
int server_usage(const struct server *server, struct usage *usage);

/* Returns: the first line of what it has said, to be freed; NULL: nothing. */
char *server_said(const struct server *server);

/* Kills it and all that it forked, and waits until they are gone. The caller is a subreaper (prctl)
   and has no other children. */
void server_stop(struct server *server);

#endif
