/* The loops' threads, from the first to the last. */
#include "loop/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Turns a loop until nothing is alive. */
static void turn_until_done(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->runtime->done, memory_order_acquire))
        loop_turn(loop, true);
}

/* Every other loop says how its start went before any of them runs. */
struct starting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned started;
    int go; /* 1: run; -1: give up */
};

struct starting_loop {
    struct starting *starting;
    struct loop *loop;
};

static void *thread_main(void *arg)
{
    struct starting_loop *self = arg;
    struct starting *starting = self->starting;
    struct loop *loop = self->loop;
    struct runtime *runtime = loop->runtime;
    int go;

    loop->error = loop_start(loop);
    pthread_mutex_lock(&starting->lock);
    starting->started++;
    pthread_cond_broadcast(&starting->changed);
    while (!starting->go)
        pthread_cond_wait(&starting->changed, &starting->lock);
    go = starting->go;
    starting->started--;
    pthread_cond_broadcast(&starting->changed);
    pthread_mutex_unlock(&starting->lock);
    if (go > 0) {
        turn_until_done(loop);
        /* Another loop that has sent us the last message may still be about to wake us. */
        pthread_barrier_wait(&runtime->end);
    }
    if (loop->error == 0)
        loop_stop(loop);
    return NULL;
}

static int threads_start(struct runtime *runtime)
{
    struct starting starting = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };
    struct starting_loop *loops = calloc(runtime->loops_len, sizeof *loops);
    unsigned i, made, failed = 0;
    int error = loops ? 0 : -ENOMEM;
    char name[24];

    for (made = 1; error == 0 && made < runtime->loops_len; made += error == 0) {
        loops[made] = (struct starting_loop){ &starting, runtime->loops[made] };
        error = -pthread_create(&runtime->loops[made]->thread, NULL, thread_main, &loops[made]);
        if (error == 0) {
            snprintf(name, sizeof name, "dure-loop-%u", made);
            pthread_setname_np(runtime->loops[made]->thread, name);
        }
    }
    if (error < 0)
        failed = made;
    pthread_mutex_lock(&starting.lock);
    while (starting.started < made - 1)
        pthread_cond_wait(&starting.changed, &starting.lock);
    for (i = 1; i < made && error == 0; i++) {
        error = runtime->loops[i]->error;
        failed = i;
    }
    starting.go = error == 0 ? 1 : -1;
    pthread_cond_broadcast(&starting.changed);
    while (starting.started > 0)
        pthread_cond_wait(&starting.changed, &starting.lock);
    pthread_mutex_unlock(&starting.lock);
    if (error < 0) {
        for (i = 1; i < made; i++)
            pthread_join(runtime->loops[i]->thread, NULL);
        dure_fail(-error, "cannot start loop %u of %u: %s", failed, runtime->loops_len,
                  strerror(-error));
    }
    free(loops);
    return error;
}

/* Loop 0 is done: waits until all are. */
static void threads_end(struct runtime *runtime)
{
    unsigned i;

    pthread_barrier_wait(&runtime->end);
    for (i = 1; i < runtime->loops_len; i++)
        pthread_join(runtime->loops[i]->thread, NULL);
}

/* --- or all of them on one thread --- */

int loops_start(struct runtime *runtime)
{
    return runtime->backend->world->simulated ? simulated_start(runtime) : threads_start(runtime);
}

void loops_end(struct runtime *runtime)
{
    if (runtime->backend->world->simulated)
        simulated_end(runtime);
    else
        threads_end(runtime);
}

void runtime_turn_until_done(struct runtime *runtime)
{
    if (runtime->backend->world->simulated)
        simulated_turns(runtime);
    else
        turn_until_done(runtime->loops[0]);
}
