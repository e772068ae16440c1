/* A pool of processes, each of which accepts and serves one connection after the other. The kernel
   wakes one of them a connection. */
#include "cmd/models/children.h"
#include "cmd/models/stop.h"

/* Before the place of a process that crashed, or could not be made, is filled: what crashes at once
   must not do so thousands of times a second. */
#define REPLACE_NS (100 * DURE_MILLISECOND)

static void serve_all(const struct model_service *service, int none)
{
    int fd;

    (void)none;
    while (!stop_asked() && (fd = stop_accept(service->listen_fd)) >= 0)
        stop_serve(service, fd);
}

static void fill(struct children *children, const struct model_service *service)
{
    while (children->len < children->len_max && !stop_asked())
        if (children_fork(children, service, serve_all, -1) < 0)
            return;
}

int model_preforked(const struct model_service *service)
{
    struct children children;

    stop_watch(service->listen_fd);
    stop_hold_signals();
    if (service->begin != NULL && service->begin(service, NULL) < 0)
        return -1;
    if (children_init(&children, service->workers) < 0)
        return -1;
    while (!stop_asked()) {
        fill(&children, service);
        stop_poll(NULL, 0, children.len < children.len_max ? REPLACE_NS : -1);
        if (children_reap(&children) > 0)
            stop_poll(NULL, 0, REPLACE_NS);
    }
    children_end(&children, service->grace_ns);
    if (service->end != NULL)
        service->end(service);
    return 0;
}
