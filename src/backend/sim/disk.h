/* A host's disk: what a file holds (inode.c), what is known of it (disk_attributes.c), names
   (disk.c, disk_path.c, disk_names.c), open files (disk_file.c, disk_dir.c, fifo.c) and their locks
   (disk_lock.c).

   Everything durable is there twice: as programs see it, and as it would be found after a crash.
   What separates the two is kept in order: writes by file, changes of names in a journal. */
#ifndef DURE_SRC_BACKEND_SIM_DISK_H
#define DURE_SRC_BACKEND_SIM_DISK_H

#include "backend/sim/inside.h"

#include <sys/stat.h>

#define DISK_NAME_MAX 255

struct content {
    char *data;
    size_t len, size;
};

struct attributes {
    mode_t mode; /* the kind, which never changes, and the permissions */
    uid_t owner;
    gid_t group;
    struct timespec accessed, modified, changed;
};

struct inode {
    unsigned references; /* entries and open files */
    unsigned number;
    unsigned links; /* names that are seen */
    dev_t device;   /* of a device file, which is a name and no more */
    struct attributes attributes, durable_attributes;
    struct timespec born;
    struct content seen, durable; /* a file's; what a symbolic link says */
    struct list pending;          /* writes that no sync has covered: struct pending */
    struct list doubtful;         /* writes that a sync failed on: no later one covers them */
    struct list entries;          /* a directory's, by their cookies: struct entry */
    bool marked;                  /* a crash has come by */
    struct inode *parent;         /* a directory's, while it has a name; not counted */
    struct list locks;            /* disk_lock.c */
    struct sim_fifo *fifo;        /* while it is open: fifo.c */
};

/* A name in a directory, as far as seen, as far as durable. */
struct entry {
    struct list link; /* in its directory's entries */
    struct inode *dir, *inode;
    bool seen, durable;
    unsigned journaled; /* changes that name it */
    unsigned cookie;    /* its place in its directory: of chance, as that of a hash */
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
/* NULL without memory. mode: with the kind. */
struct inode *inode_create(struct sim_disk *disk, mode_t mode);
void inode_let_go(struct sim_disk *disk, struct inode *inode);
static inline bool inode_is(const struct inode *inode, mode_t kind)
{
    return (inode->attributes.mode & S_IFMT) == kind;
}
/* Each notes what it does for the next sync. Returns a count, 0, or -errno. */
int64_t inode_write(struct sim_disk *disk, struct inode *inode, int64_t offset, const char *data,
                    size_t len);
int inode_truncate(struct sim_disk *disk, struct inode *inode, int64_t len);
/* Its text, durable with its name. 0 or -ENOSPC. */
int inode_set_target(struct inode *inode, const char *target);
void inode_sync(struct inode *inode);
void inode_sync_failed(struct inode *inode);
void inode_crash(struct sim_disk *disk, struct inode *inode);
/* How much longer files may become. */
uint64_t disk_room(const struct sim_disk *disk);
/* What was done to it was done now. */
enum inode_time { INODE_ACCESSED = 1, INODE_MODIFIED = 2, INODE_CHANGED = 4 };
void inode_touch(struct inode *inode, unsigned times);

/* disk.c */
struct entry *disk_entry(const struct inode *dir, const char *name);
/* NULL without memory. It is not seen before a change says so. */
struct entry *disk_entry_create(struct inode *dir, const char *name, struct inode *inode);
void disk_entry_let_go(struct sim_disk *disk, struct entry *entry);
/* Programs see the change at once; a sync makes it durable. Returns 0 or -ENOSPC. */
int disk_journal(struct sim_disk *disk, const struct change *change);
int disk_link(struct sim_disk *disk, struct inode *dir, const char *name, struct inode *inode);
void disk_sync_names(struct sim_disk *disk, struct inode *dir);
void disk_sync_all(struct sim_disk *disk);

/* disk_path.c */
#define LOOKUP_FOLLOW 0x1u    /* a symbolic link at the end too */
#define LOOKUP_EMPTY 0x2u     /* an empty path is the descriptor's own file */
#define LOOKUP_BENEATH 0x4u   /* not out of where it began: -EXDEV */
#define LOOKUP_IN_ROOT 0x8u   /* where it began is the root */
#define LOOKUP_NO_LINKS 0x10u /* -ELOOP for any symbolic link */
#define LOOKUP_LAST 0x20u     /* the last name itself is meant, be there a slash behind it or not */
#define LOOKUP_NO_SLASH 0x40u /* -EISDIR for a slash behind the last name: a file is to be made */

/* Where a path leads. */
struct place {
    struct inode *dir;   /* holds the last name; NULL: there is no such (the root, "."...) */
    struct inode *inode; /* NULL: nothing has that name */
    bool slash;          /* behind the name: a directory is meant; for the caller to check */
    char name[DISK_NAME_MAX + 1]; /* also of what has no dir: ".", "..", or empty */
};
/* Returns 0 or -errno. A last name that is not there is none of its errors. */
int disk_lookup(struct sim_host *host, int dir_fd, const char *path, unsigned flags,
                struct place *out);
/* The same for what must be there; NULL and the error. */
struct inode *disk_find(struct sim_host *host, int dir_fd, const char *path, unsigned flags,
                        int *error);

/* disk_names.c */
/* A new file of this kind, with its name; a reference for the caller. NULL and the error. */
struct inode *disk_make(struct sim_host *host, const struct place *place, mode_t mode, int *error);

/* disk_file.c */
struct disk_file {
    struct sim_file file;
    int64_t position;
};
static inline struct disk_file *disk_file_of(struct sim_file *file)
{
    return container_of(file, struct disk_file, file);
}
void disk_file_release(struct sim_file *file, bool crashed);

/* disk_lock.c */
/* A number of the file was closed: POSIX has the process's locks on it go. */
void disk_lock_number_closed(struct sim_file *file);
/* The last was. */
void disk_lock_file_closed(struct sim_file *file);

/* fifo.c */
/* Opens one; op waits for the other end, if it has to. Returns a number, or -errno; -EAGAIN: op
   waits now. */
int64_t sim_fifo_open(struct sim_host *host, struct inode *inode, struct op *op, int flags);

#endif
