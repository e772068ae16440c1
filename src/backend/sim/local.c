/* Sockets of one host: streams, packets and datagrams, as messages that pass at once. */
#include "backend/sim/local.h"

#include <stdlib.h>

/* Back-pressure: so many bytes that nobody has read, and so many messages. */
#define ROOM_MAX (64 * 1024)
#define PARCELS_MAX 64
/* As Linux has it with its own buffers. */
#define MESSAGE_MAX 212960

/* A message; of a stream a piece. */
struct parcel {
    struct list link;
    struct sim_rights *rights; /* what comes with its first byte, or NULL */
    struct local_name from;
    size_t start, len; /* what is left of a piece */
    char data[];
};

static int take_error(struct sim_file *file)
{
    int error = file->error;

    file->error = 0;
    return error;
}

static void leave(struct list *node)
{
    list_remove(node);
    list_init(node);
}

void local_set_peer(struct local_socket *s, struct local_socket *peer)
{
    leave(&s->fan);
    s->peer = peer;
    s->lost = false;
    if (peer)
        list_push_back(&peer->fans, &s->fan);
}

void local_call_back(struct local_socket *full, struct local_socket *caller)
{
    leave(&caller->caller);
    list_push_back(&full->callers, &caller->caller);
}

void local_tell_callers(struct local_socket *s)
{
    struct list *node;

    while ((node = list_pop_front(&s->callers))) {
        list_init(node);
        sim_file_changed(&container_of(node, struct local_socket, caller)->file);
    }
}

/* Its peer will read no more. */
static bool is_over(const struct local_socket *s)
{
    return s->deaf || (s->state == LOCAL_CONNECTED && !s->peer);
}

/* --- sending --- */

/* Whom a message goes to. NULL with the error. */
static struct local_socket *receiver_of(struct local_socket *s, const struct msghdr *header,
                                        int *error)
{
    int type = s->file.kind->type;
    bool named = header && header->msg_name && header->msg_namelen && type != SOCK_SEQPACKET;

    if (type == SOCK_DGRAM && named)
        return local_find(s->file.host, type, header->msg_name, header->msg_namelen, error);
    *error = named ? (s->state == LOCAL_CONNECTED ? -EISCONN : -EOPNOTSUPP) : -ENOTCONN;
    if (named || (local_connects(s) && s->state != LOCAL_CONNECTED))
        return NULL;
    if (local_connects(s))
        *error = -EPIPE;
    else if (s->lost)
        *error = -ECONNREFUSED;
    s->lost = false;
    return s->peer;
}

/* May it send there? Returns 0 or -errno. */
static int check_receiver(const struct local_socket *s, const struct local_socket *to)
{
    if (s->mute || to->deaf)
        return -EPIPE;
    return !local_connects(to) && to->peer && to->peer != s ? -EPERM : 0;
}

/* Shortens a stream's piece to what has room. Returns false if nothing has. */
static bool has_room(const struct local_socket *to, size_t *len)
{
    size_t room = to->bytes_len < ROOM_MAX ? ROOM_MAX - to->bytes_len : 0;

    if (to->file.kind->type != SOCK_STREAM)
        return to->parcels_len == 0 || (to->parcels_len < PARCELS_MAX && *len <= room);
    if (*len > room)
        *len = room;
    return room > 0;
}

static int deliver(struct local_socket *s, struct local_socket *to, struct sim_transfer *transfer,
                   size_t len)
{
    struct parcel *parcel = sim_fails(&s->file.host->memory) ? NULL : malloc(sizeof *parcel + len);
    int error;

    if (!parcel)
        return -ENOBUFS;
    error = sim_rights_take(s->file.host, transfer->header, &parcel->rights);
    if (error < 0) {
        free(parcel);
        return error;
    }
    parcel->from = s->own;
    parcel->start = 0;
    parcel->len = len;
    sim_transfer_out(transfer, parcel->data, len);
    list_push_back(&to->parcels, &parcel->link);
    to->parcels_len++;
    to->bytes_len += len;
    sim_file_changed(&to->file);
    return 0;
}

static int64_t local_write(struct sim_file *file, struct sim_transfer *transfer)
{
    struct local_socket *s = local_of(file), *to;
    size_t len = transfer->len;
    int error;

    if (transfer->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (file->error)
        return -take_error(file);
    to = receiver_of(s, transfer->header, &error);
    if (to)
        error = check_receiver(s, to);
    if (!to || error < 0)
        return error;
    if (len == 0 && file->kind->type == SOCK_STREAM)
        return 0;
    if (len > MESSAGE_MAX && file->kind->type != SOCK_STREAM)
        return -EMSGSIZE;
    if (!has_room(to, &len)) {
        local_call_back(to, s);
        return -EAGAIN;
    }
    error = deliver(s, to, transfer, len);
    return error < 0 ? error : (int64_t)len;
}

/* --- receiving --- */

static void drop_parcel(struct local_socket *s, struct parcel *parcel)
{
    list_remove(&parcel->link);
    s->parcels_len--;
    s->bytes_len -= parcel->len;
    sim_rights_drop(parcel->rights);
    free(parcel);
}

/* Tells what a receive that begins with this parcel got; NULL: nothing. */
static void tell_header(struct msghdr *header, const struct parcel *parcel)
{
    if (!header)
        return;
    header->msg_flags = 0;
    if (parcel && header->msg_name && parcel->from.len)
        local_tell_name(&parcel->from, header->msg_name, &header->msg_namelen);
    else
        header->msg_namelen = 0;
    if (!parcel || !parcel->rights)
        header->msg_controllen = 0;
}

/* What travels with a message is given with its first byte; who has no header to tell it in, loses
   it. */
static void give_rights(struct parcel *parcel, struct sim_transfer *transfer)
{
    if (parcel->rights && transfer->header)
        sim_rights_give(parcel->rights, transfer->header, transfer->flags);
    if (transfer->flags & MSG_PEEK)
        return;
    sim_rights_drop(parcel->rights);
    parcel->rights = NULL;
}

/* Takes bytes of a stream's piece. */
static void take_piece(struct local_socket *s, struct parcel *parcel, struct sim_transfer *transfer)
{
    size_t room = transfer->len - transfer->done, len = parcel->len < room ? parcel->len : room;

    sim_transfer_in(transfer, parcel->data + parcel->start, len);
    give_rights(parcel, transfer);
    if (transfer->flags & MSG_PEEK)
        return;
    parcel->start += len;
    parcel->len -= len;
    s->bytes_len -= len;
    if (parcel->len == 0)
        drop_parcel(s, parcel);
}

/* A receive ends with the bytes that a descriptor came with. (Linux lets those before go with them;
   programs may not count on it.) */
static void take_pieces(struct local_socket *s, struct sim_transfer *transfer)
{
    struct list *node = s->parcels.next, *next;
    bool carries;

    do {
        struct parcel *parcel = container_of(node, struct parcel, link);

        carries = parcel->rights != NULL;
        if (carries && transfer->done > 0)
            break;
        next = node->next;
        take_piece(s, parcel, transfer);
        node = next;
    } while (!carries && node != &s->parcels && transfer->done < transfer->len);
}

/* To look at all without taking it waits until all is there. */
static bool wants_more(const struct local_socket *s, const struct sim_transfer *transfer)
{
    const int all = MSG_PEEK | MSG_WAITALL;

    return (transfer->flags & all) == all && s->bytes_len < transfer->len && !is_over(s);
}

static int64_t read_stream(struct local_socket *s, struct sim_transfer *transfer)
{
    if (s->state != LOCAL_CONNECTED)
        return -EINVAL;
    if (transfer->len == 0)
        return 0;
    if (list_empty(&s->parcels) || wants_more(s, transfer))
        return -EAGAIN;
    tell_header(transfer->header, container_of(s->parcels.next, struct parcel, link));
    take_pieces(s, transfer);
    return (int64_t)transfer->done;
}

static int64_t read_message(struct local_socket *s, struct sim_transfer *transfer)
{
    struct parcel *parcel;
    size_t len, whole;

    if (local_connects(s) && s->state != LOCAL_CONNECTED)
        return -ENOTCONN;
    if (list_empty(&s->parcels))
        return -EAGAIN;
    parcel = container_of(s->parcels.next, struct parcel, link);
    tell_header(transfer->header, parcel);
    whole = parcel->len;
    len = whole < transfer->len ? whole : transfer->len;
    sim_transfer_in(transfer, parcel->data, len);
    if (transfer->header && len < whole)
        transfer->header->msg_flags |= MSG_TRUNC;
    give_rights(parcel, transfer);
    if (!(transfer->flags & MSG_PEEK))
        drop_parcel(s, parcel);
    return (int64_t)(transfer->flags & MSG_TRUNC ? whole : len);
}

/* There is room again. */
static void tell_senders(struct local_socket *s)
{
    struct list *node;

    local_tell_callers(s);
    for (node = s->fans.next; node != &s->fans; node = node->next)
        sim_file_changed(&container_of(node, struct local_socket, fan)->file);
}

static int64_t local_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct local_socket *s = local_of(file);
    size_t before = s->parcels_len + s->bytes_len;
    int64_t n;

    if (file->error)
        return -take_error(file);
    if (transfer->flags & MSG_OOB)
        return -EINVAL;
    n = file->kind->type == SOCK_STREAM ? read_stream(s, transfer) : read_message(s, transfer);
    if (n == -EAGAIN && is_over(s) && (local_connects(s) || !sim_never_waits(file, transfer))) {
        tell_header(transfer->header, NULL);
        return 0;
    }
    if (s->parcels_len + s->bytes_len < before)
        tell_senders(s);
    return n;
}

/* --- the rest --- */

static unsigned local_poll(struct sim_file *file)
{
    const struct local_socket *s = local_of(file);
    bool over = is_over(s), none = local_connects(s) && s->state == LOCAL_FRESH;
    size_t one = 1;
    unsigned events = file->error ? POLLERR : 0;

    if (s->state == LOCAL_LISTENING)
        return events | (s->queued_len ? POLLIN | POLLRDNORM : 0);
    if (!list_empty(&s->parcels) || over)
        events |= POLLIN | POLLRDNORM;
    if (over)
        events |= POLLRDHUP;
    if (!s->peer || s->mute || s->peer->deaf || has_room(s->peer, &one))
        events |= POLLOUT | POLLWRNORM;
    return events | (none || (over && (s->mute || !s->peer)) ? POLLHUP : 0);
}

/* Of two that are connected each hears what the other has shut down. */
static int local_shutdown(struct sim_file *file, int how)
{
    struct local_socket *s = local_of(file), *peer = local_connects(s) ? s->peer : NULL;

    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    s->deaf |= how != SHUT_WR;
    s->mute |= how != SHUT_RD;
    if (peer) {
        peer->mute |= how != SHUT_WR;
        peer->deaf |= how != SHUT_RD;
        sim_file_changed(&peer->file);
    }
    if (s->state == LOCAL_LISTENING && s->deaf) {
        local_turn_away(s, false);
        s->state = LOCAL_FRESH;
    }
    local_tell_callers(s);
    sim_file_changed(file);
    return 0;
}

/* Those who send here hear that nobody reads. */
static void leave_fans(struct local_socket *s, bool unread)
{
    struct list *node;

    while ((node = list_pop_front(&s->fans))) {
        struct local_socket *fan = container_of(node, struct local_socket, fan);

        list_init(node);
        fan->peer = NULL;
        fan->lost = true;
        if (local_connects(s) && unread)
            fan->file.error = ECONNRESET;
        sim_file_changed(&fan->file);
    }
}

static void local_release(struct sim_file *file, bool crashed)
{
    struct local_socket *s = local_of(file);
    bool unread = s->parcels_len > 0 || s->listener;

    if (s->state == LOCAL_LISTENING)
        local_turn_away(s, crashed);
    if (s->listener) {
        list_remove(&s->queued);
        s->listener->queued_len--;
    }
    local_set_peer(s, NULL);
    leave_fans(s, unread);
    local_tell_callers(s);
    leave(&s->caller);
    local_unbind(s);
    while (!list_empty(&s->parcels))
        drop_parcel(s, container_of(s->parcels.next, struct parcel, link));
    free(s);
}

#define LOCAL_KIND(t)                                                                             \
    {                                                                                             \
        .type = (t), .mode = S_IFSOCK, .read = local_read, .write = local_write,                  \
        .accept = local_accept, .connect = local_connect, .connect_abort = local_connect_abort,   \
        .poll = local_poll, .bind = local_bind, .listen = local_listen, .listens = local_listens, \
        .shutdown = local_shutdown, .name = local_name, .release = local_release,                 \
    }

static bool local_listens(const struct sim_file *file)
{
    return container_of(file, const struct local_socket, file)->state == LOCAL_LISTENING;
}

static const struct sim_kind stream_kind = LOCAL_KIND(SOCK_STREAM);
static const struct sim_kind packet_kind = LOCAL_KIND(SOCK_SEQPACKET);
static const struct sim_kind datagram_kind = LOCAL_KIND(SOCK_DGRAM);

struct local_socket *local_make(struct sim_host *host, int type)
{
    struct local_socket *s = sim_fails(&host->memory) ? NULL : calloc(1, sizeof *s);
    const struct sim_kind *kind = type == SOCK_STREAM      ? &stream_kind
                                  : type == SOCK_SEQPACKET ? &packet_kind
                                                           : &datagram_kind;

    if (!s)
        return NULL;
    sim_file_init(&s->file, kind, host, O_RDWR);
    s->file.family = AF_UNIX;
    list_init(&s->parcels);
    list_init(&s->fan);
    list_init(&s->fans);
    list_init(&s->caller);
    list_init(&s->callers);
    list_init(&s->bound);
    list_init(&s->queued);
    return s;
}

struct sim_file *sim_local_create(struct sim_host *host, int type)
{
    struct local_socket *s = local_make(host, type);

    return s ? &s->file : NULL;
}

int sim_local_pair(struct sim_host *host, int type, struct sim_file *out[2])
{
    struct local_socket *a = local_make(host, type), *b = a ? local_make(host, type) : NULL;

    if (!b) {
        if (a)
            sim_file_end(&a->file, true);
        return -ENOMEM;
    }
    local_set_peer(a, b);
    local_set_peer(b, a);
    if (local_connects(a))
        a->state = b->state = LOCAL_CONNECTED;
    out[0] = &a->file;
    out[1] = &b->file;
    return 0;
}
