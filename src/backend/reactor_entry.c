/* What a reactor knows of descriptor numbers, and how it finds out that it is
   wrong: foreign code may close a number and get another description under it,
   which no mechanism tells. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "backend/reactor.h"
#include "base/descriptors.h"

/* A wait is verified when it is this old and the loop has nothing else to do... */
#define VERIFY_IDLE_MS 10
/* ...or at the latest when it is this old: a saturated server with 10,000 connections has waits of
   60 ms all the time and must not pay for each. */
#define VERIFY_BUSY_MS 1000
/* One turn verifies no more than this (0.5 us each). */
#define VERIFY_BATCH 64

static struct entry *chunk_make(int first_fd)
{
    struct entry *chunk = aligned_alloc(64, ENTRIES_LEN * sizeof *chunk);

    if (!chunk)
        return NULL;
    for (int i = 0; i < ENTRIES_LEN; i++) {
        chunk[i] = (struct entry){ .fd = first_fd + i };
        list_init(&chunk[i].waiting[WAIT_READ]);
        list_init(&chunk[i].waiting[WAIT_WRITE]);
    }
    return chunk;
}

struct entry *entry_make(struct reactor *r, int fd)
{
    unsigned at = (unsigned)fd / ENTRIES_LEN;

    if (at >= ENTRIES_CHUNKS_MAX)
        return NULL;
    r->chunks[at] = chunk_make((int)(at * ENTRIES_LEN));
    return entry_find(r, fd);
}

/* The lists are short: a task a wait, as a rule one reader and no writer. */
unsigned entry_events(const struct entry *entry)
{
    unsigned events = 0;

    for (int side = 0; side < WAITS; side++) {
        const struct list *head = &entry->waiting[side];

        for (const struct list *node = head->next; node != head; node = node->next)
            events |= attempt_events(container_of(node, struct op, link)) | POLLERR;
    }
    return events;
}

bool entry_nonblocking(struct entry *entry)
{
    uint16_t version = descriptors_version(entry->fd);
    int flags;

    if (unlikely(!(entry->flags & ENTRY_FLAGS_KNOWN) || entry->version != version)) {
        flags = descriptors_get_flags(entry->fd);
        entry->version = version;
        entry->flags &= (uint8_t)~ENTRY_NONBLOCK;
        entry->flags |= ENTRY_FLAGS_KNOWN;
        if (flags >= 0 && (flags & O_NONBLOCK))
            entry->flags |= ENTRY_NONBLOCK;
        if (flags >= 0 && (flags & O_DIRECT) && entry->kind == FD_PIPE)
            entry->flags |= ENTRY_TRY_FIRST; /* packets */
    }
    return entry->flags & ENTRY_NONBLOCK;
}

/* Tells descriptions apart as far as their inodes do: sockets and pipes have one each, the likes
   of eventfd share one. */
static uint32_t identity_of(int fd)
{
    uint32_t identity;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return 0;
    /* All bits of the number count: pipes made one after the other differ in the last. */
    identity = (uint32_t)st.st_ino ^ (uint32_t)(st.st_ino >> 32) ^ (uint32_t)st.st_dev << 20;
    return identity ? identity : 1;
}

void entry_identify(struct entry *entry)
{
    entry->identity = identity_of(entry->fd);
}

bool entry_changed(struct reactor *r, struct entry *entry)
{
    if (r->mechanism->lasting)
        return r->mechanism->check(r, entry) != 0;
    return entry->identity != identity_of(entry->fd);
}

void entry_void(struct reactor *r, struct entry *entry)
{
    struct list *node;

    if (!r->mechanism->lasting && entry_has_waiters(entry))
        r->mechanism->interest(r, entry, 0);
    for (int side = 0; side < WAITS; side++)
        while ((node = list_pop_front(&entry->waiting[side])))
            list_push_back(&r->orphans, node);
    entry_untrust(entry);
    entry->kind = FD_UNKNOWN;
    entry->flags &= ENTRY_MARKED;
}

void entry_end_waiters(struct reactor *r, struct entry *entry, int64_t result)
{
    struct list *node;

    if (!r->mechanism->lasting && entry_has_waiters(entry))
        r->mechanism->interest(r, entry, 0);
    for (int side = 0; side < WAITS; side++)
        while ((node = list_pop_front(&entry->waiting[side])))
            reactor_finish(r, container_of(node, struct op, link), result);
    entry_untrust(entry);
}

/* 7 ns instead of 29 for the exact clock; 4 ms are exact enough here. */
static uint32_t coarse_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

void reactor_tick(struct reactor *r)
{
    r->now_ms = coarse_ms();
}

/* The registration was lost. Which came first, the loss or the wait, nobody knows; it is taken for
   a new wait, because a correct program can be in that state and only a racing one in the other. */
static void register_again(struct reactor *r, struct entry *entry)
{
    int kind = attempt_kind(entry->fd);

    entry->flags &= ENTRY_MARKED;
    entry->kind = FD_UNKNOWN;
    if (kind < 0 || r->mechanism->interest(r, entry, POLLIN | POLLOUT) < 0) {
        entry_end_waiters(r, entry, -ERESTART);
        return;
    }
    entry->kind = (uint8_t)kind;
    entry->flags |= ENTRY_REGISTERED;
}

/* Foreign code has set O_NONBLOCK, so what waits would not have waited. */
static void end_nonblocking(struct reactor *r, struct entry *entry)
{
    struct list *node, *next;

    for (int side = 0; side < WAITS; side++) {
        for (node = entry->waiting[side].next; node != &entry->waiting[side]; node = next) {
            struct op *op = container_of(node, struct op, link);

            next = node->next;
            if (op->code == OP_POLL || op->code == OP_CONNECT)
                continue;
            list_remove(node);
            reactor_finish(r, op, -ERESTART);
        }
    }
}

static void verify(struct reactor *r, struct entry *entry)
{
    int error = r->mechanism->check(r, entry);

    if (error == -EBADF) {
        entry_end_waiters(r, entry, -EBADF);
        entry_void(r, entry);
        return;
    }
    if (error)
        register_again(r, entry);
    entry->flags &= (uint8_t)~ENTRY_FLAGS_KNOWN;
    if (entry_has_waiters(entry) && entry_nonblocking(entry))
        end_nonblocking(r, entry);
}

static uint32_t oldest_ms(const struct reactor *r)
{
    return r->now_ms - container_of(r->trusting.next, struct entry, trusting)->since_ms;
}

static void verify_older_than(struct reactor *r, uint32_t age_ms)
{
    for (int i = 0; i < VERIFY_BATCH && !list_empty(&r->trusting) && oldest_ms(r) >= age_ms; i++) {
        struct entry *entry = container_of(r->trusting.next, struct entry, trusting);

        entry_untrust(entry);
        verify(r, entry);
    }
}

bool reactor_verify(struct reactor *r, int64_t *wait_ns)
{
    int64_t left_ns;

    r->now_ms = coarse_ms();
    if (oldest_ms(r) >= VERIFY_BUSY_MS) {
        verify_older_than(r, VERIFY_BUSY_MS);
    } else if (*wait_ns != 0 && oldest_ms(r) >= VERIFY_IDLE_MS) {
        if (r->mechanism->wait(r, 0) > 0)
            return true; /* busy: no time for this */
        verify_older_than(r, VERIFY_IDLE_MS);
    }
    if (!list_empty(&r->finished))
        *wait_ns = 0;
    if (*wait_ns == 0 || list_empty(&r->trusting))
        return false;
    left_ns = ((int64_t)VERIFY_IDLE_MS - oldest_ms(r)) * 1000000;
    if (left_ns < 0)
        left_ns = 0;
    if (*wait_ns < 0 || *wait_ns > left_ns)
        *wait_ns = left_ns;
    return false;
}
