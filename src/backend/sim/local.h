/* Sockets of one host (AF_UNIX), between local.c (what a connected one does) and local_name.c (names,
   and how two come to be connected). */
#ifndef DURE_SRC_BACKEND_SIM_LOCAL_H
#define DURE_SRC_BACKEND_SIM_LOCAL_H

#include <sys/un.h>

#include "backend/sim/inside.h"

struct inode;

/* What lies in sun_path: bytes after a zero, or a path with the zero at its end. */
struct local_name {
    uint8_t len; /* 0: none */
    char bytes[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
};

enum local_state { LOCAL_FRESH, LOCAL_LISTENING, LOCAL_CONNECTED };

struct local_socket {
    struct sim_file file;
    uint8_t state;    /* enum local_state; of datagrams: always fresh */
    bool deaf, mute;  /* shut down for reading, for writing */
    bool lost;        /* of datagrams: its peer has closed, and it has not yet heard of it */
    size_t bytes_len; /* of all parcels */
    unsigned parcels_len;
    struct list parcels;       /* what was sent here and not read: struct parcel */
    struct local_socket *peer; /* whom it sends to; NULL: nobody, or closed */
    struct list fan;           /* in its peer's fans */
    struct list fans;          /* whose peer it is */
    struct list caller;        /* in the callers of who has no room for it */
    struct list callers;       /* who waits for room here, to send or to connect */
    struct list bound;         /* in the host's locals; alone: has no name */
    struct local_name own;
    struct inode *inode; /* of a path's name, a reference; else NULL */
    /* Of a listener, and of one that waits to be accepted. */
    unsigned queued_len, queued_max;
    struct list queued; /* a listener's head; of one that waits: the link */
    struct local_socket *listener;
};

static inline struct local_socket *local_of(struct sim_file *file)
{
    return container_of(file, struct local_socket, file);
}

static inline bool local_connects(const struct local_socket *s)
{
    return s->file.kind->type != SOCK_DGRAM;
}

/* local.c */
struct local_socket *local_make(struct sim_host *host, int type);
void local_set_peer(struct local_socket *s, struct local_socket *peer);
/* Has no room for it now: hears when that changes. */
void local_call_back(struct local_socket *full, struct local_socket *caller);
/* There is room again. */
void local_tell_callers(struct local_socket *s);

/* local_name.c */
/* The socket of that name and type. NULL with the error: -EINVAL, -ENOENT, -ECONNREFUSED... */
struct local_socket *local_find(struct sim_host *host, int type, const struct sockaddr *addr,
                                socklen_t len, int *error);
void local_tell_name(const struct local_name *name, struct sockaddr *addr, socklen_t *len);
int local_bind(struct sim_file *file, const struct sockaddr *addr, socklen_t len);
int local_listen(struct sim_file *file, int backlog);
int64_t local_connect(struct sim_file *file, struct op *op);
void local_connect_abort(struct sim_file *file);
int64_t local_accept(struct sim_file *file, struct op *op);
int local_name(struct sim_file *file, bool peer, struct sockaddr *addr, socklen_t *len);
/* It closes, or listens no more: who waits to be accepted is turned away. */
void local_turn_away(struct local_socket *listener, bool crashed);
/* It closes: the name is free; a path stays, and leads nowhere. */
void local_unbind(struct local_socket *s);

#endif
