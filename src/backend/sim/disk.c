/* The names on a host's disk: directories, and the journal of what no sync has covered. */
#include "backend/sim/disk.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Of an entry: below are "." and "..". */
#define COOKIE_FIRST 2

void disk_entry_let_go(struct sim_disk *disk, struct entry *entry)
{
    if (entry->seen || entry->durable || entry->journaled)
        return;
    list_remove(&entry->link);
    inode_let_go(disk, entry->inode);
    inode_let_go(disk, entry->dir);
    free(entry);
}

struct entry *disk_entry(const struct inode *dir, const char *name)
{
    const struct list *node;

    /* Linear: simulated directories are small. */
    for (node = dir->entries.next; node != &dir->entries; node = node->next) {
        struct entry *entry = container_of(node, struct entry, link);

        if (entry->seen && strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

/* Who reads a directory finds its entries by their cookies, which are in order. */
static void put_in_order(struct inode *dir, struct entry *entry)
{
    struct list *node;

    do {
        entry->cookie = COOKIE_FIRST + sim_draw(INT32_MAX - COOKIE_FIRST);
        for (node = dir->entries.prev; node != &dir->entries; node = node->prev)
            if (container_of(node, struct entry, link)->cookie <= entry->cookie)
                break;
    } while (node != &dir->entries &&
             container_of(node, struct entry, link)->cookie == entry->cookie);
    list_push_front(node, &entry->link);
}

struct entry *disk_entry_create(struct inode *dir, const char *name, struct inode *inode)
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
    put_in_order(dir, entry);
    return entry;
}

static void set_seen(struct entry *entry, bool seen)
{
    if (entry->seen == seen)
        return;
    entry->seen = seen;
    entry->inode->links += seen ? 1u : UINT_MAX;
    if (seen && inode_is(entry->inode, S_IFDIR))
        entry->inode->parent = entry->dir;
    else if (entry->inode->links == 0)
        entry->inode->parent = NULL;
}

/* --- the journal --- */

static void note(struct entry *entry, int n)
{
    if (entry)
        entry->journaled += (unsigned)n;
}

/* What is seen of it changes, and both files know when. */
static void see(struct entry *entry, bool seen)
{
    set_seen(entry, seen);
    inode_touch(entry->inode, INODE_CHANGED);
    inode_touch(entry->dir, INODE_MODIFIED | INODE_CHANGED);
}

int disk_journal(struct sim_disk *disk, const struct change *change)
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
        see(kept->goes, false);
    if (kept->replaced)
        see(kept->replaced, false);
    if (kept->appears)
        see(kept->appears, true);
    return 0;
}

static void forget(struct sim_disk *disk, struct entry *entry)
{
    if (!entry)
        return;
    entry->journaled--;
    disk_entry_let_go(disk, entry);
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

static void sync_tree(struct inode *dir)
{
    struct list *node;

    dir->durable_attributes = dir->attributes;
    for (node = dir->entries.next; node != &dir->entries; node = node->next) {
        struct entry *entry = container_of(node, struct entry, link);

        inode_sync(entry->inode);
        entry->inode->durable_attributes = entry->inode->attributes;
        if (entry->seen && inode_is(entry->inode, S_IFDIR))
            sync_tree(entry->inode);
    }
}

void disk_sync_all(struct sim_disk *disk)
{
    while (!list_empty(&disk->journal))
        settle_change(disk, container_of(disk->journal.next, struct change, link), true);
    sync_tree(disk->root);
}

int disk_link(struct sim_disk *disk, struct inode *dir, const char *name, struct inode *inode)
{
    struct entry *entry = disk_entry_create(dir, name, inode);
    struct change change = { .appears = entry, .dirs = { dir, dir } };
    int error;

    if (!entry)
        return -ENOSPC;
    error = disk_journal(disk, &change);
    if (error < 0)
        disk_entry_let_go(disk, entry);
    return error;
}

/* --- the disk --- */

/* Programs count on it, and on nothing else. */
static int make_tmp(struct sim_disk *disk)
{
    struct inode *tmp = inode_create(disk, S_IFDIR | S_ISVTX | 0777);
    int error = tmp ? disk_link(disk, disk->root, "tmp", tmp) : -ENOMEM;

    if (tmp)
        inode_let_go(disk, tmp);
    if (error == 0)
        disk_sync_all(disk);
    return error;
}

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
    if (make_tmp(disk) < 0) {
        sim_disk_destroy(disk);
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

        set_seen(entry, false);
        entry->durable = false;
        if (inode_is(entry->inode, S_IFDIR) && entry->inode->links == 0)
            free_dir(disk, entry->inode);
        disk_entry_let_go(disk, entry);
    }
}

/* What the crash has left is what is seen from now on. A directory that was moved is found under
   both names, and possibly within itself: each is gone through once. */
static void see_durable(struct inode *dir)
{
    struct list *node;

    dir->marked = true;
    for (node = dir->entries.next; node != &dir->entries; node = node->next) {
        struct entry *entry = container_of(node, struct entry, link);

        set_seen(entry, entry->durable);
        if (inode_is(entry->inode, S_IFDIR) && !entry->inode->marked)
            see_durable(entry->inode);
    }
}

static void crash_dir(struct sim_disk *disk, struct inode *dir)
{
    struct list *node, *next;

    dir->marked = false;
    inode_crash(disk, dir);
    for (node = dir->entries.next; node != &dir->entries; node = next) {
        struct entry *entry = container_of(node, struct entry, link);
        bool is_dir = inode_is(entry->inode, S_IFDIR);

        next = node->next;
        if (entry->durable) {
            is_dir ? crash_dir(disk, entry->inode) : inode_crash(disk, entry->inode);
        } else {
            if (is_dir && entry->inode->links == 0)
                free_dir(disk, entry->inode);
            disk_entry_let_go(disk, entry);
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
    see_durable(disk->root);
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
