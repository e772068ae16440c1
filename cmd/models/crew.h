/* The threads that serve, each one connection at a time. */
#ifndef CMD_MODELS_CREW_H
#define CMD_MODELS_CREW_H

#include <pthread.h>
#include <stdbool.h>

#include "cmd/models/models.h"

/* A connection that is being served, on its thread's stack. */
struct crew_member {
    dure_scope scope;
    struct crew_member *next, **at;
};

struct crew {
    const struct model_service *service;
    pthread_mutex_t lock; /* guards the list and stopping; held for some instructions */
    struct crew_member *members;
    bool stopping;
    bool told; /* that no thread could be made: once. The first thread's */
};

#define CREW_INIT(service)                    \
    {                                         \
        (service), PTHREAD_MUTEX_INITIALIZER, \
    }

/* Starts a thread that stop signals do not reach. Its stack is as large as a task's.
   live: how many there are, to say. Returns: 0, or -1: not now; the first time it is said why. */
int crew_start(struct crew *crew, unsigned live, pthread_t *thread, void *(*fn)(void *), void *arg);

/* Serves one connection on the calling thread. */
void crew_serve(struct crew *crew, int fd);

/* Tells all to finish within the grace, those to come too. */
void crew_stop(struct crew *crew);

#endif
