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

struct open_how;

DURE_BEGIN_DECLS

/* Opens a file.
   Cancellation: must finish; the open of a FIFO that waits for its other end is exact.
   Source: POSIX.1-2017 open, openat. */
DURE_API int dure_open(const char *path, int flags, ...);
DURE_API int dure_openat(int dir_fd, const char *path, int flags, ...);
/* Opens a file as how says: never outside of a directory, say. A FIFO's other end is waited for.
   how, size: a struct open_how of <linux/openat2.h>, and its size.
   Cancellation: must finish; the open of a FIFO that waits for its other end is exact.
   Source: Linux openat2. */
DURE_API int dure_openat2(int dir_fd, const char *path, const struct open_how *how, size_t size);
/* Moves the position of a file. Never blocks. Source: POSIX.1-2017 lseek. */
DURE_API off_t dure_lseek(int fd, off_t offset, int whence);
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
/* The same with flags (RWF_...). offset: -1: the file's own position. RWF_NOWAIT answers EAGAIN.
   Cancellation: as dure_preadv or dure_readv. Source: Linux preadv2, pwritev2. */
DURE_API ssize_t dure_preadv2(int fd, const struct iovec *iov, int iov_len, off_t offset,
                              int flags);
DURE_API ssize_t dure_pwritev2(int fd, const struct iovec *iov, int iov_len, off_t offset,
                               int flags);
/* Makes room in a file, or gives it back. Cancellation: must finish. Source: Linux fallocate. */
DURE_API int dure_fallocate(int fd, int mode, off_t offset, off_t len);
/* Makes room in a file.
   Returns: 0 or the number of the error: ECANCELED too.
   Cancellation: must finish. Source: POSIX.1-2017 posix_fallocate. */
DURE_API int dure_posix_fallocate(int fd, off_t offset, off_t len);
/* Brings a part of a file, one filesystem or all to the disk. Cancellation: must finish; a cancelled
   dure_sync did nothing, and has no way to say so. Source: POSIX.1-2017 sync; Linux
   sync_file_range, syncfs. */
DURE_API int dure_sync_file_range(int fd, off_t offset, off_t len, unsigned flags);
DURE_API int dure_syncfs(int fd);
DURE_API void dure_sync(void);
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
/* Copies from file to file, inside the kernel.
   offsets: if not NULL, where, advanced by what was copied; the file's own position otherwise.
   Cancellation: progress wins. Source: Linux copy_file_range. */
DURE_API ssize_t dure_copy_file_range(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset,
                                      size_t len, unsigned flags);
/* Moves bytes from or to a pipe, or copies what a pipe holds into another, inside the kernel. From
   and to a file, a terminal, or a socket that no twin made, a thread does.
   offsets: as dure_copy_file_range; NULL for whatever has no position.
   Cancellation: progress wins. Source: Linux splice, tee. */
DURE_API ssize_t dure_splice(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
                             unsigned flags);
DURE_API ssize_t dure_tee(int in_fd, int out_fd, size_t len, unsigned flags);

DURE_END_DECLS

#endif
