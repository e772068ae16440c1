/* Questions that may outlive their asker. */
#include "posix/question.h"

#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The request with its question, whose path and answer are copies behind. */
struct asked {
    struct request request;
    struct question question;
    int64_t result;
    _Alignas(max_align_t) char copies[];
};

static int64_t ask(const struct question *question)
{
    int64_t result = question->ask(question);

    return result < 0 ? -errno : result;
}

static void ask_for(struct request *request)
{
    struct asked *asked = container_of(request, struct asked, request);

    asked->result = ask(&asked->question);
}

static void drop(struct request *request)
{
    free(container_of(request, struct asked, request));
}

static struct asked *asked_create(const struct question *question)
{
    size_t path_len = question->path ? strlen(question->path) + 1 : 0;
    struct asked *asked = calloc(1, sizeof *asked + question->answer_len + path_len);

    if (!asked)
        return NULL;
    asked->request.ask = ask_for;
    asked->request.drop = drop;
    asked->question = *question;
    asked->question.answer = asked->copies;
    if (question->path)
        asked->question.path =
            memcpy(asked->copies + question->answer_len, question->path, path_len);
    return asked;
}

/* In a simulation the pool is the task itself, after a pause. */
static int64_t ask_simulated(const struct question *question)
{
    int result = simulated_pause(question->what, question->fd);

    if (result == -ECANCELED)
        flow_feel(&task_current()->flow);
    return result < 0 ? result : ask(question);
}

int64_t question_put(const struct question *question)
{
    int64_t result = io_entry_refused();
    struct asked *asked;

    if (result < 0)
        return result;
    if (!task_current())
        return ask(question);
    if (unlikely(world_here()->simulated))
        return ask_simulated(question);
    asked = asked_create(question);
    if (!asked)
        return -ENOMEM;
    result = request_run(&asked->request, POOL_FILES, question->what,
                         question->path ? -1 : question->fd);
    if (result < 0)
        return result;
    result = asked->result;
    if (result > 0)
        memcpy(question->answer, asked->copies, (size_t)result);
    request_let_go(&asked->request);
    return result;
}
