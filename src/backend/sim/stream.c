/* Stream sockets, connected ones; pairs of them; and pipes. */
#include "backend/sim/stream.h"

#include <stdlib.h>

/* An error is told once; after it a socket is at its end. */
static int take_error(struct sim_file *file)
{
    int error = file->error;

    file->error = 0;
    return error;
}

static int64_t stream_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct sim_stream *stream = stream_of(file);
    int64_t n;

    if (file->error)
        return -take_error(file);
    if (stream->state != STREAM_CONNECTED)
        return -ENOTCONN;
    if (transfer->flags & MSG_OOB)
        return -EINVAL;
    n = sim_connection_read(stream->connection, stream->side, transfer);
    if (n >= 0 && transfer->header) {
        transfer->header->msg_namelen = 0;
        transfer->header->msg_controllen = 0;
        transfer->header->msg_flags = 0;
    }
    return n == -EAGAIN && stream->deaf ? 0 : n;
}

static int64_t stream_write(struct sim_file *file, struct sim_transfer *transfer)
{
    struct sim_stream *stream = stream_of(file);

    if (file->error)
        return -take_error(file);
    if (stream->state != STREAM_CONNECTED)
        return stream->state == STREAM_CONNECTING ? -EAGAIN : -EPIPE;
    if (sim_fails(&file->host->memory))
        return -ENOBUFS;
    return sim_connection_write(stream->connection, stream->side, transfer);
}

static unsigned poll_connected(const struct sim_stream *stream)
{
    const struct sim_connection *c = stream->connection;
    const struct sim_way *in = &c->ways[!stream->side], *out = &c->ways[stream->side];
    bool over = in->finished || in->broken || stream->deaf;
    unsigned events = 0;

    if (in->received.len || over)
        events |= POLLIN | POLLRDNORM;
    if (over)
        events |= POLLRDHUP;
    if (sim_connection_room(c, stream->side) || out->ended || in->broken)
        events |= POLLOUT | POLLWRNORM;
    if (in->broken || (over && out->ended))
        events |= POLLHUP;
    return events;
}

static unsigned stream_poll(struct sim_file *file)
{
    const struct sim_stream *stream = stream_of(file);
    unsigned events = file->error ? POLLERR | POLLIN | POLLOUT : 0;

    switch (stream->state) {
    case STREAM_LISTENING:
        return events | (stream->queued_len ? POLLIN | POLLRDNORM : 0);
    case STREAM_CONNECTED:
        return events | poll_connected(stream);
    case STREAM_CONNECTING:
        return events;
    default:
        return events | POLLOUT | POLLWRNORM | POLLHUP;
    }
}

static int stream_shutdown(struct sim_file *file, int how)
{
    struct sim_stream *stream = stream_of(file);

    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (stream->state != STREAM_CONNECTED || stream->connection->ways[!stream->side].broken)
        return -ENOTCONN;
    if (how != SHUT_WR)
        stream->deaf = true;
    if (how != SHUT_RD)
        sim_connection_end(stream->connection, stream->side);
    sim_file_changed(file);
    return 0;
}

static int stream_names(struct sim_file *file, struct sim_address *own, struct sim_address *peer)
{
    const struct sim_stream *stream = stream_of(file);

    if (peer && stream->state != STREAM_CONNECTED)
        return -ENOTCONN;
    if (own)
        *own = stream->own;
    if (peer)
        *peer = stream->peer;
    return 0;
}

static void stream_release(struct sim_file *file, bool crashed)
{
    struct sim_stream *stream = stream_of(file);

    if (stream->state == STREAM_LISTENING)
        stream_turn_away(stream, crashed);
    if (stream->handshake)
        stream_connect_abort(file);
    else if (stream->connection)
        sim_connection_leave(stream->connection, stream->side,
                             crashed ? SIM_LEAVE_CRASHED : SIM_LEAVE);
    if (stream->listener) {
        list_remove(&stream->queued);
        stream->listener->queued_len--;
    }
    list_remove(&stream->bound);
    free(stream);
}

static const struct sim_kind tcp_kind = {
    .type = SOCK_STREAM,
    .mode = S_IFSOCK,
    .read = stream_read,
    .write = stream_write,
    .accept = stream_accept,
    .connect = stream_connect,
    .connect_abort = stream_connect_abort,
    .poll = stream_poll,
    .bind = stream_bind,
    .listen = stream_listen,
    .shutdown = stream_shutdown,
    .names = stream_names,
    .release = stream_release,
};

struct sim_stream *stream_make(struct sim_host *host, int family)
{
    struct sim_stream *stream = sim_fails(&host->memory) ? NULL : calloc(1, sizeof *stream);

    if (!stream)
        return NULL;
    sim_file_init(&stream->file, &tcp_kind, host, O_RDWR);
    stream->file.family = (uint8_t)family;
    stream->own.v4 = stream->peer.v4 = family == AF_INET;
    list_init(&stream->bound);
    list_init(&stream->queued);
    return stream;
}

struct sim_file *sim_stream_create(struct sim_host *host, int family)
{
    struct sim_stream *stream = stream_make(host, family);

    return stream ? &stream->file : NULL;
}

int sim_stream_option(struct sim_file *file, int name)
{
    return name == SO_ACCEPTCONN && file->kind == &tcp_kind &&
           stream_of(file)->state == STREAM_LISTENING;
}

/* Two ends of a new connection that needs no packets. Returns 0 or -ENOMEM. */
static int connect_pair(struct sim_file *files[2], struct sim_connection **out)
{
    struct sim_connection *c = sim_connection_create(files[0]->host, files[1]->host, true);

    if (!c)
        return -ENOMEM;
    sim_connection_attach(c, 0, files[0]);
    sim_connection_attach(c, 1, files[1]);
    *out = c;
    return 0;
}

static void stream_abandon(struct sim_file *file)
{
    list_remove(&file->of_host);
    file->kind->release(file, true);
}

int sim_stream_pair(struct sim_host *host, int family, struct sim_file *out[2])
{
    struct sim_connection *c;
    int side;

    out[0] = sim_stream_create(host, family);
    out[1] = sim_stream_create(host, family);
    if (!out[0] || !out[1] || connect_pair(out, &c) < 0) {
        for (side = 0; side < 2; side++)
            if (out[side])
                stream_abandon(out[side]);
        return -ENOMEM;
    }
    for (side = 0; side < 2; side++) {
        struct sim_stream *stream = stream_of(out[side]);

        stream->connection = c;
        stream->side = (uint8_t)side;
        stream->state = STREAM_CONNECTED;
    }
    return 0;
}

/* --- pipes: side 0 writes, side 1 reads --- */

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
    struct sim_connection *c = NULL;

    if (ends[0] && ends[1] && !sim_fails(&host->memory)) {
        files[0] = &ends[0]->file;
        files[1] = &ends[1]->file;
        sim_file_init(files[0], &pipe_kinds[0], host, O_WRONLY);
        sim_file_init(files[1], &pipe_kinds[1], host, O_RDONLY);
        if (connect_pair(files, &c) == 0) {
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
