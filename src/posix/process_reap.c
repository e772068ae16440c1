/* The register of claims, and the one place where children are reaped. */
#include "posix/process.h"

#include "base/assert.h"
#include "task/task.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
/* Linux 6.9; before, EINVAL. */
#define TO_PROCESS_GROUP 4u

/* Guards the register and what is being started; and whoever takes a child's end does so under it,
   so that an end and its delivery are one. Held for a few system calls that do not wait; innermost.
   The lists are as long as there are waits for children: a few, hundreds at the most. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list claims = { &claims, &claims };
static struct list starts = { &starts, &starts }; /* oldest first */
static uint64_t serial;
/* How many starts have ended; waited on as a futex. Changed under the lock, relaxed elsewhere: a
   futex compares for itself. */
static _Atomic uint32_t starts_ended;

static void list_claim(struct child *child)
{
    list_push_back(&claims, &child->link);
    child->listed = true;
}

static void unlist_claim(struct child *child)
{
    if (child->listed)
        list_remove(&child->link);
    child->listed = false;
}

/* --- starting --- */

void child_starting(struct starting *starting)
{
    pthread_mutex_lock(&lock);
    starting->serial = ++serial;
    list_push_back(&starts, &starting->link);
    pthread_mutex_unlock(&lock);
}

void child_started(struct starting *starting, struct child *child)
{
    pthread_mutex_lock(&lock);
    list_remove(&starting->link);
    if (child)
        list_claim(child);
    atomic_fetch_add_explicit(&starts_ended, 1, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
    syscall(SYS_futex, &starts_ended, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* An end that nobody claims may be of a child whose start has not returned to tell its number, or
   of one in which the start failed. Those started since the end was first seen cannot be meant, so
   that starts without end hold up nobody. (Numbers come round after thousands of others.) */
static bool may_be_starting(struct reap *reap, pid_t pid)
{
    if (list_empty(&starts))
        return false;
    if (reap->suspect != pid) {
        reap->suspect = pid;
        reap->suspect_serial = serial;
    }
    reap->starts_seen = atomic_load_explicit(&starts_ended, memory_order_relaxed);
    return container_of(starts.next, struct starting, link)->serial <= reap->suspect_serial;
}

/* --- taking, with the lock held --- */

static int ask(idtype_t idtype, id_t id, siginfo_t *info, int options)
{
    memset(info, 0, sizeof *info);
    return waitid(idtype, id, info, options) < 0 ? -errno : info->si_pid != 0;
}

/* What a wait must ask for to be told of this. */
static int kind(const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_STOPPED:
    case CLD_TRAPPED:
        return WSTOPPED;
    case CLD_CONTINUED:
        return WCONTINUED;
    default:
        return WEXITED;
    }
}

static bool is_claimed(pid_t pid)
{
    struct list *node;

    for (node = claims.next; node != &claims; node = node->next) {
        struct child *child = container_of(node, struct child, link);

        if (child->pid == pid && !child->ended)
            return true;
    }
    return false;
}

/* An end goes to all owners and to one who waits. taken: whoever took it is that one. */
static void deliver(const siginfo_t *info, bool taken)
{
    struct list *node;

    for (node = claims.next; node != &claims; node = node->next) {
        struct child *child = container_of(node, struct child, link);

        if (child->pid != info->si_pid || child->ended || (taken && !child->owned))
            continue;
        child->info = *info;
        child->ended = true;
        taken |= !child->owned;
    }
}

/* The number stands for the group for as long as the dead leader is not reaped. */
static void end_group(pid_t pid)
{
    struct list *node;

    for (node = claims.next; node != &claims; node = node->next) {
        struct child *child = container_of(node, struct child, link);

        if (child->pid == pid && child->kills_group)
            kill(-pid, SIGKILL);
    }
}

/* Takes what was seen. Returns as ask: 0 or -ECHILD if somebody was faster who does not know of the
   lock. */
static int take(siginfo_t *info, int options)
{
    siginfo_t seen = *info;

    if (kind(&seen) == WEXITED)
        end_group(seen.si_pid);
    options &= __WALL | __WCLONE | __WNOTHREAD;
    return ask(P_PID, (id_t)seen.si_pid, info, options | kind(&seen) | WNOHANG);
}

/* --- owners --- */

void child_release(struct child *child)
{
    pthread_mutex_lock(&lock);
    unlist_claim(child);
    pthread_mutex_unlock(&lock);
}

static void look_at(struct child *child)
{
    siginfo_t info;
    int found;

    if (child->pidfd >= 0)
        found = ask(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG | WNOWAIT);
    else
        found = ask(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (found > 0)
        found = take(&info, 0) > 0 ? 1 : -ECHILD;
    if (found > 0)
        deliver(&info, false);
    else if (found < 0) {
        child->ended = true;
        child->error = ECHILD;
    }
}

bool child_look(struct child *child)
{
    bool ended;

    pthread_mutex_lock(&lock);
    if (!child->ended)
        look_at(child);
    ended = child->ended;
    pthread_mutex_unlock(&lock);
    return ended;
}

static int result_of(long result)
{
    return result < 0 ? -errno : 0;
}

static int signal_one(const struct child *child, int number)
{
    if (child->pidfd < 0)
        return result_of(kill(child->pid, number));
    return result_of(syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, 0));
}

static int signal_group(const struct child *child, int number)
{
    if (child->pidfd >= 0 &&
        syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, TO_PROCESS_GROUP) == 0)
        return 0;
    return result_of(kill(-child->pid, number));
}

static int signal_all(const struct child *child, int number)
{
    int error = signal_group(child, number);

    return getpgid(child->pid) == child->pid ? error : signal_one(child, number); /* it has left */
}

int child_signal(struct child *child, int number, bool group)
{
    int error = -ESRCH;

    pthread_mutex_lock(&lock);
    if (!child->ended)
        error = group ? signal_all(child, number) : signal_one(child, number);
    pthread_mutex_unlock(&lock);
    return error;
}

void child_kill_group(struct child *child)
{
    pthread_mutex_lock(&lock);
    child->kills_group = true;
    pthread_mutex_unlock(&lock);
}

/* --- whoever waits --- */

void reap_begin(struct reap *reap, pid_t pid)
{
    reap->suspect = 0;
    reap->claim = (struct child){ .pid = pid, .pidfd = -1 };
    if (pid == 0)
        return;
    pthread_mutex_lock(&lock);
    list_claim(&reap->claim);
    pthread_mutex_unlock(&lock);
}

/* With the lock held: the claim has been served, or is not needed any more. */
static int settle(struct reap *reap, int found)
{
    if (found <= 0 && reap->claim.ended) {
        reap->info = reap->claim.info;
        found = 1;
    }
    if (found > 0)
        unlist_claim(&reap->claim);
    return found;
}

int reap_end(struct reap *reap, int found)
{
    if (!reap->claim.listed)
        return found;
    pthread_mutex_lock(&lock);
    found = settle(reap, found);
    unlist_claim(&reap->claim);
    pthread_mutex_unlock(&lock);
    return found;
}

static int look(struct reap *reap)
{
    bool anybody = reap->idtype == P_ALL || reap->idtype == P_PGID, ended;
    siginfo_t *info = &reap->info;
    int found;

    while ((found = ask(reap->idtype, reap->id, info, reap->options | WNOHANG | WNOWAIT)) > 0) {
        ended = kind(info) == WEXITED;
        if (anybody && ended && is_claimed(info->si_pid)) {
            if (take(info, reap->options) > 0)
                deliver(info, false);
            continue;
        }
        if (anybody && ended && may_be_starting(reap, info->si_pid))
            return -EBUSY;
        if (reap->options & WNOWAIT)
            return 1;
        if (take(info, reap->options) > 0) {
            if (ended)
                deliver(info, true);
            return 1;
        }
    }
    return found;
}

int reap_look(struct reap *reap)
{
    int found;

    pthread_mutex_lock(&lock);
    found = settle(reap, reap->claim.ended ? 0 : look(reap));
    pthread_mutex_unlock(&lock);
    return found;
}

int reap_block(struct reap *reap)
{
    siginfo_t info;
    int found;

    for (;;) {
        found = reap_look(reap);
        if (found == -EBUSY)
            found = result_of(syscall(SYS_futex, &starts_ended, FUTEX_WAIT_PRIVATE,
                                      reap->starts_seen, NULL, NULL, 0));
        else if (found == 0 && !(reap->options & WNOHANG))
            /* Only seen here: what it is worth, and to whom, the next look says. */
            found = ask(reap->idtype, reap->id, &info, reap->options | WNOWAIT);
        else
            return found;
        if (found == -EINTR)
            return found;
    }
}
