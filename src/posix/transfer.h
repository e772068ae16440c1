/* What the twins that move bytes share. */
#ifndef DURE_SRC_POSIX_TRANSFER_H
#define DURE_SRC_POSIX_TRANSFER_H

#include "loop/op_call.h"

/* One transfer, as one system call would move it. Each returns a count or -errno. */
int64_t transfer_read(int fd, void *buf, size_t len, int64_t offset);
int64_t transfer_write(int fd, const void *buf, size_t len, int64_t offset);
int64_t transfer_vector(int fd, enum op_code code, const struct iovec *iov, int iov_len,
                        int64_t offset);

/* A transfer of no bytes: for the kernel or a driver to answer, with EISDIR or EINVAL, say, and now and
   then after a wait (for a tty's other reader, an inotify's news). A thread makes it, where it is no
   socket or pipe, which never wait for nothing to read. Returns 0 or -errno. */
int64_t transfer_nothing(int fd, bool write, int64_t offset);
/* The same in a simulation, for whoever is known not to be refused: nobody waits there. */
int64_t transfer_nothing_simulated(int fd, bool write, int64_t offset);

/* Waits on a descriptor with O_NONBLOCK. Returns 0 or -errno. */
int transfer_wait(int fd, short events);

/* The bytes of a vector. */
static inline size_t transfer_len(const struct iovec *iov, size_t iov_len)
{
    return op_vector_len(iov, iov_len);
}

/* Urgent data and the queue of errors are there or not; nobody waits for them. */
#define RECEIVE_NEVER_WAITS (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)
/* Whether a receive from fd goes on until all is there: it asks for that, of a stream. */
bool transfer_receives_all(int fd, int flags);

/* Whether fd has a position to read or write at; if not, errno says why. */
bool transfer_has_position(int fd, bool write);

/* Writes or sends what is left, from byte `from` on, until all is gone; socket: by send with these
   flags. Returns how many bytes in all have moved, `from` included, or -errno if that is 0. */
int64_t transfer_write_rest(int fd, const void *buf, size_t len, int64_t offset, size_t from);
int64_t transfer_rest(int fd, const struct iovec *iov, size_t iov_len, size_t from, bool socket,
                      int flags);

#endif
