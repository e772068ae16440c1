/* Waiting for children: the twins of waitpid and waitid.

   A wait for one child's end polls a pidfd on the loop. The kernel tells of nothing else by a
   descriptor, and SIGCHLD is the program's: waits for any child, for a group, for stops, and those
   for which no pidfd could be had block a thread of the pool in waitid, which only looks; what it
   saw is taken under the reaper's lock. */
#include "loop/loop.h"

#include "posix/process.h"

#include <dure/process.h>
#include <dure/time.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- on a thread --- */

static void block_for_task(struct offload *offload, void *arg)
{
    struct reap *reap = arg;
    int found;

    do {
        found = offload_ended(offload);
        if (found == 0)
            found = reap_block(reap);
    } while (found == -EINTR);
    reap->claim.error = found;
}

static int hang_as_task(struct reap *reap)
{
    int error;

    if (reap->options & __WNOTHREAD) {
        flow_say(&task_current()->flow,
                 "__WNOTHREAD: the wait is another thread's, which has no children");
        return -EINVAL;
    }
    error = offload_run(POOL_WAITS, OFFLOAD_INTERRUPT, "waitpid", -1, block_for_task, reap);
    if (error == 0)
        error = reap->claim.error;
    if (error == -ECANCELED)
        flow_feel(&task_current()->flow);
    return error;
}

/* A plain thread in a scope waits for a descriptor, and a thread made for the purpose for the
   child: there may be no run whose pool could lend one. */
struct outside {
    struct pool_job job;
    struct reap *reap;
    int done_fd;
    int found;
};

static void block_for_thread(struct pool_job *job)
{
    struct outside *outside = container_of(job, struct outside, job);

    do
        outside->found = pool_job_interrupted(job) ? -ECANCELED : reap_block(outside->reap);
    while (outside->found == -EINTR);
}

static void tell_thread(struct pool_job *job)
{
    static const uint64_t one = 1;

    if (write(container_of(job, struct outside, job)->done_fd, &one, sizeof one) < 0)
        die("cannot tell a thread of a child's end");
}

/* Returns 0 when the job has ended by itself, else what ended the wait for it. */
static int wait_for_job(struct pool *pool, struct outside *outside)
{
    int64_t ready = thread_wait(outside->done_fd, POLLIN, 0);

    if (ready > 0)
        return 0;
    if (!pool_cancel(pool, &outside->job))
        pool_interrupt(pool, &outside->job);
    return (int)ready;
}

static int hang_in_scope(struct reap *reap)
{
    struct outside outside = {
        .job = { .run = block_for_thread, .finished = tell_thread, .class = POOL_WAITS },
        .reap = reap,
        .done_fd = eventfd(0, EFD_CLOEXEC),
        .found = -ECANCELED,
    };
    struct pool *pool;
    int error = -errno;

    if (outside.done_fd < 0)
        return error;
    error = -ENOMEM;
    pool = pool_create(NULL);
    if (!pool)
        goto err_close;
    error = pool_submit(pool, &outside.job);
    if (error == 0)
        error = wait_for_job(pool, &outside);
    pool_destroy(pool); /* joins the thread, and with it what it has found */
    if (outside.found != -ECANCELED)
        error = outside.found;
err_close:
    close(outside.done_fd);
    return error;
}

static int hang_on_thread(struct reap *reap)
{
    if (task_current())
        return hang_as_task(reap);
    return thread_has_scope() ? hang_in_scope(reap) : reap_block(reap);
}

/* --- by a descriptor --- */

/* Returns 0, -ECANCELED, -EINTR, -EBADF, or -ENOSYS if it cannot be waited for like this: the
   backend takes no number so large, say. */
static int await_pidfd(int fd)
{
    struct io io;
    int64_t result;

    io_init(&io, OP_POLL, fd);
    io.op.u.poll.events = POLLIN;
    result = io_run(&io);
    if (result >= 0)
        return result & POLLNVAL ? -EBADF : 0;
    return result == -ECANCELED || result == -EINTR || result == -EBADF ? (int)result : -ENOSYS;
}

static bool by_pidfd(const struct reap *reap)
{
    return (reap->idtype == P_PID || reap->idtype == P_PIDFD) &&
           !(reap->options & (WSTOPPED | WCONTINUED | WNOHANG)) &&
           (task_current() || thread_has_scope());
}

static int hang_on_pidfd(struct reap *reap)
{
    bool given = reap->idtype == P_PIDFD;
    int fd = given ? (int)reap->id : (int)syscall(SYS_pidfd_open, reap->id, 0);
    int found;

    if (fd < 0)
        return -ENOSYS;
    if (!given)
        descriptor_born(fd);
    found = await_pidfd(fd);
    if (found == 0) {
        found = reap_look(reap);
        if (found == 0)
            found = -ENOSYS; /* its end is its tracer's first */
    }
    if (!given)
        descriptor_close(fd);
    return found;
}

/* --- together --- */

/* Whom a pidfd means; 0 if that is not to be found out: it is then waited for without a claim. */
static pid_t pid_of(int fd)
{
    char path[40], line[80];
    pid_t pid = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    while (file && pid == 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "Pid: %d", &pid) != 1)
            pid = 0;
    if (file)
        fclose(file);
    return pid > 0 ? pid : 0;
}

/* Whose end is to be handed over if somebody comes upon it who waits for any. */
static pid_t claimed_by(const struct reap *reap)
{
    if (!(reap->options & WEXITED) || (reap->options & (WNOWAIT | WNOHANG)))
        return 0;
    if (reap->idtype == P_PIDFD)
        return pid_of((int)reap->id);
    return reap->idtype == P_PID ? (pid_t)reap->id : 0;
}

static int hang(struct reap *reap)
{
    int found = by_pidfd(reap) ? hang_on_pidfd(reap) : -ENOSYS;

    return found == -ENOSYS ? hang_on_thread(reap) : found;
}

/* Returns as reap_look, and -ECANCELED. */
static int wait_for(struct reap *reap)
{
    bool hangs = !(reap->options & WNOHANG);
    int found = hangs ? io_entry_refused() : 0;

    if (found < 0)
        return found;
    reap_begin(reap, claimed_by(reap));
    found = reap_look(reap);
    if ((found == 0 && hangs) || found == -EBUSY)
        found = hang(reap);
    return reap_end(reap, found);
}

/* --- the twins --- */

static bool is_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_NONBLOCK);
}

int dure_waitid(idtype_t idtype, id_t id, siginfo_t *info, int options)
{
    struct reap reap = { .idtype = idtype, .id = id, .options = options };
    bool answers = idtype == P_PIDFD && !(options & WNOHANG) && is_nonblocking((int)id);
    int found;

    if (task_forked)
        return waitid(idtype, id, info, options);
    if (answers)
        reap.options |= WNOHANG;
    found = wait_for(&reap);
    if (found == 0 && answers)
        found = -EAGAIN;
    if (found >= 0 && info)
        *info = reap.info;
    return (int)io_result(found < 0 ? found : 0);
}

int child_status(const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_EXITED:
        return W_EXITCODE(info->si_status & 0xff, 0);
    case CLD_DUMPED:
        return info->si_status | WCOREFLAG;
    case CLD_STOPPED:
    case CLD_TRAPPED:
        return W_STOPCODE(info->si_status);
    case CLD_CONTINUED:
        return __W_CONTINUED;
    default:
        return info->si_status;
    }
}

static void aim(struct reap *reap, pid_t pid)
{
    reap->idtype = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
    reap->id = (id_t)(pid > 0 ? pid : pid == 0 ? getpgrp() : -pid);
}

pid_t dure_waitpid(pid_t pid, int *status, int options)
{
    struct reap reap = { .options = options | WEXITED };
    int found;

    if (task_forked)
        return waitpid(pid, status, options);
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
        return (pid_t)io_result(-EINVAL);
    if (pid == INT_MIN)
        return (pid_t)io_result(-ESRCH);
    aim(&reap, pid);
    found = wait_for(&reap);
    if (found <= 0)
        return (pid_t)io_result(found);
    if (status)
        *status = child_status(&reap.info);
    return reap.info.si_pid;
}

/* --- children of ours --- */

/* Without a pidfd: until there is something to take, or nothing any more. */
static int await_on_thread(const struct child *child)
{
    struct reap reap = { .idtype = P_PID, .id = (id_t)child->pid, .options = WEXITED | WNOWAIT };
    int found = hang_on_thread(&reap);

    return found == -ECANCELED ? found : 0;
}

int child_await(struct child *child)
{
    int error = io_entry_refused();

    while (error == 0 && !child_look(child)) {
        error = child->pidfd >= 0 ? await_pidfd(child->pidfd) : -ENOSYS;
        if (error == -ENOSYS)
            error = await_on_thread(child);
        else if (error != -ECANCELED)
            error = 0; /* what it was, the next look tells */
    }
    return error;
}

void child_stop(struct child *child, int64_t grace_ns, bool group)
{
    if (group && !child_look(child))
        child_kill_group(child);
    DURE_SHIELD(INT64_MAX)
    {
        if (grace_ns > 0 && child_signal(child, SIGTERM, group) == 0) {
            child_signal(child, SIGCONT, group); /* one that is stopped would not hear it */
            DURE_WITHIN(dure_after(grace_ns))
            child_await(child);
        }
        if (!child_look(child))
            child_signal(child, SIGKILL, group);
        child_await(child);
    }
}

void child_close(struct child *child)
{
    child_release(child);
    if (child->pidfd >= 0)
        descriptor_close(child->pidfd);
}
