/* Programs start: posix_spawn, never fork, which would copy the page tables of a large process.

   The thread that calls it stands still until the program has been read in and runs: some 70 µs
   when all of it is in memory, as long as the disk takes when not. So in a task it is a thread of
   the pool that stands still. */
#include "loop/loop.h"

#include "posix/process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct start {
    struct program *program;
    struct child *child;
    sigset_t mask;
    int error;
};

static int set_attributes(posix_spawnattr_t *attributes, const struct start *start)
{
    short flags = POSIX_SPAWN_SETSIGMASK;
    sigset_t defaults;
    int error = posix_spawnattr_setsigmask(attributes, &start->mask);

    if (start->program->command) {
        flags |= POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF;
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGPIPE);
        if (!error)
            error = posix_spawnattr_setsigdefault(attributes, &defaults);
        if (!error)
            error = posix_spawnattr_setpgroup(attributes, 0);
    }
    return error ? error : posix_spawnattr_setflags(attributes, flags);
}

static int set_stream(posix_spawn_file_actions_t *actions, int source, int fd)
{
    switch (source) {
    case STREAM_KEEP:
        return 0;
    case STREAM_NULL:
        return posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
    case STREAM_JOIN:
        return posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, fd);
    default: /* its own number: close-on-exec is taken away */
        return posix_spawn_file_actions_adddup2(actions, source, fd);
    }
}

static int set_actions(posix_spawn_file_actions_t *actions, const struct program *program)
{
    int error = 0, fd;

    for (fd = 0; fd < 3 && !error; fd++)
        error = set_stream(actions, program->streams[fd], fd);
    if (!error && program->command && !program->keeps_descriptors)
        error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (!error && program->directory)
        error = posix_spawn_file_actions_addchdir_np(actions, program->directory);
    return error;
}

static int spawn(const struct start *start, pid_t *pid)
{
    const struct program *program = start->program;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error;

    error = posix_spawnattr_init(&attributes);
    if (error)
        return -error;
    error = posix_spawn_file_actions_init(&actions);
    if (error)
        goto err_attributes;
    error = set_attributes(&attributes, start);
    if (!error)
        error = set_actions(&actions, program);
    if (!error)
        error = posix_spawnp(pid, program->path, &actions, &attributes, program->argv,
                             program->env ? program->env : environ);
    posix_spawn_file_actions_destroy(&actions);
err_attributes:
    posix_spawnattr_destroy(&attributes);
    return -error;
}

/* errno alone does not say whether it was the program or its directory. */
static bool fails(const char *directory)
{
    return directory && access(directory, X_OK) < 0;
}

static void make(struct start *start)
{
    struct child *child = start->child;
    struct starting starting;

    child_starting(&starting);
    start->error = spawn(start, &child->pid);
    /* Before its number can be another's: nobody of us reaps it before it is known, and whoever
       else does breaks more than this. */
    if (start->error == 0)
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    child_started(&starting, start->error == 0 ? child : NULL);
    start->program->directory_fails = start->error < 0 && fails(start->program->directory);
}

static void make_on_thread(struct offload *offload, void *arg)
{
    (void)offload;
    make(arg);
}

/* A child gets the mask from before the run. That of a plain thread is the thread's own business. */
static void choose_mask(sigset_t *mask)
{
    if (sched_here)
        *mask = *runtime_mask_before();
    else
        pthread_sigmask(SIG_SETMASK, NULL, mask);
}

int program_start(struct program *program, struct child *child)
{
    struct start start = { .program = program, .child = child };
    int error = io_entry_refused();

    if (error < 0)
        return error;
    *child = (struct child){ .owned = true, .pidfd = -1 };
    choose_mask(&start.mask);
    if (task_current())
        error = offload_run(POOL_FILES, OFFLOAD_QUEUED, "start of a program", -1, make_on_thread,
                            &start);
    else
        make(&start);
    if (error == -ECANCELED)
        flow_feel(&task_current()->flow);
    if (error < 0 || start.error < 0)
        return error < 0 ? error : start.error;
    if (child->pidfd >= 0)
        descriptor_born(child->pidfd);
    return 0;
}

int program_pipe(int *near_fd, int *far_fd, bool near_reads)
{
    int fds[2];

    if (world_here()->pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    *near_fd = descriptor_born(fds[!near_reads]);
    *far_fd = fds[near_reads];
    return 0;
}
