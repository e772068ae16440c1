/* Questions that may outlive their asker. */
#include "posix/question.h"

#include "loop/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The asker and the pool hold it; the last one frees it. */
struct asked {
    struct question question; /* its path and answer are copies behind */
    struct pool_job job;
    struct waiter waiter;
    struct wait wait;
    int64_t result;
    atomic_int holders;
    _Atomic int state;
    _Alignas(max_align_t) char copies[];
};

/* Whoever moves it from ASKED first decides who signals the waiter, which is done once. */
enum { ASKED, ANSWERED, GONE };

static bool decide(struct asked *asked, int state)
{
    int before = ASKED;

    /* Acquire and release: the asker sees the answer. */
    return atomic_compare_exchange_strong_explicit(&asked->state, &before, state,
                                                   memory_order_acq_rel, memory_order_acquire);
}

static void let_go(struct asked *asked)
{
    /* Acquire and release: what the other one did comes before the end of the memory. */
    if (atomic_fetch_sub_explicit(&asked->holders, 1, memory_order_acq_rel) == 1)
        free(asked);
}

static int64_t ask(const struct question *question)
{
    int64_t result = question->ask(question);

    return result < 0 ? -errno : result;
}

static void run(struct pool_job *job)
{
    struct asked *asked = container_of(job, struct asked, job);

    asked->result = ask(&asked->question);
}

static void answered(struct pool_job *job)
{
    struct asked *asked = container_of(job, struct asked, job);

    if (decide(asked, ANSWERED))
        waiter_signal(&asked->waiter);
    let_go(asked);
}

static void abandon(struct wait *wait)
{
    struct asked *asked = container_of(wait, struct asked, wait);

    if (decide(asked, GONE)) /* else the answer is on its way */
        waiter_signal(&asked->waiter);
}

static struct asked *asked_create(const struct question *question)
{
    size_t path_len = question->path ? strlen(question->path) + 1 : 0;
    struct asked *asked = calloc(1, sizeof *asked + question->answer_len + path_len);

    if (!asked)
        return NULL;
    asked->question = *question;
    asked->question.answer = asked->copies;
    if (question->path)
        asked->question.path =
            memcpy(asked->copies + question->answer_len, question->path, path_len);
    asked->job.run = run;
    asked->job.finished = answered;
    asked->job.class = POOL_FILES;
    asked->wait.what = question->what;
    asked->wait.fd = question->path ? -1 : question->fd;
    asked->wait.cancel = abandon;
    /* The waiter's task is the asker; both hold it from the start. */
    waiter_init(&asked->waiter);
    atomic_init(&asked->holders, 2);
    return asked;
}

/* Takes the answer or goes away. Frees or lets go. */
static int64_t await(struct asked *asked, void *answer)
{
    int64_t result;

    waiter_wait(&asked->waiter, &asked->wait);
    if (atomic_load_explicit(&asked->state, memory_order_acquire) == GONE) {
        flow_feel(&task_current()->flow);
        if (pool_cancel(runtime_active->pool, &asked->job))
            free(asked); /* nobody has begun to ask */
        else
            let_go(asked);
        return -ECANCELED;
    }
    result = asked->result;
    if (result > 0)
        memcpy(answer, asked->copies, (size_t)result);
    let_go(asked);
    return result;
}

int64_t question_put(const struct question *question)
{
    int error = io_entry_refused();
    struct asked *asked;

    if (error < 0)
        return error;
    if (!task_current())
        return ask(question);
    asked = asked_create(question);
    if (!asked)
        return -ENOMEM;
    error = pool_submit(runtime_active->pool, &asked->job);
    if (error < 0) {
        free(asked);
        return error;
    }
    return await(asked, question->answer);
}
