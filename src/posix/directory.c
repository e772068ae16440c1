/* Twins that read directories: a job on a thread brings many entries. */
#include "loop/loop.h"

#include <dure/directory.h>
#include <dure/file.h>
#include <dure/io.h>
#include <dure/path.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* As much as the C library reads at once: some thousand entries. */
#define ENTRIES_SIZE (32u << 10)

/* The entries are used as the kernel gives them. */
_Static_assert(sizeof(ino_t) == 8 && sizeof(off_t) == 8, "an entry is the kernel's");
_Static_assert(offsetof(struct dirent, d_off) == 8, "an entry is the kernel's");
_Static_assert(offsetof(struct dirent, d_reclen) == 16, "an entry is the kernel's");
_Static_assert(offsetof(struct dirent, d_type) == 18, "an entry is the kernel's");
_Static_assert(offsetof(struct dirent, d_name) == 19, "an entry is the kernel's");

struct dure_dir {
    int fd;
    long position;  /* behind the entry that was told last */
    size_t at, len; /* in entries: the next one, and the end */
    /* With room behind, so that whoever copies the last entry as a whole struct dirent reads no
       memory of others. */
    _Alignas(struct dirent) char entries[ENTRIES_SIZE + sizeof(struct dirent)];
};

static dure_dir *dir_create(int fd)
{
    dure_dir *dir = malloc(sizeof *dir);

    if (!dir)
        return NULL;
    dir->fd = fd;
    dir->position = 0;
    dir->at = dir->len = 0;
    return dir;
}

dure_dir *dure_opendir(const char *path)
{
    int fd = dure_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dure_dir *dir = fd < 0 ? NULL : dir_create(fd);

    if (fd >= 0 && !dir) {
        dure_close(fd);
        errno = ENOMEM;
    }
    return dir;
}

static dure_dir *refuse(int error)
{
    errno = error;
    return NULL;
}

dure_dir *dure_fdopendir(int fd)
{
    int flags = dure_fcntl(fd, F_GETFL);
    struct stat st;

    if (flags < 0)
        return NULL;
    if (flags & O_PATH)
        return refuse(EBADF);
    if (dure_fstat(fd, &st) < 0)
        return NULL;
    return S_ISDIR(st.st_mode) ? dir_create(fd) : refuse(ENOTDIR);
}

static int64_t get_entries(void *arg)
{
    dure_dir *dir = arg;

    return world_here()->files->getdents64(dir->fd, dir->entries, ENTRIES_SIZE);
}

struct dirent *dure_readdir(dure_dir *dir)
{
    int saved = errno;
    struct dirent *entry;
    int64_t n = io_entry_refused();

    if (n == 0 && dir->at == dir->len) {
        n = offload_world(POOL_FILES, "readdir", dir->fd, get_entries, dir);
        if (n == 0 || n == -ENOENT) { /* the end; that of a directory that was removed */
            errno = saved;
            return NULL;
        }
        if (n > 0) {
            dir->at = 0;
            dir->len = (size_t)n;
        }
    }
    if (n < 0) {
        io_result(n);
        return NULL;
    }
    errno = saved;
    entry = (struct dirent *)(void *)(dir->entries + dir->at);
    dir->at += entry->d_reclen;
    dir->position = (long)entry->d_off;
    return entry;
}

void dure_seekdir(dure_dir *dir, long position)
{
    world_here()->files->lseek(dir->fd, position, SEEK_SET);
    dir->position = position;
    dir->at = dir->len = 0;
}

void dure_rewinddir(dure_dir *dir)
{
    dure_seekdir(dir, 0);
}

long dure_telldir(const dure_dir *dir)
{
    return dir->position;
}

int dure_dirfd(const dure_dir *dir)
{
    return dir->fd;
}

int dure_closedir(dure_dir *dir)
{
    int result = dure_close(dir->fd), error = errno;

    free(dir);
    errno = error;
    return result;
}
