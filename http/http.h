/* A library for HTTP/1.1 servers, written on dure's public headers alone: one task a
   connection, in blocking style. Today it serves a directory of files.

       static int connection(void *arg)
       {
           dure_connection *connection = arg;

           return http_connection(connection->arg, connection->fd);
       }

       http_site_open(&site, &(http_options){ .root_fd = fd, .scope = &connections });
       dure_serve_with(&connections, listen_fd, NULL, connection, site);
       dure_scope_close(&connections);
       http_site_close(site);

   On the listening socket TCP_NODELAY should be set (connections inherit it): answers are
   gathered here, so that Nagle's waiting could only delay them. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <dure.h>

/* The most that the limits below can be raised to. */
#define HTTP_HEADER_MAX ((size_t)16 * 1024)

/* What a site is made of. Zero in a limit means the value in parentheses. */
typedef struct http_options {
    int root_fd;       /* the directory that is served; the caller's, open until the close */
    int log_fd;        /* where the access log is written, in combined format; -1: nowhere */
    dure_scope *scope; /* the scope of the connections' tasks; it holds the log's task too.
                          Without a run it is not used */
    int64_t header_timeout_ns; /* from a request's first byte to its last header (10 s) */
    int64_t body_timeout_ns;   /* for the request's body (30 s) */
    int64_t idle_timeout_ns;   /* between requests (60 s) */
    int64_t write_timeout_ns;  /* for the peer to take an answer, or 16 KiB of a long one (60 s) */
    size_t header_max;         /* bytes of request line and headers (16 KiB, never more) */
    size_t target_max;         /* bytes of the request's target (8 KiB) */
    unsigned fields_max;       /* header fields (100) */
    size_t body_max;           /* bytes of a body that is read and dropped (1 MiB) */
    size_t cached_file_max;    /* larger files are sent from their descriptor (64 KiB) */
    /* A loop; connections outside the loops have a sixteenth, each that is served at once. */
    size_t cache_bytes_max;   /* contents kept in memory (16 MiB) */
    unsigned cache_files_max; /* files known (1024) */
    unsigned cache_fds_max;   /* descriptors of larger files kept open (128) */
} http_options;

typedef struct http_site http_site;

/* Makes a site ready to serve: by the tasks of the run that is active, and by plain threads.
   site: gets the site; options: what it is made of; copied.
   Returns: 0, or -1 with errno
     EINVAL   a limit is out of range.
     ENOMEM   no memory.
   Blocks: never. Threads: any. Ownership: http_site_close frees it; in a process that was forked
   while nobody else used it, it is a site of its own. */
int http_site_open(http_site **site, const http_options *options);

/* Frees a site, and writes what the log still holds.
   Blocks: the task, for that writing, at most a second; works in a cancelled scope.
   Threads: any, after the last connection has ended. */
void http_site_close(http_site *site);

/* Lives the life of one connection: reads requests and answers them until the peer
   closes, a limit is passed or the scopes around end. When they grant a grace, the
   requests under way are answered and an idle connection ends at once.
   site: open; fd: a connected stream socket. It is closed.
   Returns: 0; a peer's misbehaviour is not a failure. Or -1 with errno
     ENOMEM   outside the site's loops: no memory.
   Blocks: the task (the thread outside one, which has to ignore SIGPIPE). Cancellation: ends the
   connection. Threads: any; a task is one of the site's scope. */
int http_connection(http_site *site, int fd);

#endif
