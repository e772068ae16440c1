/* Who waits for signals on one loop, and how a signal finds them. All of it on the loop's own
   thread, so that a hand-over and a withdrawal never meet. */
#ifndef DURE_SRC_LOOP_SIGNALS_H
#define DURE_SRC_LOOP_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "base/list.h"
#include "base/op.h"

struct loop;

/* In the memory of who waits, from signals_register until it has been told, claim has refused, or
   signals_withdraw. */
struct signal_waiter {
    struct list link;
    const sigset_t *set;
    /* A signal of the set is pending: may this waiter have it? Whoever waits for several things
       and has got another answers false, and is off the list. Neither of the two registers,
       withdraws or lets others run. */
    bool (*claim)(struct signal_waiter *waiter);
    /* After true: how that went. */
    void (*told)(struct signal_waiter *waiter);
    int result;      /* the number that was taken, with its info; 0: another thread was faster, and
                        whoever still wants one registers again; -errno */
    siginfo_t *info; /* gets what sigwaitinfo gives with a signal that was taken; or NULL */
    bool waits;      /* it is on the list */
};

/* A loop's part. */
struct signals {
    struct list waiters; /* as they came; as many as there are tasks, but few in any program */
    sigset_t watched;    /* by fd: what they wait for, and what waiters who have gone did */
    struct op poll;
    bool polls; /* the backend has it */
    int fd;     /* a signalfd, polled and never read: takes would be lossy and too early; or -1 */
};

void signals_init(struct signals *signals);
/* Nobody waits any more. */
void signals_fini(struct loop *loop);

/* signals_check.c: whether a task, or a thread, may wait for the set. Returns 0, or -EINVAL with
   words for dure_why. */
int signals_check_for_task(const sigset_t *set);
int signals_check_for_thread(const sigset_t *set);

/* Takes a pending signal of the set, as far as the calling thread can. info: may be NULL. Returns
   its number, -EAGAIN if there is none, or -errno. */
int signals_take(const sigset_t *set, siginfo_t *info);

/* Waits for a signal of waiter->set; claim and told may be called inside. Returns 0 or -errno, -EINVAL
   with words for dure_why: then neither will be. */
int signals_register(struct loop *loop, struct signal_waiter *waiter);
/* Does not wait any more; harmless if it no longer did. */
void signals_withdraw(struct signal_waiter *waiter);

#endif
