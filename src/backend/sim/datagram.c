/* Datagrams: UDP, which loses, doubles and reorders them. */
#include "backend/sim/inside.h"

#include <stdlib.h>
#include <string.h>

/* What comes on top of so many that nobody has read is lost. */
#define QUEUE_MAX 64
#define LEN_MAX 65507

struct datagram_socket {
    struct sim_file file;
    struct sim_address own, peer;
    bool connected;    /* it hears its peer alone */
    bool deaf, mute;   /* shut down for reading, for writing */
    struct list bound; /* in the host's; alone: has no port */
    struct list queue; /* packets */
    unsigned queue_len;
    int64_t last_ns; /* when its last packet to its own host arrives */
};

struct packet {
    struct sim_event event;
    struct list link;
    struct sim_host *from_host, *to_host;
    struct sim_address from, to;
    size_t len;
    char data[];
};

static struct datagram_socket *socket_of(struct sim_file *file)
{
    return container_of(file, struct datagram_socket, file);
}

/* An error is told once. */
static int take_error(struct sim_file *file)
{
    int error = file->error;

    file->error = 0;
    return error;
}

/* --- ports --- */

static struct datagram_socket *find_bound(struct sim_host *host, const struct sim_address *to)
{
    struct list *node;

    for (node = host->bound.next; node != &host->bound; node = node->next) {
        struct datagram_socket *s = container_of(node, struct datagram_socket, bound);

        if (sim_address_takes(&s->own, to) || (sim_address_is_any(to) && s->own.port == to->port))
            return s;
    }
    return NULL;
}

static int bind_to(struct datagram_socket *s, const struct sim_address *address)
{
    struct sim_host *host = s->file.host;
    struct sim_address wanted = *address;

    if (s->own.port)
        return -EINVAL;
    if (!sim_address_is_own(host, address))
        return -EADDRNOTAVAIL;
    if (wanted.port && find_bound(host, &wanted))
        return -EADDRINUSE;
    while (!wanted.port || find_bound(host, &wanted))
        wanted.port = sim_port_next(host);
    s->own = wanted;
    list_push_back(&host->bound, &s->bound);
    return 0;
}

static int datagram_bind(struct sim_file *file, const struct sockaddr *addr, socklen_t len)
{
    struct sim_address address;
    int error = sim_address_read(addr, len, file->family, &address);

    return error < 0 ? error : bind_to(socket_of(file), &address);
}

static int bind_any(struct datagram_socket *s)
{
    struct sim_address any = { .v4 = s->file.family == AF_INET };

    return s->own.port ? 0 : bind_to(s, &any);
}

static int64_t datagram_connect(struct sim_file *file, struct op *op)
{
    struct datagram_socket *s = socket_of(file);
    struct sim_address to;
    int error;

    if (op->u.connect.addr && op->u.connect.addr_len >= sizeof(sa_family_t) &&
        op->u.connect.addr->sa_family == AF_UNSPEC) {
        s->connected = false;
        return 0;
    }
    error = sim_address_read(op->u.connect.addr, op->u.connect.addr_len, file->family, &to);
    if (error == 0)
        error = bind_any(s);
    if (error < 0)
        return error;
    s->peer = to;
    s->connected = true;
    return 0;
}

/* --- sending --- */

static void queue(struct datagram_socket *s, struct packet *packet)
{
    list_push_back(&s->queue, &packet->link);
    s->queue_len++;
    sim_file_changed(&s->file);
}

static bool is_peer(const struct datagram_socket *s, const struct sim_address *address)
{
    return s->connected && s->peer.port == address->port &&
           IN6_ARE_ADDR_EQUAL(&s->peer.ip, &address->ip);
}

static bool is_lost(const struct packet *packet)
{
    return !packet->to_host->up || sim_link_is_cut(packet->from_host, packet->to_host);
}

/* The sender hears that it was refused, if it is connected to there alone. */
static void return_refused(struct sim_event *event)
{
    struct packet *packet = container_of(event, struct packet, event);
    struct datagram_socket *s = NULL;

    if (packet->from_host->up && !is_lost(packet))
        s = find_bound(packet->from_host, &packet->from);
    if (s && is_peer(s, &packet->to)) {
        s->file.error = ECONNREFUSED;
        sim_file_changed(&s->file);
    }
    free(packet);
}

/* Nobody has the port. */
static void refuse(struct packet *packet)
{
    packet->event.fire = return_refused;
    if (sim_event_add(&packet->event,
                      sim_now() + sim_latency_ns(packet->to_host, packet->from_host)) < 0)
        free(packet);
}

static void arrive(struct sim_event *event)
{
    struct packet *packet = container_of(event, struct packet, event);
    struct datagram_socket *s = NULL;

    if (!is_lost(packet))
        s = find_bound(packet->to_host, &packet->to);
    sim_trace(s ? TRACE_ARRIVE : TRACE_DROP, packet->to_host->number, (int64_t)packet->len);
    if (s && s->queue_len < QUEUE_MAX && (!s->connected || is_peer(s, &packet->from)))
        queue(s, packet);
    else if (!is_lost(packet) && (!s || (s->connected && !is_peer(s, &packet->from))))
        refuse(packet);
    else
        free(packet);
}

static struct packet *make_packet(struct sim_transfer *transfer)
{
    struct packet *packet = calloc(1, sizeof *packet + transfer->len);

    if (packet) {
        packet->event.fire = arrive;
        packet->len = transfer->len;
        transfer->done = 0;
        sim_transfer_out(transfer, packet->data, transfer->len);
    }
    return packet;
}

/* Within a host they keep their order, as on a real loopback. */
static int64_t arrival_ns(struct datagram_socket *s, const struct sim_host *there)
{
    int64_t at_ns = sim_now() + sim_latency_ns(s->file.host, there);

    if (there != s->file.host)
        return at_ns;
    if (at_ns < s->last_ns)
        at_ns = s->last_ns;
    s->last_ns = at_ns;
    return at_ns;
}

static int send_packet(struct datagram_socket *s, const struct sim_address *to,
                       struct sim_transfer *transfer)
{
    struct sim_host *host = s->file.host, *there = sim_host_find(host, &to->ip);
    struct packet *packet;

    if (!there || sim_chance(sim_world_options.loss_ppm)) {
        sim_trace(TRACE_DROP, host->number, (int64_t)transfer->len);
        return 0;
    }
    packet = make_packet(transfer);
    if (!packet)
        return -ENOBUFS;
    packet->from_host = host;
    packet->to_host = there;
    packet->to = *to;
    packet->from = s->own;
    if (sim_address_is_any(&s->own))
        sim_address_from(host, to, &packet->from);
    sim_trace(TRACE_SEND, there->number, (int64_t)transfer->len);
    if (sim_event_add(&packet->event, arrival_ns(s, there)) < 0) {
        free(packet);
        return -ENOBUFS;
    }
    return 0;
}

static int64_t datagram_write(struct sim_file *file, struct sim_transfer *transfer)
{
    struct datagram_socket *s = socket_of(file);
    struct sim_address to = s->peer;
    bool named = transfer->header && transfer->header->msg_name;
    int error = 0;

    if (file->error)
        return -take_error(file);
    if (s->mute)
        return -EPIPE;
    if (transfer->len > LEN_MAX)
        return -EMSGSIZE;
    if (named)
        error = sim_address_read(transfer->header->msg_name, transfer->header->msg_namelen,
                                 file->family, &to);
    else if (!s->connected)
        return -EDESTADDRREQ;
    if (error == 0 && sim_fails(&file->host->memory))
        error = -ENOBUFS;
    if (error == 0)
        error = bind_any(s);
    if (error == 0)
        error = send_packet(s, &to, transfer);
    if (error == 0 && sim_chance(sim_world_options.duplicate_ppm))
        (void)send_packet(s, &to, transfer);
    return error < 0 ? error : (int64_t)transfer->len;
}

/* --- receiving --- */

static void tell_header(struct msghdr *header, const struct packet *packet, bool cut)
{
    header->msg_flags = cut ? MSG_TRUNC : 0;
    header->msg_controllen = 0;
    if (header->msg_name)
        sim_address_write(&packet->from, header->msg_name, &header->msg_namelen);
    else
        header->msg_namelen = 0;
}

static int64_t datagram_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct datagram_socket *s = socket_of(file);
    struct packet *packet;
    size_t len, whole;

    if (file->error)
        return -take_error(file);
    if (list_empty(&s->queue))
        return s->deaf && !sim_never_waits(file, transfer) ? 0 : -EAGAIN;
    packet = container_of(s->queue.next, struct packet, link);
    whole = packet->len;
    len = whole < transfer->len ? whole : transfer->len;
    sim_transfer_in(transfer, packet->data, len);
    if (transfer->header)
        tell_header(transfer->header, packet, len < whole);
    if (!(transfer->flags & MSG_PEEK)) {
        list_remove(&packet->link);
        s->queue_len--;
        free(packet);
    }
    return (int64_t)(transfer->flags & MSG_TRUNC ? whole : len);
}

/* --- the rest --- */

static unsigned datagram_poll(struct sim_file *file)
{
    const struct datagram_socket *s = socket_of(file);

    return (!list_empty(&s->queue) || s->deaf || file->error ? POLLIN | POLLRDNORM : 0) | POLLOUT |
           POLLWRNORM | (file->error ? POLLERR : 0);
}

static int datagram_shutdown(struct sim_file *file, int how)
{
    struct datagram_socket *s = socket_of(file);

    if (!s->connected)
        return -ENOTCONN;
    if (how != SHUT_WR)
        s->deaf = true;
    if (how != SHUT_RD)
        s->mute = true;
    sim_file_changed(file);
    return 0;
}

static int datagram_name(struct sim_file *file, bool peer, struct sockaddr *addr, socklen_t *len)
{
    const struct datagram_socket *s = socket_of(file);

    if (peer && !s->connected)
        return -ENOTCONN;
    sim_address_write(peer ? &s->peer : &s->own, addr, len);
    return 0;
}

static void datagram_release(struct sim_file *file, bool crashed)
{
    struct datagram_socket *s = socket_of(file);
    struct list *node;

    (void)crashed; /* nobody would be told in any case */
    while ((node = list_pop_front(&s->queue)))
        free(container_of(node, struct packet, link));
    list_remove(&s->bound);
    free(s);
}

static const struct sim_kind datagram_kind = {
    .type = SOCK_DGRAM,
    .mode = S_IFSOCK,
    .read = datagram_read,
    .write = datagram_write,
    .connect = datagram_connect,
    .poll = datagram_poll,
    .bind = datagram_bind,
    .shutdown = datagram_shutdown,
    .name = datagram_name,
    .release = datagram_release,
};

struct sim_file *sim_datagram_create(struct sim_host *host, int family)
{
    struct datagram_socket *s = sim_fails(&host->memory) ? NULL : calloc(1, sizeof *s);

    if (!s)
        return NULL;
    sim_file_init(&s->file, &datagram_kind, host, O_RDWR);
    s->file.family = (uint8_t)family;
    s->own.v4 = s->peer.v4 = family == AF_INET;
    list_init(&s->bound);
    list_init(&s->queue);
    return &s->file;
}
