/* Commands of the shell: the twins of system, popen and pclose. */
#include "loop/loop.h"

#include "posix/process.h"

#include <dure/process.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* stream: which of the shell's own is to be fd; -1: none. */
static int start_shell(struct child *child, const char *command, int stream, int fd)
{
    char *argv[] = { "sh", "-c", "--", (char *)(uintptr_t)command, NULL };
    struct program program = {
        .path = "/bin/sh",
        .argv = argv,
        .streams = { STREAM_KEEP, STREAM_KEEP, STREAM_KEEP },
    };

    if (stream >= 0)
        program.streams[stream] = fd;
    return program_start(&program, child);
}

/* --- system --- */

/* As if the shell had not been found by who runs it. */
static bool is_missing(int error)
{
    return error == -ENOENT || error == -EACCES || error == -ENOEXEC || error == -ENOTDIR;
}

/* Of a child that has ended. Returns its status or -ECHILD. */
static int result_of(const struct child *child)
{
    return child->error ? -child->error : child_status(&child->info);
}

static int run(const char *command)
{
    struct child child;
    int error = start_shell(&child, command, -1, -1);

    if (is_missing(error))
        return W_EXITCODE(127, 0);
    if (error < 0)
        return error;
    error = child_await(&child);
    if (error < 0)
        child_stop(&child, CHILD_GRACE_NS, false);
    child_close(&child);
    return error < 0 ? error : result_of(&child);
}

int dure_system(const char *command)
{
    if (!task_current() && !thread_has_scope())
        return system(command); // NOLINT(cert-env33-c): what its twin is for
    if (!command)
        return dure_system("exit 0") == 0;
    return (int)io_result(run(command));
}

/* --- popen --- */

struct popened {
    struct list link; /* in popened, the newest first: an older one of the same number was closed by
                         somebody else */
    struct child child;
    int fd;
};

/* Guards the list; innermost, held for a look. It is as long as there are such descriptors. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list popened = { &popened, &popened };

static int start_popen(struct popened *new, const char *command, bool reads)
{
    int stream = reads ? STDOUT_FILENO : STDIN_FILENO, far_fd, error;

    error = program_pipe(&new->fd, &far_fd, reads);
    if (error < 0)
        return error;
    error = start_shell(&new->child, command, stream, far_fd);
    close(far_fd);
    if (error < 0)
        descriptor_close(new->fd);
    return error;
}

static bool parse_mode(const char *mode, bool *reads)
{
    *reads = mode[0] == 'r';
    return (mode[0] == 'r' || mode[0] == 'w') && strcmp(mode + 1, mode[1] == 'e' ? "e" : "") == 0;
}

int dure_popen(const char *command, const char *mode)
{
    struct popened *new;
    bool reads;
    int error;

    if (!parse_mode(mode, &reads))
        return (int)io_result(-EINVAL);
    new = malloc(sizeof *new);
    if (!new)
        return (int)io_result(-ENOMEM);
    error = start_popen(new, command, reads);
    if (error < 0) {
        free(new);
        return (int)io_result(error);
    }
    pthread_mutex_lock(&lock);
    list_push_front(&popened, &new->link);
    pthread_mutex_unlock(&lock);
    return new->fd;
}

static struct popened *take(int fd)
{
    struct popened *found = NULL;
    struct list *node;

    pthread_mutex_lock(&lock);
    for (node = popened.next; node != &popened && !found; node = node->next)
        if (container_of(node, struct popened, link)->fd == fd)
            found = container_of(node, struct popened, link);
    if (found)
        list_remove(&found->link);
    pthread_mutex_unlock(&lock);
    return found;
}

int dure_pclose(int fd)
{
    struct popened *old = take(fd);
    int result;

    if (!old)
        return (int)io_result(-EINVAL);
    descriptor_close(fd);
    DURE_SHIELD(INT64_MAX)
    child_await(&old->child);
    child_close(&old->child);
    result = result_of(&old->child);
    free(old);
    return (int)io_result(result);
}
