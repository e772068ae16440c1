/* Being stopped. */
#include "cmd/models/stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A shortage is looked at again after this; the connections wait in the listener's queue. */
#define SHORTAGE_NS (10 * DURE_MILLISECOND)

/* What the handler reads. It runs on the first thread, between any two of its instructions; another
   thread reads `asked` as a hint. */
static atomic_bool asked;
static atomic_int listening = -1;
static dure_scope *_Atomic ends; /* the scope that a stop ends, or NULL */

static sigset_t mask_before;

static void ask_to_stop(int number)
{
    dure_scope *scope = ends;
    int error = errno;

    (void)number;
    asked = true;
    if (listening >= 0)
        shutdown(listening, SHUT_RD);
    if (scope != NULL)
        dure_scope_set_deadline(scope, dure_after(0));
    errno = error;
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

    sigaction(number, &action, NULL);
}

void stop_watch(int listen_fd)
{
    listening = listen_fd;
    /* The second one does what it does without a handler. */
    handle(SIGINT, ask_to_stop, (int)SA_RESETHAND);
    handle(SIGTERM, ask_to_stop, (int)SA_RESETHAND);
    handle(SIGPIPE, SIG_IGN, 0);
}

void stop_watch_in_child(pid_t parent)
{
    listening = -1;
    handle(SIGINT, SIG_IGN, 0);
    handle(SIGTERM, ask_to_stop, 0);
    handle(SIGCHLD, SIG_DFL, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it had gone before */
    stop_release_signals();
}

bool stop_asked(void)
{
    return asked;
}

static void notice_child(int number)
{
    (void)number; /* that it came ends the poll */
}

void stop_hold_signals(void)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGCHLD);
    handle(SIGCHLD, notice_child, SA_NOCLDSTOP);
    pthread_sigmask(SIG_BLOCK, &held, &mask_before);
}

void stop_release_signals(void)
{
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

int stop_poll(struct pollfd *fds, nfds_t len, int64_t timeout_ns)
{
    struct timespec timeout = { .tv_sec = timeout_ns / DURE_SECOND,
                                .tv_nsec = timeout_ns % DURE_SECOND };

    return dure_ppoll(fds, len, timeout_ns < 0 ? NULL : &timeout, &mask_before);
}

int stop_scope_open(dure_scope *scope)
{
    if (dure_scope_open(scope) < 0)
        return -1;
    ends = scope;
    if (asked) /* before the handler could see the scope, maybe */
        dure_scope_set_deadline(scope, dure_after(0));
    return 0;
}

void stop_scope_close(dure_scope *scope)
{
    ends = NULL;
    dure_scope_close(scope);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

/* Returns: as stop_accept, or -1 with errno a shortage. */
static int accept_or_lack(int listen_fd)
{
    int fd;

    for (;;) {
        fd = dure_accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 || is_shortage(errno))
            return fd;
        if (errno == EINVAL || errno == EBADF || (errno == EINTR && asked))
            return -1; /* it is shut down, or was its parent's */
    }
}

/* Of the threads that find a shortage one tries again and the others wait for it: without a descriptor
   an accept fails at once, whether somebody is there or not, and a thousand would only spin. */
static pthread_mutex_t lacking = PTHREAD_MUTEX_INITIALIZER;

int stop_accept(int listen_fd)
{
    int fd = accept_or_lack(listen_fd);

    if (fd >= 0 || !is_shortage(errno))
        return fd;
    pthread_mutex_lock(&lacking);
    while ((fd = accept_or_lack(listen_fd)) < 0 && is_shortage(errno))
        dure_sleep_for(SHORTAGE_NS);
    pthread_mutex_unlock(&lacking);
    return fd;
}

void stop_serve_in(const struct model_service *service, int fd)
{
    dure_connection connection = { .fd = fd, .arg = service->arg };

    DURE_SHIELD(service->grace_ns)
    service->fn(&connection);
}

void stop_serve(const struct model_service *service, int fd)
{
    dure_scope scope;

    if (service->grace_ns < 0) {
        service->fn(&(dure_connection){ .fd = fd, .arg = service->arg });
        return;
    }
    if (stop_scope_open(&scope) < 0) {
        dure_close(fd);
        return;
    }
    stop_serve_in(service, fd);
    stop_scope_close(&scope);
}
