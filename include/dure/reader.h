/* Readers: lines, and other pieces, from any descriptor. */
#ifndef DURE_READER_H
#define DURE_READER_H

#include <sys/types.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

/* A buffer in front of a descriptor, both the caller's. What was read ahead stays
   in the buffer whatever a call returns, errors and cancels included. One task
   or thread at a time; who waits for the descriptor itself looks at
   dure_reader_buffered first. */
typedef struct dure_reader {
    uint64_t reserved[5];
} dure_reader;

/* Initialises a reader.
   fd: what to read from; one with O_NONBLOCK is waited for all the same. buf: size
     bytes; lines and pieces come to lie in it, so that size - 1 is their limit.
   Returns: 0, or -1 with errno
     EINVAL   size is less than 2.
   Blocks: never. Threads: any. Ownership: all stays the caller's; nothing is to
   be given back. */
DURE_API int dure_reader_init(dure_reader *reader, int fd, void *buf, size_t size);

/* Reads a line.
   line: becomes the line in the buffer, with a zero byte in place of its newline;
     it is the caller's to change, until the next call with this reader. len: NULL,
     or becomes its length, which zero bytes in it make more than strlen tells.
   Returns: 1 with a line; 0 at the end; the last line may lack its newline. Or -1
   with errno
     EMSGSIZE    the line and its newline are longer than the limit. Nothing is
                 lost: dure_reader_read takes what is there, for one.
     ECANCELED   a scope around the caller has ended.
     other       as dure_read.
   Blocks: the task (the thread outside one). Cancellation: exact, as for all
   calls of readers but dure_reader_read_full. Threads: one at a time. */
DURE_API int dure_reader_line(dure_reader *reader, char **line, size_t *len);

/* Reads up to a delimiter.
   delimiter: a byte. data, len: become the bytes up to and with the delimiter, in
     the buffer until the next call with this reader; without one at the end.
   Returns: 1 with at least one byte, else as dure_reader_line. */
DURE_API int dure_reader_until(dure_reader *reader, int delimiter, char **data, size_t *len);

/* Waits until some bytes are buffered, and leaves them there.
   len: how many there are to be, up to the limit. data: NULL, or becomes where
     they are, until the next call with this reader.
   Returns: how many are buffered: len or more, less only at the end; or -1 with
   errno as dure_reader_line; EMSGSIZE: len exceeds the limit. */
DURE_API ssize_t dure_reader_peek(dure_reader *reader, size_t len, char **data);

/* Reads bytes, those that are buffered first.
   Returns: as read(2): how many, at least one; 0 at the end; or -1 with errno as
   dure_reader_line. Source: POSIX.1-2017 read. Cancellation: exact. */
DURE_API ssize_t dure_reader_read(dure_reader *reader, void *buf, size_t len);

/* Reads len bytes, those that are buffered first.
   Returns: as dure_read_full. Cancellation: progress wins; a piece up to the limit
   is had exactly by dure_reader_peek, and then dure_reader_read. */
DURE_API ssize_t dure_reader_read_full(dure_reader *reader, void *buf, size_t len);

/* Tells what is buffered, so that somebody else can be given it.
   data: NULL, or becomes where it is, until the next call with this reader.
   Returns: how many bytes. Blocks: never. Threads: one at a time. */
DURE_API size_t dure_reader_buffered(const dure_reader *reader, char **data);

/* Drops bytes that are buffered, at most len of them.
   Returns: how many. Blocks: never. Threads: one at a time. */
DURE_API size_t dure_reader_skip(dure_reader *reader, size_t len);

DURE_END_DECLS

#endif
