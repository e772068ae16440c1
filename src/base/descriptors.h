/* Which loops hold something on which descriptor: one word a number, shared by
   all threads, so that a close knows whom to tell. Beside it what all loops must
   agree on: whose descriptor it is, and its O_NONBLOCK. */
#ifndef DURE_SRC_BASE_DESCRIPTORS_H
#define DURE_SRC_BASE_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

/* Loop n stands as bit n; loops from 63 on share bit 63 (a close then tells all of those). */
static inline uint64_t descriptors_bit(unsigned loop)
{
    return UINT64_C(1) << (loop < 63 ? loop : 63);
}

/* Notes that a loop holds state or waiters on fd. Returns 0, -EBADF if it is being closed at the
   moment (the mark stays, which costs nothing), or -ENOMEM. Any thread. */
int descriptors_mark(int fd, unsigned loop);

/* Takes a loop's mark off. Any thread. */
void descriptors_unmark(int fd, unsigned loop);

/* The loops that are marked. Any thread. */
uint64_t descriptors_loops(int fd);

/* Notes whether a twin made this descriptor (accept, socket, pipe2...): only on those may
   O_NONBLOCK be flipped for the length of a call that has no other way not to wait. */
void descriptors_set_ours(int fd, bool ours);

/* Of several closers of one number at once the first gets true and goes on; the others are as late as
   if it had closed already. Taken back just before the number is free. Any thread. */
bool descriptors_begin_close(int fd);
void descriptors_end_close(int fd);
/* The same when the number is not free, but stands for another description. */
void descriptors_end_replace(int fd);

/* Sets O_NONBLOCK for the length of one call, counted, so that loops may overlap. flip_on
   returns 0; -ENOTSUP when the descriptor is not ours and does not have O_NONBLOCK itself; 1 when it
   has O_NONBLOCK by its user's will (nothing to flip back: do not call flip_off); or another
   -errno. */
int descriptors_flip_on(int fd);
void descriptors_flip_off(int fd);

/* fcntl(F_GETFL) and fcntl(F_SETFL) as the user means them: without, and in spite of, an
   O_NONBLOCK that is flipped on at the moment. Setting voids what the loops know of the flags
   (a plain fcntl is noticed only when a wait grows long). Return the flags or 0, or -errno. */
int descriptors_get_flags(int fd);
int descriptors_set_flags(int fd, int flags);

/* A number that changes whenever fd was closed or its flags were set by dure; 0: that is not known. */
uint16_t descriptors_version(int fd);
/* It will be asked for soon. */
void descriptors_prefetch(int fd);

#endif
