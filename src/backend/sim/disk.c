/* The names on a host's disk: directories, and the journal of what no sync has covered. */
#include "backend/sim/disk.h"

#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX 255

static void entry_let_go(struct sim_disk *disk, struct entry *entry)
{
    if (entry->seen || entry->durable || entry->journaled)
        return;
    list_remove(&entry->link);
    inode_let_go(disk, entry->inode);
    inode_let_go(disk, entry->dir);
    free(entry);
}

struct entry *disk_entry(struct inode *dir, const char *name)
{
    struct list *node;

    /* Linear: simulated directories are small. */
    for (node = dir->entries.next; node != &dir->entries; node = node->next) {
        struct entry *entry = container_of(node, struct entry, link);

        if (entry->seen && strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

static struct entry *make_entry(struct inode *dir, const char *name, struct inode *inode)
{
    size_t size = strlen(name) + 1;
    struct entry *entry = calloc(1, sizeof *entry + size);

    if (!entry)
        return NULL;
    memcpy(entry->name, name, size);
    entry->dir = dir;
    entry->inode = inode;
    dir->references++;
    inode->references++;
    list_push_back(&dir->entries, &entry->link);
    return entry;
}

/* --- the journal --- */

static void note(struct entry *entry, int n)
{
    if (entry)
        entry->journaled += (unsigned)n;
}

/* Programs see the change at once; a sync makes it durable. */
static int journal(struct sim_disk *disk, const struct change *change)
{
    struct change *kept = malloc(sizeof *kept);

    if (!kept)
        return -ENOSPC;
    *kept = *change;
    list_push_back(&disk->journal, &kept->link);
    note(kept->appears, 1);
    note(kept->goes, 1);
    note(kept->replaced, 1);
    if (kept->goes)
        kept->goes->seen = false;
    if (kept->replaced)
        kept->replaced->seen = false;
    if (kept->appears)
        kept->appears->seen = true;
    return 0;
}

static void forget(struct sim_disk *disk, struct entry *entry)
{
    if (!entry)
        return;
    entry->journaled--;
    entry_let_go(disk, entry);
}

/* Takes a change out of the journal. */
static void settle_change(struct sim_disk *disk, struct change *change, bool happens)
{
    if (happens) {
        if (change->goes)
            change->goes->durable = false;
        if (change->replaced)
            change->replaced->durable = false;
        if (change->appears)
            change->appears->durable = true;
    }
    list_remove(&change->link);
    forget(disk, change->goes);
    forget(disk, change->replaced);
    forget(disk, change->appears);
    free(change);
}

/* A journal is written in order, so that all before the directory's last change goes with it. */
void disk_sync_names(struct sim_disk *disk, struct inode *dir)
{
    struct list *node, *last = NULL;

    for (node = disk->journal.next; node != &disk->journal; node = node->next) {
        struct change *change = container_of(node, struct change, link);

        if (change->dirs[0] == dir || change->dirs[1] == dir)
            last = node;
    }
    while (last) {
        node = disk->journal.next;
        settle_change(disk, container_of(node, struct change, link), true);
        if (node == last)
            break;
    }
}

/* --- paths --- */

static struct inode *start_of(struct sim_host *host, int dir_fd, const char *path, int *error)
{
    struct sim_file *file;

    *error = 0;
    if (*path == '/' || dir_fd == AT_FDCWD)
        return host->disk->root;
    file = sim_file_of(dir_fd);
    *error = file ? -ENOTDIR : -EBADF;
    return file && S_ISDIR(file->kind->mode) ? disk_inode_of(file) : NULL;
}

/* One step down, or up. */
static struct inode *step(struct inode *dir, const char *name, size_t len, int *error)
{
    char text[NAME_LEN_MAX + 1];
    struct entry *entry;

    *error = -ENOTDIR;
    if (!S_ISDIR(dir->mode))
        return NULL;
    *error = -ENAMETOOLONG;
    if (len > NAME_LEN_MAX)
        return NULL;
    if (len == 0 || (len == 1 && name[0] == '.'))
        return dir;
    if (len == 2 && memcmp(name, "..", 2) == 0)
        return dir->parent ? dir->parent : dir;
    memcpy(text, name, len);
    text[len] = '\0';
    entry = disk_entry(dir, text);
    *error = -ENOENT;
    return entry ? entry->inode : NULL;
}

struct inode *disk_find(struct sim_host *host, int dir_fd, const char *path, const char **last,
                        int *error)
{
    struct inode *at;
    size_t len;

    *error = host ? -ENOENT : -ECANCELED;
    if (!host || !*path)
        return NULL;
    at = start_of(host, dir_fd, path, error);
    while (at) {
        path += strspn(path, "/");
        len = strcspn(path, "/");
        if (last && path[len + strspn(path + len, "/")] == '\0') {
            *last = path;
            *error = len > NAME_LEN_MAX ? -ENAMETOOLONG : -ENOTDIR;
            return S_ISDIR(at->mode) && len <= NAME_LEN_MAX ? at : NULL;
        }
        if (len == 0)
            return at;
        at = step(at, path, len, error);
        path += len;
    }
    return NULL;
}

/* --- changes --- */

int disk_link(struct sim_disk *disk, struct inode *dir, const char *name, struct inode *inode)
{
    struct entry *entry = make_entry(dir, name, inode);
    struct change change = { .appears = entry, .dirs = { dir, dir } };
    int error;

    if (!entry)
        return -ENOSPC;
    error = journal(disk, &change);
    if (error < 0)
        entry_let_go(disk, entry);
    else if (S_ISDIR(inode->mode))
        inode->parent = dir;
    return error;
}

int sim_disk_mkdir(struct sim_host *host, int dir_fd, const char *path, mode_t mode)
{
    const char *name = "";
    int error;
    struct inode *dir = disk_find(host, dir_fd, path, &name, &error), *made;

    if (!dir)
        return error;
    if (!*name || disk_entry(dir, name))
        return -EEXIST;
    made = inode_create(host->disk, S_IFDIR | (mode & 0777));
    if (!made)
        return -ENOSPC;
    error = disk_link(host->disk, dir, name, made);
    inode_let_go(host->disk, made);
    return error;
}

static bool is_empty(const struct inode *dir)
{
    const struct list *node;

    for (node = dir->entries.next; node != &dir->entries; node = node->next)
        if (container_of(node, const struct entry, link)->seen)
            return false;
    return true;
}

/* May the name go? Returns 0 or -errno. */
static int check_goes(const struct entry *entry, bool as_dir)
{
    bool is_dir = S_ISDIR(entry->inode->mode);

    if (is_dir != as_dir)
        return is_dir ? -EISDIR : -ENOTDIR;
    return is_dir && !is_empty(entry->inode) ? -ENOTEMPTY : 0;
}

int sim_disk_unlink(struct sim_host *host, int dir_fd, const char *path, int flags)
{
    const char *name = "";
    int error;
    struct inode *dir = disk_find(host, dir_fd, path, &name, &error);
    struct entry *entry;

    if (!dir)
        return error;
    entry = disk_entry(dir, name);
    if (!entry)
        return -ENOENT;
    error = check_goes(entry, flags & AT_REMOVEDIR);
    if (error < 0)
        return error;
    return journal(host->disk, &(struct change){ .goes = entry, .dirs = { dir, dir } });
}

int sim_disk_rename(struct sim_host *host, int dir_fd, const char *path, int new_dir_fd,
                    const char *new_path)
{
    const char *name = "", *new_name = "";
    int error;
    struct inode *dir = disk_find(host, dir_fd, path, &name, &error);
    struct inode *new_dir = dir ? disk_find(host, new_dir_fd, new_path, &new_name, &error) : NULL;
    struct change change = { .dirs = { dir, new_dir } };

    if (!dir || !new_dir)
        return error;
    change.goes = disk_entry(dir, name);
    change.replaced = disk_entry(new_dir, new_name);
    if (!change.goes)
        return -ENOENT;
    if (change.replaced && change.replaced->inode == change.goes->inode)
        return 0;
    error = change.replaced ? check_goes(change.replaced, S_ISDIR(change.goes->inode->mode)) : 0;
    if (error < 0)
        return error;
    change.appears = make_entry(new_dir, new_name, change.goes->inode);
    if (!change.appears)
        return -ENOSPC;
    error = journal(host->disk, &change);
    if (error < 0)
        entry_let_go(host->disk, change.appears);
    else if (S_ISDIR(change.goes->inode->mode))
        change.goes->inode->parent = new_dir;
    return error;
}

/* --- the disk --- */

int sim_disk_create(struct sim_disk **out)
{
    struct sim_disk *disk = calloc(1, sizeof *disk);

    if (!disk)
        return -ENOMEM;
    list_init(&disk->journal);
    disk->root = inode_create(disk, S_IFDIR | 0755);
    if (!disk->root) {
        free(disk);
        return -ENOMEM;
    }
    *out = disk;
    return 0;
}

static void free_dir(struct sim_disk *disk, struct inode *dir)
{
    struct list *node;

    while ((node = dir->entries.next) != &dir->entries) {
        struct entry *entry = container_of(node, struct entry, link);

        if (S_ISDIR(entry->inode->mode))
            free_dir(disk, entry->inode);
        entry->seen = entry->durable = false;
        entry_let_go(disk, entry);
    }
}

/* What the crash has left of a directory is what is seen from now on. */
static void crash_dir(struct sim_disk *disk, struct inode *dir)
{
    struct list *node, *next;

    for (node = dir->entries.next; node != &dir->entries; node = next) {
        struct entry *entry = container_of(node, struct entry, link);
        bool is_dir = S_ISDIR(entry->inode->mode);

        next = node->next;
        entry->seen = entry->durable;
        if (entry->durable && !is_dir) {
            inode_crash(disk, entry->inode);
        } else if (entry->durable) {
            entry->inode->parent = dir;
            crash_dir(disk, entry->inode);
        } else {
            if (is_dir)
                free_dir(disk, entry->inode);
            entry_let_go(disk, entry);
        }
    }
}

void sim_disk_crash(struct sim_disk *disk)
{
    unsigned len = 0, kept;
    struct list *node;

    for (node = disk->journal.next; node != &disk->journal; node = node->next)
        len++;
    kept = sim_draw(len + 1);
    while (!list_empty(&disk->journal)) {
        settle_change(disk, container_of(disk->journal.next, struct change, link), kept > 0);
        kept -= kept > 0;
    }
    crash_dir(disk, disk->root);
}

void sim_disk_destroy(struct sim_disk *disk)
{
    while (!list_empty(&disk->journal))
        settle_change(disk, container_of(disk->journal.next, struct change, link), true);
    free_dir(disk, disk->root);
    inode_let_go(disk, disk->root);
    free(disk);
}
