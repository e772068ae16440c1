/* Locks of the files of a simulated disk: flock's and those of F_OFD_..., which belong to an open
   description, and POSIX's, which belong to the process: the host. The first know nothing of the
   two others. */
#include "backend/sim/disk.h"

#include <stdlib.h>
#include <sys/file.h>

struct lock {
    struct list link;   /* its inode's */
    const void *owner;  /* the description, or the host */
    int64_t start, end; /* both in it */
    short type;         /* F_RDLCK, F_WRLCK; F_UNLCK: none */
    bool of_flock;
};

/* The locks are few: all are looked at each time. */
#define EACH(one, inode)                                                          \
    for (struct lock *one = container_of((inode)->locks.next, struct lock, link), \
                     *next_ = container_of(one->link.next, struct lock, link);    \
         &one->link != &(inode)->locks;                                           \
         one = next_, next_ = container_of(one->link.next, struct lock, link))

static bool overlap(const struct lock *a, const struct lock *b)
{
    return a->of_flock == b->of_flock && a->start <= b->end && b->start <= a->end;
}

/* Who stands in the way; NULL: nobody. */
static const struct lock *conflict(const struct inode *inode, const struct lock *wanted)
{
    EACH(lock, inode)
    if (lock->owner != wanted->owner && overlap(lock, wanted) &&
        (lock->type == F_WRLCK || wanted->type == F_WRLCK))
        return lock;
    return NULL;
}

static int add(struct inode *inode, const struct lock *lock)
{
    struct lock *kept;

    if (lock->start > lock->end || lock->type == F_UNLCK)
        return 0;
    kept = malloc(sizeof *kept);
    if (!kept)
        return -ENOLCK;
    *kept = *lock;
    list_push_back(&inode->locks, &kept->link);
    return 0;
}

/* Whoever waits for a lock of the file looks again. */
static void wake(struct sim_host *host, const struct inode *inode)
{
    struct list *node;

    for (node = host->files.next; node != &host->files; node = node->next) {
        struct sim_file *file = container_of(node, struct sim_file, of_host);

        if (file->inode == inode)
            sim_file_changed(file);
    }
}

/* What the owner held of the range goes; what lies around it stays. */
static int cut(struct sim_host *host, struct inode *inode, const struct lock *range)
{
    bool changed = false;
    int error = 0;

    EACH(lock, inode)
    {
        struct lock before = *lock, after = *lock;

        if (lock->owner != range->owner || !overlap(lock, range))
            continue;
        before.end = range->start - 1;
        after.start = range->end == INT64_MAX ? INT64_MAX : range->end + 1;
        list_remove(&lock->link);
        free(lock);
        changed = true;
        error |= add(inode, &before);
        if (range->end != INT64_MAX)
            error |= add(inode, &after);
    }
    if (changed)
        wake(host, inode);
    return error;
}

/* Returns 0, -EAGAIN if somebody stands in the way, or another -errno. */
static int take(struct sim_host *host, struct inode *inode, const struct lock *lock)
{
    int error;

    if (lock->type != F_UNLCK && conflict(inode, lock))
        return -EAGAIN;
    error = cut(host, inode, lock);
    return error < 0 ? error : add(inode, lock);
}

/* --- flock --- */

int64_t sim_lock_flock(struct sim_file *file, int operation)
{
    struct lock lock = { .owner = file, .end = INT64_MAX, .of_flock = true };
    struct lock held;

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!file->inode)
        return -ENOSYS;
    switch (operation & ~LOCK_NB) {
    case LOCK_SH:
        lock.type = F_RDLCK;
        break;
    case LOCK_EX:
        lock.type = F_WRLCK;
        break;
    case LOCK_UN:
        lock.type = F_UNLCK;
        break;
    default:
        return -EINVAL;
    }
    /* Another kind of lock is given back first, and lost if the new one is not to be had. */
    EACH(own, file->inode)
    if (own->owner == file && own->of_flock) {
        if (own->type == lock.type)
            return 0;
        held = *own;
        cut(file->host, file->inode, &held);
        break;
    }
    return take(file->host, file->inode, &lock);
}

/* --- ranges --- */

static int range_of(struct sim_file *file, const struct flock *asked, struct lock *out)
{
    int64_t base = 0, start, end = INT64_MAX;

    if (asked->l_whence == SEEK_CUR)
        base = S_ISREG(file->kind->mode) ? disk_file_of(file)->position : 0;
    else if (asked->l_whence == SEEK_END)
        base = (int64_t)file->inode->seen.len;
    else if (asked->l_whence != SEEK_SET)
        return -EINVAL;
    if (__builtin_add_overflow(base, asked->l_start, &start))
        return -EOVERFLOW;
    if (asked->l_len > 0 && __builtin_add_overflow(start, asked->l_len - 1, &end))
        return -EOVERFLOW;
    if (asked->l_len < 0) {
        end = start - 1;
        start += asked->l_len;
    }
    if (start < 0)
        return -EINVAL;
    out->start = start;
    out->end = end;
    return 0;
}

static int check_type(const struct sim_file *file, short type)
{
    int mode = file->flags & O_ACCMODE;

    if (type == F_RDLCK)
        return mode == O_WRONLY ? -EBADF : 0;
    if (type == F_WRLCK)
        return mode == O_RDONLY ? -EBADF : 0;
    return type == F_UNLCK ? 0 : -EINVAL;
}

static void tell(const struct sim_host *host, const struct lock *lock, struct flock *out)
{
    out->l_type = F_UNLCK;
    if (!lock)
        return;
    out->l_type = lock->type;
    out->l_whence = SEEK_SET;
    out->l_start = lock->start;
    out->l_len = lock->end == INT64_MAX ? 0 : lock->end - lock->start + 1;
    out->l_pid = lock->owner == host ? (pid_t)host->number + 1 : -1;
}

int64_t sim_lock_range(struct sim_file *file, int command, struct flock *asked)
{
    bool of_file = command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    bool only_asks = command == F_GETLK || command == F_OFD_GETLK;
    struct lock lock = { .owner = of_file ? (const void *)file : file->host };
    int error;

    if (file->flags & O_PATH)
        return -EBADF;
    if (!file->inode)
        return -ENOSYS;
    if (!asked)
        return -EFAULT;
    if (of_file && asked->l_pid != 0)
        return -EINVAL;
    lock.type = asked->l_type;
    error = range_of(file, asked, &lock);
    if (error == 0 && only_asks && lock.type == F_UNLCK)
        error = -EINVAL;
    if (error < 0)
        return error;
    if (only_asks) {
        tell(file->host, conflict(file->inode, &lock), asked);
        return 0;
    }
    error = check_type(file, lock.type);
    return error < 0 ? error : take(file->host, file->inode, &lock);
}

int64_t sim_lock_lockf(struct sim_file *file, int operation, int64_t len)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };
    int64_t result;

    switch (operation) {
    case F_ULOCK:
        lock.l_type = F_UNLCK;
        return sim_lock_range(file, F_SETLK, &lock);
    case F_TLOCK:
        return sim_lock_range(file, F_SETLK, &lock);
    case F_TEST:
        lock.l_type = F_RDLCK;
        result = sim_lock_range(file, F_GETLK, &lock);
        return result < 0 || lock.l_type == F_UNLCK ? result : -EACCES;
    default:
        return -EINVAL;
    }
}

int64_t sim_lock_try(struct sim_file *file, struct op *op)
{
    return op->u.lock.lock ? sim_lock_range(file, op->u.lock.command, op->u.lock.lock)
                           : sim_lock_flock(file, op->u.lock.command);
}

/* --- closes --- */

static void drop(struct sim_host *host, struct inode *inode, const void *owner)
{
    struct lock all = { .owner = owner, .end = INT64_MAX };

    cut(host, inode, &all);
    all.of_flock = true;
    cut(host, inode, &all);
}

void disk_lock_number_closed(struct sim_file *file)
{
    drop(file->host, file->inode, file->host);
}

void disk_lock_file_closed(struct sim_file *file)
{
    if (file->flags & O_PATH) /* it could hold none, and its close is none of the file's */
        return;
    drop(file->host, file->inode, file->host);
    drop(file->host, file->inode, file);
}
