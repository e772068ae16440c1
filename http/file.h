/* Opening files below the root, and nowhere else. */
#ifndef HTTP_FILE_H
#define HTTP_FILE_H

/* Opens a file or directory for reading, never one outside of the directory root_fd: not by
   "..", not by an absolute name, not by a symbolic link, whoever changes links meanwhile.
   name: relative to root_fd. flags: O_PATH or 0, added to what a server wants.
   Returns: a descriptor, or -1 with errno of openat, or
     EXDEV  the name leads outside.
   Blocks: the thread; call it in the pool. Threads: any. */
int http_file_open(int root_fd, const char *name, int flags);

#endif
