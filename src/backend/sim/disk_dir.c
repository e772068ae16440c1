/* Reading the directories of a simulated disk. */
#include "backend/sim/disk.h"

#include <dirent.h>
#include <string.h>

/* Where the entries go. */
struct entries {
    char *buf;
    size_t len, size;
};

/* Returns false if it has no room. at: the position behind it. */
static bool add(struct entries *out, const char *name, const struct inode *inode, int64_t at)
{
    size_t name_size = strlen(name) + 1;
    size_t size = (offsetof(struct dirent, d_name) + name_size + 7) / 8 * 8;
    struct dirent head = { .d_ino = inode->number,
                           .d_off = at,
                           .d_reclen = (unsigned short)size,
                           .d_type = IFTODT(inode->attributes.mode) };
    char *to = out->buf + out->len;

    if (out->size - out->len < size)
        return false;
    memset(to, 0, size);
    memcpy(to, &head, offsetof(struct dirent, d_name));
    memcpy(to + offsetof(struct dirent, d_name), name, name_size);
    out->len += size;
    return true;
}

/* A position is a cookie: names that come and go between two calls move no other. */
static int64_t add_from(struct entries *out, const struct inode *dir, int64_t position)
{
    const struct list *node;

    if (position <= 0) {
        if (!add(out, ".", dir, 1))
            return 0;
        position = 1;
    }
    if (position == 1) {
        if (!add(out, "..", dir->parent ? dir->parent : dir, 2))
            return 1;
        position = 2;
    }
    for (node = dir->entries.next; node != &dir->entries; node = node->next) {
        const struct entry *entry = container_of(node, const struct entry, link);

        if (!entry->seen || entry->cookie < position)
            continue;
        if (!add(out, entry->name, entry->inode, (int64_t)entry->cookie + 1))
            break;
        position = (int64_t)entry->cookie + 1;
    }
    return position;
}

int64_t sim_disk_entries(struct sim_file *file, void *buf, size_t len)
{
    struct entries out = { .buf = buf, .size = len };
    struct disk_file *open;
    int64_t position;

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!S_ISDIR(file->kind->mode))
        return -ENOTDIR;
    open = disk_file_of(file);
    if (file->inode->links == 0 && file->inode != file->host->disk->root)
        return -ENOENT;
    if (sim_chance(sim_world_options.disk_error_ppm))
        return -EIO;
    position = add_from(&out, file->inode, open->position);
    if (out.len == 0 && position < 2)
        return -EINVAL;
    open->position = position;
    return (int64_t)out.len;
}
