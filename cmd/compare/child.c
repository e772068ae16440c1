/* A measurement in a process of its own. */
#include "cmd/compare/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/compare/compare.h"

/* A signal that comes just before the sleep does not end it: how late it is seen then. */
#define LOOK_MS 50

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The child's life. Nothing of the parent's is flushed or destroyed at its end. */
static void live(int (*work)(const void *arg, void *result), const void *arg, void *shared,
                 pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    setpgid(0, 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    _exit(work(arg, shared) == 0 ? 0 : 1);
}

/* Waits for the child's end, which stays to be reaped. Returns: 0 or -1 with errno. */
static int await(pid_t pid, int64_t end_ns)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = { .fd = fd, .events = POLLIN };
    bool ended = false;
    int error = 0;

    if (fd < 0)
        return -1;
    while (!ended && error == 0) {
        ended = poll(&end, 1, LOOK_MS) > 0;
        if (!ended && compare_interrupted())
            error = ECANCELED;
        else if (!ended && now_ns() > end_ns)
            error = ETIMEDOUT;
    }
    close(fd);
    errno = error;
    return ended ? 0 : -1;
}

/* Ends what is left of the child's group. Its children are ours when it has died: see below. */
static int bury(pid_t pid)
{
    int status = -1;

    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    kill(-pid, SIGKILL);
    while (waitpid(-pid, NULL, 0) > 0 || errno == EINTR)
        ;
    return status;
}

static int run(int (*work)(const void *arg, void *result), const void *arg, void *shared,
               int64_t limit_ns)
{
    pid_t parent = getpid(), pid = fork();
    int result, error, status;

    if (pid < 0)
        return -1;
    if (pid == 0)
        live(work, arg, shared, parent);
    setpgid(pid, pid);
    result = await(pid, now_ns() + limit_ns);
    error = errno;
    status = bury(pid);
    if (result == 0 && status != 0)
        error = ECHILD;
    errno = error;
    return result == 0 && status == 0 ? 0 : -1;
}

int child_run(int (*work)(const void *arg, void *result), const void *arg, void *result, size_t len,
              int64_t limit_ns)
{
    void *shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int was_reaper = 0, outcome, error;

    if (shared == MAP_FAILED)
        return -1;
    /* Orphans of the child come to this process, which waits for their end. */
    prctl(PR_GET_CHILD_SUBREAPER, &was_reaper);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    outcome = run(work, arg, shared, limit_ns);
    error = errno;
    prctl(PR_SET_CHILD_SUBREAPER, was_reaper);
    if (outcome == 0)
        memcpy(result, shared, len);
    munmap(shared, len);
    errno = error;
    return outcome;
}
