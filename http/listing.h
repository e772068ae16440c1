/* A page that lists a directory. */
#ifndef HTTP_LISTING_H
#define HTTP_LISTING_H

#include <stddef.h>

/* Makes the page: directories first, by name; hidden names and links that lead outside left out.
   directory_fd: the directory; name: its name relative to root_fd, as http_path_decode makes it.
   Returns: the page, freed by the caller, and its length; NULL with errno.
   Blocks: the thread; call it in the pool. Threads: any. */
char *http_listing(int root_fd, int directory_fd, const char *name, size_t *len);

#endif
