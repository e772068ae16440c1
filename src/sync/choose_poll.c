/* The descriptors of a choice: operations of the loop; for a thread without one, poll itself. */
#include "sync/choose.h"

#include "loop/loop.h"

#include <time.h>

/* --- on a loop --- */

static void polled(struct op *op)
{
    struct choice_entry *entry = container_of(op, struct choice_entry, u.op);
    struct choice *choice = entry->choice;

    entry->pending = false;
    choice->pending--;
    if (choice->settling) {
        if (choice->pending == 0)
            waiter_signal(&choice->settled);
    } else if (op->result != 0 && sync_claim(&choice->wait)) {
        /* 0: one that is never ready. */
        choice->ready = (int)(entry - choice->entries);
        waiter_signal(&choice->wait.waiter);
    }
}

/* Returns true if it is ready. */
static bool start(struct choice_entry *entry, const dure_case *c, bool waits)
{
    struct backend *backend = loop_here()->backend;

    entry->u.op = (struct op){
        .code = OP_POLL,
        .fd = c->fd,
        .done = polled,
        .since_ns = sched_here->now_ns,
        .flags = waits ? 0 : OP_DONT_WAIT,
        .u.poll.events = (unsigned)c->number,
    };
    switch (backend->ops->submit(backend, &entry->u.op)) {
    case SUBMIT_DONE:
        return entry->u.op.result != -EAGAIN;
    case SUBMIT_PENDING:
        ASSERT(waits);
        entry->pending = true;
        entry->choice->pending++;
        return false;
    default: /* a file, and nothing asked of it that a file could be: never ready */
        return false;
    }
}

void choice_settle(struct choice *choice)
{
    struct backend *backend;
    size_t i;

    if (choice->pending == 0)
        return;
    backend = loop_here()->backend;
    waiter_init(&choice->settled);
    choice->settling = true;
    for (i = 0; i < choice->len; i++) {
        struct choice_entry *entry = &choice->entries[i];

        if (!entry->pending)
            continue;
        entry->u.op.flags |= OP_CANCEL_ASKED;
        backend->ops->cancel(backend, &entry->u.op);
    }
    choice->wait.wait.cancel = NULL;
    waiter_wait(&choice->settled, &choice->wait.wait);
}

/* --- on a thread without a loop --- */

/* All of them, with room for one more before. Returns how many there are in all. */
static nfds_t gather(const struct choice *choice, struct pollfd *fds)
{
    nfds_t len = 1;
    size_t i;

    for (i = 0; i < choice->len; i++)
        if (choice->cases[i].kind == &case_ready && choice->cases[i].fd >= 0)
            fds[len++] = (struct pollfd){ .fd = choice->cases[i].fd,
                                          .events = (short)choice->cases[i].number };
    return len;
}

/* The first that is ready, from where the look begins. Its index or CHOICE_NONE. */
static int find_ready(struct choice *choice, const struct pollfd *fds)
{
    int first = CHOICE_NONE, after = CHOICE_NONE;
    size_t i;

    for (i = 0, fds++; i < choice->len; i++) {
        if (choice->cases[i].kind != &case_ready || choice->cases[i].fd < 0)
            continue;
        choice->entries[i].u.op.result = (unsigned short)fds->revents;
        if (fds->revents && first < 0)
            first = (int)i;
        if (fds->revents && after < 0 && i >= choice->start)
            after = (int)i;
        fds++;
    }
    return after >= 0 ? after : first;
}

/* What wakes it from a poll. */
static bool has_thread(void)
{
    struct thread_flow *thread = thread_flow_current();

    return thread && thread->wake_fd >= 0;
}

static int poll_now(struct choice *choice)
{
    struct pollfd fds[DURE_CASES_MAX + 1];
    nfds_t len = gather(choice, fds);
    int ready = poll(fds + 1, len - 1, 0);

    if (ready < 0 && errno != EINTR)
        return -errno;
    return ready > 0 ? find_ready(choice, fds) : CHOICE_NONE;
}

void choice_sleep(struct waiter *waiter, int64_t until_ns)
{
    struct choice *choice = container_of(waiter, struct choice, wait.waiter);
    struct pollfd fds[DURE_CASES_MAX + 1];

    if (thread_doze_polling(waiter->thread, fds, gather(choice, fds), until_ns, NULL) > 0 &&
        sync_claim(&choice->wait)) {
        choice->ready = find_ready(choice, fds);
        waiter_signal(waiter);
    }
}

/* --- both --- */

int choice_poll(struct choice *choice, bool waits)
{
    size_t n, i;

    if (!sched_here)
        return has_thread() ? poll_now(choice) : -ENOMEM;
    for (n = 0; n < choice->len; n++) {
        const dure_case *c = &choice->cases[i = (choice->start + n) % choice->len];

        if (c->kind == &case_ready && c->fd >= 0 && start(&choice->entries[i], c, waits))
            return (int)i;
        if (c->kind == &case_signal && c->object && choice_take_signal(&choice->entries[i], c))
            return (int)i;
    }
    return CHOICE_NONE;
}

int choice_polled(struct choice *choice, int index)
{
    dure_case *c = &choice->cases[index];
    int64_t result = choice->entries[index].u.op.result;

    if (result == -EBADF)
        result = POLLNVAL;
    if (result < 0 && result != -ERESTART)
        flow_say(flow_current(), "descriptor %d: the backend does not wait for it", c->fd);
    if (result < 0)
        return (int)result;
    c->result = result;
    c->error = 0;
    return 0;
}
