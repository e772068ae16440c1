/* What the parts of the io_uring backend share.

   uring.c         the ring itself: create, enter, wake
   uring_reap.c    taking in completions
   uring_submit.c  how an operation enters
   uring_ops.c     its life from then on: start, cancel, settle
   uring_prep.c    one submission entry an operation code
   uring_numbers.c what is known of each descriptor number; forgetting it */
#ifndef DURE_SRC_BACKEND_URING_H
#define DURE_SRC_BACKEND_URING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "base/assert.h"
#include "base/list.h"

/* A completion's user_data is the operation's address, or one of these with it. */
#define TAG_CANCEL UINT64_C(1) /* the answer to the cancel of the operation at user_data - 1 */
#define TAG_WAKE UINT64_C(2)   /* the poll on the wake descriptor; no operation */
#define TAG_EDGES UINT64_C(4)  /* one of many from the entry of the operation at user_data - 4 */

/* op->state. None set: the kernel has the operation and nobody asked for its end. */
enum {
    OP_UNSENT = 0x01,        /* no entry was to be had yet; in uring->unsent */
    OP_ENDED = 0x02,         /* has its result; in uring->ended until the next collect tells it */
    OP_CANCEL_UNSENT = 0x04, /* its cancel found no entry yet; in uring->cancels_unsent */
    OP_CANCEL_SENT = 0x08,   /* its cancel is with the kernel */
    OP_HELD = 0x10,          /* has its result; waits for the cancel's answer */
    OP_POLLS = 0x20,         /* the entry only waits for readiness; the call is made by hand */
    OP_REFUSES = 0x40,       /* cancelled because the descriptor turned out to have O_NONBLOCK */
    OP_EDGES = 0x80,         /* with OP_POLLS: the entry completes at each change until cancelled */
};

#define OP_BIT(code) (1u << (code))

/* These name a file by path, or drop the number: there is nothing to know or to forget. */
#define OPS_UNTRACKED (OP_BIT(OP_OPENAT) | OP_BIT(OP_STAT) | OP_BIT(OP_CLOSE))
/* O_NONBLOCK has a say in these. */
#define OPS_OF_BUFFER (OP_BIT(OP_READ) | OP_BIT(OP_WRITE))
#define OPS_OF_VECTOR (OP_BIT(OP_READV) | OP_BIT(OP_WRITEV))
#define OPS_MAY_WAIT                                                                               \
    (OP_BIT(OP_READ) | OP_BIT(OP_WRITE) | OP_BIT(OP_READV) | OP_BIT(OP_WRITEV) | OP_BIT(OP_RECV) | \
     OP_BIT(OP_SEND) | OP_BIT(OP_RECVMSG) | OP_BIT(OP_SENDMSG) | OP_BIT(OP_ACCEPT) |               \
     OP_BIT(OP_CONNECT))

static inline bool uring_is_one_of(const struct op *op, unsigned codes)
{
    return OP_BIT(op->code) & codes;
}

/* What is known of a descriptor number. All zero: nothing. */
struct number {
    struct op *first;   /* operations that the kernel has, a circle through op->link; those whose
                          cancel is unsent are in cancels_unsent instead */
    uint32_t in_flight; /* how many the kernel has in all */
    uint16_t flags;
    uint16_t version; /* descriptors_version when O_NONBLOCK was asked for */
};

#define NUMBER_KNOWN 0x1u      /* O_NONBLOCK was asked for, the loop is marked */
#define NUMBER_NONBLOCK 0x2u   /* has O_NONBLOCK; trusted only to be verified before -EAGAIN */
#define NUMBER_MARKED 0x4u     /* descriptors_mark was done */
#define NUMBER_FORGETTING 0x8u /* an OP_FORGET waits until in_flight is 0 */
#define NUMBER_UNCHECKED 0x10u /* operations were started since it was last asked for O_NONBLOCK */
#define NUMBER_SEEN 0x20u      /* numbers_check came by, and none was started since */
#define NUMBER_STREAMS 0x40u   /* is no file: has no position that transfers move */
#define NUMBER_SOCKET 0x80u    /* a stream socket: read and write are recv and send, for less */
#define NUMBER_KIND (NUMBER_STREAMS | NUMBER_SOCKET)

/* 256 numbers fill one page. */
#define NUMBERS_CHUNK 256

struct uring {
    struct backend base;
    struct io_uring ring;
    struct backend_config config;
    bool refused;      /* the kernel took nothing from a full queue: not tried again this turn */
    bool polled;       /* poll_fd was asked for: leave nothing unsubmitted behind a turn */
    bool collecting;   /* inside collect, at whose end all is submitted */
    bool nudged;       /* polled, and the ring's descriptor is readable for the sake of a submit */
    bool wake_unarmed; /* the poll on wake_fd ended and found no entry to start again */
    int wake_fd;
    /* Bounded, all of them, by the operations alive: each is in one at most. */
    struct list unsent;
    struct list cancels_unsent;
    struct list ended;
    struct number **chunks;
    size_t chunk_count;
    size_t check_hand;  /* the number that numbers_check was at */
    size_t unchecked;   /* how many numbers have NUMBER_UNCHECKED */
    int64_t checked_ns; /* when numbers_check ran */
};

/* uring.c */

/* Whether an entry is to be had, submitting what is prepared if the queue is full. */
bool uring_room(struct uring *u);

/* Takes an entry; NULL if there is no room. */
struct io_uring_sqe *uring_entry_after_submit(struct uring *u);
static inline struct io_uring_sqe *uring_entry(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    return likely(sqe) ? sqe : uring_entry_after_submit(u);
}

/* The poll on the wake descriptor has completed. */
void uring_woken(struct uring *u, const struct io_uring_cqe *cqe);

/* With poll_fd in use: makes it readable, for there is something to submit. */
void uring_nudge(struct uring *u);

/* uring_reap.c */

/* Takes in a batch of completions. Returns how many. */
unsigned uring_reap(struct uring *u);

/* uring_submit.c */

enum submitted uring_submit(struct backend *backend, struct op *op);

/* The plain system call, once, as far as it does not wait. */
int64_t uring_try_now(struct uring *u, struct op *op);

/* uring_ops.c */

/* Gives the operation to the kernel; number: of op->fd, NULL if it is untracked. */
void uring_start(struct uring *u, struct op *op, struct number *number);

/* Ends an operation that the kernel does not have; told in collect. */
void uring_end(struct uring *u, struct op *op, int64_t result);

void uring_cancel(struct backend *backend, struct op *op);

/* Asks the kernel for the end of an operation that it has, for which that was not asked yet. */
void uring_send_cancel(struct uring *u, struct op *op);

/* Takes in the completion of an operation, and the answer to a cancel. */
void uring_settle(struct uring *u, struct op *op, int64_t result);
/* Something has changed on the descriptor of an operation with OP_EDGES. */
void uring_edge(struct uring *u, struct op *op);
void uring_cancel_answered(struct uring *u, struct op *op, int result);

/* Tries again what found no entry. Returns whether some is still waiting. */
bool uring_retry(struct uring *u);

/* Tells the operations that ended without a completion. */
void uring_tell_ended(struct uring *u);

/* uring_prep.c */

/* Fills the entry for an operation that the kernel has an opcode for. */
void uring_prep_socket(struct io_uring_sqe *sqe, const struct op *op, size_t transfer_max);
void uring_prep(struct io_uring_sqe *sqe, const struct op *op, size_t transfer_max);
/* What an entry that waits for readiness asks for. */
unsigned uring_poll_events(const struct op *op);

/* uring_numbers.c */

/* The record of a number, or NULL: it never had one. */
static inline struct number *numbers_find(const struct uring *u, int fd)
{
    size_t chunk = (unsigned)fd / NUMBERS_CHUNK; /* a negative number is beyond all of them */

    if (unlikely(chunk >= u->chunk_count) || unlikely(!u->chunks[chunk]))
        return NULL;
    return &u->chunks[chunk][(unsigned)fd % NUMBERS_CHUNK];
}

/* The record, made if need be. Returns 0, -EBADF or -ENOMEM. */
int numbers_take(struct uring *u, int fd, struct number **out);

/* Puts an operation into the number's circle. */
static inline void number_link(struct number *number, struct op *op)
{
    if (likely(!number->first)) {
        list_init(&op->link);
        number->first = op;
    } else {
        list_push_back(&number->first->link, &op->link);
    }
}

/* Takes it out. */
static inline void number_unlink(struct number *number, struct op *op)
{
    struct list *next = op->link.next;

    if (likely(next == &op->link)) {
        ASSERT(number->first == op);
        number->first = NULL;
        return;
    }
    list_remove(&op->link);
    if (number->first == op)
        number->first = container_of(next, struct op, link);
}

/* Whether the descriptor has O_NONBLOCK by its user's will, asked now. */
bool number_is_nonblocking(int fd);

/* OP_FORGET: at once, or when the last operation on the number has ended. */
enum submitted number_forget(struct uring *u, struct op *op);
void number_end_forgets(struct uring *u, struct number *number);

/* Asks again, for a few numbers whose operations wait long, whether foreign code has set O_NONBLOCK
   behind our back. */
void numbers_check(struct uring *u);

void numbers_fini(struct uring *u);

#endif
