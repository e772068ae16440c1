/* A host's disk, between inode.c (what a file holds), disk.c (names) and disk_file.c (open files).

   Everything is there twice: as programs see it, and as it would be found after a crash. What
   separates the two is kept in order: writes by file, changes of names in a journal. */
#ifndef DURE_SRC_BACKEND_SIM_DISK_H
#define DURE_SRC_BACKEND_SIM_DISK_H

#include "backend/sim/inside.h"

struct content {
    char *data;
    size_t len, size;
};

struct inode {
    unsigned references; /* entries and open files */
    unsigned number;
    mode_t mode;
    struct content seen, durable;
    struct list pending;  /* writes that no sync has covered: struct pending */
    struct list doubtful; /* writes that a sync failed on: no later one covers them */
    struct list entries;  /* a directory's: struct entry */
    struct inode *parent; /* a directory's; not counted */
};

/* A name in a directory, as far as seen, as far as durable. */
struct entry {
    struct list link; /* in its directory's entries */
    struct inode *dir, *inode;
    bool seen, durable;
    unsigned journaled; /* changes that name it */
    char name[];
};

/* A change of names: some entry appears, some go. */
struct change {
    struct list link;
    struct entry *appears, *goes, *replaced; /* or NULL */
    struct inode *dirs[2];                   /* it is in a sync of either */
};

struct sim_disk {
    struct inode *root;
    struct list journal; /* oldest first */
    unsigned numbers;
    uint64_t used;
};

/* inode.c */
struct inode *inode_create(struct sim_disk *disk, mode_t mode);
void inode_let_go(struct sim_disk *disk, struct inode *inode);
/* Each notes what it does for the next sync. Returns a count, 0, or -errno. */
int64_t inode_write(struct sim_disk *disk, struct inode *inode, int64_t offset, const char *data,
                    size_t len);
int inode_truncate(struct sim_disk *disk, struct inode *inode, int64_t len);
void inode_sync(struct inode *inode);
void inode_sync_failed(struct inode *inode);
void inode_crash(struct sim_disk *disk, struct inode *inode);

/* disk.c */
/* The inode of a path; with last, that of its directory, and *last the final name (which may be
   empty for the root). Returns NULL with the error. */
struct inode *disk_find(struct sim_host *host, int dir_fd, const char *path, const char **last,
                        int *error);
struct entry *disk_entry(struct inode *dir, const char *name);
int disk_link(struct sim_disk *disk, struct inode *dir, const char *name, struct inode *inode);
void disk_sync_names(struct sim_disk *disk, struct inode *dir);

/* disk_file.c */
struct inode *disk_inode_of(struct sim_file *file);

#endif
