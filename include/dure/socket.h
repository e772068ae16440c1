/* Twins on sockets, and what servers and clients are made of. The differences
   from the POSIX calls are those listed in dure/io.h. */
#ifndef DURE_SOCKET_H
#define DURE_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>

#include <dure/base.h>
#include <dure/scope.h>
#include <dure/task.h>

struct mmsghdr;
struct timespec;

DURE_BEGIN_DECLS

/* Makes, names and sets up sockets. These never block. Of the time limits SO_RCVTIMEO and
   SO_SNDTIMEO a task's calls know once one was set by dure_setsockopt (a plain one alone goes
   unheard); connect has none in a task.
   Source: POSIX.1-2017, each by its name. */
DURE_API int dure_socket(int domain, int type, int protocol);
DURE_API int dure_socketpair(int domain, int type, int protocol, int fds[2]);
DURE_API int dure_bind(int fd, const struct sockaddr *addr, socklen_t addr_len);
DURE_API int dure_listen(int fd, int backlog);
DURE_API int dure_setsockopt(int fd, int level, int name, const void *value, socklen_t value_len);
DURE_API int dure_getsockopt(int fd, int level, int name, void *value, socklen_t *value_len);
DURE_API int dure_getsockname(int fd, struct sockaddr *addr, socklen_t *addr_len);
DURE_API int dure_getpeername(int fd, struct sockaddr *addr, socklen_t *addr_len);
DURE_API int dure_shutdown(int fd, int how);

/* Accepts a connection. Cancellation: exact; a connection that had arrived is returned, never lost.
   Source: POSIX.1-2017 accept; Linux accept4. */
DURE_API int dure_accept(int fd, struct sockaddr *addr, socklen_t *addr_len);
DURE_API int dure_accept4(int fd, struct sockaddr *addr, socklen_t *addr_len, int flags);
/* Connects a socket.
   Cancellation: the attempt was aborted, the socket can be used again, the peer may have noticed.
   Source: POSIX.1-2017 connect. */
DURE_API int dure_connect(int fd, const struct sockaddr *addr, socklen_t addr_len);

/* Receives from a socket. Cancellation: exact. Source: POSIX.1-2017 recv, recvfrom, recvmsg. */
DURE_API ssize_t dure_recv(int fd, void *buf, size_t len, int flags);
DURE_API ssize_t dure_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
                               socklen_t *addr_len);
DURE_API ssize_t dure_recvmsg(int fd, struct msghdr *msg, int flags);
/* Sends on a socket: all of it on a blocking stream, as send does, or less after an error.
   Cancellation: progress wins. Source: POSIX.1-2017 send, sendto, sendmsg. */
DURE_API ssize_t dure_send(int fd, const void *buf, size_t len, int flags);
DURE_API ssize_t dure_sendto(int fd, const void *buf, size_t len, int flags,
                             const struct sockaddr *addr, socklen_t addr_len);
DURE_API ssize_t dure_sendmsg(int fd, const struct msghdr *msg, int flags);
/* Sends or receives several messages in a call.
   Returns: how many; fewer than messages_len after an error, which the next call meets again.
   Cancellation: progress wins. Source: Linux sendmmsg, recvmmsg. */
DURE_API int dure_sendmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags);
DURE_API int dure_recvmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags,
                           struct timespec *timeout);

/* Makes a TCP socket that listens, with SO_REUSEADDR and close-on-exec.
   address: a numeric IPv4 or IPv6 address; "" or NULL: every address, IPv6 and IPv4.
   port: 0: the kernel chooses (dure_getsockname tells).
   Returns: the descriptor, or -1 with errno of what failed; dure_why names the address.
     EINVAL  address is not numeric.
   Blocks: never. Threads: any. Ownership: the caller closes it. */
DURE_API int dure_listen_tcp(const char *address, uint16_t port);

/* Connects to a TCP server, with TCP_NODELAY and close-on-exec.
   address: a numeric IPv4 or IPv6 address.
   Returns: the descriptor, or -1 with errno of connect or socket; EINVAL as dure_listen_tcp.
   Blocks: the task. Cancellation: nothing stays behind.
   Threads: any. Ownership: the caller closes it. */
DURE_API int dure_dial_tcp(const char *address, uint16_t port);

/* Accepts connections until the caller's scopes end, and spawns a task for each.
   scope: where the tasks live, with its limit; least loaded loop first.
   listen_fd: a listening socket. Negative: fails at once with errno as it is, so
     that the call that made it can be written in place.
   fn: gets a pointer to its own int: the connection, which it closes.
   It survives what a peer or a shortage does (ECONNABORTED, EMFILE, ENFILE, ENOMEM...): it waits
   until descriptors return. A connection that cannot be spawned is closed, none is leaked.
   Returns: -1 with errno
     ECANCELED  the scopes around the caller ended: the ordinary end. Or `scope`
                did, which was seen when the next connection came.
     EPERM      no dure_run is active.
     EBADF      dure_close closed the listener.
     other      listen_fd is no listening socket.
   Blocks: the task. Cancellation: exact. Threads: any.
   Ownership: listen_fd remains the caller's to close. */
DURE_API int dure_serve(dure_scope *scope, int listen_fd, dure_fn *fn);

/* What the task of a connection gets. The descriptor comes first: a function that
   takes a pointer to an int may be given here too. */
typedef struct dure_connection {
    int fd;    /* the connection, which the task closes */
    void *arg; /* as given to dure_serve_with */
} dure_connection;

/* Serves, with options for the tasks and an argument that all of them share.
   options: as dure_spawn_with; NULL: the least loaded loop first. With
     DURE_NO_WAIT a connection beyond the scope's limit is closed at once, where
     otherwise it waits in the listener's queue.
   fn: gets a pointer to its own dure_connection.
   arg: handed through; has to live as long as the tasks.
   Otherwise as dure_serve. */
DURE_API int dure_serve_with(dure_scope *scope, int listen_fd, const dure_spawn_options *options,
                             dure_fn *fn, void *arg);

DURE_END_DECLS

#endif
