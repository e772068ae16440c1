/* A site: the options made whole, and a struct http_loop for each event loop. */
#include <errno.h>
#include <stdlib.h>

#include "http/connection.h"

static int64_t duration(int64_t given, int64_t usual)
{
    return given != 0 ? given : usual;
}

static size_t bound(size_t given, size_t usual)
{
    return given != 0 ? given : usual;
}

static int complete(http_options *o)
{
    o->header_timeout_ns = duration(o->header_timeout_ns, 10 * DURE_SECOND);
    o->body_timeout_ns = duration(o->body_timeout_ns, 30 * DURE_SECOND);
    o->idle_timeout_ns = duration(o->idle_timeout_ns, 60 * DURE_SECOND);
    o->write_timeout_ns = duration(o->write_timeout_ns, 60 * DURE_SECOND);
    o->header_max = bound(o->header_max, HTTP_HEADER_MAX);
    o->target_max = bound(o->target_max, 8 * 1024);
    o->fields_max = (unsigned)bound(o->fields_max, 100);
    o->body_max = bound(o->body_max, 1024 * 1024);
    o->cached_file_max = bound(o->cached_file_max, 64 * 1024);
    o->cache_bytes_max = bound(o->cache_bytes_max, 16 * 1024 * 1024);
    o->cache_files_max = (unsigned)bound(o->cache_files_max, 1024);
    o->cache_fds_max = (unsigned)bound(o->cache_fds_max, 128);
    return o->header_timeout_ns > 0 && o->body_timeout_ns > 0 && o->idle_timeout_ns > 0 &&
                   o->write_timeout_ns > 0 && o->header_max <= HTTP_HEADER_MAX &&
                   o->target_max <= HTTP_HEADER_MAX
               ? 0
               : -1;
}

static int init_loop(const http_site *site, struct http_loop *loop)
{
    const http_options *o = &site->options;

    loop->cache.root_fd = o->root_fd;
    loop->cache.memory_max = o->cached_file_max;
    loop->cache.bytes_max = o->cache_bytes_max;
    loop->cache.files_max = o->cache_files_max;
    loop->cache.fds_max = o->cache_fds_max;
    http_loop_init(loop);
    return http_log_init(&loop->log, o->log_fd, o->scope);
}

int http_site_open(http_site **site, const http_options *options)
{
    unsigned loops_len = dure_loop_count(), i;
    http_site *made;

    if (loops_len == 0) {
        errno = EPERM;
        return -1;
    }
    made = calloc(1, sizeof *made + loops_len * sizeof made->loops[0]);
    if (made == NULL)
        return -1;
    made->options = *options;
    if (complete(&made->options) < 0) {
        free(made);
        errno = EINVAL;
        return -1;
    }
    made->limits = (struct http_limits){ .header_max = made->options.header_max,
                                         .target_max = made->options.target_max,
                                         .body_max = made->options.body_max,
                                         .fields_max = made->options.fields_max };
    for (i = 0; i < loops_len; i++, made->loops_len++)
        if (init_loop(made, &made->loops[i]) < 0)
            goto err_close_site;
    *site = made;
    return 0;

err_close_site:
    http_site_close(made);
    errno = ENOMEM;
    return -1;
}

void http_site_close(http_site *site)
{
    unsigned i;

    for (i = 0; i < site->loops_len; i++)
        http_loop_fini(&site->loops[i]);
    free(site);
}
