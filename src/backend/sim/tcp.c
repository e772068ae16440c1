/* How streams come to be connected: ports, listening, and the handshake. */
#include "backend/sim/stream.h"

#include <stdlib.h>

/* An attempt that meets no answer is made again after this, and after twice as long each time; the
   sixth was the last, some two minutes in all, as Linux does it. */
#define RETRY_NS INT64_C(1000000000)
#define RETRIES_MAX 6

struct handshake {
    struct sim_event event;
    struct sim_stream *client; /* NULL: it has given up */
    struct sim_host *from, *to;
    struct sim_address address;
    struct sim_connection *connection; /* once the other side has taken it */
    int error;
    unsigned tries;
};

/* --- ports --- */

static struct sim_stream *find_bound(struct sim_host *host, const struct sim_address *to)
{
    struct list *node;

    /* As long as the host has servers. */
    for (node = host->listeners.next; node != &host->listeners; node = node->next) {
        struct sim_stream *stream = container_of(node, struct sim_stream, bound);

        if (sim_address_takes(&stream->own, to) ||
            (sim_address_is_any(to) && stream->own.port == to->port))
            return stream;
    }
    return NULL;
}

static int bind_to(struct sim_stream *stream, const struct sim_address *address)
{
    struct sim_host *host = stream->file.host;
    struct sim_address wanted = *address;

    if (stream->state != STREAM_FRESH || stream->own.port)
        return -EINVAL;
    if (!sim_address_is_own(host, address))
        return -EADDRNOTAVAIL;
    if (wanted.port && find_bound(host, &wanted))
        return -EADDRINUSE;
    while (!wanted.port || find_bound(host, &wanted))
        wanted.port = sim_port_next(host);
    stream->own = wanted;
    list_push_back(&host->listeners, &stream->bound);
    return 0;
}

int stream_bind(struct sim_file *file, const struct sockaddr *addr, socklen_t len)
{
    struct sim_address address;
    int error = sim_address_read(addr, len, file->family, &address);

    return error < 0 ? error : bind_to(stream_of(file), &address);
}

int stream_listen(struct sim_file *file, int backlog)
{
    struct sim_stream *stream = stream_of(file);
    struct sim_address any = { .v4 = file->family == AF_INET };
    int error = 0;

    if (stream->state != STREAM_FRESH && stream->state != STREAM_LISTENING)
        return -EINVAL;
    if (!stream->own.port)
        error = bind_to(stream, &any);
    if (error < 0)
        return error;
    stream->state = STREAM_LISTENING;
    stream->queued_max = backlog > 0 ? (unsigned)backlog : 1;
    return 0;
}

void stream_turn_away(struct sim_stream *listener, bool crashed)
{
    while (!list_empty(&listener->queued)) {
        struct sim_stream *stream = container_of(listener->queued.next, struct sim_stream, queued);

        list_remove(&stream->file.of_host);
        sim_connection_leave(stream->connection, stream->side,
                             crashed ? SIM_LEAVE_CRASHED : SIM_LEAVE_RESET);
        list_remove(&stream->queued);
        list_remove(&stream->file.changed);
        free(stream->file.options);
        free(stream);
    }
}

int64_t stream_accept(struct sim_file *file, struct op *op)
{
    struct sim_stream *listener = stream_of(file), *stream;
    int fd;

    if (listener->state != STREAM_LISTENING)
        return -EINVAL;
    if (listener->queued_len == 0)
        return -EAGAIN;
    stream = container_of(listener->queued.next, struct sim_stream, queued);
    fd = sim_number_add(&stream->file, op->u.accept.flags & SOCK_CLOEXEC);
    if (fd < 0)
        return fd;
    list_remove(&stream->queued);
    list_init(&stream->queued);
    stream->listener = NULL;
    listener->queued_len--;
    if (op->u.accept.flags & SOCK_NONBLOCK)
        stream->file.flags |= O_NONBLOCK;
    if (op->u.accept.addr && op->u.accept.addr_len)
        sim_address_write(&stream->peer, op->u.accept.addr, op->u.accept.addr_len);
    return fd;
}

/* --- the handshake --- */

static void answer(struct sim_event *event);

static void give_up(struct handshake *handshake, int error)
{
    struct sim_stream *client = handshake->client;

    if (client) {
        client->handshake = NULL;
        client->state = STREAM_FRESH;
        client->file.error = error;
        sim_file_changed(&client->file);
    }
    free(handshake);
}

/* Again later, or never. */
static void retry(struct handshake *handshake)
{
    int64_t wait_ns = RETRY_NS << handshake->tries;

    sim_trace(TRACE_DROP, handshake->from->number, handshake->tries);
    if (handshake->tries++ == RETRIES_MAX ||
        sim_event_add(&handshake->event, sim_now() + wait_ns) < 0)
        give_up(handshake, ETIMEDOUT);
}

static void send_answer(struct handshake *handshake)
{
    handshake->event.fire = answer;
    handshake->tries = 0;
    if (sim_event_add(&handshake->event,
                      sim_now() + sim_latency_ns(handshake->to, handshake->from)) < 0)
        give_up(handshake, ENOBUFS);
}

/* The other side makes its end, and both are connected; the client hears of it later. Returns
   false without memory. */
static bool take_in(struct handshake *handshake, struct sim_stream *listener)
{
    struct sim_stream *client = handshake->client;
    struct sim_stream *stream = stream_make(handshake->to, listener->file.family);
    struct sim_connection *c;

    if (!stream)
        return false;
    c = sim_connection_create(handshake->from, handshake->to, false);
    if (!c) {
        list_remove(&stream->file.of_host);
        free(stream);
        return false;
    }
    sim_connection_attach(c, 0, &client->file);
    sim_connection_attach(c, 1, &stream->file);
    client->connection = stream->connection = handshake->connection = c;
    client->side = 0;
    stream->side = 1;
    stream->state = STREAM_CONNECTED;
    stream->own = handshake->address;
    stream->peer = client->own;
    stream->own.v4 = stream->peer.v4 = stream->file.family == AF_INET;
    stream->listener = listener;
    list_push_back(&listener->queued, &stream->queued);
    listener->queued_len++;
    sim_file_changed(&listener->file);
    return true;
}

static bool is_cut(const struct handshake *handshake)
{
    return !handshake->to || !handshake->to->up || !handshake->from->up ||
           sim_link_is_cut(handshake->from, handshake->to);
}

/* The first packet has come to where it was sent. */
static void ask(struct sim_event *event)
{
    struct handshake *handshake = container_of(event, struct handshake, event);
    struct sim_stream *listener;

    if (!handshake->client) {
        free(handshake);
        return;
    }
    if (is_cut(handshake)) {
        retry(handshake);
        return;
    }
    listener = find_bound(handshake->to, &handshake->address);
    if (!listener || listener->state != STREAM_LISTENING)
        handshake->error = ECONNREFUSED;
    else if (listener->queued_len >= listener->queued_max || !take_in(handshake, listener)) {
        retry(handshake);
        return;
    }
    sim_trace(TRACE_CONNECT, handshake->to->number, handshake->error);
    send_answer(handshake);
}

/* The answer has come back. */
static void answer(struct sim_event *event)
{
    struct handshake *handshake = container_of(event, struct handshake, event);
    struct sim_stream *client = handshake->client;

    if (!client) {
        free(handshake);
    } else if (handshake->error) {
        give_up(handshake, handshake->error);
    } else if (is_cut(handshake) && handshake->tries < RETRIES_MAX) {
        retry(handshake);
    } else {
        client->state = STREAM_CONNECTED;
        client->handshake = NULL;
        sim_file_changed(&client->file);
        free(handshake);
    }
}

void stream_connect_abort(struct sim_file *file)
{
    struct sim_stream *stream = stream_of(file);

    if (!stream->handshake)
        return;
    stream->handshake->client = NULL;
    stream->handshake = NULL;
    stream->state = STREAM_FRESH;
    if (!stream->connection)
        return;
    sim_connection_leave(stream->connection, stream->side,
                         file->host->up ? SIM_LEAVE_RESET : SIM_LEAVE_CRASHED);
    stream->connection = NULL;
}

static int64_t start(struct sim_stream *stream, const struct sim_address *to)
{
    struct sim_host *host = stream->file.host;
    struct handshake *handshake = calloc(1, sizeof *handshake);

    if (!handshake)
        return -ENOBUFS;
    handshake->event.fire = ask;
    handshake->client = stream;
    handshake->from = host;
    handshake->to = sim_host_find(host, &to->ip);
    handshake->address = *to;
    if (sim_event_add(&handshake->event,
                      sim_now() + sim_latency_ns(host, handshake->to ? handshake->to : host)) < 0) {
        free(handshake);
        return -ENOBUFS;
    }
    if (!stream->own.port)
        stream->own.port = sim_port_next(host);
    if (sim_address_is_any(&stream->own))
        sim_address_from(host, to, &stream->own);
    stream->peer = *to;
    stream->handshake = handshake;
    stream->state = STREAM_CONNECTING;
    return stream->file.flags & O_NONBLOCK ? -EINPROGRESS : -EAGAIN;
}

int64_t stream_connect(struct sim_file *file, struct op *op)
{
    struct sim_stream *stream = stream_of(file);
    bool waited = op->state == SIM_OP_WAITING;
    struct sim_address to;
    int error;

    if (file->error) {
        error = file->error;
        file->error = 0;
        return -error;
    }
    if (stream->state == STREAM_CONNECTING)
        return file->flags & O_NONBLOCK && !waited ? -EALREADY : -EAGAIN;
    if (stream->state == STREAM_CONNECTED)
        return waited ? 0 : -EISCONN;
    if (stream->state == STREAM_LISTENING)
        return -EISCONN;
    error = sim_address_read(op->u.connect.addr, op->u.connect.addr_len, file->family, &to);
    return error < 0 ? error : start(stream, &to);
}
