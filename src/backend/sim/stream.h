/* Stream sockets, between stream.c (what a connected one does) and tcp.c (how it gets there). */
#ifndef DURE_SRC_BACKEND_SIM_STREAM_H
#define DURE_SRC_BACKEND_SIM_STREAM_H

#include "backend/sim/inside.h"

struct handshake;

enum stream_state { STREAM_FRESH, STREAM_LISTENING, STREAM_CONNECTING, STREAM_CONNECTED };

struct sim_stream {
    struct sim_file file;
    uint8_t state;                     /* enum stream_state */
    uint8_t side;                      /* of its connection */
    bool deaf;                         /* shut down for reading */
    unsigned queued_len, queued_max;   /* a listener's */
    struct sim_connection *connection; /* connecting, connected */
    struct handshake *handshake;       /* its own, under way */
    struct sim_stream *listener;       /* while it waits to be accepted */
    struct list bound;                 /* in the host's listeners; alone: has no port */
    struct list queued;                /* a listener's head; of one that waits: the link */
    struct sim_address own, peer;
};

static inline struct sim_stream *stream_of(struct sim_file *file)
{
    return container_of(file, struct sim_stream, file);
}

/* stream.c */
struct sim_stream *stream_make(struct sim_host *host, int family);

/* tcp.c */
int64_t stream_accept(struct sim_file *file, struct op *op);
int64_t stream_connect(struct sim_file *file, struct op *op);
void stream_connect_abort(struct sim_file *file);
int stream_bind(struct sim_file *file, const struct sockaddr *addr, socklen_t len);
int stream_listen(struct sim_file *file, int backlog);
/* A listener closes: who waits to be accepted is turned away. */
void stream_turn_away(struct sim_stream *listener, bool crashed);

#endif
