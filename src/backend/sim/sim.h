/* The simulation as the loop sees it, besides the backend contract: one world a process, with a
   virtual clock, a seed, and hosts. One thread: that of the run, on which all loops take their
   turns. */
#ifndef DURE_SRC_BACKEND_SIM_SIM_H
#define DURE_SRC_BACKEND_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "backend/backend.h"

/* What the world is made of; 0: the default that the comment tells. */
struct sim_options {
    int64_t latency_min_ns, latency_max_ns; /* between two hosts: 50 us, 2 ms */
    int64_t disk_min_ns, disk_max_ns;       /* a disk's answer: 20 us, 1 ms */
    unsigned loss_ppm;                      /* datagrams lost, in a million; 0: none */
    unsigned duplicate_ppm;                 /* datagrams that come twice; 0: none */
    unsigned disk_error_ppm;                /* reads and writes that fail with EIO; 0: none */
    unsigned disk_short_ppm;                /* reads and writes that move less; 0: none */
    unsigned sync_error_ppm;                /* fsyncs that fail; 0: none */
    uint64_t disk_size;                     /* bytes a host, beyond them ENOSPC; 0: no bound */
    FILE *trace;                            /* gets each event as a line; NULL: none */
};

/* Makes the world anew, with host 0 alone, before the backends are created. Returns 0 or
   -ENOMEM. fini frees it, after they are destroyed. Without an init the first backend makes a
   world from $DURE_SIM_SEED (1), which its end frees. */
int sim_init(uint64_t seed, const struct sim_options *options);
void sim_fini(void);

/* --- chance --- */

/* A number below the bound (1 or more), of the seed. */
unsigned sim_draw(unsigned bound);
/* From low to high, both possible. */
int64_t sim_draw_between(int64_t low, int64_t high);
/* True in so many of a million cases. */
bool sim_chance(unsigned ppm);
uint64_t sim_seed(void);

/* --- time --- */

int64_t sim_now(void);
/* The date and time of day, which all hosts agree on: the world begins with 2026. */
void sim_wall(struct timespec *out);
/* Moves the clock to the next event or to until_ns, whichever comes first, and lets the event
   happen. Returns false if there is neither (until_ns INT64_MAX). */
bool sim_advance(int64_t until_ns);
/* What a disk takes for its answer. */
int64_t sim_disk_ns(void);

/* --- names --- */

/* The caller's host need not ask what this is. */
bool sim_knows_name(const char *name);
bool sim_knows_address(const struct sockaddr *addr, socklen_t len);
/* What a question to the name server, on host 0, takes until its answer is there; negative: one of
   the two was lost. */
int64_t sim_query_ns(void);

/* --- the loops --- */

/* Looks at the waits on all that has changed. */
void sim_settle(void);
/* Completions wait for this backend's collect. */
bool sim_has_news(const struct backend *backend);

/* --- the trace --- */

/* A hash of all that has happened, and how much that is. */
uint64_t sim_hash(void);
uint64_t sim_events(void);

enum sim_trace {
    TRACE_TURN, /* loop, the number of its first task */
    TRACE_START,
    TRACE_SUBMIT, /* fd, code */
    TRACE_DONE,   /* fd, result */
    TRACE_CALL,   /* fd, result */
    TRACE_SEND,   /* channel, bytes */
    TRACE_ARRIVE,
    TRACE_DROP,
    TRACE_CONNECT,
    TRACE_DISK,
    TRACE_HOST, /* host, what */
    TRACE_NOTE,
    TRACE_KINDS
};
void sim_trace(enum sim_trace kind, int64_t a, int64_t b);

/* --- hosts --- */

/* Whose caller runs: a host's number, with its incarnation above. Set by the loop. */
extern uint32_t (*sim_caller)(void);

#define SIM_HOSTS_MAX 4096

/* Adds a host with a numeric address, IPv4 or IPv6. Returns its number or -errno: -EINVAL,
   -EADDRINUSE, -EMFILE, -ENOMEM. */
int sim_host_add(const char *name, const char *address);
/* Who lives on it now: for sim_caller. -EINVAL: no such host. */
int64_t sim_host_incarnation(int host);
const char *sim_host_name(int host);
/* It is gone at once: its descriptors without a word to anybody, and of its disk what was not
   synced. What still runs there belongs to no host any more. */
int sim_host_crash(int host);
/* It is there again, with an empty memory. */
int sim_host_boot(int host);
/* Nothing passes between the two any more, or again. */
int sim_link_cut(int a, int b, bool cut);
/* The n-th call from now on that makes a descriptor there (memory: that needs kernel memory) fails
   with EMFILE (ENOBUFS or ENOMEM), and with `lasting` each later one; 0: none. */
int sim_host_fail(int host, bool memory, unsigned nth, bool lasting);

#endif
