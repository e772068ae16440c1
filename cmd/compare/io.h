/* The ways of waiting for descriptors, side by side: what a mechanism is, and what it finds.

   One thread makes events: it writes to few of many descriptors, at set times. The mechanism
   waits on another processor, and reads. Each event is stamped when it is written and counted
   when it has been read: none may be lost, none read twice. A measurement is a process of its own,
   so a mechanism needs no way to end: its threads and descriptors go with the process. */
#ifndef CMD_COMPARE_IO_H
#define CMD_COMPARE_IO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Of so many descriptors at most something is read. */
#define IO_BUSY 10
/* So many events of one descriptor at most wait to be read. */
#define IO_STAMPS 256

/* Where the events come from. */
enum io_kind {
    IO_EVENTFD,   /* a counter: one read takes all that has gathered */
    IO_DATAGRAMS, /* a Unix socket: a read takes one, or EWOULDBLOCK says that there is none */
};

/* One of the busy descriptors: when its last events were written, and what was read of it. */
struct io_source {
    int write_fd;
    atomic_uint written, taken;
    _Atomic int64_t stamps[IO_STAMPS];
};

struct io_mechanism;

/* The side that waits. */
struct io_waiter {
    const struct io_mechanism *mechanism;
    const int *fds;
    unsigned len;
    int kernel_processor; /* for a thread of the kernel; -1: there is none to spare */
    void *state;          /* the mechanism's own */
    char why[160];        /* words of a mechanism that cannot be opened */

    /* What is counted; the mechanism calls the functions below. */
    struct io_source *sources;
    unsigned busy, step; /* each step-th descriptor is busy, from the first */
    atomic_ullong calls, wasted, taken, strange;
    atomic_uint stored;
    int64_t *latencies_ns; /* of all events, in the order in which they were read */
};

/* A mechanism: one file each in io/. */
struct io_mechanism {
    const char *name; /* the series in the reports */
    enum io_kind kind;
    bool nonblocking;  /* its descriptors have O_NONBLOCK */
    bool restless;     /* it uses a processor also when there is nothing to do */
    int64_t option_ns; /* polled: the pause */
    unsigned options;  /* a choice between the forms in one file */
    const char *note;  /* what one has to know of its figures, or NULL */
    /* Prepares to wait, in the thread that will, with SIGRTMIN and SIGIO blocked. Returns: 0; -1 if that cannot be had here: why is
       in `why` (io_refuse). */
    int (*open)(struct io_waiter *waiter);
    /* Waits until something can be read, and reads. Called again and again. */
    void (*take)(struct io_waiter *waiter);
};

/* In the order of the reports, up to one without a name. */
extern const struct io_mechanism *const io_mechanisms[];

extern const struct io_mechanism io_blocking, io_polled, io_polled_100us, io_polled_1ms,
    io_polled_10ms, io_select, io_poll, io_epoll_level, io_epoll_edge, io_signals, io_aio_signal,
    io_aio_thread, io_uring_one, io_uring_batch, io_uring_buffers, io_uring_sqpoll;

/* Counts system calls. Threads: any. */
void io_called(struct io_waiter *waiter, unsigned count);

/* Counts a call that brought nothing: EWOULDBLOCK. Threads: any. */
void io_wasted(struct io_waiter *waiter);

/* Counts events that were read: count of them from the descriptor of that index. An error is
   written as 0. Threads: any. */
void io_took(struct io_waiter *waiter, unsigned index, uint64_t count);

/* Reads the descriptor of that index once, and counts call and events.
   Returns: whether there was something. */
bool io_read(struct io_waiter *waiter, unsigned index);

/* Sleeps: for mechanisms whose other threads wait. */
void io_rest(struct io_waiter *waiter);

/* Says why a mechanism cannot be opened. The text follows printf. Returns: -1. */
int io_refuse(struct io_waiter *waiter, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
