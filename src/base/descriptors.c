/* A table by number in two levels: chunks are made on demand and live on. */
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/* 4,096 chunks of 1,024 numbers: four times the kernel's usual limit of a million (fs.nr_open).
   A number beyond it is answered with ENOMEM. */
#define CHUNK_LEN 1024
#define CHUNKS_MAX 4096

struct chunk {
    _Atomic uint64_t loops[CHUNK_LEN];
    _Atomic uint16_t version[CHUNK_LEN];
    uint16_t flips[CHUNK_LEN]; /* calls that hold O_NONBLOCK on; guarded by the number's lock */
    _Atomic bool ours[CHUNK_LEN];
    _Atomic bool closing[CHUNK_LEN];
};

static struct chunk *_Atomic chunks[CHUNKS_MAX];

/* Guard `flips` and the flags of the descriptors behind it, each a share of the numbers. They are
   leaves in the order of locks, held over at most two system calls that do not wait. */
#define LOCKS 16
static pthread_mutex_t locks[LOCKS] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER,
};

static pthread_mutex_t *lock_of(int fd)
{
    return &locks[(unsigned)fd % LOCKS];
}

static struct chunk *chunk_find(int fd)
{
    unsigned at = (unsigned)fd / CHUNK_LEN;

    /* Acquire: pairs with the release of chunk_make, so that the zeroes are seen. */
    return at < CHUNKS_MAX ? atomic_load_explicit(&chunks[at], memory_order_acquire) : NULL;
}

static struct chunk *chunk_make(int fd)
{
    struct chunk *chunk = chunk_find(fd), *other = NULL;
    unsigned at = (unsigned)fd / CHUNK_LEN;

    if (chunk || at >= CHUNKS_MAX)
        return chunk;
    chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        return NULL;
    /* Release: the zeroes come before the pointer. Acquire when another thread was first. */
    if (!atomic_compare_exchange_strong_explicit(&chunks[at], &other, chunk, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        free(chunk);
        return other;
    }
    return chunk;
}

int descriptors_mark(int fd, unsigned loop)
{
    struct chunk *chunk = chunk_make(fd);

    if (!chunk)
        return -ENOMEM;
    /* Sequentially consistent, all four: a loop marks and then looks whether the number is being
       closed, a close says so and then reads the marks; one of the two sees the other. */
    atomic_fetch_or(&chunk->loops[fd % CHUNK_LEN], descriptors_bit(loop));
    return atomic_load(&chunk->closing[fd % CHUNK_LEN]) ? -EBADF : 0;
}

void descriptors_unmark(int fd, unsigned loop)
{
    struct chunk *chunk = chunk_find(fd);

    /* A shared bit says "one of these", so no single loop may take it off. */
    if (chunk && loop < 63)
        atomic_fetch_and(&chunk->loops[fd % CHUNK_LEN], ~descriptors_bit(loop));
}

uint64_t descriptors_loops(int fd)
{
    struct chunk *chunk = chunk_find(fd);

    return chunk ? atomic_load(&chunk->loops[fd % CHUNK_LEN]) : 0;
}

void descriptors_set_ours(int fd, bool ours)
{
    struct chunk *chunk = ours ? chunk_make(fd) : chunk_find(fd);

    /* Relaxed: whoever passes the number to another thread orders this too. Without memory the
       descriptor counts as foreign, which is slower and as right. */
    if (chunk)
        atomic_store_explicit(&chunk->ours[fd % CHUNK_LEN], ours, memory_order_relaxed);
}

static bool is_ours(int fd)
{
    struct chunk *chunk = chunk_find(fd);

    /* Relaxed: see descriptors_set_ours. */
    return chunk && atomic_load_explicit(&chunk->ours[fd % CHUNK_LEN], memory_order_relaxed);
}

/* Release: a loop that sees the new version asks the kernel anew. */
static void change_version(struct chunk *chunk, int fd)
{
    atomic_fetch_add_explicit(&chunk->version[fd % CHUNK_LEN], 1, memory_order_release);
}

bool descriptors_begin_close(int fd)
{
    struct chunk *chunk = chunk_find(fd);

    /* Acquire and release: the next closer of the number comes after all that this one does; and
       see descriptors_mark. A number without a chunk has nobody to tell, so that its closers do not
       wait in between. */
    if (chunk && atomic_exchange(&chunk->closing[fd % CHUNK_LEN], true))
        return false;
    if (chunk)
        change_version(chunk, fd);
    return true;
}

void descriptors_end_close(int fd)
{
    struct chunk *chunk = chunk_find(fd);

    if (chunk) /* release: see descriptors_begin_close */
        atomic_store_explicit(&chunk->closing[fd % CHUNK_LEN], false, memory_order_release);
}

void descriptors_end_replace(int fd)
{
    struct chunk *chunk = chunk_find(fd);

    if (chunk)
        change_version(chunk, fd); /* what was learnt meanwhile may be of the old one */
    descriptors_end_close(fd);
}

/* FIONBIO touches no other flag, so a concurrent F_SETFL of those loses nothing. */
static int set_nonblocking(int fd, int on)
{
    return ioctl(fd, FIONBIO, &on) < 0 ? -errno : 0;
}

static int flip_on_locked(struct chunk *chunk, int fd)
{
    uint16_t *flips = chunk ? &chunk->flips[fd % CHUNK_LEN] : NULL;
    int flags, error;

    if (flips && *flips > 0) {
        (*flips)++;
        return 0;
    }
    flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    if (flags & O_NONBLOCK)
        return 1;
    if (!flips || !is_ours(fd))
        return -ENOTSUP;
    error = set_nonblocking(fd, 1);
    if (!error)
        (*flips)++;
    return error;
}

int descriptors_flip_on(int fd)
{
    int result;

    pthread_mutex_lock(lock_of(fd));
    result = flip_on_locked(chunk_find(fd), fd);
    pthread_mutex_unlock(lock_of(fd));
    return result;
}

void descriptors_flip_off(int fd)
{
    struct chunk *chunk = chunk_find(fd);
    int saved = errno;

    pthread_mutex_lock(lock_of(fd));
    /* None is left when the user has set the flags meanwhile: then they are as wanted. */
    if (chunk->flips[fd % CHUNK_LEN] > 0 && --chunk->flips[fd % CHUNK_LEN] == 0)
        set_nonblocking(fd, 0);
    pthread_mutex_unlock(lock_of(fd));
    errno = saved;
}

int descriptors_get_flags(int fd)
{
    struct chunk *chunk = chunk_find(fd);
    int flags;

    pthread_mutex_lock(lock_of(fd));
    flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        flags = -errno;
    else if (chunk && chunk->flips[fd % CHUNK_LEN] > 0)
        flags &= ~O_NONBLOCK;
    pthread_mutex_unlock(lock_of(fd));
    return flags;
}

int descriptors_set_flags(int fd, int flags)
{
    struct chunk *chunk = chunk_make(fd);
    uint16_t *flips = chunk ? &chunk->flips[fd % CHUNK_LEN] : NULL;
    int result;

    pthread_mutex_lock(lock_of(fd));
    result = fcntl(fd, F_SETFL, flips && *flips > 0 ? flags | O_NONBLOCK : flags);
    if (result < 0)
        result = -errno;
    else if (flips && (flags & O_NONBLOCK))
        *flips = 0;
    pthread_mutex_unlock(lock_of(fd));
    if (result == 0 && chunk)
        change_version(chunk, fd);
    return result;
}

uint16_t descriptors_version(int fd)
{
    struct chunk *chunk = chunk_find(fd);

    if (!chunk)
        return 0;
    /* Acquire: see change_version. */
    return (uint16_t)(1 +
                      atomic_load_explicit(&chunk->version[fd % CHUNK_LEN], memory_order_acquire));
}

void descriptors_prefetch(int fd)
{
    struct chunk *chunk = chunk_find(fd);

    if (chunk)
        __builtin_prefetch(&chunk->version[fd % CHUNK_LEN]);
}
