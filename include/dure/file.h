/* Twins on files. What a readiness mechanism cannot do goes to threads. */
#ifndef DURE_FILE_H
#define DURE_FILE_H

#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

/* Opens a file.
   Cancellation: must finish; the open of a FIFO that waits for its other end is exact.
   Source: POSIX.1-2017 open, openat. */
DURE_API int dure_open(const char *path, int flags, ...);
DURE_API int dure_openat(int dir_fd, const char *path, int flags, ...);
/* Reads or writes at an offset. Cancellation: must finish. Source: POSIX.1-2017 pread, pwrite. */
DURE_API ssize_t dure_pread(int fd, void *buf, size_t len, off_t offset);
DURE_API ssize_t dure_pwrite(int fd, const void *buf, size_t len, off_t offset);
/* Brings what was written to the disk. Cancellation: must finish.
   Source: POSIX.1-2017 fsync, fdatasync. */
DURE_API int dure_fsync(int fd);
DURE_API int dure_fdatasync(int fd);
/* Reads into or writes from several buffers at an offset. Cancellation: must finish.
   Source: BSD and Linux preadv, pwritev. */
DURE_API ssize_t dure_preadv(int fd, const struct iovec *iov, int iov_len, off_t offset);
DURE_API ssize_t dure_pwritev(int fd, const struct iovec *iov, int iov_len, off_t offset);
/* Locks or unlocks a file. Cancellation: exact; an unlock is never cancelled.
   Source: BSD and Linux flock. */
DURE_API int dure_flock(int fd, int operation);
/* Locks, tests or unlocks a part of a file, from its position on. F_LOCK waits.
   Cancellation: exact, where it waits; an unlock is never cancelled.
   Source: POSIX.1-2017 lockf. */
DURE_API int dure_lockf(int fd, int operation, off_t len);
/* Sends a part of a file: all of it to a blocking socket, as sendfile does.
   offset: if not NULL, where to read, advanced by what was sent; in_fd's own otherwise.
   Cancellation: progress wins. Source: Linux sendfile. */
DURE_API ssize_t dure_sendfile(int out_fd, int in_fd, off_t *offset, size_t len);

DURE_END_DECLS

#endif
