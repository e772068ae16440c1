/* The signals that a run takes itself, on a thread of their own: it answers even when a task hogs its
   loop. */
#include "loop/runtime.h"

#include "base/faults.h"

#include <dure/inspect.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct watch {
    struct runtime *runtime;
    pthread_t thread;
    int signal_fd, stop_fd;
};

static void signals_of(uint32_t flags, sigset_t *set)
{
    sigemptyset(set);
    if (!(flags & DURE_NO_STOP_SIGNALS)) {
        sigaddset(set, SIGINT);
        sigaddset(set, SIGTERM);
    }
    if (flags & DURE_DUMP_ON_SIGUSR1)
        sigaddset(set, SIGUSR1);
}

const char *watch_refuses(uint32_t flags, int number)
{
    sigset_t own;

    signals_of(flags, &own);
    if (sigismember(&own, number))
        return number == SIGUSR1 ? "it asks for a dump (DURE_DUMP_ON_SIGUSR1)"
                                 : "it stops the run (see DURE_NO_STOP_SIGNALS)";
    if (is_fault_signal(number))
        return "a fault raises it";
    return pool_interrupts_by(number) ? "the runtime interrupts its own threads by it" : NULL;
}

void watch_block_signals(const struct settings *settings, sigset_t *before, sigset_t *blocked)
{
    sigset_t set;

    signals_of(settings->flags, &set);
    sigorset(&set, &set, &settings->wait_signals);
    /* A write to a closed pipe answers EPIPE alone; no task sees the signal. */
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, before);
    sigorset(blocked, before, &set);
}

void watch_restore_signals(const sigset_t *before)
{
    static const struct timespec at_once;
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!sigismember(before, SIGPIPE))
        while (sigtimedwait(&pipe, NULL, &at_once) == SIGPIPE)
            ; /* what the tasks were spared must not reach the thread now */
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* A second stop signal means it: it does what it would have done without a run. */
static void end_process(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

static void take_signal(struct watch *watch)
{
    struct signalfd_siginfo info;

    if (read(watch->signal_fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGUSR1)
        dure_dump(STDERR_FILENO);
    else if (atomic_exchange(&watch->runtime->stopping, true))
        end_process((int)info.ssi_signo);
    else
        runtime_stop(watch->runtime);
}

/* The system does not let it wait (a seccomp filter, say), so stop signals do what they would without
   a run. Until the run ends: a thread that is gone could not be delivered any. */
static void give_up(struct watch *watch)
{
    sigset_t set;
    uint64_t count;

    signals_of(watch->runtime->flags & ~DURE_DUMP_ON_SIGUSR1, &set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    while (read(watch->stop_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static void *watch_main(void *arg)
{
    struct watch *watch = arg;
    struct pollfd fds[2] = {
        { .fd = watch->signal_fd, .events = POLLIN },
        { .fd = watch->stop_fd, .events = POLLIN },
    };

    for (;;) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            give_up(watch);
            return NULL;
        }
        if (fds[1].revents)
            return NULL;
        if (fds[0].revents)
            take_signal(watch);
    }
}

struct watch *watch_start(struct runtime *runtime, int *error)
{
    struct watch *watch;
    sigset_t set;

    *error = 0;
    signals_of(runtime->flags, &set);
    if (sigisemptyset(&set))
        return NULL;
    watch = calloc(1, sizeof *watch);
    *error = -ENOMEM;
    if (!watch)
        return NULL;
    watch->runtime = runtime;
    watch->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    *error = -errno;
    if (watch->signal_fd < 0)
        goto err_free;
    watch->stop_fd = eventfd(0, EFD_CLOEXEC);
    *error = -errno;
    if (watch->stop_fd < 0)
        goto err_close_signal;
    *error = -pthread_create(&watch->thread, NULL, watch_main, watch);
    if (*error < 0)
        goto err_close_stop;
    pthread_setname_np(watch->thread, "dure-watch");
    return watch;

err_close_stop:
    close(watch->stop_fd);
err_close_signal:
    close(watch->signal_fd);
err_free:
    free(watch);
    return NULL;
}

void watch_stop(struct watch *watch)
{
    uint64_t one = 1;

    if (!watch)
        return;
    if (write(watch->stop_fd, &one, sizeof one) < 0)
        die("cannot stop the signals' thread");
    pthread_join(watch->thread, NULL);
    close(watch->stop_fd);
    close(watch->signal_fd);
    free(watch);
}
