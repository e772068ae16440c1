/* What the parts of the simulation share. */
#ifndef DURE_SRC_BACKEND_SIM_INSIDE_H
#define DURE_SRC_BACKEND_SIM_INSIDE_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>

#include "backend/sim/sim.h"
#include "base/assert.h"
#include "base/list.h"

struct inode;
struct sim_disk;
struct sim_file;
struct sim_stream;

/* --- events.c: what will happen when --- */

struct sim_event {
    int64_t at_ns;
    uint64_t order; /* of equals: the earlier one made */
    void (*fire)(struct sim_event *event);
    size_t at; /* its place in the heap, from 1; 0: in none */
};
int sim_event_add(struct sim_event *event, int64_t at_ns); /* 0 or -ENOMEM */
void sim_event_remove(struct sim_event *event);            /* harmless when in none */
void sim_events_due(void);                                 /* those whose time has come */
void sim_time_pass(int64_t ns);
void sim_events_init(void);
void sim_events_fini(void);

void sim_random_init(uint64_t seed);
void sim_trace_init(FILE *file);
void sim_trace_stop(void); /* the hash stays as it is */

/* --- hosts.c --- */

struct sim_address {
    struct in6_addr ip; /* IPv4 is mapped */
    uint16_t port;      /* in the host's order */
    bool v4;            /* how its socket tells it */
};

struct sim_failing {
    unsigned left; /* calls until the one that fails; 0: none will */
    bool lasting;
};

struct sim_host {
    unsigned number, incarnation;
    bool up;
    struct in6_addr ip;
    struct list files;     /* open descriptions, through sim_file.of_host */
    struct list listeners; /* streams that listen, through sim_stream.bound */
    struct list bound;     /* datagram sockets with a port, the same */
    struct list locals;    /* AF_UNIX sockets with a name */
    struct list flying;    /* struct sim_rights: descriptors that were sent and not received */
    unsigned local_next;   /* a name for a socket that wants any */
    struct sim_failing descriptors, memory;
    struct sim_disk *disk;
    mode_t umask;
    uint16_t port_next;
    char name[32];
};

extern struct sim_options sim_world_options;

/* The caller's host; NULL when it has crashed under the caller. */
struct sim_host *sim_host_here(void);
struct sim_host *sim_host_at(int number);
/* Which host has the address, seen from a host; NULL: none. */
struct sim_host *sim_host_find(struct sim_host *from, const struct in6_addr *ip);
/* NULL: none is called so. */
const struct sim_host *sim_host_named(const char *name);
bool sim_link_is_cut(const struct sim_host *a, const struct sim_host *b);
int64_t sim_latency_ns(const struct sim_host *a, const struct sim_host *b);
/* True if the call is the one that is to fail. */
bool sim_fails(struct sim_failing *failing);
void sim_hosts_close_all(void);
int sim_hosts_init(void);
void sim_hosts_fini(void);

/* --- transfer.c: the many calls that move bytes, as one --- */

struct sim_transfer {
    const struct iovec *iov;
    size_t iov_len;
    size_t done, len;      /* bytes */
    int64_t offset;        /* -1: where the description stands */
    int flags;             /* MSG_... */
    struct msghdr *header; /* NULL: not a message */
    struct iovec one;
};
/* Returns 0 or -EINVAL. */
int sim_transfer_init(struct sim_transfer *transfer, const struct op *op);
/* Copies into, or out of, the caller's pieces, after what was done already. */
void sim_transfer_in(struct sim_transfer *transfer, const void *from, size_t len);
void sim_transfer_out(struct sim_transfer *transfer, void *to, size_t len);

/* It would rather fail: of a datagram socket that was shut down Linux then says EAGAIN, and to whoever
   waits that it is the end. */
bool sim_never_waits(const struct sim_file *file, const struct sim_transfer *transfer);

/* --- files.c: descriptions and numbers --- */

/* What a description can do. Each tries once: 0 or more, -EAGAIN if it would wait, another
   -errno. NULL: it cannot. */
struct sim_kind {
    int type;    /* SOCK_...; 0: no socket */
    mode_t mode; /* S_IF... */
    bool slow;   /* a disk: reads and writes take their time */
    int64_t (*read)(struct sim_file *file, struct sim_transfer *transfer);
    int64_t (*write)(struct sim_file *file, struct sim_transfer *transfer);
    int64_t (*accept)(struct sim_file *file, struct op *op);
    int64_t (*connect)(struct sim_file *file, struct op *op);
    void (*connect_abort)(struct sim_file *file);
    unsigned (*poll)(struct sim_file *file); /* all that is true now */
    int (*bind)(struct sim_file *file, const struct sockaddr *addr, socklen_t len);
    int (*listen)(struct sim_file *file, int backlog);
    bool (*listens)(const struct sim_file *file);
    int (*shutdown)(struct sim_file *file, int how);
    int (*name)(struct sim_file *file, bool peer, struct sockaddr *addr, socklen_t *len);
    void (*number_closed)(struct sim_file *file); /* one of its numbers; NULL: nothing to do */
    /* The last number was closed; crashed: and nobody is told. Frees the file. */
    void (*release)(struct sim_file *file, bool crashed);
};

enum { SIM_READERS, SIM_WRITERS, SIM_SIDES };

/* A number that setsockopt was given. */
struct sim_option {
    int level, name, value;
};

struct sim_file {
    const struct sim_kind *kind;
    struct list waiting[SIM_SIDES]; /* ops */
    struct list of_host;
    struct list changed;   /* in the queue of those whose waits are to be looked at; else itself */
    struct sim_host *host; /* NULL: it crashed */
    unsigned references;   /* numbers, and messages under way that carry it */
    struct inode *inode;   /* on the disk; NULL: no file of it */
    int flags;             /* O_ACCMODE, O_NONBLOCK, O_APPEND, O_PATH */
    int error;             /* a socket's SO_ERROR */
    uint8_t family;
    bool resets; /* a socket that says no good-bye: SO_LINGER of no time */
    int64_t receive_limit_ns, send_limit_ns; /* SO_RCVTIMEO, SO_SNDTIMEO */
    struct sim_option *options;              /* what else was set, to be told again */
    unsigned options_len;
};

/* Makes a file's common part. */
void sim_file_init(struct sim_file *file, const struct sim_kind *kind, struct sim_host *host,
                   int flags);
/* Gives it the lowest free number. Returns that or -EMFILE; the file is then still the caller's. */
int sim_number_add(struct sim_file *file, bool close_on_exec);
/* The same, but nobody meets it under that number until it is shown. */
int sim_number_reserve(struct sim_file *file, bool close_on_exec);
void sim_number_show(int fd);
/* Closes it, whoever calls; nobody waits. */
void sim_number_drop(int fd);
/* A file that has no number goes. Returns the error. */
int sim_file_drop(struct sim_file *file, int error);
/* Whoever keeps a file that may lose its numbers meanwhile. The last one to let go ends it. */
void sim_file_end(struct sim_file *file, bool crashed); /* one that nobody keeps */
void sim_file_hold(struct sim_file *file);
void sim_file_let_go(struct sim_file *file);
/* Both, for the caller's host; on failure the file is released. */
int sim_number_give(struct sim_file *file, int flags);
struct sim_file *sim_file_of(int fd); /* of the caller's host, else NULL */
/* The same for a host whose caller does not run at the moment; NULL: whatever host. */
struct sim_file *sim_file_of_host(int fd, const struct sim_host *host);
int sim_number_close(int fd); /* 0 or -EBADF */
int sim_number_dup(int fd, int from, bool close_on_exec);
/* Under that number, which is closed first. Returns it, -EBADF, -EBUSY (another host has it), -ENOSYS
   (it is one of the machine's own) or -ENFILE. */
int sim_number_dup_to(int fd, int to, bool close_on_exec);
int sim_number_flags(int fd, int set); /* FD_CLOEXEC: asks with -1 */
int sim_numbers_end(void);             /* no number is as high */
/* What somebody waits for may have come true: the waits are looked at in the next settling. */
void sim_file_changed(struct sim_file *file);
/* All waits end so. */
void sim_file_end_waits(struct sim_file *file, int fd, int64_t result);
void sim_host_close_all(struct sim_host *host);
int sim_files_init(void);
void sim_files_fini(void);

/* --- sim.c --- */

/* op->state: waits in a file's list; has its result, which its loop is to collect, now or later. */
enum { SIM_OP_IDLE, SIM_OP_WAITING, SIM_OP_FINISHED };

/* The most that one transfer of its loop may move; 0: no bound. */
size_t sim_transfer_max(const struct op *op);
/* A pending operation has its result. */
void sim_finish(struct op *op, int64_t result);

/* --- try.c --- */

/* Is it simulated at all? */
bool sim_can(const struct op *op);
/* Does what an operation asks, or answers -EAGAIN. */
int64_t sim_try(struct sim_file *file, struct op *op);
/* A transfer with RWF_... flags, which cannot wait: what would have to is not simulated. */
int64_t sim_try_flags(struct op *op, int flags);
/* Which of a file's lists it waits in. */
unsigned sim_side_of(const struct op *op);

/* --- bytes.c: a queue of bytes --- */

struct sim_bytes {
    char *data;
    size_t start, len, size;
};
int sim_bytes_add(struct sim_bytes *bytes, const void *from, size_t len); /* 0 or -ENOMEM */
void sim_bytes_drop(struct sim_bytes *bytes, size_t len);
void sim_bytes_fini(struct sim_bytes *bytes);

/* --- address.c --- */

/* Returns 0, -EINVAL or -EAFNOSUPPORT. */
int sim_address_read(const struct sockaddr *addr, socklen_t len, int family,
                     struct sim_address *out);
/* As far as *len lets it; *len gets the whole length. */
void sim_address_write(const struct sim_address *address, struct sockaddr *out, socklen_t *len);
/* May a socket of the host be bound to it? Of a loopback or the host's own, or of any. */
bool sim_address_is_own(const struct sim_host *host, const struct sim_address *address);
bool sim_address_is_any(const struct sim_address *address);
/* A socket bound to `bound` gets what is sent to `to`. */
bool sim_address_takes(const struct sim_address *bound, const struct sim_address *to);
uint16_t sim_port_next(struct sim_host *host);
/* Where a packet to there says it comes from. */
void sim_address_from(const struct sim_host *host, const struct sim_address *to,
                      struct sim_address *out);

/* --- connection.c: two ways of bytes between two ends --- */

/* One way: what has been received and not read, and what is still under way. */
struct sim_way {
    struct sim_bytes received;
    struct list flight;               /* segments, in their order */
    size_t under_way;                 /* bytes of them */
    int64_t last_ns;                  /* when the newest of them arrives */
    struct sim_file *reader, *writer; /* NULL: closed */
    struct sim_host *from, *to;
    bool ended;    /* the end was sent */
    bool finished; /* it has arrived */
    bool broken;   /* reset, for its reader */
};

struct sim_connection {
    struct sim_way ways[2]; /* side n writes to ways[n] and reads from ways[!n] */
    unsigned holders;       /* ends, and segments under way */
    bool direct;            /* no packets: a pipe */
    size_t room_max;        /* received and under way together, each way */
    unsigned id;            /* for the trace */
};
void sim_connections_init(void);
struct sim_connection *sim_connection_create(struct sim_host *a, struct sim_host *b, bool direct);
void sim_connection_attach(struct sim_connection *c, unsigned side, struct sim_file *file);
size_t sim_connection_room(const struct sim_connection *c, unsigned side);
int64_t sim_connection_read(struct sim_connection *c, unsigned side, struct sim_transfer *transfer);
int64_t sim_connection_write(struct sim_connection *c, unsigned side,
                             struct sim_transfer *transfer);
void sim_connection_end(struct sim_connection *c, unsigned side); /* half-close */
/* The end goes: in order, unless something was not read; with a reset; or, as it crashed, without a
   word. */
enum sim_leave { SIM_LEAVE, SIM_LEAVE_RESET, SIM_LEAVE_CRASHED };
void sim_connection_leave(struct sim_connection *c, unsigned side, enum sim_leave how);

/* --- the makers: a file, or NULL without memory; two of them: 0 or -ENOMEM --- */

struct sim_file *sim_stream_create(struct sim_host *host, int family);
struct sim_file *sim_datagram_create(struct sim_host *host, int family);
struct sim_file *sim_local_create(struct sim_host *host, int type);
int sim_local_pair(struct sim_host *host, int type, struct sim_file *out[2]);
int sim_pipe_create(struct sim_host *host, struct sim_file *out[2]);
struct sim_file *sim_counter_create(struct sim_host *host, uint64_t count, bool semaphore);
struct sim_file *sim_timer_create(struct sim_host *host);

/* --- timer.c --- */

/* As timerfd_settime and timerfd_gettime; -EINVAL if it is none. */
int sim_timer_set(struct sim_file *file, bool absolute, const struct itimerspec *to,
                  struct itimerspec *old);
int sim_timer_get(struct sim_file *file, struct itimerspec *out);

/* --- rights.c: descriptors that travel with a message --- */

struct sim_rights;

/* Takes what the header's control data name. *out: NULL if that is nothing. Returns 0, -EBADF,
   -EINVAL or -ENOMEM. */
int sim_rights_take(struct sim_host *host, const struct msghdr *header, struct sim_rights **out);
/* Gives them numbers and tells these in the header, as many as it has room for. With flags of the
   receive: MSG_CMSG_CLOEXEC. */
void sim_rights_give(const struct sim_rights *rights, struct msghdr *header, int flags);
void sim_rights_drop(struct sim_rights *rights); /* NULL: none */
/* Its host crashed: nothing is in flight there any more. */
void sim_rights_forget(struct sim_host *host);

/* --- the disk: disk.h tells which file of it is which --- */

int sim_disk_create(struct sim_disk **out);
void sim_disk_destroy(struct sim_disk *disk);
/* What was not synced is lost, or half of it. */
void sim_disk_crash(struct sim_disk *disk);

/* Does an OP_OPENAT, which waits for a FIFO's other end, if it has to: -EAGAIN. Returns a number or
   -errno. */
int64_t sim_disk_open(struct sim_host *host, struct op *op);
int64_t sim_fifo_try_open(struct sim_file *file); /* the number, or -EAGAIN */
void sim_fifo_abort_open(const struct op *op);

/* A file by its path, or by a descriptor alone: path is NULL. flags: AT_... */
struct disk_file_name {
    int fd;
    const char *path;
    int flags;
};

/* The rest return what their namesakes do, or -errno. A file may be NULL: -EBADF. */
int64_t sim_disk_seek(struct sim_file *file, int64_t offset, int whence);
int64_t sim_disk_sync(struct sim_file *file, bool data_only);
int64_t sim_disk_entries(struct sim_file *file, void *buf, size_t len);
int sim_disk_mkdir(struct sim_host *host, int dir_fd, const char *path, mode_t mode);
int sim_disk_mknod(struct sim_host *host, int dir_fd, const char *path, mode_t mode, dev_t device);
int sim_disk_symlink(struct sim_host *host, const char *target, int dir_fd, const char *path);
int sim_disk_link(struct sim_host *host, int dir_fd, const char *path, int new_dir_fd,
                  const char *new_path, int flags);
int sim_disk_unlink(struct sim_host *host, int dir_fd, const char *path, int flags);
int sim_disk_rename(struct sim_host *host, int dir_fd, const char *path, int new_dir_fd,
                    const char *new_path, unsigned flags);
int sim_disk_fstat(struct sim_file *file, struct stat *out);
int sim_disk_stat(struct sim_host *host, const struct disk_file_name *name, struct stat *out);
int sim_disk_statx(struct sim_host *host, const struct disk_file_name *name, unsigned mask,
                   struct statx *out);
int sim_disk_statvfs(struct sim_host *host, const struct disk_file_name *name, struct statvfs *out);
int sim_disk_access(struct sim_host *host, const struct disk_file_name *name, int mode);
int64_t sim_disk_readlink(struct sim_host *host, int dir_fd, const char *path, char *buf,
                          size_t len);
int sim_disk_chmod(struct sim_host *host, const struct disk_file_name *name, mode_t mode);
int sim_disk_chown(struct sim_host *host, const struct disk_file_name *name, uid_t owner,
                   gid_t group);
int sim_disk_set_times(struct sim_host *host, const struct disk_file_name *name,
                       const struct timespec *times);
int sim_disk_truncate(struct sim_host *host, const char *path, int64_t len);
int sim_disk_ftruncate(struct sim_file *file, int64_t len);
int sim_disk_allocate(struct sim_file *file, int mode, int64_t offset, int64_t len);
int sim_disk_sync_range(struct sim_file *file, int64_t offset, int64_t len, unsigned flags);
int sim_disk_sync_all(struct sim_host *host);
int64_t sim_disk_copy(struct sim_file *in, off_t *in_offset, struct sim_file *out,
                      off_t *out_offset, size_t len, unsigned flags);
/* -EAGAIN: somebody else holds a lock that stands in the way. */
int64_t sim_lock_flock(struct sim_file *file, int operation);
int64_t sim_lock_range(struct sim_file *file, int command, struct flock *asked);
int64_t sim_lock_lockf(struct sim_file *file, int operation, int64_t len);
int64_t sim_lock_try(struct sim_file *file, struct op *op); /* OP_LOCK */

#endif
