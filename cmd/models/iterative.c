/* One connection after the other: the next waits in the listener's queue. */
#include "cmd/models/stop.h"

int model_iterative(const struct model_service *service)
{
    int fd;

    stop_watch(service->listen_fd);
    if (service->begin != NULL && service->begin(service, NULL) < 0)
        return -1;
    while ((fd = stop_accept(service->listen_fd)) >= 0)
        stop_serve(service, fd);
    if (service->end != NULL)
        service->end(service);
    return 0;
}
