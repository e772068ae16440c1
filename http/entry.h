/* What can be answered with: a file (its contents or its descriptor) or a directory's listing,
   together with the head of its answer. */
#ifndef HTTP_ENTRY_H
#define HTTP_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "http/conditional.h"
#include "http/date.h"

/* Every head starts alike, so the Date's place in it is known. */
#define HTTP_HEAD_START "HTTP/1.1 200 OK\r\nServer: dure\r\nDate: "
#define HTTP_HEAD_DATE_AT (sizeof HTTP_HEAD_START - 1)

struct http_entry {
    /* Set by the load, then never changed. */
    char *memory;    /* holds the block, somewhere inside */
    char *block;     /* the head of a 200, with its empty line, then the body if in_memory */
    size_t head_len; /* with the empty line */
    uint64_t body_len;
    int fd; /* of a larger file, else -1 */
    bool in_memory;
    bool is_file; /* not a listing: it has validators, ranges, and may be cached */
    bool settled; /* not changed just before the load: the same times mean the same file */
    struct stat stat;
    const char *type;
    char etag[56];
    size_t etag_len;
    char modified[HTTP_DATE_LEN];

    /* The cache's, on its loop alone. */
    unsigned refs;
    bool cached;        /* the table and the list hold it (a reference) */
    bool checking;      /* a task is looking whether the file has changed */
    int64_t checked_ns; /* when it was last found unchanged */
    uint32_t hash;
    char *key; /* the path as requests write it, then NUL, then the file's name */
    size_t key_len;
    struct http_entry *next;          /* with the same bucket */
    struct http_entry *newer, *older; /* by last use */
};

/* A load to be done in the pool. */
struct http_load {
    int root_fd;
    const char *name;               /* decoded, relative to the root */
    size_t memory_max;              /* larger files stay a descriptor */
    const struct http_entry *known; /* what is believed to be there, or NULL */
    struct http_entry *entry;       /* gets the new one, with one reference */
    bool unchanged;                 /* set instead: known is still right */
};

/* Loads: a file, or a directory's index.html or listing when the name ends with '/'. A function
   for dure_blocking; arg is a struct http_load.
   Returns: 0, or -1 with errno, EISDIR meaning a directory without the slash. */
int http_entry_load(void *load);

void http_entry_free(struct http_entry *entry);

static inline struct http_validators http_entry_validators(const struct http_entry *entry)
{
    return (struct http_validators){ { entry->etag, entry->etag_len }, entry->stat.st_mtim.tv_sec };
}

#endif
