/* Stream sockets of TCP, connected ones. */
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
    int64_t n = -ENOTCONN;

    if (transfer->flags & MSG_OOB)
        return -EINVAL;
    if (stream->state == STREAM_CONNECTED)
        n = sim_connection_read(stream->connection, stream->side, transfer);
    if (n <= 0 && file->error) /* what had come before it is still read */
        return -take_error(file);
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

/* A listener listens no more; who waits to be connected is told that he will not be. */
static int shut_down_early(struct sim_stream *stream, int how)
{
    if (stream->state != STREAM_LISTENING && stream->state != STREAM_CONNECTING)
        return -ENOTCONN;
    if (stream->state == STREAM_CONNECTING) {
        stream_connect_abort(&stream->file);
        stream->file.error = ECONNRESET;
    } else if (how != SHUT_WR) {
        stream_turn_away(stream, false);
        stream->state = STREAM_FRESH;
    }
    sim_file_changed(&stream->file);
    return 0;
}

static int stream_shutdown(struct sim_file *file, int how)
{
    struct sim_stream *stream = stream_of(file);

    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (stream->state != STREAM_CONNECTED)
        return shut_down_early(stream, how);
    if (stream->connection->ways[!stream->side].broken)
        return -ENOTCONN;
    if (how != SHUT_WR)
        stream->deaf = true;
    if (how != SHUT_RD)
        sim_connection_end(stream->connection, stream->side);
    sim_file_changed(file);
    return 0;
}

static int stream_name(struct sim_file *file, bool peer, struct sockaddr *addr, socklen_t *len)
{
    const struct sim_stream *stream = stream_of(file);

    if (peer && stream->state != STREAM_CONNECTED)
        return -ENOTCONN;
    sim_address_write(peer ? &stream->peer : &stream->own, addr, len);
    return 0;
}

static bool stream_listens(const struct sim_file *file)
{
    return container_of(file, const struct sim_stream, file)->state == STREAM_LISTENING;
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
                             crashed        ? SIM_LEAVE_CRASHED
                             : file->resets ? SIM_LEAVE_RESET
                                            : SIM_LEAVE);
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
    .name = stream_name,
    .listens = stream_listens,
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
