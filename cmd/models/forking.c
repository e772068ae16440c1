/* A process a connection. */
#include <unistd.h>

#include "cmd/models/children.h"
#include "cmd/models/stop.h"

/* How often it is tried again when no process can be made; an end of one is noticed at once. */
#define RETRY_NS (10 * DURE_MILLISECOND)

static void serve_one(const struct model_service *service, int fd)
{
    dure_close(service->listen_fd);
    stop_serve(service, fd);
}

/* At the bound nobody is accepted until a process has ended. */
static bool is_there_one(const struct children *children, int listen_fd)
{
    struct pollfd poll = { .fd = listen_fd, .events = POLLIN };

    return stop_poll(&poll, children->len < children->len_max, -1) > 0;
}

static void hand_out(struct children *children, const struct model_service *service, int fd)
{
    while (!stop_asked() && children_fork(children, service, serve_one, fd) < 0) {
        stop_poll(NULL, 0, RETRY_NS);
        children_reap(children);
    }
    dure_close(fd);
}

int model_forking(const struct model_service *service)
{
    struct children children;
    int fd;

    stop_watch(service->listen_fd);
    stop_hold_signals();
    if (service->begin != NULL && service->begin(service, NULL) < 0)
        return -1;
    if (children_init(&children, service->workers) < 0)
        return -1;
    while (!stop_asked()) {
        if (is_there_one(&children, service->listen_fd)) {
            fd = stop_accept(service->listen_fd);
            if (fd < 0)
                break;
            hand_out(&children, service, fd);
        }
        children_reap(&children);
    }
    children_end(&children, service->grace_ns);
    if (service->end != NULL)
        service->end(service);
    return 0;
}
