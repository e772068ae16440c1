/* What a file holds: as it is read, and as a crash would leave it. */
#include "backend/sim/disk.h"

#include <stdlib.h>
#include <string.h>

/* A kernel's files are marked with the time of its last tick: two changes may bear the same. */
#define TICK_NS 4000000

/* A write, or with `truncates` a new length (its offset), that is not durable. */
struct pending {
    struct list link;
    int64_t offset;
    size_t len;
    bool truncates;
    char data[];
};

void inode_touch(struct inode *inode, unsigned times)
{
    struct attributes *a = &inode->attributes;
    struct timespec now;

    sim_wall(&now);
    now.tv_nsec -= now.tv_nsec % TICK_NS;
    if (times & INODE_ACCESSED)
        a->accessed = now;
    if (times & INODE_MODIFIED)
        a->modified = now;
    if (times & INODE_CHANGED)
        a->changed = now;
}

struct inode *inode_create(struct sim_disk *disk, mode_t mode)
{
    struct inode *inode = calloc(1, sizeof *inode);

    if (!inode)
        return NULL;
    inode->references = 1;
    inode->number = ++disk->numbers;
    inode->attributes.mode = mode;
    inode_touch(inode, INODE_ACCESSED | INODE_MODIFIED | INODE_CHANGED);
    inode->born = inode->attributes.changed;
    inode->durable_attributes = inode->attributes;
    list_init(&inode->pending);
    list_init(&inode->doubtful);
    list_init(&inode->entries);
    list_init(&inode->locks);
    return inode;
}

static void drop_all(struct list *list)
{
    struct list *node;

    while ((node = list_pop_front(list)))
        free(container_of(node, struct pending, link));
}

void inode_let_go(struct sim_disk *disk, struct inode *inode)
{
    if (--inode->references > 0)
        return;
    ASSERT(list_empty(&inode->locks) && !inode->fifo);
    if (inode_is(inode, S_IFREG))
        disk->used -= inode->seen.len;
    drop_all(&inode->pending);
    drop_all(&inode->doubtful);
    free(inode->seen.data);
    free(inode->durable.data);
    free(inode);
}

/* What was not there before is zeroes. */
static int set_len(struct content *content, size_t len)
{
    size_t size = content->size ? content->size : 512;
    char *larger;

    while (size < len)
        size *= 2;
    if (size > content->size) {
        larger = realloc(content->data, size);
        if (!larger)
            return -ENOSPC;
        content->data = larger;
        content->size = size;
    }
    if (len > content->len)
        memset(content->data + content->len, 0, len - content->len);
    content->len = len;
    return 0;
}

static int put(struct content *content, int64_t offset, const char *data, size_t len)
{
    size_t end = (size_t)offset + len;

    if (len == 0)
        return 0;
    if (end > content->len && set_len(content, end) < 0)
        return -ENOSPC;
    memcpy(content->data + offset, data, len);
    return 0;
}

static int note(struct inode *inode, int64_t offset, const char *data, size_t len, bool truncates)
{
    struct pending *pending = malloc(sizeof *pending + len);

    if (!pending)
        return -ENOSPC;
    pending->offset = offset;
    pending->len = len;
    pending->truncates = truncates;
    if (len)
        memcpy(pending->data, data, len);
    list_push_back(&inode->pending, &pending->link);
    return 0;
}

uint64_t disk_room(const struct sim_disk *disk)
{
    uint64_t size = sim_world_options.disk_size;

    if (size == 0)
        return UINT64_MAX / 2;
    return disk->used < size ? size - disk->used : 0;
}

int64_t inode_write(struct sim_disk *disk, struct inode *inode, int64_t offset, const char *data,
                    size_t len)
{
    size_t before = inode->seen.len, end = (size_t)offset + len;

    if (end > before && end - before > disk_room(disk)) {
        if ((uint64_t)offset >= before + disk_room(disk))
            return -ENOSPC;
        len = before + (size_t)disk_room(disk) - (size_t)offset;
    }
    if (len == 0)
        return 0;
    if (put(&inode->seen, offset, data, len) < 0 || note(inode, offset, data, len, false) < 0)
        return -ENOSPC;
    disk->used += inode->seen.len - before;
    inode_touch(inode, INODE_MODIFIED | INODE_CHANGED);
    return (int64_t)len;
}

int inode_truncate(struct sim_disk *disk, struct inode *inode, int64_t len)
{
    size_t before = inode->seen.len;

    if (len < 0)
        return -EINVAL;
    if ((size_t)len > before && (size_t)len - before > disk_room(disk))
        return -ENOSPC;
    if (set_len(&inode->seen, (size_t)len) < 0 || note(inode, len, NULL, 0, true) < 0)
        return -ENOSPC;
    disk->used += inode->seen.len - before;
    inode_touch(inode, INODE_MODIFIED | INODE_CHANGED);
    return 0;
}

int inode_set_target(struct inode *inode, const char *target)
{
    size_t len = strlen(target);

    return put(&inode->seen, 0, target, len) < 0 || put(&inode->durable, 0, target, len) < 0
               ? -ENOSPC
               : 0;
}

/* Makes the first `len` bytes of it durable. Without memory it is lost, which a disk may do. */
static void apply(struct inode *inode, const struct pending *pending, size_t len)
{
    if (pending->truncates)
        (void)set_len(&inode->durable, (size_t)pending->offset);
    else
        (void)put(&inode->durable, pending->offset, pending->data, len);
}

void inode_sync(struct inode *inode)
{
    struct list *node;

    while ((node = list_pop_front(&inode->pending))) {
        struct pending *pending = container_of(node, struct pending, link);

        apply(inode, pending, pending->len);
        free(pending);
    }
}

/* As kernels do it: the pages count as clean from now on. */
void inode_sync_failed(struct inode *inode)
{
    struct list *node;

    while ((node = list_pop_front(&inode->pending)))
        list_push_back(&inode->doubtful, node);
}

/* Each write by itself is there, is not, or was torn at some byte. */
static void crash_writes(struct inode *inode, struct list *list)
{
    struct list *node;

    while ((node = list_pop_front(list))) {
        struct pending *pending = container_of(node, struct pending, link);
        unsigned fate = sim_draw(3);

        if (fate == 0)
            apply(inode, pending, pending->len);
        else if (fate == 1 && !pending->truncates)
            apply(inode, pending, sim_draw((unsigned)pending->len + 1));
        free(pending);
    }
}

/* They are written with something else, or not. */
static void crash_attributes(struct inode *inode)
{
    if (sim_draw(2))
        inode->durable_attributes = inode->attributes;
    inode->attributes = inode->durable_attributes;
}

void inode_crash(struct sim_disk *disk, struct inode *inode)
{
    crash_attributes(inode);
    ASSERT(!inode->fifo); /* who had it open has gone with the host */
    crash_writes(inode, &inode->doubtful);
    crash_writes(inode, &inode->pending);
    if (!inode_is(inode, S_IFREG))
        return;
    disk->used -= inode->seen.len;
    (void)set_len(&inode->seen, inode->durable.len);
    if (inode->seen.len)
        memcpy(inode->seen.data, inode->durable.data, inode->seen.len);
    disk->used += inode->seen.len;
}
