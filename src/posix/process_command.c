/* Programs that belong to a scope: each has a task there, its keeper, which waits for the program's
   end and, when the scope ends first, stops it. A scope does not close before its tasks have ended;
   so it does not before its programs have. */
#include "loop/loop.h"

#include "posix/process.h"
#include "task/waiter.h"

#include <dure/process.h>
#include <dure/task.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum phase { STARTING, RUNS, FAILED };

/* What the keeper and those who wait share: outlives the caller's memory by the moment that the
   last of them needs to let go. */
struct running {
    struct child child;
    struct command *command; /* the caller's memory, until it has been told the end */
    struct waiter keeper;    /* waits for the end of the start, if keeper_waits */
    int64_t grace_ns;
    unsigned users;
    bool keeper_waits;
    uint8_t phase; /* enum phase */
};

/* The caller's memory. */
struct command {
    pid_t pid; /* these two lines as in dure_command */
    int near_fds[3];
    struct running *running; /* NULL: it has ended, as the next two tell */
    int error;
    int status;
};
_Static_assert(sizeof(struct command) <= sizeof(dure_command), "the public command is too small");

/* Guards every command, and of what is shared all but the child. Innermost, held for some
   instructions. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct command *command_of(dure_command *command)
{
    return (struct command *)(void *)command;
}

/* --- what is shared --- */

/* Returns NULL if it has ended and the caller's memory tells how. */
static struct running *hold(struct command *command)
{
    struct running *running;

    pthread_mutex_lock(&lock);
    running = command->running;
    if (running)
        running->users++;
    pthread_mutex_unlock(&lock);
    return running;
}

static void let_go(struct running *running)
{
    bool last;

    pthread_mutex_lock(&lock);
    last = --running->users == 0;
    pthread_mutex_unlock(&lock);
    if (!last)
        return;
    child_close(&running->child);
    free(running);
}

static int result_of(const struct running *running, int *status)
{
    if (running->child.error == 0)
        *status = child_status(&running->child.info);
    return -running->child.error;
}

/* It has ended: the caller's memory is the caller's again. */
static void tell_end(struct running *running)
{
    struct command *command;

    pthread_mutex_lock(&lock);
    command = running->command;
    running->command = NULL;
    if (command) {
        command->error = result_of(running, &command->status);
        command->running = NULL;
    }
    pthread_mutex_unlock(&lock);
}

/* --- the keeper --- */

static bool has_started(struct running *running)
{
    struct wait wait = { .what = "start of a program", .fd = -1 };

    pthread_mutex_lock(&lock);
    running->keeper_waits = running->phase == STARTING;
    if (running->keeper_waits)
        waiter_init(&running->keeper);
    pthread_mutex_unlock(&lock);
    if (running->keeper_waits)
        waiter_wait(&running->keeper, &wait);
    return running->phase == RUNS;
}

static int keep(void *arg)
{
    struct running *running = *(struct running **)arg;

    if (has_started(running)) {
        if (child_await(&running->child) < 0)
            child_stop(&running->child, running->grace_ns, true);
        tell_end(running);
    }
    let_go(running);
    return 0;
}

static int spawn_keeper(dure_scope *scope, struct running *running, const char *path)
{
    const char *slash = strrchr(path, '/');
    dure_spawn_options options = { .name = slash ? slash + 1 : path };

    return dure_spawn_with(scope, &options, keep, &running, sizeof running) < 0 ? -errno : 0;
}

static void tell_keeper(struct running *running, enum phase phase)
{
    bool waits;

    pthread_mutex_lock(&lock);
    running->phase = (uint8_t)phase;
    waits = running->keeper_waits;
    pthread_mutex_unlock(&lock);
    if (waits)
        waiter_signal(&running->keeper);
}

/* --- the start --- */

static int explain(const struct program *program, int error)
{
    struct flow *flow = flow_current();

    if (!flow || error == -ECANCELED)
        return error;
    if (program->directory_fails)
        flow_say(flow, "cannot enter %s to run %s: %s", program->directory, program->path,
                 strerror(-error));
    else
        flow_say(flow, "cannot run %s: %s", program->path, strerror(-error));
    return error;
}

static int start_program(struct command *command, struct child *child,
                         const dure_command_options *options)
{
    const int wanted[3] = { options->in, options->out, options->err };
    struct program program = {
        .path = options->path ? options->path : options->argv[0],
        .argv = options->argv,
        .env = options->env,
        .directory = options->directory,
        .command = true,
        .keeps_descriptors = options->flags & DURE_KEEP_DESCRIPTORS,
    };
    struct streams streams;
    int error = streams_open(&streams, wanted);

    memcpy(program.streams, streams.sources, sizeof program.streams);
    if (error == 0)
        error = program_start(&program, child);
    streams_close_far(&streams);
    if (error < 0) {
        streams_close_near(&streams);
        return explain(&program, error);
    }
    memcpy(command->near_fds, streams.near_fds, sizeof command->near_fds);
    command->pid = child->pid;
    return 0;
}

/* The keeper comes first: with it in the scope nothing can fail any more that would leave a program
   without one. */
static int start(dure_scope *scope, struct command *command, const dure_command_options *options)
{
    struct running *running = malloc(sizeof *running);
    int error;

    if (!running)
        return -ENOMEM;
    *running = (struct running){ .users = 1, .command = command, .child.pidfd = -1 };
    running->grace_ns = options->grace_ns ? options->grace_ns : CHILD_GRACE_NS;
    error = spawn_keeper(scope, running, options->path ? options->path : options->argv[0]);
    if (error < 0) {
        free(running);
        return error;
    }
    command->running = running;
    error = start_program(command, &running->child, options);
    if (error < 0)
        command->running = NULL;
    tell_keeper(running, error < 0 ? FAILED : RUNS);
    return error;
}

int dure_command_start(dure_scope *scope, dure_command *public_command,
                       const dure_command_options *options)
{
    struct command *command = command_of(public_command);

    *command = (struct command){ .pid = -1, .near_fds = { -1, -1, -1 } };
    if (!options || !options->argv || !options->argv[0] ||
        (options->flags & ~DURE_KEEP_DESCRIPTORS))
        return (int)io_result(-EINVAL);
    return (int)io_result(start(scope, command, options));
}

/* --- what others ask of it --- */

static int wait_for(struct running *running, int *status)
{
    int error = child_await(&running->child);

    if (error == 0) {
        tell_end(running);
        error = result_of(running, status);
    }
    let_go(running);
    return error;
}

int dure_command_wait(dure_command *public_command, int *status)
{
    struct command *command = command_of(public_command);
    struct running *running = hold(command);
    int unwanted;

    if (running)
        return (int)io_result(wait_for(running, status ? status : &unwanted));
    if (status)
        *status = command->status;
    return (int)io_result(command->error);
}

void dure_command_stop(dure_command *public_command, int64_t grace_ns)
{
    struct running *running = hold(command_of(public_command));

    if (!running)
        return;
    if (!child_look(&running->child))
        child_stop(&running->child, grace_ns, true);
    let_go(running);
}

int dure_command_signal(dure_command *public_command, int number)
{
    struct running *running = hold(command_of(public_command));
    int error = -ESRCH;

    if (running) {
        if (!child_look(&running->child))
            error = child_signal(&running->child, number, true);
        let_go(running);
    }
    return (int)io_result(error);
}
