/* Operations: a call that waits, as an object. It can be waited for, started with
   a callback, or give its result to a future. Each does what the twin does whose
   name it bears (dure/io.h, dure/socket.h, dure/file.h), and has its result,
   errno and class of cancellation, in all three styles.

       static dure_op op;

       static void on_done(dure_op *op, int64_t result, void *arg)
       {
           if (result > 0)
               dure_start(op, on_done, arg);      once more
       }

       dure_scope_open(&scope);
       dure_op_recv(&op, fd, buf, sizeof buf, 0);
       dure_start(&op, on_done, NULL);
       return dure_scope_close(&scope);           when no more was started

   An operation lives in the caller's memory; starting one allocates nothing.
   From its start until its callback is called (its future done), it and what it
   points to are the runtime's; after that never again.

   A started operation belongs to a scope as a task does. The scope's close waits
   until it was told done; the scope's end cancels it, after the grace that its
   tasks have. One that fails does not end the scope. That scope is
   - the innermost one that the calling task has opened itself;
   - in a callback, that of the operation that it tells of;
   - between the turns of an embedded loop (dure_loop_turn), the root, so that
     it keeps the run as a task of dure_go does;
   - or one given to dure_start_in.

   A callback runs on the loop that started its operation, once a start, never
   inside the call that starts. It must not wait: what would wait fails in it
   with EDEADLK. It may start and cancel operations, its own again too, spawn,
   signal, complete futures; and its operation's memory may go in it. */
#ifndef DURE_OP_H
#define DURE_OP_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <dure/base.h>
#include <dure/future.h>
#include <dure/scope.h>

struct statx;

DURE_BEGIN_DECLS

/* An operation, in the caller's memory. */
typedef struct dure_op {
    uint64_t reserved[64];
} dure_op;

/* Told when an operation is done. result: what the twin would return, with errno, which is 0 if it
   did not fail. */
typedef void dure_op_done(dure_op *op, int64_t result, void *arg);

/* Make the operation of a call. Nothing happens yet; wrong arguments show in its
   result.
   op: memory that held anything but an operation under way; offset: where in the
     file; flags: of accept, as accept4's; of openat, open's, with mode for O_CREAT.
   poll takes one descriptor; its result is the revents.
   Writes and sends go on until all has moved, as their twins; MSG_WAITALL, in
   recv and recvmsg, takes a thread of the pool.
   Cancellation: as dure_read and the others by name; but statx must finish, as an
   operation owns no memory that an abandoned question could go on in.
   Blocks: never. Threads: any. Ownership: what the arguments point to (buffers, vectors,
   messages, addresses, paths) must last as the operation does. */
DURE_API void dure_op_read(dure_op *op, int fd, void *buf, size_t len);
DURE_API void dure_op_write(dure_op *op, int fd, const void *buf, size_t len);
DURE_API void dure_op_readv(dure_op *op, int fd, const struct iovec *iov, int iov_len);
DURE_API void dure_op_writev(dure_op *op, int fd, const struct iovec *iov, int iov_len);
DURE_API void dure_op_pread(dure_op *op, int fd, void *buf, size_t len, off_t offset);
DURE_API void dure_op_pwrite(dure_op *op, int fd, const void *buf, size_t len, off_t offset);
DURE_API void dure_op_preadv(dure_op *op, int fd, const struct iovec *iov, int iov_len,
                             off_t offset);
DURE_API void dure_op_pwritev(dure_op *op, int fd, const struct iovec *iov, int iov_len,
                              off_t offset);
DURE_API void dure_op_recv(dure_op *op, int fd, void *buf, size_t len, int flags);
DURE_API void dure_op_send(dure_op *op, int fd, const void *buf, size_t len, int flags);
DURE_API void dure_op_recvmsg(dure_op *op, int fd, struct msghdr *msg, int flags);
DURE_API void dure_op_sendmsg(dure_op *op, int fd, const struct msghdr *msg, int flags);
DURE_API void dure_op_accept(dure_op *op, int fd, struct sockaddr *addr, socklen_t *addr_len,
                             int flags);
DURE_API void dure_op_connect(dure_op *op, int fd, const struct sockaddr *addr, socklen_t addr_len);
DURE_API void dure_op_poll(dure_op *op, int fd, short events);
DURE_API void dure_op_openat(dure_op *op, int dir_fd, const char *path, int flags, mode_t mode);
DURE_API void dure_op_close(dure_op *op, int fd);
DURE_API void dure_op_fsync(dure_op *op, int fd);
DURE_API void dure_op_fdatasync(dure_op *op, int fd);
DURE_API void dure_op_statx(dure_op *op, int dir_fd, const char *path, int flags,
                            struct statx *out);
DURE_API void dure_op_sendfile(dure_op *op, int out_fd, int in_fd, off_t *offset, size_t len);

/* Makes an operation that ends, with 0, when a time has come.
   deadline: when; {0} is never: only a cancel ends it.
   Cancellation: exact. Otherwise as dure_op_read. */
DURE_API void dure_op_sleep_until(dure_op *op, dure_deadline deadline);

/* Runs an operation and waits for it: the direct style.
   Returns: what the twin returns, -1 with errno.
   Blocks: the task (the thread outside one). Cancellation: the twin's. Threads: any. */
DURE_API int64_t dure_op_wait(dure_op *op);

/* Starts an operation, in the innermost scope that the calling task has opened;
   in a callback, in that of the operation it tells of; between the turns of an
   embedded loop, in the root.
   on_done: called once, with op, its result (-1 with errno) and arg, in a turn
     of this loop, never inside this call. It must not wait: what would fails
     with EDEADLK. It may start op again, or free it.
   Returns: 0; or -1 with errno, and on_done is not and will not be called:
     ECANCELED  the scope, or a scope around the caller, has ended. (A close is
                started all the same.)
     EPERM      the caller is on no loop, or has no scope open; dure_why says.
     EBUSY      the operation is under way.
   Blocks: never. Threads: a task, a callback, or whoever owns an embedded loop,
   between its turns. */
DURE_API int dure_start(dure_op *op, dure_op_done *on_done, void *arg);

/* Starts an operation in a scope.
   scope: one whose opener is on the caller's loop.
   Returns: as dure_start; EPERM also when the scope is another loop's. Otherwise as dure_start. */
DURE_API int dure_start_in(dure_scope *scope, dure_op *op, dure_op_done *on_done, void *arg);

/* Starts an operation whose result a future takes.
   future: initialised by this call; done when the operation is, on any outcome.
   Returns: as dure_start, and then the future has failed with the same errno.
   Otherwise as dure_start. */
DURE_API int dure_op_future(dure_op *op, dure_future *future);

/* Cancels a started operation. It is told done all the same, later: with
   ECANCELED, or with its result if it was too late for that, as its class says.
   Returns: 0, or -1 with errno
     EINVAL   it is not under way.
     EPERM    the caller is on another loop.
   Blocks: never. Threads: those of dure_start, on the same loop. */
DURE_API int dure_op_cancel(dure_op *op);

DURE_END_DECLS

#endif
