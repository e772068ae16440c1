/* What all readiness backends do alike. */
#include "backend/reactor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptors.h"

static struct reactor *reactor_of(struct backend *backend)
{
    return container_of(backend, struct reactor, base);
}

int reactor_init(struct reactor *r, const struct backend_ops *ops,
                 const struct mechanism *mechanism, const struct backend_config *config)
{
    *r = (struct reactor){
        .base = { ops }, .mechanism = mechanism, .config = *config, .forgotten_fd = -1
    };
    list_init(&r->finished);
    list_init(&r->orphans);
    list_init(&r->trusting);
    r->chunks = calloc(ENTRIES_CHUNKS_MAX, sizeof(struct entry *));
    if (!r->chunks)
        return -ENOMEM;
    r->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->wake_fd < 0) {
        free(r->chunks);
        return -errno;
    }
    return 0;
}

void reactor_fini(struct reactor *r)
{
    close(r->wake_fd);
    for (int i = 0; i < ENTRIES_CHUNKS_MAX; i++) {
        for (int j = 0; r->chunks[i] && j < ENTRIES_LEN; j++)
            if (r->chunks[i][j].flags & ENTRY_MARKED)
                descriptors_unmark(r->chunks[i][j].fd, r->config.loop);
        free(r->chunks[i]);
    }
    free(r->chunks);
}

void reactor_finish(struct reactor *r, struct op *op, int64_t result)
{
    op->result = result;
    op->state = STATE_FINISHED;
    if (unlikely(r->embedded) && !r->collecting && list_empty(&r->finished))
        reactor_wake(&r->base);
    list_push_back(&r->finished, &op->link);
}

/* Which events make it worth to try? Ends and errors concern everybody. */
static bool is_concerned(const struct op *op, unsigned events)
{
    unsigned own = op_side(op) == WAIT_READ ? POLLIN : POLLOUT;

    if (unlikely(op->code == OP_POLL))
        own = op->u.poll.events;
    return events & (own | POLLERR | POLLHUP | POLLNVAL);
}

static void note_events(struct entry *entry, unsigned events)
{
    if (events & (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR))
        entry->flags &= (uint8_t)~ENTRY_DRAINED;
    if (events & (POLLOUT | POLLHUP | POLLERR))
        entry->flags &= (uint8_t)~ENTRY_FULL;
    if (events & (POLLPRI | POLLRDHUP | POLLHUP | POLLERR))
        entry->flags |= ENTRY_TRY_FIRST;
}

static int64_t try_waiter(struct reactor *r, struct entry *entry, struct op *op)
{
    int64_t result = reactor_attempt(r, entry, op);

    /* Can no longer be tried here: whoever submitted it does so again and is told why. */
    return unlikely(reactor_is_suspicious(result)) ? -ERESTART : result;
}

void reactor_ready(struct reactor *r, struct entry *entry, unsigned events)
{
    struct list *head, *node, *next;
    bool left = false;

    if (!r->mechanism->lasting && entry_changed(r, entry) && !(events & POLLNVAL)) {
        entry_void(r, entry);
        return;
    }
    if (events & POLLRDHUP)
        events |= POLLIN; /* the end of the data is there to be read */
    note_events(entry, events);
    for (int side = 0; side < WAITS; side++) {
        head = &entry->waiting[side];
        for (node = head->next; node != head; node = next) {
            struct op *op = container_of(node, struct op, link);
            int64_t result;

            next = node->next;
            if (!is_concerned(op, events))
                continue;
            result = try_waiter(r, entry, op);
            if (result == -EAGAIN && op->code == OP_POLL)
                continue;
            if (result == -EAGAIN)
                break; /* first come first served */
            list_remove(node);
            reactor_finish(r, op, result);
            left = true;
        }
    }
    if (left)
        reactor_waiter_left(r, entry);
}

static void tell(struct reactor *r)
{
    struct list batch, *node;

    if (list_empty(&r->finished))
        return;
    /* What is finished by the telling itself waits for the next turn. */
    batch = r->finished;
    batch.next->prev = batch.prev->next = &batch;
    list_init(&r->finished);
    while ((node = list_pop_front(&batch))) {
        struct op *op = container_of(node, struct op, link);

        op->state = STATE_IDLE;
        op->done(op);
    }
}

void reactor_collect(struct backend *backend, int64_t wait_ns)
{
    struct reactor *r = reactor_of(backend);

    r->collecting = true;
    if (!list_empty(&r->finished))
        wait_ns = 0;
    if (list_empty(&r->trusting) || !reactor_verify(r, &wait_ns))
        r->mechanism->wait(r, wait_ns);
    if (!list_empty(&r->trusting))
        reactor_tick(r); /* for the waits that the telling begins */
    tell(r);
    r->collecting = false;
    if (unlikely(r->embedded) && !list_empty(&r->finished))
        reactor_wake(backend);
}

void reactor_wake(struct backend *backend)
{
    static const uint64_t one = 1;
    int saved = errno; /* may run in a signal handler */
    ssize_t n = write(reactor_of(backend)->wake_fd, &one, sizeof one);

    (void)n; /* full: then it is readable */
    errno = saved;
}

void reactor_drain_wake(struct reactor *r)
{
    uint64_t count;
    ssize_t n = read(r->wake_fd, &count, sizeof count);

    (void)n; /* empty: another turn was faster */
}

void reactor_born(struct backend *backend, int fd)
{
    struct reactor *r = reactor_of(backend);
    struct entry *entry = entry_find(r, fd);

    if (entry)
        entry_void(r, entry);
}

int64_t reactor_now(struct backend *backend)
{
    struct timespec now;

    (void)backend;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int reactor_no_poll_fd(struct backend *backend)
{
    (void)backend;
    return -ENOTSUP;
}
