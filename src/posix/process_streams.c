/* The standard streams of a command: what becomes of 0, 1 and 2, and our ends of its pipes. */
#include "loop/loop.h"

#include "posix/process.h"

#include <dure/process.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* In the child each gets its number in turn: one that is below 3 itself, and is to get another,
   would be overwritten on the way, and goes above first. */
static int lift(struct streams *streams, int number)
{
    int source = streams->sources[number], above;

    if (source > 2 || source == number)
        return 0;
    above = fcntl(source, F_DUPFD_CLOEXEC, 3);
    if (above < 0)
        return -errno;
    if (streams->to_close[number] >= 0)
        close(streams->to_close[number]);
    streams->sources[number] = streams->to_close[number] = above;
    return 0;
}

static int open_pipe(struct streams *streams, int number)
{
    int *source = &streams->sources[number];
    int error = program_pipe(&streams->near_fds[number], source, number != STDIN_FILENO);

    if (error < 0)
        return error;
    streams->to_close[number] = *source;
    return lift(streams, number);
}

static int open_one(struct streams *streams, int number, int wanted)
{
    int *source = &streams->sources[number];

    switch (wanted) {
    case DURE_INHERIT:
        *source = STREAM_KEEP;
        return 0;
    case DURE_NULL:
        *source = STREAM_NULL;
        return 0;
    case DURE_JOIN:
        *source = STREAM_JOIN;
        return number == STDERR_FILENO ? 0 : -EINVAL;
    case DURE_PIPE:
        return open_pipe(streams, number);
    default:
        if (fcntl(wanted, F_GETFD) < 0)
            return -errno;
        *source = wanted;
        return lift(streams, number);
    }
}

int streams_open(struct streams *streams, const int wanted[3])
{
    int error = 0, i;

    *streams = (struct streams){ { -1, -1, -1 }, { -1, -1, -1 }, { -1, -1, -1 } };
    for (i = 0; i < 3 && error == 0; i++)
        error = open_one(streams, i, wanted[i]);
    return error;
}

void streams_close_far(const struct streams *streams)
{
    int i;

    for (i = 0; i < 3; i++)
        if (streams->to_close[i] >= 0)
            close(streams->to_close[i]);
}

void streams_close_near(struct streams *streams)
{
    int i;

    for (i = 0; i < 3; i++) {
        if (streams->near_fds[i] >= 0)
            descriptor_close(streams->near_fds[i]);
        streams->near_fds[i] = -1;
    }
}
