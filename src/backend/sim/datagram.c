/* Datagrams: UDP, which loses, doubles and reorders them; and pairs that keep messages apart. */
#include "backend/sim/inside.h"

#include <stdlib.h>
#include <string.h>

/* What comes on top of so many that nobody has read is lost; a pair's writer waits instead. */
#define QUEUE_MAX 64
#define LEN_MAX 65507

struct datagram_socket {
    struct sim_file file;
    struct sim_address own, peer;
    bool connected; /* it hears its peer alone */
    bool deaf;
    struct list bound; /* in the host's; alone: has no port */
    struct list queue; /* packets */
    unsigned queue_len;
    struct datagram_socket *pair; /* NULL, or closed */
    bool paired;
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

static int datagram_bind(struct sim_file *file, const struct sim_address *address)
{
    struct datagram_socket *s = socket_of(file);
    struct sim_address wanted = *address;

    if (s->own.port || s->paired)
        return -EINVAL;
    if (!sim_address_is_own(file->host, address))
        return -EADDRNOTAVAIL;
    if (wanted.port && find_bound(file->host, &wanted))
        return -EADDRINUSE;
    while (!wanted.port || find_bound(file->host, &wanted))
        wanted.port = sim_port_next(file->host);
    s->own = wanted;
    list_push_back(&file->host->bound, &s->bound);
    return 0;
}

static int bind_any(struct datagram_socket *s)
{
    struct sim_address any = { .v4 = s->file.family == AF_INET };

    return s->own.port ? 0 : datagram_bind(&s->file, &any);
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
    error = sim_address_read(op->u.connect.addr, op->u.connect.addr_len, &to);
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

static void arrive(struct sim_event *event)
{
    struct packet *packet = container_of(event, struct packet, event);
    struct datagram_socket *s = NULL;

    if (packet->to_host->up && !sim_link_is_cut(packet->from_host, packet->to_host))
        s = find_bound(packet->to_host, &packet->to);
    if (s && s->connected &&
        (s->peer.port != packet->from.port || !IN6_ARE_ADDR_EQUAL(&s->peer.ip, &packet->from.ip)))
        s = NULL;
    sim_trace(s ? TRACE_ARRIVE : TRACE_DROP, packet->to_host->number, (int64_t)packet->len);
    if (s && s->queue_len < QUEUE_MAX)
        queue(s, packet);
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
    if (sim_event_add(&packet->event, sim_now() + sim_latency_ns(host, there)) < 0) {
        free(packet);
        return -ENOBUFS;
    }
    return 0;
}

static int64_t write_pair(struct datagram_socket *s, struct sim_transfer *transfer)
{
    struct packet *packet;

    if (!s->pair)
        return s->file.kind->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
    if (s->pair->queue_len >= QUEUE_MAX)
        return -EAGAIN;
    packet = make_packet(transfer);
    if (!packet)
        return -ENOBUFS;
    queue(s->pair, packet);
    return (int64_t)transfer->len;
}

static int64_t datagram_write(struct sim_file *file, struct sim_transfer *transfer)
{
    struct datagram_socket *s = socket_of(file);
    struct sim_address to = s->peer;
    bool named = transfer->header && transfer->header->msg_name;
    int error = 0;

    if (transfer->len > LEN_MAX)
        return -EMSGSIZE;
    if (s->paired)
        return write_pair(s, transfer);
    if (named)
        error = sim_address_read(transfer->header->msg_name, transfer->header->msg_namelen, &to);
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

static void tell_header(struct msghdr *header, const struct packet *packet, bool cut, bool named)
{
    header->msg_flags = cut ? MSG_TRUNC : 0;
    header->msg_controllen = 0;
    if (header->msg_name && named)
        sim_address_write(&packet->from, header->msg_name, &header->msg_namelen);
    else
        header->msg_namelen = 0;
}

static int64_t datagram_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct datagram_socket *s = socket_of(file);
    struct packet *packet;
    size_t len, whole;

    if (list_empty(&s->queue)) {
        if (s->deaf || (s->paired && !s->pair && file->kind->type == SOCK_SEQPACKET))
            return 0;
        return -EAGAIN;
    }
    packet = container_of(s->queue.next, struct packet, link);
    whole = packet->len;
    len = whole < transfer->len ? whole : transfer->len;
    sim_transfer_in(transfer, packet->data, len);
    if (transfer->header)
        tell_header(transfer->header, packet, len < whole, !s->paired);
    if (!(transfer->flags & MSG_PEEK)) {
        list_remove(&packet->link);
        s->queue_len--;
        free(packet);
        if (s->pair)
            sim_file_changed(&s->pair->file);
    }
    return (int64_t)(transfer->flags & MSG_TRUNC ? whole : len);
}

/* --- the rest --- */

static unsigned datagram_poll(struct sim_file *file)
{
    const struct datagram_socket *s = socket_of(file);
    bool over = s->deaf || (s->paired && !s->pair);
    bool full = s->pair && s->pair->queue_len >= QUEUE_MAX;

    return (!list_empty(&s->queue) || over ? POLLIN | POLLRDNORM : 0) |
           (full ? 0 : POLLOUT | POLLWRNORM) | (over && s->paired ? POLLHUP : 0);
}

static int datagram_shutdown(struct sim_file *file, int how)
{
    struct datagram_socket *s = socket_of(file);

    if (!s->connected && !s->paired)
        return -ENOTCONN;
    if (how != SHUT_WR)
        s->deaf = true;
    sim_file_changed(file);
    return 0;
}

static int datagram_names(struct sim_file *file, struct sim_address *own, struct sim_address *peer)
{
    const struct datagram_socket *s = socket_of(file);

    if (peer && !s->connected)
        return -ENOTCONN;
    if (own)
        *own = s->own;
    if (peer)
        *peer = s->peer;
    return 0;
}

static void datagram_release(struct sim_file *file, bool crashed)
{
    struct datagram_socket *s = socket_of(file);
    struct list *node;

    (void)crashed; /* nobody would be told in any case */
    while ((node = list_pop_front(&s->queue)))
        free(container_of(node, struct packet, link));
    if (s->pair) {
        s->pair->pair = NULL;
        sim_file_changed(&s->pair->file);
    }
    list_remove(&s->bound);
    free(s);
}

#define DATAGRAM_KIND(t)                                                                     \
    {                                                                                        \
        .type = (t), .mode = S_IFSOCK, .read = datagram_read, .write = datagram_write,       \
        .connect = datagram_connect, .poll = datagram_poll, .bind = datagram_bind,           \
        .shutdown = datagram_shutdown, .names = datagram_names, .release = datagram_release, \
    }

static const struct sim_kind datagram_kind = DATAGRAM_KIND(SOCK_DGRAM);
static const struct sim_kind packet_kind = DATAGRAM_KIND(SOCK_SEQPACKET);

static struct datagram_socket *make(struct sim_host *host, const struct sim_kind *kind, int family)
{
    struct datagram_socket *s = sim_fails(&host->memory) ? NULL : calloc(1, sizeof *s);

    if (!s)
        return NULL;
    sim_file_init(&s->file, kind, host, O_RDWR);
    s->file.family = (uint8_t)family;
    s->own.v4 = s->peer.v4 = family == AF_INET;
    list_init(&s->bound);
    list_init(&s->queue);
    return s;
}

struct sim_file *sim_datagram_create(struct sim_host *host, int family)
{
    struct datagram_socket *s = make(host, &datagram_kind, family);

    return s ? &s->file : NULL;
}

int sim_datagram_pair(struct sim_host *host, int type, struct sim_file *out[2])
{
    const struct sim_kind *kind = type == SOCK_DGRAM ? &datagram_kind : &packet_kind;
    struct datagram_socket *a = make(host, kind, AF_UNIX);
    struct datagram_socket *b = a ? make(host, kind, AF_UNIX) : NULL;

    if (!b) {
        if (a) {
            list_remove(&a->file.of_host);
            free(a);
        }
        return -ENOMEM;
    }
    a->pair = b;
    b->pair = a;
    a->paired = b->paired = true;
    out[0] = &a->file;
    out[1] = &b->file;
    return 0;
}
