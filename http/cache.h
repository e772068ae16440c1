/* The files that a loop knows, by the path in the request. One loop's, so without locks. */
#ifndef HTTP_CACHE_H
#define HTTP_CACHE_H

#include <dure.h>

#include "http/entry.h"
#include "http/text.h"

/* As many buckets as the usual bound of files: chains stay short. */
#define HTTP_CACHE_BUCKETS 1024

struct http_cache {
    int root_fd;
    size_t memory_max;  /* a file's contents, to be kept */
    uint64_t bytes_max; /* all contents together */
    unsigned files_max, fds_max;
    uint64_t bytes;
    unsigned files, fds;
    struct http_entry *newest, *oldest; /* by last use */
    struct http_entry *buckets[HTTP_CACHE_BUCKETS];
};

void http_cache_init(struct http_cache *cache);
void http_cache_fini(struct http_cache *cache);

/* Finds a file that may be answered with at once: it was looked at within the last second (or
   two, while somebody else is looking). No system call, no allocation, no wait.
   path: as the request has it; now_ns: dure_now. Returns: the entry, not held, or NULL. */
struct http_entry *http_cache_find(struct http_cache *cache, struct http_span path, int64_t now_ns);

/* Finds or loads; holds what it returns until http_cache_release.
   Returns: the entry; or NULL with *status: the status to answer with (301 when the path is that
   of a directory without the slash), or -1 when the scopes around the caller have ended.
   Blocks: the task. */
struct http_entry *http_cache_get(struct http_cache *cache, struct http_span path, int64_t now_ns,
                                  int *status);

void http_cache_release(struct http_entry *entry);

/* Forgets the files whose descriptors are only kept for speed. Blocks: never. */
void http_cache_drop_fds(struct http_cache *cache);

#endif
