/* A choice: the first of several cases. */
#include "sync/choose.h"

#include "loop/loop.h"

#include <stdlib.h>

/* Cases that are chosen between without asking for memory. */
#define CASES_INLINE 8
/* Descriptors are looked at before the objects so often, lest they never win against busy ones. */
#define POLL_EVERY 8

/* --- what there is to choose between --- */

/* Keeps the guards in the order of their addresses, each once: so all choices take them, and none
   waits for another that waits for it. By insertion, as there are few. */
static void add_guard(struct choice *choice, struct guard *guard)
{
    struct choice_entry *entries = choice->entries;
    size_t i, at = choice->guards_len;

    while (at > 0 && (uintptr_t)entries[at - 1].guard > (uintptr_t)guard)
        at--;
    if (at > 0 && entries[at - 1].guard == guard)
        return;
    for (i = choice->guards_len++; i > at; i--)
        entries[i].guard = entries[i - 1].guard;
    entries[at].guard = guard;
}

static void prepare(struct choice *choice)
{
    size_t i;

    choice->otherwise = choice->at = choice->ready = CHOICE_NONE;
    for (i = 0; i < choice->len; i++) {
        dure_case *c = &choice->cases[i];
        struct guard *guard = c->kind->guard(c);

        choice->entries[i].choice = choice;
        choice->entries[i].pending = false;
        if (guard)
            add_guard(choice, guard);
        else if (c->kind == &case_ready)
            choice->polls += c->fd >= 0;
        else if (c->kind == &case_signal && c->object)
            choice->signals++;
        else if (c->kind == &case_default)
            choice->otherwise = (int)i;
        else if (c->kind == &case_at && c->number &&
                 (choice->at < 0 || c->number < choice->cases[choice->at].number))
            choice->at = (int)i;
    }
    choice->polls += choice->signals;
}

/* --- looking, and queueing --- */

/* The time may be that of the turn: it is late by that much at most. */
static bool time_has_come(const dure_case *c)
{
    return c->number && c->number <= (task_current() ? sched_here->now_ns : sched_now(sched_here));
}

/* Under all guards: has the first that can take effect do so. Returns its index, or
   CHOICE_NONE. */
static int take_one(struct choice *choice, struct sync_node **other)
{
    size_t n, i;

    for (n = 0; n < choice->len; n++) {
        dure_case *c = &choice->cases[i = (choice->start + n) % choice->len];

        if (c->kind->guard(c) ? c->kind->take(c, other) : c->kind == &case_at && time_has_come(c))
            return (int)i;
    }
    return CHOICE_NONE;
}

static void queue_in_all(struct choice *choice)
{
    size_t i;

    waiter_init(&choice->wait.waiter);
    STORE(choice->wait.claimed, 0);
    for (i = 0; i < choice->len; i++) {
        dure_case *c = &choice->cases[i];
        struct sync_node *node = &choice->entries[i].u.node;

        if (!c->kind->guard(c))
            continue;
        node->of = &choice->wait;
        node->item = c->item;
        sync_queue_push(c->kind->queue(c), node);
    }
}

/* Looks at all objects and times at once, so that none of them was ready at that moment if none is
   found. queues: and is in all queues then. */
static int look(struct choice *choice, bool queues)
{
    struct sync_node *other = NULL;
    size_t i;
    int won;

    for (i = 0; i < choice->guards_len; i++)
        guard_enter(choice->entries[i].guard, "an object of a choice");
    won = take_one(choice, &other);
    if (won == CHOICE_NONE && queues)
        queue_in_all(choice);
    for (i = 0; i < choice->guards_len; i++)
        guard_leave(choice->entries[i].guard);
    if (other)
        sync_signal(other);
    return won;
}

/* Takes it out of all queues. Returns the index of the case that was granted, or
   CHOICE_NONE. */
static int leave_queues(struct choice *choice)
{
    int won = CHOICE_NONE;
    size_t i;

    for (i = 0; i < choice->len; i++) {
        dure_case *c = &choice->cases[i];
        struct guard *guard = c->kind->guard(c);
        struct sync_node *node = &choice->entries[i].u.node;

        if (!guard)
            continue;
        guard_enter(guard, "an object of a choice");
        if (node->queued)
            sync_queue_remove(c->kind->queue(c), node);
        guard_leave(guard);
        if (node->granted)
            won = (int)i;
    }
    return won;
}

/* --- waiting --- */

/* Waits in all queues. Returns the index of the case that took effect, or -errno. */
static int wait_for_one(struct choice *choice)
{
    struct sync_wait *wait = &choice->wait;
    bool over = false;
    int won, error;

    wait->wait.cancel = sync_withdraw_claimed;
    if (choice->polls && !sched_here)
        wait->waiter.sleep = choice_sleep;
    error = choice_listen(choice);
    if (error == 0 || !sync_claim(wait))
        over = waiter_wait(&wait->waiter, &wait->wait);
    choice_unlisten(choice);
    won = leave_queues(choice);
    if (won >= 0) {
        choice->cases[won].kind->granted(&choice->cases[won], &choice->entries[won].u.node);
        return won;
    }
    if (choice->ready >= 0)
        return choice->ready;
    if (over)
        return choice->at;
    if (error < 0)
        return error;
    flow_feel(flow_current());
    return -ECANCELED;
}

/* Where there are descriptors or signals among the cases; they cost a system call. first: they are
   looked at before the objects. waits: the backend waits for them at the end, if nothing is ready. */
static int look_at_descriptors_too(struct choice *choice, bool first, bool waits)
{
    int won = first ? choice_poll(choice, false) : CHOICE_NONE;

    if (won == CHOICE_NONE)
        won = look(choice, false);
    if (won == CHOICE_NONE && (waits || !first))
        won = choice_poll(choice, waits);
    return won;
}

/* The index of the case that takes effect, or -errno. */
static int choose(struct choice *choice)
{
    bool waits = choice->otherwise < 0 && sched_may_wait();
    uint32_t random = sched_random(sched_here);
    int won = CHOICE_NONE;

    choice->start = choice->len ? (random >> 3) % choice->len : 0;
    if (choice->polls)
        won = look_at_descriptors_too(choice, random % POLL_EVERY == 0, waits);
    if (won == CHOICE_NONE)
        won = look(choice, waits);
    if (won == CHOICE_NONE && waits)
        won = wait_for_one(choice);
    else if (won == CHOICE_NONE)
        won = choice->otherwise >= 0 ? choice->otherwise : -EDEADLK;
    choice_settle(choice);
    return won;
}

static int choose_with(dure_case *cases, size_t len, struct choice_entry *entries)
{
    struct choice choice = { .cases = cases, .entries = entries, .len = len, .signal_fd = -1 };
    dure_case *c;
    int won, error;

    prepare(&choice);
    error = choice_check_signals(&choice);
    if (error < 0)
        return error;
    sync_wait_init(&choice.wait, "choice", NULL, NULL);
    if (choice.at >= 0)
        choice.wait.wait.until_ns = cases[choice.at].number;
    won = choose(&choice);
    if (won < 0)
        return won;
    c = &cases[won];
    if (c->kind == &case_ready) {
        error = choice_polled(&choice, won);
        return error < 0 ? error : won;
    }
    if (c->kind == &case_signal) {
        error = choice_signaled(&choice, won);
        return error < 0 ? error : won;
    }
    if (c->kind == &case_at || c->kind == &case_default) {
        c->result = 0;
        c->error = 0;
    }
    return won;
}

int dure_choose(dure_case *cases, size_t len)
{
    struct choice_entry inline_entries[CASES_INLINE], *entries = inline_entries;
    int won;

    if (len > DURE_CASES_MAX)
        return (int)io_result(-EINVAL);
    if (len > CASES_INLINE) {
        entries = calloc(len, sizeof *entries);
        if (!entries)
            return (int)io_result(-ENOMEM);
    }
    do {
        won = sync_enter();
        if (won == 0)
            won = choose_with(cases, len, entries);
    } while (won == -ERESTART); /* what was known of a descriptor or signal was old */
    if (entries != inline_entries)
        free(entries);
    return (int)io_result(won);
}
