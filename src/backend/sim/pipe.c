/* Pipes: a connection without packets, of which side 0 writes and side 1 reads. */
#include "backend/sim/inside.h"

#include <stdlib.h>

struct pipe_end {
    struct sim_file file;
    struct sim_connection *connection;
};

static struct sim_connection *pipe_of(struct sim_file *file)
{
    return container_of(file, struct pipe_end, file)->connection;
}

static int64_t pipe_read(struct sim_file *file, struct sim_transfer *transfer)
{
    return sim_connection_read(pipe_of(file), 1, transfer);
}

/* What fits into a page goes whole or not at all. */
static int64_t pipe_write(struct sim_file *file, struct sim_transfer *transfer)
{
    size_t room = sim_connection_room(pipe_of(file), 0);

    if (pipe_of(file)->ways[0].reader && transfer->len <= 4096 && room < transfer->len)
        return -EAGAIN;
    return sim_connection_write(pipe_of(file), 0, transfer);
}

static unsigned pipe_poll_read(struct sim_file *file)
{
    const struct sim_way *way = &pipe_of(file)->ways[0];

    return (way->received.len ? POLLIN | POLLRDNORM : 0) | (way->writer ? 0 : POLLHUP);
}

static unsigned pipe_poll_write(struct sim_file *file)
{
    bool room = sim_connection_room(pipe_of(file), 0) >= 4096;

    return (room ? POLLOUT | POLLWRNORM : 0) | (pipe_of(file)->ways[0].reader ? 0 : POLLERR);
}

static void pipe_release_read(struct sim_file *file, bool crashed)
{
    (void)crashed; /* with a host all its pipes end */
    sim_connection_leave(pipe_of(file), 1, SIM_LEAVE);
    free(container_of(file, struct pipe_end, file));
}

static void pipe_release_write(struct sim_file *file, bool crashed)
{
    (void)crashed; /* with a host all its pipes end */
    sim_connection_leave(pipe_of(file), 0, SIM_LEAVE);
    free(container_of(file, struct pipe_end, file));
}

static const struct sim_kind pipe_kinds[2] = {
    { .mode = S_IFIFO,
      .write = pipe_write,
      .poll = pipe_poll_write,
      .release = pipe_release_write },
    { .mode = S_IFIFO, .read = pipe_read, .poll = pipe_poll_read, .release = pipe_release_read },
};

int sim_pipe_create(struct sim_host *host, struct sim_file *out[2])
{
    struct pipe_end *ends[2] = { calloc(1, sizeof *ends[0]), calloc(1, sizeof *ends[1]) };
    struct sim_file *files[2];
    struct sim_connection *c;

    if (ends[0] && ends[1] && !sim_fails(&host->memory)) {
        files[0] = &ends[0]->file;
        files[1] = &ends[1]->file;
        sim_file_init(files[0], &pipe_kinds[0], host, O_WRONLY);
        sim_file_init(files[1], &pipe_kinds[1], host, O_RDONLY);
        c = sim_connection_create(host, host, true);
        if (c) {
            sim_connection_attach(c, 0, files[0]);
            sim_connection_attach(c, 1, files[1]);
            ends[0]->connection = ends[1]->connection = c;
            out[0] = files[1];
            out[1] = files[0];
            return 0;
        }
        list_remove(&files[0]->of_host);
        list_remove(&files[1]->of_host);
    }
    free(ends[0]);
    free(ends[1]);
    return -ENOMEM;
}
