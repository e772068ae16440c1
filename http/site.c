/* A site: the options made whole, a struct http_loop for each event loop, and those that are lent to
   who serves outside the loops. */
#include <errno.h>
#include <stdlib.h>

#include "http/connection.h"

/* There may be thousands of them, each for one connection at a time. */
#define LENT_PART 16

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

/* part: the loop's of what the options allow a loop to keep. */
static int init_loop(const http_site *site, struct http_loop *loop, unsigned part,
                     dure_scope *scope)
{
    const http_options *o = &site->options;

    loop->cache.root_fd = o->root_fd;
    loop->cache.memory_max = o->cached_file_max;
    loop->cache.bytes_max = o->cache_bytes_max / part;
    loop->cache.files_max = o->cache_files_max / part;
    loop->cache.fds_max = o->cache_fds_max / part;
    loop->is_lent = part != 1;
    http_loop_init(loop);
    return http_log_init(&loop->log, o->log_fd, scope);
}

static struct http_loop *create_lent(const http_site *site)
{
    struct http_loop *loop = calloc(1, sizeof *loop);

    if (loop != NULL && init_loop(site, loop, LENT_PART, NULL) < 0) {
        free(loop);
        return NULL;
    }
    return loop;
}

struct http_loop *http_site_take_loop(http_site *site)
{
    int number = dure_loop_number();
    struct http_loop *loop;

    if (number >= 0 && (unsigned)number < site->loops_len)
        return &site->loops[number];
    pthread_mutex_lock(&site->lock);
    loop = site->lendable;
    if (loop != NULL)
        site->lendable = loop->next;
    pthread_mutex_unlock(&site->lock);
    return loop != NULL ? loop : create_lent(site);
}

/* Last in, first out: the loop lent next is the one whose files are in the processor's cache. */
void http_site_return_loop(http_site *site, struct http_loop *loop)
{
    if (!loop->is_lent)
        return;
    http_loop_rest(loop);
    pthread_mutex_lock(&site->lock);
    loop->next = site->lendable;
    site->lendable = loop;
    pthread_mutex_unlock(&site->lock);
}

int http_site_open(http_site **site, const http_options *options)
{
    unsigned loops_len = dure_loop_count(), i;
    http_site *made;

    made = calloc(1, sizeof *made + loops_len * sizeof made->loops[0]);
    if (made == NULL)
        return -1;
    made->options = *options;
    if (complete(&made->options) < 0) {
        free(made);
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_init(&made->lock, NULL);
    made->limits = (struct http_limits){ .header_max = made->options.header_max,
                                         .target_max = made->options.target_max,
                                         .body_max = made->options.body_max,
                                         .fields_max = made->options.fields_max };
    for (i = 0; i < loops_len; i++, made->loops_len++)
        if (init_loop(made, &made->loops[i], 1, options->scope) < 0)
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
    struct http_loop *lent;
    unsigned i;

    for (i = 0; i < site->loops_len; i++)
        http_loop_fini(&site->loops[i]);
    while ((lent = site->lendable) != NULL) {
        site->lendable = lent->next;
        http_loop_fini(lent);
        free(lent);
    }
    pthread_mutex_destroy(&site->lock);
    free(site);
}
