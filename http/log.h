/* The access log in combined format, gathered a loop, so that it costs no system call a
   request: written when 64 KiB are full and at least once a second. Any number of loops, threads
   and processes may write to one file: each write is of whole lines. */
#ifndef HTTP_LOG_H
#define HTTP_LOG_H

#include <dure.h>
#include <stdbool.h>

#include "http/text.h"

#define HTTP_LOG_SIZE ((size_t)64 * 1024)

struct http_log {
    int fd;            /* -1: no log */
    dure_scope *scope; /* where the task lives that writes once a second; NULL: see due_ns */
    size_t write_max;  /* bytes that the file takes in one piece */
    int64_t
        due_ns;    /* without a scope: when its user is to call http_log_flush; 0: nothing is due */
    char *filling; /* HTTP_LOG_SIZE bytes, of which len are used */
    char *writing; /* the other buffer, while it is written */
    size_t len;
    bool busy;  /* somebody writes */
    bool timed; /* a task will write within a second */
};

struct http_log_record {
    struct http_span peer; /* an address */
    struct http_span date; /* with its brackets */
    struct http_span line; /* the request's first */
    int status;
    uint64_t bytes; /* of the answer's body */
    struct http_span referer, user_agent;
};

/* Returns: 0, or -1 with errno ENOMEM. fd -1 is no log. scope NULL: no task writes once a second. */
int http_log_init(struct http_log *log, int fd, dure_scope *scope);
/* Writes what is left, at most for a second, and frees. */
void http_log_fini(struct http_log *log);

/* Writes what there is. Blocks: as http_log_fini. */
void http_log_flush(struct http_log *log);

/* Adds a line. Blocks: the task, only when the disk cannot keep up. Threads: the log's loop. */
void http_log_add(struct http_log *log, const struct http_log_record *record);

#endif
