/* The signals of a choice: one is taken on the loop's thread once the choice is claimed for it. */
#include "sync/choose.h"

#include "loop/loop.h"

#include <dure/task.h>

#include <errno.h>

static bool is_for_signal(const dure_case *c)
{
    return c->kind == &case_signal && c->object;
}

int choice_check_signals(const struct choice *choice)
{
    size_t i;
    int error = 0;

    if (choice->signals == 0)
        return 0;
    if (!task_current()) {
        dure_fail(ENOTSUP, "only a task chooses between signals and other things");
        return -ENOTSUP;
    }
    for (i = 0; i < choice->len && error == 0; i++)
        if (is_for_signal(&choice->cases[i]))
            error = signals_check_for_task(choice->cases[i].object);
    return error;
}

bool choice_take_signal(struct choice_entry *entry, const dure_case *c)
{
    entry->u.signal.result = signals_take(c->object, c->item);
    return entry->u.signal.result != -EAGAIN;
}

/* Without the claim the signal stays pending. */
static bool claim(struct signal_waiter *waiter)
{
    return sync_claim(&container_of(waiter, struct choice_entry, u.signal)->choice->wait);
}

static void told(struct signal_waiter *waiter)
{
    struct choice_entry *entry = container_of(waiter, struct choice_entry, u.signal);

    entry->choice->ready = (int)(entry - entry->choice->entries);
    waiter_signal(&entry->choice->wait.waiter);
}

int choice_listen(struct choice *choice)
{
    size_t i;
    int error = 0;

    /* A signal that comes meanwhile ends the choice: no harm if the others are listened to then. */
    for (i = 0; i < choice->len && choice->signals; i++) {
        const dure_case *c = &choice->cases[i];

        if (!is_for_signal(c))
            continue;
        choice->entries[i].u.signal = (struct signal_waiter){
            .set = c->object,
            .info = c->item,
            .claim = claim,
            .told = told,
        };
        if (error == 0)
            error = signals_register(loop_here(), &choice->entries[i].u.signal);
    }
    return error;
}

void choice_unlisten(struct choice *choice)
{
    size_t i;

    for (i = 0; i < choice->len && choice->signals; i++)
        if (is_for_signal(&choice->cases[i]))
            signals_withdraw(&choice->entries[i].u.signal);
}

int choice_signaled(struct choice *choice, int index)
{
    dure_case *c = &choice->cases[index];
    int result = choice->entries[index].u.signal.result;

    if (result <= 0)
        return result < 0 ? result : -ERESTART;
    c->result = result;
    c->error = 0;
    return 0;
}
