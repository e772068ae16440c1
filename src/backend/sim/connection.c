/* Two ways of bytes between two ends: of TCP, in segments that take their time, are sent again while
   the link is cut, and arrive in order; of pipes and pairs, at once. */
#include "backend/sim/inside.h"

#include <stdlib.h>
#include <string.h>

/* Back-pressure begins between these: small enough that programs meet it. */
#define ROOM_MIN 4096
#define ROOM_MAX (256 * 1024)
/* A pipe's and a pair's. */
#define ROOM_DIRECT (64 * 1024)
/* A segment that gets lost is sent again after this, and then after twice as long each time; after
   so many tries, some quarter of an hour, the connection has timed out. */
#define RESEND_NS INT64_C(200000000)
#define RESEND_MAX_NS INT64_C(120000000000)
#define RESENDS_MAX 15

enum segment_kind { SEGMENT_DATA, SEGMENT_END, SEGMENT_RESET };

struct segment {
    struct sim_event event;
    struct list link; /* in its way's flight */
    struct sim_connection *connection;
    uint8_t side, kind, tries;
    bool arrived;
    size_t len;
    char data[];
};

static unsigned ids;

void sim_connections_init(void)
{
    ids = 0;
}

struct sim_connection *sim_connection_create(struct sim_host *a, struct sim_host *b, bool direct)
{
    struct sim_connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->direct = direct;
    c->id = ++ids;
    c->room_max = direct ? ROOM_DIRECT : (size_t)sim_draw_between(ROOM_MIN, ROOM_MAX);
    list_init(&c->ways[0].flight);
    list_init(&c->ways[1].flight);
    c->ways[0].from = c->ways[1].to = a;
    c->ways[0].to = c->ways[1].from = b;
    return c;
}

static void let_go(struct sim_connection *c)
{
    if (--c->holders > 0)
        return;
    sim_bytes_fini(&c->ways[0].received);
    sim_bytes_fini(&c->ways[1].received);
    free(c);
}

void sim_connection_attach(struct sim_connection *c, unsigned side, struct sim_file *file)
{
    c->ways[side].writer = file;
    c->ways[!side].reader = file;
    c->holders++;
}

size_t sim_connection_room(const struct sim_connection *c, unsigned side)
{
    const struct sim_way *way = &c->ways[side];
    size_t used = way->received.len + way->under_way;

    return used < c->room_max ? c->room_max - used : 0;
}

static void tell(struct sim_file *file)
{
    if (file)
        sim_file_changed(file);
}

/* --- breaking --- */

/* The end on this side hears that the connection is no more. */
static void break_end(struct sim_connection *c, unsigned side, int error)
{
    struct sim_way *in = &c->ways[!side], *out = &c->ways[side];

    if (in->broken)
        return;
    in->broken = true;
    if (!in->reader)
        return;
    in->reader->error = error;
    tell(in->reader);
    tell(out->writer);
}

/* --- segments --- */

static void arrive(struct sim_event *event);

static void free_segment(struct segment *segment)
{
    struct sim_connection *c = segment->connection;

    list_remove(&segment->link);
    c->ways[segment->side].under_way -= segment->len;
    sim_event_remove(&segment->event);
    free(segment);
    let_go(c);
}

static int64_t arrival_ns(struct sim_way *way)
{
    int64_t at_ns = sim_now() + sim_latency_ns(way->from, way->to);

    if (at_ns < way->last_ns)
        at_ns = way->last_ns;
    way->last_ns = at_ns;
    return at_ns;
}

/* Puts a segment on its way; the data, if any, come from the transfer. */
static int dispatch(struct sim_connection *c, unsigned side, enum segment_kind kind,
                    struct sim_transfer *transfer, size_t len)
{
    struct sim_way *way = &c->ways[side];
    struct segment *segment = calloc(1, sizeof *segment + len);

    if (!segment)
        return -ENOBUFS;
    *segment = (struct segment){ .event.fire = arrive,
                                 .connection = c,
                                 .side = (uint8_t)side,
                                 .kind = (uint8_t)kind,
                                 .len = len };
    if (sim_event_add(&segment->event, arrival_ns(way)) < 0) {
        free(segment);
        return -ENOBUFS;
    }
    if (len)
        sim_transfer_out(transfer, segment->data, len);
    list_push_back(&way->flight, &segment->link);
    way->under_way += len;
    c->holders++;
    sim_trace(TRACE_SEND, (int64_t)c->id << 1 | side, (int64_t)len);
    return 0;
}

/* Nobody reads there any more: the writer is told. */
static void refuse(struct sim_connection *c, unsigned side)
{
    if (c->ways[side].writer && !c->ways[!side].broken)
        (void)dispatch(c, !side, SEGMENT_RESET, NULL, 0); /* without memory it meets the next one */
}

/* A segment's turn has come. */
static void take(struct segment *segment)
{
    struct sim_connection *c = segment->connection;
    struct sim_way *way = &c->ways[segment->side];

    sim_trace(TRACE_ARRIVE, (int64_t)c->id << 1 | segment->side, (int64_t)segment->len);
    if (segment->kind == SEGMENT_RESET) {
        break_end(c, !segment->side, ECONNRESET);
    } else if (!way->reader) {
        refuse(c, segment->side);
    } else if (segment->kind == SEGMENT_END) {
        way->finished = true;
        tell(way->reader);
    } else if (!way->broken && sim_bytes_add(&way->received, segment->data, segment->len) == 0) {
        tell(way->reader);
    }
    free_segment(segment);
}

static bool is_lost(const struct sim_way *way)
{
    return sim_link_is_cut(way->from, way->to) || !way->to->up;
}

/* Returns false when it has been tried too often. */
static bool resend(struct segment *segment)
{
    int64_t wait_ns = RESEND_NS << (segment->tries < 10 ? segment->tries : 10);

    sim_trace(TRACE_DROP, segment->connection->id, segment->tries);
    if (++segment->tries > RESENDS_MAX)
        return false;
    return sim_event_add(&segment->event,
                         sim_now() + (wait_ns < RESEND_MAX_NS ? wait_ns : RESEND_MAX_NS)) == 0;
}

static void time_out(struct sim_connection *c, unsigned side)
{
    struct sim_way *way = &c->ways[side];

    c->holders++;
    while (!list_empty(&way->flight))
        free_segment(container_of(way->flight.next, struct segment, link));
    break_end(c, side, ETIMEDOUT);
    let_go(c);
}

/* Nobody is left to send it again; what was sent after it, arrived or not, has a gap before it. */
static void lose_from(struct segment *segment)
{
    struct sim_connection *c = segment->connection;
    const struct list *flight = &c->ways[segment->side].flight;
    struct segment *last;
    bool more = true;

    c->holders++;
    while (more) {
        last = container_of(flight->prev, struct segment, link);
        more = last != segment;
        free_segment(last);
    }
    let_go(c);
}

static void arrive(struct sim_event *event)
{
    struct segment *segment = container_of(event, struct segment, event);
    struct sim_connection *c = segment->connection;
    unsigned side = segment->side;
    struct sim_way *way = &c->ways[side];

    if (is_lost(way)) {
        if (!way->from->up)
            lose_from(segment);
        else if (!resend(segment))
            time_out(c, side);
        return;
    }
    segment->arrived = true;
    c->holders++;
    while (!list_empty(&way->flight) &&
           container_of(way->flight.next, struct segment, link)->arrived)
        take(container_of(way->flight.next, struct segment, link));
    let_go(c);
}

/* --- what the ends do --- */

/* Nothing more comes. */
static bool is_over(const struct sim_connection *c, const struct sim_way *in)
{
    return in->finished || in->broken || (c->direct && !in->writer);
}

/* To look at all without taking it waits until all is there. */
static bool wants_all(const struct sim_transfer *transfer)
{
    return (transfer->flags & MSG_PEEK) && (transfer->flags & MSG_WAITALL);
}

int64_t sim_connection_read(struct sim_connection *c, unsigned side, struct sim_transfer *transfer)
{
    struct sim_way *in = &c->ways[!side];
    size_t len = in->received.len;

    if (transfer->len == 0)
        return 0;
    if (len == 0 || (wants_all(transfer) && len < transfer->len && !is_over(c, in)))
        return is_over(c, in) ? 0 : -EAGAIN;
    if (len > transfer->len)
        len = transfer->len;
    sim_transfer_in(transfer, in->received.data + in->received.start, len);
    if (transfer->flags & MSG_PEEK)
        return (int64_t)len;
    sim_bytes_drop(&in->received, len);
    tell(in->writer);
    return (int64_t)len;
}

static int64_t write_direct(struct sim_connection *c, unsigned side, struct sim_transfer *transfer,
                            size_t len)
{
    struct sim_way *out = &c->ways[side];
    char *data = malloc(len);

    if (!data)
        return -ENOBUFS;
    sim_transfer_out(transfer, data, len);
    if (sim_bytes_add(&out->received, data, len) < 0) {
        free(data);
        return -ENOBUFS;
    }
    free(data);
    tell(out->reader);
    return (int64_t)len;
}

/* In one segment or two. */
static int64_t write_packets(struct sim_connection *c, unsigned side, struct sim_transfer *transfer,
                             size_t len)
{
    size_t first = len;

    if (len > 1 && sim_draw(4) == 0)
        first = 1 + sim_draw((unsigned)len - 1);
    if (dispatch(c, side, SEGMENT_DATA, transfer, first) < 0)
        return -ENOBUFS;
    if (len > first && dispatch(c, side, SEGMENT_DATA, transfer, len - first) < 0)
        return (int64_t)first;
    return (int64_t)len;
}

int64_t sim_connection_write(struct sim_connection *c, unsigned side, struct sim_transfer *transfer)
{
    struct sim_way *out = &c->ways[side];
    size_t room = sim_connection_room(c, side), len = transfer->len;

    if (out->ended || c->ways[!side].broken || (c->direct && !out->reader))
        return -EPIPE;
    if (len == 0)
        return 0;
    if (room == 0)
        return -EAGAIN;
    if (len > room)
        len = room;
    return c->direct ? write_direct(c, side, transfer, len) : write_packets(c, side, transfer, len);
}

void sim_connection_end(struct sim_connection *c, unsigned side)
{
    struct sim_way *out = &c->ways[side];

    if (out->ended)
        return;
    out->ended = true;
    if (!c->direct && !c->ways[!side].broken && dispatch(c, side, SEGMENT_END, NULL, 0) == 0)
        return;
    out->finished = true;
    tell(out->reader);
}

void sim_connection_leave(struct sim_connection *c, unsigned side, enum sim_leave how)
{
    struct sim_way *in = &c->ways[!side], *out = &c->ways[side];
    bool reset = how == SIM_LEAVE_RESET || in->received.len > 0 || in->under_way > 0;

    in->reader = NULL;
    out->writer = NULL;
    if (in->received.len)
        sim_bytes_drop(&in->received, in->received.len);
    if (c->direct) {
        tell(in->writer);
        sim_connection_end(c, side);
    } else if (how != SIM_LEAVE_CRASHED && !in->broken) {
        if (reset)
            (void)dispatch(c, side, SEGMENT_RESET, NULL, 0);
        else
            sim_connection_end(c, side);
    }
    let_go(c);
}
