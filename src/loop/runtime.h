/* What the parts of a run share: runtime.c, embedded.c, options.c, watch.c. */
#ifndef DURE_SRC_LOOP_RUNTIME_H
#define DURE_SRC_LOOP_RUNTIME_H

#include "loop/loop.h"

/* options.c: what a run is to be, from the options, the environment and the machine. */
struct settings {
    unsigned loops;
    const char *backend; /* NULL: the best that works */
    size_t stack_size;
    unsigned blocking_threads;
    unsigned queue_entries;
    size_t transfer_max;
    int64_t grace_ns;
    sigset_t wait_signals;
    uint32_t flags;
};

/* Returns 0, or -EINVAL with words for dure_why. */
int settings_read(struct settings *settings, const dure_run_options *options);
/* Processors that this process may use: affinity and cgroup quota. At least 1. */
unsigned settings_processors(void);

/* runtime.c */
/* Starts a run and its first task. Returns 0 or -errno, with words for dure_why. */
int runtime_begin(const struct settings *settings, bool embedded, dure_fn *fn, void *arg);
/* All is done: ends the run. Returns the first task's result, with its errno. */
int runtime_finish(void);

/* threads.c: the loops from the second on, each on a thread of its own, or all on this one. */
/* Returns 0 when all have started, or -errno with words for dure_why. */
int loops_start(struct runtime *runtime);
/* Waits until all are done. */
void loops_end(struct runtime *runtime);
void runtime_turn_until_done(struct runtime *runtime);

/* simulated.c: the same for a simulation. */
int simulated_start(struct runtime *runtime);
void simulated_turns(struct runtime *runtime);
void simulated_end(struct runtime *runtime);

/* embedded.c */
/* Returns 0, or -ENOTSUP if no other event loop could wait for this run's. */
int embedded_check(struct runtime *runtime);

/* watch.c: a thread that takes in the signals which concern the run. */
struct watch;
/* Blocks the run's signals and those that its tasks wait for in the calling thread, so that its
   children inherit that; *before gets the mask to restore, *blocked what is blocked now. */
void watch_block_signals(const struct settings *settings, sigset_t *before, sigset_t *blocked);
void watch_restore_signals(const sigset_t *before);
/* Why no task of a run with these flags may wait for the signal, or NULL. */
const char *watch_refuses(uint32_t flags, int number);
/* Returns NULL with *error -errno if there is nothing to watch (0) or it failed. */
struct watch *watch_start(struct runtime *runtime, int *error);
void watch_stop(struct watch *watch);

#endif
