/* Signal-driven: the kernel queues a real-time signal for each datagram (O_ASYNC, F_SETSIG), and
   sigwaitinfo takes one with its descriptor. When the queue is full a plain SIGIO says that signals
   were lost, and all descriptors have to be looked at. Eventfds send no signals. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/compare/io.h"

struct signals {
    sigset_t set;
    unsigned fds_end;
    unsigned index_of[]; /* by descriptor */
};

static int arm(struct io_waiter *waiter, int fd)
{
    struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = gettid() };

    if (fcntl(fd, F_SETOWN_EX, &owner) < 0 || fcntl(fd, F_SETSIG, SIGRTMIN) < 0 ||
        fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
        return io_refuse(waiter, "not to be had here: %s", strerror(errno));
    return 0;
}

static unsigned highest(const struct io_waiter *waiter)
{
    unsigned i, max = 0;

    for (i = 0; i < waiter->len; i++)
        if ((unsigned)waiter->fds[i] > max)
            max = (unsigned)waiter->fds[i];
    return max;
}

static int open_signals(struct io_waiter *waiter)
{
    unsigned fds_end = highest(waiter) + 1, i;
    struct signals *signals = calloc(1, sizeof *signals + fds_end * sizeof signals->index_of[0]);

    if (signals == NULL)
        return io_refuse(waiter, "no memory");
    signals->fds_end = fds_end;
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGRTMIN);
    sigaddset(&signals->set, SIGIO);
    waiter->state = signals;
    for (i = 0; i < waiter->len; i++) {
        signals->index_of[waiter->fds[i]] = i;
        if (arm(waiter, waiter->fds[i]) < 0)
            return -1;
    }
    return 0;
}

/* Signals were lost, so each descriptor may have any number of datagrams. What is still queued
   tells of datagrams that are then gone. */
static void read_all(struct io_waiter *waiter)
{
    unsigned i;

    for (i = 0; i < waiter->len; i++)
        while (io_read(waiter, i))
            ;
}

static void take(struct io_waiter *waiter)
{
    const struct signals *signals = waiter->state;
    siginfo_t info;
    int signal = sigwaitinfo(&signals->set, &info);

    io_called(waiter, 1);
    if (signal == SIGIO)
        read_all(waiter);
    else if (signal == SIGRTMIN && (unsigned)info.si_fd < signals->fds_end)
        (void)io_read(waiter, signals->index_of[info.si_fd]);
}

const struct io_mechanism io_signals = {
    .name = "signals (O_ASYNC)",
    .kind = IO_DATAGRAMS,
    .nonblocking = true,
    .note = "Unix datagram sockets: eventfds send no signals",
    .open = open_signals,
    .take = take,
};
