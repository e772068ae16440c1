/* The descriptors of a choice: operations of the loop; for a thread without one, poll itself. */
#include "sync/choose.h"

#include "loop/loop.h"

#include <time.h>

static bool is_for_descriptor(const dure_case *c)
{
    return c->kind == &case_ready && c->fd >= 0;
}

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

/* All of them and at last the signals', with room for one more before. Returns how many there are in
   all. */
static nfds_t gather(const struct choice *choice, struct pollfd *fds)
{
    nfds_t len = 1;
    size_t i;

    for (i = 0; i < choice->len; i++)
        if (is_for_descriptor(&choice->cases[i]))
            fds[len++] = (struct pollfd){ .fd = choice->cases[i].fd,
                                          .events = (short)choice->cases[i].number };
    if (choice->signal_fd >= 0)
        fds[len++] = (struct pollfd){ .fd = choice->signal_fd, .events = POLLIN };
    return len;
}

/* fds: NULL if none is ready. */
static void note_events(struct choice *choice, const struct pollfd *fds)
{
    size_t i;

    for (i = 0; i < choice->len; i++)
        if (is_for_descriptor(&choice->cases[i]))
            choice->entries[i].u.op.result = fds ? (unsigned short)(++fds)->revents : 0;
}

/* The first that is ready, from where the look begins; a signal is taken. Its index or
   CHOICE_NONE. */
static int find_ready(struct choice *choice)
{
    size_t n, i;

    for (n = 0; n < choice->len; n++) {
        const dure_case *c = &choice->cases[i = (choice->start + n) % choice->len];

        if (is_for_descriptor(c) && choice->entries[i].u.op.result != 0)
            return (int)i;
        if (case_is_for_signal(c) && choice_take_signal(&choice->entries[i], c))
            return (int)i;
    }
    return CHOICE_NONE;
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
    int ready = len > 1 ? poll(fds + 1, len - 1, 0) : 0;

    if (ready < 0 && errno != EINTR)
        return -errno;
    if (ready <= 0 && choice->signals == 0)
        return CHOICE_NONE;
    note_events(choice, ready > 0 ? fds : NULL);
    return find_ready(choice);
}

void choice_sleep(struct waiter *waiter, int64_t until_ns)
{
    struct choice *choice = container_of(waiter, struct choice, wait.waiter);
    struct pollfd fds[DURE_CASES_MAX + 1];

    if (thread_doze_polling(waiter->thread, fds, gather(choice, fds), until_ns, NULL) <= 0 ||
        !sync_claim(&choice->wait))
        return;
    note_events(choice, fds);
    choice->ready = find_ready(choice);
    if (choice->ready == CHOICE_NONE)
        choice->ready = choice_miss_signal(choice);
    waiter_signal(waiter);
}

/* --- both --- */

int choice_poll(struct choice *choice, bool waits)
{
    size_t n, i;

    if (!sched_here)
        return has_thread() ? poll_now(choice) : -ENOMEM;
    for (n = 0; n < choice->len; n++) {
        const dure_case *c = &choice->cases[i = (choice->start + n) % choice->len];

        if (is_for_descriptor(c) && start(&choice->entries[i], c, waits))
            return (int)i;
        if (case_is_for_signal(c) && choice_take_signal(&choice->entries[i], c))
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
