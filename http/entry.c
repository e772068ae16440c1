/* Loading files. All of it runs on a thread of the pool, where a twin is the plain call; in a
   simulation, in the task. */
#include "http/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <dure.h>

#include "http/file.h"
#include "http/http.h"
#include "http/listing.h"
#include "http/mime.h"

/* The longest head: some 330 bytes with the longest type. */
#define HEAD_MAX 512
/* A file system's clock may tick every 10 ms (the kernel's timer), FAT's every 2 s. */
#define SETTLED_AFTER_S 3

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Reads up to len bytes. Returns: how many, less when the file has become shorter; or -1. */
static ssize_t read_content(int fd, char *data, size_t len)
{
    size_t done = 0;
    ssize_t n;

    while (done < len) {
        n = dure_pread(fd, data + done, len - done, (off_t)done);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Times to the nanosecond, the size and the inode: what differs has a different tag. */
static void write_etag(struct http_entry *entry)
{
    struct http_text text;

    http_text_init(&text, entry->etag, sizeof entry->etag);
    http_text_char(&text, '"');
    http_text_hex(&text, (uint64_t)entry->stat.st_mtim.tv_sec * 1000000000u +
                             (uint64_t)entry->stat.st_mtim.tv_nsec);
    http_text_char(&text, '-');
    http_text_hex(&text, (uint64_t)entry->stat.st_size);
    http_text_char(&text, '-');
    http_text_hex(&text, (uint64_t)entry->stat.st_ino);
    http_text_char(&text, '"');
    entry->etag_len = text.len;
}

static size_t write_head(const struct http_entry *entry, char head[HEAD_MAX])
{
    struct http_text text;

    http_text_init(&text, head, HEAD_MAX);
    http_text_string(&text, HTTP_HEAD_START);
    http_text_add(&text, entry->modified, HTTP_DATE_LEN); /* each answer puts its date here */
    http_text_string(&text, "\r\nContent-Type: ");
    http_text_string(&text, entry->type);
    http_text_string(&text, "\r\nContent-Length: ");
    http_text_number(&text, entry->body_len);
    if (entry->is_file) {
        http_text_string(&text, "\r\nLast-Modified: ");
        http_text_add(&text, entry->modified, HTTP_DATE_LEN);
        http_text_string(&text, "\r\nETag: ");
        http_text_add(&text, entry->etag, entry->etag_len);
        http_text_string(&text, "\r\nAccept-Ranges: bytes");
    }
    http_text_string(&text, "\r\nX-Content-Type-Options: nosniff\r\n\r\n");
    return text.len;
}

static void add_validators(struct http_entry *entry)
{
    struct timespec now;

    dure_clock_gettime(CLOCK_REALTIME, &now);
    entry->settled = entry->stat.st_ctim.tv_sec + SETTLED_AFTER_S < now.tv_sec;
    http_date_write(entry->modified, entry->stat.st_mtim.tv_sec);
    write_etag(entry);
}

/* Makes the block: the body first, behind room for the longest head; then the head, whose
   length depends on the body's, right before it. body: what it is, or NULL to read it from fd. */
static int make_block(struct http_entry *entry, const char *body, int fd, size_t size)
{
    char head[HEAD_MAX];
    ssize_t len = (ssize_t)size;

    entry->memory = malloc(HEAD_MAX + size);
    if (entry->memory == NULL)
        return -1;
    if (body != NULL)
        memcpy(entry->memory + HEAD_MAX, body, size);
    else if (entry->in_memory)
        len = read_content(fd, entry->memory + HEAD_MAX, size);
    if (len < 0) {
        free(entry->memory);
        return -1;
    }
    if ((size_t)len < size)
        entry->settled = false;
    if (entry->in_memory)
        entry->body_len = (uint64_t)len;
    entry->head_len = write_head(entry, head);
    entry->block = entry->memory + HEAD_MAX - entry->head_len;
    memcpy(entry->block, head, entry->head_len);
    return 0;
}

static int load_file(struct http_load *load, int fd, const char *name, const struct stat *stat)
{
    struct http_entry *entry;
    int error;

    if (load->known != NULL && load->known->is_file && load->known->settled &&
        same_file(&load->known->stat, stat)) {
        load->unchanged = true;
        return dure_close(fd);
    }
    entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        goto err_close;
    entry->refs = 1;
    entry->is_file = true;
    entry->stat = *stat;
    entry->type = http_mime_type(name);
    entry->fd = -1;
    entry->body_len = (uint64_t)stat->st_size;
    entry->in_memory = entry->body_len <= load->memory_max;
    add_validators(entry);
    if (make_block(entry, NULL, fd, entry->in_memory ? (size_t)entry->body_len : 0) < 0)
        goto err_free_entry;
    if (entry->in_memory)
        dure_close(fd);
    else
        entry->fd = fd;
    load->entry = entry;
    return 0;

err_free_entry:
    free(entry);
err_close:
    error = errno;
    dure_close(fd);
    errno = error;
    return -1;
}

static int load_listing(struct http_load *load, int directory_fd)
{
    struct http_entry *entry = calloc(1, sizeof *entry);
    char *page = NULL;
    size_t page_len;

    if (entry == NULL)
        return -1;
    page = http_listing(load->root_fd, directory_fd, load->name, &page_len);
    if (page == NULL)
        goto err_free_entry;
    entry->refs = 1;
    entry->fd = -1;
    entry->in_memory = true;
    entry->type = "text/html; charset=utf-8";
    if (make_block(entry, page, -1, page_len) < 0)
        goto err_free_page;
    free(page);
    load->entry = entry;
    return 0;

err_free_page:
    free(page);
err_free_entry:
    free(entry);
    return -1;
}

/* Opens the index of a directory. Returns: its descriptor, or -1 when there is none. */
static int open_index(const struct http_load *load, struct stat *stat)
{
    static const char index[] = "index.html";
    size_t len = strlen(load->name);
    char *name = malloc(len + 1 + sizeof index);
    int fd;

    if (name == NULL)
        return -1;
    memcpy(name, load->name, len);
    if (len > 0 && name[len - 1] != '/')
        name[len++] = '/';
    memcpy(name + len, index, sizeof index);
    fd = http_file_open(load->root_fd, name, 0);
    free(name);
    if (fd >= 0 && (dure_fstat(fd, stat) < 0 || !S_ISREG(stat->st_mode))) {
        dure_close(fd);
        fd = -1;
        errno = ENOENT;
    }
    return fd;
}

static int load_directory(struct http_load *load, int directory_fd)
{
    size_t len = strlen(load->name);
    struct stat stat;
    int fd, result = -1, error;

    if (strcmp(load->name, ".") != 0 && load->name[len - 1] != '/') {
        errno = EISDIR;
    } else {
        fd = open_index(load, &stat);
        if (fd >= 0)
            result = load_file(load, fd, "index.html", &stat);
        else if (errno == ENOENT)
            result = load_listing(load, directory_fd);
    }
    error = errno;
    dure_close(directory_fd);
    errno = error;
    return result;
}

int http_entry_load(void *arg)
{
    struct http_load *load = arg;
    struct stat stat;
    int fd = http_file_open(load->root_fd, load->name, 0);

    if (fd < 0)
        return -1;
    if (dure_fstat(fd, &stat) == 0) {
        if (S_ISREG(stat.st_mode))
            return load_file(load, fd, load->name, &stat);
        if (S_ISDIR(stat.st_mode))
            return load_directory(load, fd);
        errno = EACCES; /* a FIFO, a device or a socket is nothing to serve */
    }
    dure_close(fd);
    return -1;
}

void http_entry_free(struct http_entry *entry)
{
    if (entry->fd >= 0)
        dure_close(entry->fd);
    free(entry->key);
    free(entry->memory);
    free(entry);
}
