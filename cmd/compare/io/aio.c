/* POSIX AIO: a read is started for each descriptor, and its end told by a signal or in a thread.
   The C library does it with threads of its own, one for each descriptor with a read under way. */
#include <aio.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cmd/compare/io.h"
#include "cmd/compare/room.h"

enum { BY_SIGNAL, BY_THREAD };

/* What the C library calls for one event: pread, which an eventfd refuses, and read; the signal,
   with two questions for who sends it; or a thread's life: clone, rseq, set_robust_list, madvise,
   exit, and rt_sigprocmask five times. As seen with strace (glibc 2.36). Its futexes, some four an
   event, and the threads that it makes anew now and then, are not counted. */
#define CALLS_TO_READ 2
#define CALLS_TO_SIGNAL 3
#define CALLS_OF_THREAD 10

struct request {
    struct aiocb control;
    uint64_t value;
    struct io_waiter *waiter;
    unsigned index;
};

static int start(struct request *request)
{
    return aio_read(&request->control);
}

static void finish(struct request *request)
{
    struct io_waiter *waiter = request->waiter;

    io_called(waiter, CALLS_TO_READ);
    io_took(waiter, request->index,
            aio_return(&request->control) == (ssize_t)sizeof request->value ? request->value : 0);
    (void)start(request);
}

static void finish_in_thread(union sigval value)
{
    struct request *request = value.sival_ptr;

    io_called(request->waiter, CALLS_OF_THREAD);
    finish(request);
}

static void prepare(struct request *request, struct io_waiter *waiter, unsigned index)
{
    struct sigevent *told = &request->control.aio_sigevent;

    request->waiter = waiter;
    request->index = index;
    request->control.aio_fildes = waiter->fds[index];
    request->control.aio_buf = &request->value;
    request->control.aio_nbytes = sizeof request->value;
    told->sigev_value.sival_ptr = request;
    if (waiter->mechanism->options == BY_THREAD) {
        told->sigev_notify = SIGEV_THREAD;
        told->sigev_notify_function = finish_in_thread;
    } else {
        told->sigev_notify = SIGEV_SIGNAL;
        told->sigev_signo = SIGRTMIN;
    }
}

/* A signal that finds the queue full would be lost without a word. */
static bool signals_fit(struct io_waiter *waiter)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_SIGPENDING, &limit) < 0 || limit.rlim_cur > waiter->len)
        return true;
    io_refuse(waiter, "signals are lost above %lu (RLIMIT_SIGPENDING)",
              (unsigned long)limit.rlim_cur);
    return false;
}

static int open_requests(struct io_waiter *waiter)
{
    /* By default 20 threads, of which the first 20 descriptors never let go. */
    struct aioinit settings = { .aio_threads = (int)waiter->len, .aio_num = (int)waiter->len };
    struct request *requests;
    unsigned i;

    if (!room_for_threads(waiter->len, ROOM_THREAD_BYTES, waiter->why, sizeof waiter->why) ||
        (waiter->mechanism->options == BY_SIGNAL && !signals_fit(waiter)))
        return -1;
    aio_init(&settings);
    requests = calloc(waiter->len, sizeof *requests);
    if (requests == NULL)
        return io_refuse(waiter, "no memory");
    for (i = 0; i < waiter->len; i++) {
        prepare(&requests[i], waiter, i);
        if (start(&requests[i]) < 0)
            return io_refuse(waiter, "%u reads were started, then: %s", i, strerror(errno));
    }
    waiter->state = requests;
    return 0;
}

static void take_signal(struct io_waiter *waiter)
{
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    if (sigwaitinfo(&set, &info) < 0)
        return;
    io_called(waiter, 1 + CALLS_TO_SIGNAL);
    finish(info.si_value.sival_ptr);
}

const struct io_mechanism io_aio_signal = {
    .name = "POSIX AIO (signal)",
    .options = BY_SIGNAL,
    .note = "a thread of the C library's for each descriptor; its futex calls are not counted",
    .open = open_requests,
    .take = take_signal,
};

const struct io_mechanism io_aio_thread = {
    .name = "POSIX AIO (thread)",
    .options = BY_THREAD,
    .note = "a thread of the C library's for each descriptor, and one more for each event; their "
            "futex calls are not counted",
    .open = open_requests,
    .take = io_rest,
};
