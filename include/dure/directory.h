/* Twins that read directories. */
#ifndef DURE_DIRECTORY_H
#define DURE_DIRECTORY_H

#include <dirent.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

/* An open directory: in place of DIR, which the C library fills by calls of its own inside readdir,
   and tells nobody when: each readdir would have to go to a thread. Of this one each 32 KiB of
   entries do. */
typedef struct dure_dir dure_dir;

/* Opens a directory. Of dure_fdopendir's fd the result is the owner: it is closed with it.
   Returns: the directory, or NULL with errno of dure_open; ENOMEM; of fd: EBADF, or ENOTDIR for what
   is none.
   Cancellation: must finish. Threads: any. Ownership: the caller closes it with dure_closedir.
   Source: POSIX.1-2017 opendir, fdopendir. */
DURE_API dure_dir *dure_opendir(const char *path);
DURE_API dure_dir *dure_fdopendir(int fd);

/* Reads the next entry.
   Returns: the entry; NULL with errno unchanged at the end; NULL with errno
     ECANCELED  a scope around the caller ended; the next call goes on where this one was.
     EBADF      also when dure_close closed the descriptor meanwhile.
   Blocks: the task, once for many entries. Cancellation: must finish.
   Threads: any, one at a time. Ownership: the entry is the directory's, until the next call on it.
   Source: POSIX.1-2017 readdir. */
DURE_API struct dirent *dure_readdir(dure_dir *dir);

/* Goes back to the first entry, or to where dure_telldir was asked. Never blocks.
   Source: POSIX.1-2017 rewinddir, telldir, seekdir. */
DURE_API void dure_rewinddir(dure_dir *dir);
DURE_API long dure_telldir(const dure_dir *dir);
DURE_API void dure_seekdir(dure_dir *dir, long position);

/* Tells a directory's descriptor, which remains the directory's. Never blocks.
   Source: POSIX.1-2017 dirfd. */
DURE_API int dure_dirfd(const dure_dir *dir);

/* Closes a directory and its descriptor, and frees it. Never cancelled, always effective.
   Source: POSIX.1-2017 closedir. */
DURE_API int dure_closedir(dure_dir *dir);

DURE_END_DECLS

#endif
