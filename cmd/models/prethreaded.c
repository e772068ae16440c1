/* A pool of threads, each of which accepts and serves one connection after the other. The kernel
   wakes one of them a connection. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/models/crew.h"
#include "cmd/models/stop.h"

static void *serve_all(void *arg)
{
    struct crew *crew = arg;
    dure_scope scope;
    int fd;

    /* A thread that waits in scopes has a descriptor of its own: taken now, so that a shortage meets
       connections later, and not the threads. */
    if (dure_scope_open(&scope) == 0)
        dure_scope_close(&scope);
    while ((fd = stop_accept(crew->service->listen_fd)) >= 0)
        crew_serve(crew, fd);
    return NULL;
}

/* Returns: how many threads there are; fewer than wanted has been said. */
static unsigned start_all(struct crew *crew, pthread_t *threads)
{
    unsigned i;

    for (i = 0; i < crew->service->workers; i++)
        if (crew_start(crew, i, &threads[i], serve_all, crew) < 0)
            break;
    return i;
}

int model_prethreaded(const struct model_service *service)
{
    struct crew crew = CREW_INIT(service);
    pthread_t *threads = calloc(service->workers, sizeof *threads);
    unsigned i, len;

    if (threads == NULL) {
        fprintf(stderr, "dure: no memory for %u threads\n", service->workers);
        return -1;
    }
    stop_watch(service->listen_fd);
    stop_hold_signals();
    if (service->begin != NULL && service->begin(service, NULL) < 0) {
        free(threads);
        return -1;
    }
    len = start_all(&crew, threads);
    while (len > 0 && !stop_asked())
        stop_poll(NULL, 0, -1);
    stop_release_signals(); /* a second one is not to wait for the threads */
    crew_stop(&crew);
    for (i = 0; i < len; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    if (service->end != NULL)
        service->end(service);
    return len > 0 ? 0 : -1;
}
