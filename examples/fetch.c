/* A parallel fetch under one deadline: every page at once, in a task each; what
   has not come after two seconds is given up, and nothing is left behind.

   fetch PORT PATH...     from a web server on this machine, such as
                          `dure serve --port 8080 site` */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dure.h>

struct page {
    uint16_t port;
    const char *path;
    int64_t bytes; /* -1 until all of it has come */
};

static int fetch(void *arg)
{
    struct page *page = arg;
    char buf[16384];
    int64_t bytes = 0;
    ssize_t n;
    int len, fd;

    len = snprintf(buf, sizeof buf,
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", page->path);
    if (len >= (int)sizeof buf)
        return dure_fail(ENAMETOOLONG, "the path is too long");
    fd = dure_dial_tcp("127.0.0.1", page->port);
    if (fd < 0)
        return dure_fail(errno, "cannot connect to port %u", page->port);

    if (dure_write_all(fd, buf, (size_t)len) < 0) {
        n = -1;
        goto out_close;
    }
    while ((n = dure_read(fd, buf, sizeof buf)) > 0)
        bytes += n;
    if (n == 0)
        page->bytes = bytes;

out_close:
    dure_close(fd);
    return n < 0 ? dure_fail(errno, "while reading %s", page->path) : 0;
}

static int fetch_all(void *arg)
{
    struct page *pages = arg;
    dure_scope fetching;
    int result;

    dure_scope_open_with(&fetching, &(dure_scope_options){ .deadline = dure_after(2 * DURE_SECOND),
                                                           .flags = DURE_KEEP_GOING });
    for (struct page *page = pages; page->path != NULL; page++)
        dure_spawn(&fetching, fetch, page, 0); /* 0: the pointer itself, not a copy */
    result = dure_scope_close(&fetching);
    if (result < 0 && errno == ETIMEDOUT)
        fprintf(stderr, "fetch: two seconds are over\n");

    for (struct page *page = pages; page->path != NULL; page++) {
        if (page->bytes >= 0)
            printf("%8lld bytes  %s\n", (long long)page->bytes, page->path);
        else
            printf("        not had  %s\n", page->path);
    }
    return result;
}

int main(int argc, char **argv)
{
    struct page *pages;
    int result;

    if (argc < 3) {
        fprintf(stderr, "usage: %s PORT PATH...\n", argv[0]);
        return EXIT_FAILURE;
    }
    pages = calloc((size_t)argc - 1, sizeof *pages); /* the last one, empty, ends the list */
    if (pages == NULL)
        return EXIT_FAILURE;
    for (int i = 2; i < argc; i++)
        pages[i - 2] = (struct page){
            .port = (uint16_t)atoi(argv[1]),
            .path = argv[i],
            .bytes = -1,
        };
    result = dure_run(fetch_all, pages);
    free(pages);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
