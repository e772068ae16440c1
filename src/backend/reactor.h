/* What all readiness mechanisms share: who waits on which descriptor, trying
   operations when the kernel says that they might go on, telling how they ended.

     submit ---- attempt ---> done at once
       |  -EAGAIN
       v
     entry.waiting ---- ready, attempt ---> finished ---- collect ---> op->done
                  \---- cancel, forget --->/

   A mechanism is lasting (one registration in the life of a description, edges: epoll) or not
   (interest while somebody waits, levels: poll, select). */
#ifndef DURE_SRC_BACKEND_REACTOR_H
#define DURE_SRC_BACKEND_REACTOR_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/attempt.h"
#include "backend/backend.h"
#include "base/assert.h"
#include "base/list.h"

enum { WAIT_READ, WAIT_WRITE, WAITS };

/* What is known of a descriptor number: one cache line, which never moves. */
struct entry {
    struct list waiting[WAITS]; /* operations, first come first served */
    struct list trusting;       /* in reactor.trusting, else next is NULL */
    union {
        uint32_t since_ms; /* lasting: when it began to trust */
        uint32_t slot;     /* poll: where it stands in the array, plus 1 */
    };
    uint32_t identity; /* not lasting: of the description that is waited for */
    int fd;
    uint16_t version; /* descriptors_version when O_NONBLOCK was asked for */
    uint8_t kind;     /* enum fd_kind; FD_UNKNOWN: nothing is known */
    uint8_t flags;    /* ENTRY_... */
};

_Static_assert(sizeof(struct entry) <= 64, "an entry fills a cache line");

#define ENTRY_REGISTERED 0x01u /* lasting: the mechanism knows the description */
#define ENTRY_DRAINED 0x02u    /* a read would wait, and there is an edge when that changes */
#define ENTRY_FULL 0x04u       /* the same for a write */
#define ENTRY_TRY_FIRST \
    0x08u /* a short read proves nothing: the peer has closed, urgent data or
                                  packets end reads early. Sticky: with data and FIN together there
                                  is no second edge for the FIN. */
#define ENTRY_FLAGS_KNOWN 0x10u
#define ENTRY_NONBLOCK 0x20u /* O_NONBLOCK by its user's will */
#define ENTRY_MARKED 0x40u   /* descriptors_mark was done */

/* 256 entries, 16 KiB, are made at a time; 16,384 such chunks hold the same 4 million numbers as
   descriptors.c. The array of chunks is address space until it is touched. */
#define ENTRIES_LEN 256
#define ENTRIES_CHUNKS_MAX 16384

struct reactor {
    struct backend base;
    const struct mechanism *mechanism;
    struct backend_config config;
    struct list finished; /* operations whose result is to be told */
    struct list orphans;  /* operations whose number was given away under them: only a cancel or a
                             forget ends them */
    struct list trusting; /* entries with a wait that trusts an old registration, oldest first */
    uint32_t now_ms;      /* coarse; fresh while `trusting` is not empty */
    int wake_fd;
    int forgotten_fd; /* the last OP_FORGET, for the close that follows */
    uint8_t forgotten_kind;
    bool embedded; /* poll_fd was asked for: it must show what is finished */
    bool collecting;
    struct entry **chunks;
};

/* op->state */
enum { STATE_IDLE, STATE_WAITING, STATE_FINISHED };

/* These are asked several times an operation, so they are a bit each. */
#define OP_BIT(code) (1u << (code))
#define OPS_OF_FLAGS (OP_BIT(OP_RECV) | OP_BIT(OP_SEND))
#define OPS_OF_BUFFER (OP_BIT(OP_READ) | OP_BIT(OP_WRITE) | OPS_OF_FLAGS)
#define OPS_OF_MESSAGE (OP_BIT(OP_RECVMSG) | OP_BIT(OP_SENDMSG))
#define OPS_OF_TRANSFER (OPS_OF_BUFFER | OPS_OF_MESSAGE | OP_BIT(OP_READV) | OP_BIT(OP_WRITEV))
#define OPS_OF_READERS \
    (OP_BIT(OP_READ) | OP_BIT(OP_READV) | OP_BIT(OP_RECV) | OP_BIT(OP_RECVMSG) | OP_BIT(OP_ACCEPT))

static inline bool op_is_one_of(const struct op *op, unsigned ops)
{
    return ops >> op->code & 1;
}

/* Which list it waits in. A poll for both stands with the readers and hears of writers' events. */
static inline int op_side(const struct op *op)
{
    if (unlikely(op->code == OP_POLL))
        return op->u.poll.events == POLLOUT ? WAIT_WRITE : WAIT_READ;
    return op_is_one_of(op, OPS_OF_READERS) ? WAIT_READ : WAIT_WRITE;
}

struct mechanism {
    bool lasting;

    /* lasting: registers for everything if events is not 0, else deregisters. Not lasting: sets
       what to watch for, 0: nothing. Returns 0; -EPERM: cannot be waited for; or another -errno. */
    int (*interest)(struct reactor *r, struct entry *entry, unsigned events);

    /* lasting only: is the registration the one of the description that now has the number? Also
       makes the kernel report again what is ready. Returns 0, -ENOENT (another), -EBADF (none). */
    int (*check)(struct reactor *r, struct entry *entry);

    /* Calls reactor_ready for a bounded number of entries. wait_ns as in collect. Returns how many
       events there were, wake-ups included. */
    int (*wait)(struct reactor *r, int64_t wait_ns);
};

/* reactor.c: the life of a reactor, what its mechanism reports, the telling of results */

/* init creates wake_fd; the mechanism watches it. Return 0 or -errno. */
int reactor_init(struct reactor *r, const struct backend_ops *ops,
                 const struct mechanism *mechanism, const struct backend_config *config);
void reactor_fini(struct reactor *r);

/* Events (POLLIN...) on a descriptor: tries what waits for them. */
void reactor_ready(struct reactor *r, struct entry *entry, unsigned events);

void reactor_collect(struct backend *backend, int64_t wait_ns);
void reactor_wake(struct backend *backend);
void reactor_born(struct backend *backend, int fd);
int64_t reactor_now(struct backend *backend);
int reactor_no_poll_fd(struct backend *backend);

/* Queues the telling of a result. */
void reactor_finish(struct reactor *r, struct op *op, int64_t result);

/* Reads wake_fd empty. */
void reactor_drain_wake(struct reactor *r);

/* reactor_submit.c: an operation's life: start, cancel, forget */

enum submitted reactor_submit(struct backend *backend, struct op *op);
void reactor_cancel(struct backend *backend, struct op *op);

/* One attempt, which also learns whether the next one would wait. */
int64_t reactor_attempt(struct reactor *r, struct entry *entry, struct op *op);

_Static_assert(ENOTSUP == EOPNOTSUPP, "as on every Linux");

/* Results that a number gives which has become another kind of thing (the commonest, ENOTSUP, is
   also attempt's own word for what needs a thread). */
static inline bool reactor_is_suspicious(int64_t result)
{
    return unlikely(result < 0) &&
           (result == -ENOTSUP || result == -ENOTSOCK || result == -EPERM || result == -ESPIPE);
}

/* A waiter has left the lists. */
void reactor_waiter_left(struct reactor *r, struct entry *entry);

/* reactor_entry.c: entries, and how far they can be trusted */

/* Brings now_ms up to date. */
void reactor_tick(struct reactor *r);

/* The entry of a number; NULL if there is none yet. */
static inline struct entry *entry_find(struct reactor *r, int fd)
{
    unsigned at = (unsigned)fd / ENTRIES_LEN;

    if (at >= ENTRIES_CHUNKS_MAX || !r->chunks[at])
        return NULL;
    return &r->chunks[at][(unsigned)fd % ENTRIES_LEN];
}

/* Makes it; NULL: no memory, or a number beyond the table. */
struct entry *entry_make(struct reactor *r, int fd);

static inline bool entry_has_waiters(const struct entry *entry)
{
    return !list_empty(&entry->waiting[WAIT_READ]) || !list_empty(&entry->waiting[WAIT_WRITE]);
}

/* What its waiters wait for. */
unsigned entry_events(const struct entry *entry);
/* Is it O_NONBLOCK by its user's will? Asks at most once for each registration and change. */
bool entry_nonblocking(struct entry *entry);
/* Does the number stand for another description than its waiters wait for? Asks the kernel. */
bool entry_changed(struct reactor *r, struct entry *entry);
/* Notes the present description as the one that is waited for. */
void entry_identify(struct entry *entry);
/* The number stands for another description: its waiters become orphans, all is unknown. */
void entry_void(struct reactor *r, struct entry *entry);
/* Ends all its waiters. */
void entry_end_waiters(struct reactor *r, struct entry *entry, int64_t result);
/* A wait begins that trusts an old registration. */
static inline void entry_trust(struct reactor *r, struct entry *entry)
{
    if (entry->trusting.next)
        return;
    if (list_empty(&r->trusting))
        reactor_tick(r);
    entry->since_ms = r->now_ms;
    list_push_back(&r->trusting, &entry->trusting);
}

static inline void entry_untrust(struct entry *entry)
{
    if (!entry->trusting.next)
        return;
    list_remove(&entry->trusting);
    entry->trusting.next = NULL;
}

/* Looks at trusted registrations whose waits have grown long, and shortens *wait_ns so that a sleep
   ends in time for the next look. Returns true if it took in events, so that there is nothing to
   wait for. Call it only while `trusting` is not empty. */
bool reactor_verify(struct reactor *r, int64_t *wait_ns);

#endif
