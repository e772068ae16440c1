/* The signals of a choice: one is taken, on the thread that chooses, once the choice is claimed for
   it. */
#include "sync/choose.h"

#include "loop/loop.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

int choice_check_signals(const struct choice *choice)
{
    size_t i;
    int error = 0;

    for (i = 0; i < choice->len && choice->signals && error == 0; i++) {
        const dure_case *c = &choice->cases[i];

        if (case_is_for_signal(c))
            error = sched_here ? signals_check_for_task(c->object)
                               : signals_check_for_thread(c->object);
    }
    return error;
}

bool choice_take_signal(struct choice_entry *entry, const dure_case *c)
{
    entry->u.signal.result = signals_take(c->object, c->item);
    return entry->u.signal.result != -EAGAIN;
}

/* --- on a loop --- */

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

static int listen_on_loop(struct choice *choice)
{
    size_t i;
    int error = 0;

    /* A signal that comes meanwhile ends the choice: no harm if the others are listened to then. */
    for (i = 0; i < choice->len; i++) {
        const dure_case *c = &choice->cases[i];

        if (!case_is_for_signal(c))
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

static void withdraw(struct choice *choice)
{
    size_t i;

    for (i = 0; i < choice->len; i++)
        if (case_is_for_signal(&choice->cases[i]))
            signals_withdraw(&choice->entries[i].u.signal);
}

/* --- on a thread without a loop --- */

/* One descriptor for all of them, to be polled with the others and never read. */
static int listen_as_thread(struct choice *choice)
{
    sigset_t all;
    size_t i;

    sigemptyset(&all);
    for (i = 0; i < choice->len; i++)
        if (case_is_for_signal(&choice->cases[i]))
            sigorset(&all, &all, choice->cases[i].object);
    choice->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return choice->signal_fd < 0 ? -errno : 0;
}

int choice_miss_signal(struct choice *choice)
{
    int i = 0;

    while (!case_is_for_signal(&choice->cases[i]))
        i++;
    choice->entries[i].u.signal.result = 0;
    return i;
}

/* --- both --- */

int choice_listen(struct choice *choice)
{
    if (choice->signals == 0)
        return 0;
    return sched_here ? listen_on_loop(choice) : listen_as_thread(choice);
}

void choice_unlisten(struct choice *choice)
{
    if (choice->signals == 0)
        return;
    if (sched_here)
        withdraw(choice);
    else if (choice->signal_fd >= 0)
        close(choice->signal_fd);
    choice->signal_fd = -1;
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
