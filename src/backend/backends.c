/* The backends that are compiled in, best first. */
#include "backend/backend.h"

#include <stddef.h>

const struct backend_ops *const backends[] = {
#if DURE_HAVE_URING
    &backend_uring,
#endif
    &backend_epoll, &backend_poll, &backend_select, &backend_sim, NULL,
};
