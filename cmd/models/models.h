/* The ways in which a server can hand out its connections. What lives the life of a connection is
   the same function under each: its twins block a process, a thread or a task. */
#ifndef CMD_MODELS_MODELS_H
#define CMD_MODELS_MODELS_H

#include <dure.h>

/* What is served. */
struct model_service {
    int listen_fd;
    dure_fn *fn;      /* the life of one connection: gets its own dure_connection, closes its fd */
    void *arg;        /* the dure_connection's */
    unsigned workers; /* connections served at once, at most; 0: no bound (tasks alone) */
    int64_t grace_ns; /* how long requests may take to finish at the end; -1: connections of threads
                         and processes are in no scope, so that their twins are the plain calls; a
                         stop does not reach them, and who serves so is killed */
    /* Called once, before the first connection. scope: of the connections' tasks, NULL where there
       are none. Returns 0, or -1 to serve nothing. NULL: nothing is to be done. */
    int (*begin)(const struct model_service *service, dure_scope *scope);
    /* Called in each process that served, after its last connection; NULL as above. */
    void (*end)(const struct model_service *service);
    unsigned loops; /* of tasks alone, as its backend; as in dure_run_options */
    const char *backend;
};

struct model {
    const char *name;
    const char *manner;   /* how it serves, in words */
    unsigned workers;     /* usually; 0: no bound */
    unsigned workers_max; /* at most */
    /* Serves until SIGINT or SIGTERM, then lets what is under way finish within the grace. A second
       signal ends the process at once, and those that it has forked. Afterwards the listener accepts
       nothing more; no process and no thread is left.
       Returns: 0, or -1: it could not start; it has said why, or begin has.
       Threads: a process's first thread, which runs nothing else. */
    int (*serve)(const struct model_service *service);
};

/* All of them, the simplest first. */
extern const struct model models[];
extern const unsigned models_len;

/* Returns: the model of that name, or NULL. */
const struct model *model_find(const char *name);

int model_iterative(const struct model_service *service);
int model_forking(const struct model_service *service);
int model_preforked(const struct model_service *service);
int model_threaded(const struct model_service *service);
int model_prethreaded(const struct model_service *service);
int model_tasks(const struct model_service *service);

#endif
