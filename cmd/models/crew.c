/* Threads. */
#include "cmd/models/crew.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/models/stop.h"

#define STACK_SIZE ((size_t)256 * 1024)

/* The handler of stop signals is the first thread's: it looks at what that thread waits for. */
static int create_deaf(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                       void *arg)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, attributes, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

int crew_start(struct crew *crew, unsigned live, pthread_t *thread, void *(*fn)(void *), void *arg)
{
    pthread_attr_t attributes;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    error = create_deaf(thread, &attributes, fn, arg);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        return 0;
    if (!crew->told)
        fprintf(stderr, "dure: no thread can be made beside %u others: %s; connections wait\n",
                live, strerror(error));
    crew->told = true;
    return -1;
}

static void join(struct crew *crew, struct crew_member *member)
{
    pthread_mutex_lock(&crew->lock);
    member->next = crew->members;
    member->at = &crew->members;
    if (member->next != NULL)
        member->next->at = &member->next;
    crew->members = member;
    if (crew->stopping)
        dure_scope_cancel(&member->scope);
    pthread_mutex_unlock(&crew->lock);
}

static void leave(struct crew *crew, struct crew_member *member)
{
    pthread_mutex_lock(&crew->lock);
    *member->at = member->next;
    if (member->next != NULL)
        member->next->at = member->at;
    pthread_mutex_unlock(&crew->lock);
}

void crew_serve(struct crew *crew, int fd)
{
    struct crew_member member;

    if (crew->service->grace_ns < 0) {
        crew->service->fn(&(dure_connection){ .fd = fd, .arg = crew->service->arg });
        return;
    }
    if (dure_scope_open(&member.scope) < 0) {
        dure_close(fd);
        return;
    }
    join(crew, &member);
    stop_serve_in(crew->service, fd);
    leave(crew, &member);
    dure_scope_close(&member.scope);
}

void crew_stop(struct crew *crew)
{
    struct crew_member *member;

    pthread_mutex_lock(&crew->lock);
    crew->stopping = true;
    for (member = crew->members; member != NULL; member = member->next)
        dure_scope_cancel(&member->scope);
    pthread_mutex_unlock(&crew->lock);
}
