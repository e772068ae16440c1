/* Choosing: waiting for the first of several things to happen. */
#ifndef DURE_CHOOSE_H
#define DURE_CHOOSE_H

#include <dure/base.h>
#include <dure/channel.h>
#include <dure/future.h>
#include <dure/signal.h>
#include <dure/time.h>

DURE_BEGIN_DECLS

struct dure_case_kind;

/* One of the things that a choice waits for. It may be used again. */
typedef struct dure_case {
    int64_t result; /* if it took effect: what the call that it stands for would have returned */
    int error;      /* if that is -1: its errno */
    int fd;         /* from here on: for the library */
    const struct dure_case_kind *kind;
    void *object, *item;
    int64_t number;
} dure_case;

/* The most cases of a choice. */
#define DURE_CASES_MAX 256

/* Makes the case of sending an item. It takes effect when the item is sent
   (result 0), or the channel is closed (result -1, error EPIPE).
   channel: NULL makes a case that never takes effect. item: item_size bytes, read
     when it takes effect.
   Returns: the case. Blocks: never. Threads: any. */
DURE_API dure_case dure_case_send(dure_channel *channel, const void *item);

/* Makes the case of receiving an item. It takes effect when there is one (result
   1), or the channel is closed and empty (result 0).
   channel: NULL makes a case that never takes effect. item: gets item_size bytes
     when it takes effect, and is left alone otherwise.
   Returns: the case. Blocks: never. Threads: any. */
DURE_API dure_case dure_case_receive(dure_channel *channel, void *item);

/* Makes the case of a descriptor's readiness. It takes effect when one of the
   events is there; the result is the revents of poll(2), with POLLERR, POLLHUP or
   POLLNVAL where those are due, also after a dure_close meanwhile. Nothing is
   read or written.
   fd: negative makes a case that never takes effect. events: POLLIN | POLLOUT...
   Returns: the case. Blocks: never. Threads: any. */
DURE_API dure_case dure_case_ready(int fd, short events);

/* Makes the case of a future that is done, however it ended; the result is 1. Nothing
   is taken: dure_await tells, at once, what came of it.
   future: NULL makes a case that never takes effect.
   Returns: the case. Blocks: never. Threads: any. */
DURE_API dure_case dure_case_future(dure_future *future);

#ifdef SI_USER /* where the C library shows siginfo_t */
/* Makes the case of a signal that is pending. It takes effect when one of the set has
   been taken, and its number is the result; if another case does, it stays pending.
   set: as for dure_sigwaitinfo; NULL makes a case that never takes effect.
   info: if not NULL, gets what dure_sigwaitinfo gives, and is left alone otherwise.
   Returns: the case. Blocks: never. Threads: any.
   Ownership: set and info are to stay until the choice has returned. */
DURE_API dure_case dure_case_signal(const sigset_t *set, siginfo_t *info);
#endif

/* Makes the case of a time that comes; the result is 0.
   deadline: {0} makes a case that never takes effect.
   Returns: the case. Blocks: never. Threads: any. */
DURE_API dure_case dure_case_at(dure_deadline deadline);

/* Makes the case that takes effect when no other can at once, so that the choice
   does not wait; the result is 0.
   Returns: the case. Blocks: never. Threads: any. */
DURE_API dure_case dure_case_default(void);

/* Waits until one of several cases can take effect, and has that one do so, and
   no other. Of several that could, chance takes one, so that none waits for ever
   behind another; a descriptor or signal beside what is ready anyway is looked at
   by every eighth choice only, as that costs a system call.

       dure_case cases[] = {
           dure_case_receive(jobs, &job),
           dure_case_at(dure_after(5 * DURE_SECOND)),
       };

       switch (dure_choose(cases, 2)) {
       case 0: ... cases[0].result: 1 with a job, 0 when jobs is closed
       case 1: ... five seconds are over
       default: ... cancelled
       }

   cases_len: at most DURE_CASES_MAX; with 0 it waits until it is cancelled.
   Returns: the index of the case that took effect, whose result and error are
   set; or -1 with errno when none did
     ECANCELED   a scope around the caller has ended.
     EDEADLK     it would have to wait in a callback, which must not.
     EINVAL      too many cases; or the backend cannot wait for a descriptor's
                 number, or a signal cannot be waited for, as dure_why tells.
     EMFILE, ENFILE  the wait for a signal lacks a descriptor: a loop's first one, or that of a
                 plain thread.
     ENOMEM      no memory for more than some cases.
   Blocks: the task (the thread outside one). Cancellation: exact. Threads: any.
   Ownership: cases, items, channels and futures are to stay until it returns. */
DURE_API int dure_choose(dure_case *cases, size_t cases_len);

DURE_END_DECLS

#endif
