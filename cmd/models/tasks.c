/* A task a connection, on as many threads as there are processors to use. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd/models/models.h"

struct serving {
    const struct model_service *service;
    bool started; /* what goes wrong from here on has been said */
};

static int serve(void *arg)
{
    struct serving *serving = arg;
    const struct model_service *service = serving->service;
    dure_scope connections;
    int error = 0;

    serving->started = true;
    dure_scope_open_with(
        &connections,
        &(dure_scope_options){ .flags = DURE_KEEP_GOING,
                               .grace_ns = service->grace_ns > 0 ? service->grace_ns : 0,
                               .tasks_max = service->workers });
    if (service->begin != NULL && service->begin(service, &connections) < 0) {
        dure_scope_close(&connections);
        return -1;
    }
    dure_serve_with(&connections, service->listen_fd, NULL, service->fn, service->arg);
    if (errno != ECANCELED)
        error = errno;
    dure_shutdown(service->listen_fd, SHUT_RD);
    dure_scope_close(&connections);
    if (service->end != NULL)
        service->end(service);
    if (error != 0)
        fprintf(stderr, "dure: stopped: %s\n", strerror(error));
    return error != 0 ? dure_fail(error, "stopped") : 0;
}

int model_tasks(const struct model_service *service)
{
    struct serving serving = { .service = service };
    dure_run_options options = { .loops = service->loops,
                                 .backend = service->backend,
                                 .flags = DURE_DUMP_ON_SIGUSR1 };

    if (dure_run_with(&options, serve, &serving) == 0)
        return 0;
    if (!serving.started && dure_why()[0] != '\0')
        fprintf(stderr, "dure: cannot start: %s\n", dure_why());
    return -1;
}
