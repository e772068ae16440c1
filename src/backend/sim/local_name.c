/* Names of sockets of one host, and how two come to be connected. A path leads to an inode on the host's
   disk, which outlives the socket; other names are bytes that nobody else has. */
#include "backend/sim/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/sim/disk.h"

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

static bool is_path(const struct local_name *name)
{
    return name->len > 0 && name->bytes[0] != '\0';
}

static int read_name(const struct sockaddr *addr, socklen_t len, struct local_name *out)
{
    *out = (struct local_name){ 0 };
    if (!addr || len < PATH_AT || len > sizeof(struct sockaddr_un) || addr->sa_family != AF_UNIX)
        return -EINVAL;
    out->len = (uint8_t)(len - PATH_AT);
    memcpy(out->bytes, (const char *)addr + PATH_AT, out->len);
    if (is_path(out))
        out->len = (uint8_t)(strlen(out->bytes) + 1);
    return 0;
}

void local_tell_name(const struct local_name *name, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_un whole = { .sun_family = AF_UNIX };
    socklen_t whole_len = (socklen_t)(PATH_AT + name->len);
    char bytes[sizeof whole + 1];

    memcpy(bytes, &whole, PATH_AT);
    memcpy(bytes + PATH_AT, name->bytes, name->len);
    if (addr)
        memcpy(addr, bytes, *len < whole_len ? *len : whole_len);
    *len = whole_len;
}

int local_name(struct sim_file *file, bool peer, struct sockaddr *addr, socklen_t *len)
{
    struct local_socket *s = local_of(file);

    if (peer && !s->peer)
        return -ENOTCONN;
    local_tell_name(peer ? &s->peer->own : &s->own, addr, len);
    return 0;
}

/* --- finding --- */

static bool has_name(const struct local_socket *s, const struct local_name *name)
{
    return s->own.len == name->len && memcmp(s->own.bytes, name->bytes, name->len) == 0;
}

/* Of an inode, or of a name without one. */
static struct local_socket *find(struct sim_host *host, const struct inode *inode, int type,
                                 const struct local_name *name)
{
    struct list *node;

    /* As long as the host has servers. */
    for (node = host->locals.next; node != &host->locals; node = node->next) {
        struct local_socket *s = container_of(node, struct local_socket, bound);

        if (inode ? s->inode == inode : has_name(s, name) && s->file.kind->type == type)
            return s;
    }
    return NULL;
}

static struct local_socket *find_path(struct sim_host *host, int type,
                                      const struct local_name *name, int *error)
{
    struct inode *inode = disk_find(host, AT_FDCWD, name->bytes, LOOKUP_FOLLOW, error);
    struct local_socket *s = NULL;

    if (!inode)
        return NULL;
    *error = -ECONNREFUSED; /* no socket, or that of one who is gone */
    if (inode_is(inode, S_IFSOCK))
        s = find(host, inode, type, name);
    if (s && s->file.kind->type != type) {
        *error = -EPROTOTYPE;
        return NULL;
    }
    return s;
}

struct local_socket *local_find(struct sim_host *host, int type, const struct sockaddr *addr,
                                socklen_t len, int *error)
{
    struct local_name name;

    *error = read_name(addr, len, &name);
    if (*error == 0 && name.len == 0)
        *error = -EINVAL;
    if (*error < 0)
        return NULL;
    if (is_path(&name))
        return find_path(host, type, &name, error);
    *error = -ECONNREFUSED;
    return find(host, NULL, type, &name);
}

/* --- binding --- */

static int make_path(struct sim_host *host, const struct local_name *name, struct inode **out)
{
    int error = sim_disk_mknod(host, AT_FDCWD, name->bytes, S_IFSOCK | 0777, 0);
    struct inode *inode = error < 0 ? NULL : disk_find(host, AT_FDCWD, name->bytes, 0, &error);

    if (!inode)
        return error == -EEXIST ? -EADDRINUSE : error;
    inode->references++;
    *out = inode;
    return 0;
}

/* Whoever does not care gets five digits. */
static void choose_name(struct local_socket *s, struct local_name *name)
{
    do {
        snprintf(name->bytes + 1, sizeof name->bytes - 1, "%05x",
                 s->file.host->local_next++ & 0xfffff);
        name->len = 6;
    } while (find(s->file.host, NULL, s->file.kind->type, name));
}

int local_bind(struct sim_file *file, const struct sockaddr *addr, socklen_t len)
{
    struct local_socket *s = local_of(file);
    struct local_name name;
    int error = read_name(addr, len, &name);

    if (error < 0 || s->own.len)
        return -EINVAL;
    if (name.len == 0)
        choose_name(s, &name);
    if (is_path(&name))
        error = make_path(file->host, &name, &s->inode);
    else if (find(file->host, NULL, file->kind->type, &name))
        error = -EADDRINUSE;
    if (error < 0)
        return error;
    s->own = name;
    list_push_back(&file->host->locals, &s->bound);
    return 0;
}

void local_unbind(struct local_socket *s)
{
    list_remove(&s->bound);
    if (s->inode)
        inode_let_go(s->file.host->disk, s->inode);
}

/* --- connecting --- */

int local_listen(struct sim_file *file, int backlog)
{
    struct local_socket *s = local_of(file);

    if (!local_connects(s))
        return -EOPNOTSUPP;
    if (!s->own.len || s->state == LOCAL_CONNECTED)
        return -EINVAL;
    s->state = LOCAL_LISTENING;
    s->queued_max = backlog < 0 ? 0 : (unsigned)backlog;
    local_tell_callers(s);
    return 0;
}

/* The server's end, which waits to be accepted. */
static int join(struct local_socket *client, struct local_socket *listener)
{
    struct local_socket *s = local_make(listener->file.host, listener->file.kind->type);

    if (!s)
        return -ENOMEM;
    s->own = listener->own;
    s->state = client->state = LOCAL_CONNECTED;
    local_set_peer(s, client);
    local_set_peer(client, s);
    s->listener = listener;
    list_push_back(&listener->queued, &s->queued);
    listener->queued_len++;
    sim_file_changed(&listener->file);
    return 0;
}

static int64_t connect_to_listener(struct local_socket *s, const struct op *op)
{
    struct local_socket *listener;
    int error;

    if (s->state != LOCAL_FRESH)
        return s->state == LOCAL_CONNECTED ? -EISCONN : -EINVAL;
    listener = local_find(s->file.host, s->file.kind->type, op->u.connect.addr,
                          op->u.connect.addr_len, &error);
    if (!listener)
        return error;
    if (listener->state != LOCAL_LISTENING)
        return -ECONNREFUSED;
    if (listener->queued_len <= listener->queued_max)
        return join(s, listener);
    local_call_back(listener, s);
    return -EAGAIN;
}

int64_t local_connect(struct sim_file *file, struct op *op)
{
    struct local_socket *s = local_of(file), *peer;
    const struct sockaddr *addr = op->u.connect.addr;
    int error;

    if (local_connects(s))
        return connect_to_listener(s, op);
    if (addr && op->u.connect.addr_len >= sizeof addr->sa_family && addr->sa_family == AF_UNSPEC) {
        local_set_peer(s, NULL);
        return 0;
    }
    peer = local_find(file->host, SOCK_DGRAM, addr, op->u.connect.addr_len, &error);
    if (!peer)
        return error;
    if (peer->peer && peer->peer != s)
        return -EPERM;
    local_set_peer(s, peer);
    sim_file_changed(file);
    return 0;
}

void local_connect_abort(struct sim_file *file)
{
    struct local_socket *s = local_of(file);

    list_remove(&s->caller);
    list_init(&s->caller);
}

int64_t local_accept(struct sim_file *file, struct op *op)
{
    struct local_socket *listener = local_of(file), *s;
    int fd;

    if (!local_connects(listener))
        return -EOPNOTSUPP;
    if (listener->state != LOCAL_LISTENING)
        return -EINVAL;
    if (listener->queued_len == 0)
        return -EAGAIN;
    s = container_of(listener->queued.next, struct local_socket, queued);
    fd = sim_number_add(&s->file, op->u.accept.flags & SOCK_CLOEXEC);
    if (fd < 0)
        return fd;
    list_remove(&s->queued);
    list_init(&s->queued);
    s->listener = NULL;
    listener->queued_len--;
    if (op->u.accept.flags & SOCK_NONBLOCK)
        s->file.flags |= O_NONBLOCK;
    if (op->u.accept.addr && op->u.accept.addr_len)
        local_tell_name(s->peer ? &s->peer->own : &(struct local_name){ 0 }, op->u.accept.addr,
                        op->u.accept.addr_len);
    local_tell_callers(listener);
    return fd;
}

void local_turn_away(struct local_socket *listener, bool crashed)
{
    while (!list_empty(&listener->queued))
        sim_file_end(&container_of(listener->queued.next, struct local_socket, queued)->file,
                     crashed);
}
