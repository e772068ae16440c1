/* A thread a connection. */

#include "cmd/models/crew.h"
#include "cmd/models/stop.h"

/* How often it is tried again when no thread can be made. */
#define RETRY_NS (10 * DURE_MILLISECOND)

/* The threads outlive the function that made them by some instructions: they end with a post. */
static struct {
    struct crew crew;
    dure_sem places; /* one a thread that may be made */
} threaded;

static void *serve_one(void *arg)
{
    crew_serve(&threaded.crew, (int)(intptr_t)arg);
    dure_sem_post(&threaded.places);
    return NULL;
}

/* Waits for a place. Returns: 0, or -1 when stopped. */
static int take_place(void)
{
    dure_scope scope;
    int result;

    if (dure_sem_trywait(&threaded.places) == 0)
        return 0;
    if (stop_scope_open(&scope) < 0)
        return dure_sem_wait(&threaded.places);
    result = dure_sem_wait(&threaded.places);
    stop_scope_close(&scope);
    return result;
}

/* The connection's thread has a place already. */
static void hand_out(unsigned workers, int fd)
{
    pthread_t thread;

    while (crew_start(&threaded.crew, workers - dure_sem_value(&threaded.places) - 1, &thread,
                      serve_one, (void *)(intptr_t)fd) < 0) {
        if (stop_asked()) {
            dure_close(fd);
            dure_sem_post(&threaded.places);
            return;
        }
        dure_sleep_for(RETRY_NS);
    }
    pthread_detach(thread);
}

int model_threaded(const struct model_service *service)
{
    unsigned i;
    int fd = 0;

    threaded.crew = (struct crew)CREW_INIT(service);
    dure_sem_init(&threaded.places, service->workers, 0);
    stop_watch(service->listen_fd);
    if (service->begin != NULL && service->begin(service, NULL) < 0)
        return -1;
    while (take_place() == 0 && (fd = stop_accept(service->listen_fd)) >= 0)
        hand_out(service->workers, fd);
    if (fd < 0)
        dure_sem_post(&threaded.places);
    crew_stop(&threaded.crew);
    for (i = 0; i < service->workers; i++)
        dure_sem_wait(&threaded.places);
    if (service->end != NULL)
        service->end(service);
    return 0;
}
