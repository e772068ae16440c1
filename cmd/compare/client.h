/* The clients of `dure compare models`: tasks in a process of their own, each with a connection. */
#ifndef CMD_COMPARE_CLIENT_H
#define CMD_COMPARE_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cmd/compare/processors.h"
#include "cmd/compare/handlers.h"
#include "cmd/compare/stats.h"

/* What the clients ask. */
struct load {
    unsigned port;
    unsigned connections;
    bool reconnects; /* a connection a request, else each is kept */
    double rate; /* requests a second of all together, sent whether earlier ones were answered or
                        not, as far as the connections reach; 0: each at once when it can */
    const struct handler *handler;
    const struct handler_world *world;
};

/* More loops than a client has. */
#define CLIENT_LOOPS_MAX 64

enum client_phase { CLIENT_WARMS_UP, CLIENT_RECORDS, CLIENT_GOES_ON };

/* What one loop's tasks have counted while the clients recorded. */
struct client_count {
    struct histogram latencies; /* ns; with a rate from when the request was to be sent */
    uint64_t requests;          /* answered, each byte right */
    uint64_t errors;            /* refused, broken off or answered wrongly */
};

/* In memory that parent and child share. */
struct client_shared {
    atomic_uint phase;         /* enum client_phase: set by the child */
    atomic_uint served;        /* connections that have been answered at least once */
    _Atomic int64_t window_ns; /* how long it recorded */
    _Atomic int64_t cpu_ns;    /* that it used itself meanwhile */
    struct client_count counts[CLIENT_LOOPS_MAX];
};

struct client {
    pid_t pid;
    int tell_fd, told_fd;
    struct client_shared *shared;
};

/* Starts clients, which ask at once. Returns: 0, or -1 with errno. client_stop follows either way. */
int client_start(struct client *client, const struct load *load,
                 const struct processors *processors);

/* Begins, or ends, recording. Returns: 0 when it has, or -1: the clients are gone. */
int client_record(struct client *client, bool on);

/* Ends the clients, and waits until their process has ended. What they counted stays until
   client_fini. */
void client_stop(struct client *client);
void client_fini(struct client *client);

#endif
