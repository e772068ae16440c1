/* Asking about files: abandoned on cancel. */
#include "loop/loop.h"

#include <dure/file.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A question that may outlive its asker; it owns a copy of the path. The asker and the pool hold
   it; the last one frees it. */
struct question {
    struct pool_job job;
    struct waiter waiter;
    struct wait wait;
    struct stat answer;
    int fd, error;
    atomic_int holders;
    _Atomic int state;
    char path[];
};

/* Whoever moves it from ASKED first decides who signals the waiter, which is done once. */
enum { ASKED, ANSWERED, GONE };

static bool decide(struct question *question, int state)
{
    int asked = ASKED;

    /* Acquire and release: the asker sees the answer. */
    return atomic_compare_exchange_strong_explicit(&question->state, &asked, state,
                                                   memory_order_acq_rel, memory_order_acquire);
}

static void let_go(struct question *question)
{
    /* Acquire and release: what the other one did comes before the end of the memory. */
    if (atomic_fetch_sub_explicit(&question->holders, 1, memory_order_acq_rel) == 1)
        free(question);
}

static void ask(struct pool_job *job)
{
    struct question *question = container_of(job, struct question, job);
    int result = question->fd >= 0 ? fstat(question->fd, &question->answer)
                                   : stat(question->path, &question->answer);

    question->error = result < 0 ? errno : 0;
}

static void answered(struct pool_job *job)
{
    struct question *question = container_of(job, struct question, job);

    if (decide(question, ANSWERED))
        waiter_signal(&question->waiter);
    let_go(question);
}

static void abandon(struct wait *wait)
{
    struct question *question = container_of(wait, struct question, wait);

    if (decide(question, GONE)) /* else the answer is on its way */
        waiter_signal(&question->waiter);
}

static struct question *question_create(int fd, const char *path)
{
    size_t size = path ? strlen(path) + 1 : 0;
    struct question *question = calloc(1, sizeof *question + size);

    if (!question)
        return NULL;
    if (path)
        memcpy(question->path, path, size);
    question->fd = fd;
    question->job.run = ask;
    question->job.finished = answered;
    question->job.class = POOL_FILES;
    question->wait.what = "stat";
    question->wait.fd = fd;
    question->wait.cancel = abandon;
    /* The waiter's task is the asker; both hold it from the start. */
    waiter_init(&question->waiter);
    atomic_init(&question->holders, 2);
    return question;
}

/* Asks on a pool thread, and takes the answer or goes away. Returns 0 or -errno. */
static int64_t stat_task(int fd, const char *path, struct stat *buf)
{
    struct question *question;
    int error;

    if (io_refused())
        return -ECANCELED;
    question = question_create(fd, path);
    if (!question)
        return -ENOMEM;
    error = pool_submit(runtime_active->pool, &question->job);
    if (error < 0)
        goto out_unasked;
    waiter_wait(&question->waiter, &question->wait);
    if (atomic_load_explicit(&question->state, memory_order_acquire) == GONE) {
        flow_feel(&task_current()->flow);
        error = -ECANCELED;
        if (pool_cancel(runtime_active->pool, &question->job))
            goto out_unasked; /* nobody has begun to ask */
    } else {
        error = -question->error;
        if (error == 0)
            *buf = question->answer;
    }
    let_go(question);
    return error;

out_unasked:
    free(question);
    return error;
}

int dure_fstat(int fd, struct stat *buf)
{
    int refused;

    if (!task_current()) {
        refused = io_entry_refused();
        return refused < 0 ? (int)io_result(refused) : fstat(fd, buf);
    }
    return (int)io_result(fd < 0 ? -EBADF : stat_task(fd, NULL, buf));
}

int dure_stat(const char *path, struct stat *buf)
{
    int refused;

    if (!task_current()) {
        refused = io_entry_refused();
        return refused < 0 ? (int)io_result(refused) : stat(path, buf);
    }
    return (int)io_result(path ? stat_task(-1, path, buf) : -EFAULT);
}
