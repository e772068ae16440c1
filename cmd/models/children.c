/* Forked processes. */
#include "cmd/models/children.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/models/stop.h"

/* Beyond the grace: what it takes to write the log and exit. */
#define EXIT_NS DURE_SECOND

int children_init(struct children *children, unsigned len_max)
{
    *children = (struct children){ .pids = calloc(len_max, sizeof(pid_t)), .len_max = len_max };
    if (children->pids != NULL)
        return 0;
    fprintf(stderr, "dure: no memory for %u processes\n", len_max);
    return -1;
}

static void tell_no_process(struct children *children)
{
    if (!children->told)
        fprintf(stderr, "dure: no process can be made beside %u others: %s; connections wait\n",
                children->len, strerror(errno));
    children->told = true;
}

int children_fork(struct children *children, const struct model_service *service,
                  void (*serve)(const struct model_service *service, int fd), int fd)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0) {
        tell_no_process(children);
        return -1;
    }
    if (pid > 0) {
        children->pids[children->len++] = pid;
        return 0;
    }
    stop_watch_in_child(parent);
    serve(service, fd);
    if (service->end != NULL)
        service->end(service);
    _exit(0);
}

static bool has_crashed(pid_t pid, int status)
{
    if (WIFSIGNALED(status))
        fprintf(stderr, "dure: process %d died of signal %d (%s)\n", (int)pid, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        fprintf(stderr, "dure: process %d ended with status %d\n", (int)pid, WEXITSTATUS(status));
    else
        return false;
    return true;
}

/* The order does not matter. Linear, as a process's end costs far more. */
static void forget(struct children *children, pid_t pid)
{
    unsigned i;

    for (i = 0; i < children->len; i++)
        if (children->pids[i] == pid)
            children->pids[i--] = children->pids[--children->len];
}

unsigned children_reap(struct children *children)
{
    unsigned crashed = 0;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        forget(children, pid);
        crashed += has_crashed(pid, status);
    }
    return crashed;
}

static void send_all(const struct children *children, int number)
{
    unsigned i;

    for (i = 0; i < children->len; i++)
        kill(children->pids[i], number);
}

void children_end(struct children *children, int64_t grace_ns)
{
    int64_t until_ns = dure_now() + grace_ns + EXIT_NS, left_ns;

    send_all(children, SIGTERM);
    for (children_reap(children); children->len > 0; children_reap(children)) {
        left_ns = until_ns - dure_now();
        if (left_ns <= 0)
            break;
        stop_poll(NULL, 0, left_ns);
    }
    send_all(children, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    free(children->pids);
}
