/* The cache: a hash table, and a list by last use to know what to drop. */
#include "http/cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http/path.h"

/* A change is noticed after a second, at the latest after two. */
#define FRESH_NS DURE_SECOND
#define STALE_NS (2 * DURE_SECOND)

void http_cache_init(struct http_cache *cache)
{
    cache->bytes = 0;
    cache->files = cache->fds = 0;
    cache->newest = cache->oldest = NULL;
    memset(cache->buckets, 0, sizeof cache->buckets);
}

/* FNV-1a: paths are short. */
static uint32_t hash_of(struct http_span path)
{
    uint32_t hash = 2166136261u;
    size_t i;

    for (i = 0; i < path.len; i++)
        hash = (hash ^ (unsigned char)path.data[i]) * 16777619u;
    return hash;
}

static struct http_entry *lookup(const struct http_cache *cache, struct http_span path,
                                 uint32_t hash)
{
    struct http_entry *entry = cache->buckets[hash % HTTP_CACHE_BUCKETS];

    while (entry != NULL && (entry->hash != hash || entry->key_len != path.len ||
                             memcmp(entry->key, path.data, path.len) != 0))
        entry = entry->next;
    return entry;
}

static void link_newest(struct http_cache *cache, struct http_entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest != NULL)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

static void unlink_use(struct http_cache *cache, struct http_entry *entry)
{
    if (entry->newer != NULL)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older != NULL)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void touch(struct http_cache *cache, struct http_entry *entry)
{
    if (cache->newest == entry)
        return;
    unlink_use(cache, entry);
    link_newest(cache, entry);
}

void http_cache_release(struct http_entry *entry)
{
    assert(entry->refs > 0);
    if (--entry->refs == 0)
        http_entry_free(entry);
}

static void drop(struct http_cache *cache, struct http_entry *entry)
{
    struct http_entry **at = &cache->buckets[entry->hash % HTTP_CACHE_BUCKETS];

    assert(entry->cached);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    unlink_use(cache, entry);
    entry->cached = false;
    cache->files--;
    cache->bytes -= entry->in_memory ? entry->body_len : 0;
    cache->fds -= entry->fd >= 0;
    http_cache_release(entry);
}

void http_cache_fini(struct http_cache *cache)
{
    while (cache->oldest != NULL)
        drop(cache, cache->oldest);
}

/* Drops the files used longest ago until the bounds hold; never the newest one. */
static void shrink(struct http_cache *cache)
{
    struct http_entry *entry, *newer;

    for (entry = cache->oldest; entry != cache->newest; entry = newer) {
        newer = entry->newer;
        if (cache->files > cache->files_max || cache->bytes > cache->bytes_max ||
            (cache->fds > cache->fds_max && entry->fd >= 0))
            drop(cache, entry);
        else if (cache->fds <= cache->fds_max)
            break;
    }
}

/* Keeps a loaded entry; without memory for its key it is not kept, that is all. */
static void insert(struct http_cache *cache, struct http_entry *entry, struct http_span path,
                   const char *name, int64_t now_ns)
{
    size_t name_size = strlen(name) + 1;
    struct http_entry *old;

    entry->key = malloc(path.len + 1 + name_size);
    if (entry->key == NULL)
        return;
    memcpy(entry->key, path.data, path.len);
    entry->key[path.len] = '\0';
    memcpy(entry->key + path.len + 1, name, name_size);
    entry->key_len = path.len;
    entry->hash = hash_of(path);
    entry->checked_ns = now_ns;
    old = lookup(cache, path, entry->hash);
    if (old != NULL)
        drop(cache, old);
    entry->next = cache->buckets[entry->hash % HTTP_CACHE_BUCKETS];
    cache->buckets[entry->hash % HTTP_CACHE_BUCKETS] = entry;
    link_newest(cache, entry);
    entry->cached = true;
    entry->refs++;
    cache->files++;
    cache->bytes += entry->in_memory ? entry->body_len : 0;
    cache->fds += entry->fd >= 0;
    shrink(cache);
}

static bool is_fresh(const struct http_entry *entry, int64_t now_ns)
{
    return now_ns - entry->checked_ns < (entry->checking ? STALE_NS : FRESH_NS);
}

struct http_entry *http_cache_find(struct http_cache *cache, struct http_span path, int64_t now_ns)
{
    struct http_entry *entry = lookup(cache, path, hash_of(path));

    if (entry == NULL || !is_fresh(entry, now_ns))
        return NULL;
    touch(cache, entry);
    return entry;
}

/* A shortage, which says nothing about the file. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN;
}

static int status_of(int error)
{
    switch (error) {
    case ECANCELED:
        return -1;
    case EISDIR:
        return 301;
    case EACCES:
    case EPERM:
    case EXDEV:
        return 403;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case ENXIO:
    case EINVAL:
        return 404;
    default:
        return is_shortage(error) ? 503 : 500;
    }
}

void http_cache_drop_fds(struct http_cache *cache)
{
    struct http_entry *entry, *newer;

    for (entry = cache->fds > 0 ? cache->oldest : NULL; entry != NULL; entry = newer) {
        newer = entry->newer;
        if (entry->fd >= 0)
            drop(cache, entry);
    }
}

static int load(struct http_cache *cache, struct http_load *load)
{
    int result = dure_blocking(http_entry_load, load, 0);

    if (result < 0 && (errno == EMFILE || errno == ENFILE) && cache->fds > 0) {
        http_cache_drop_fds(cache);
        result = dure_blocking(http_entry_load, load, 0);
    }
    return result;
}

/* Looks whether a known file has changed, and takes its place if so. The entry is held by the
   caller, as other tasks may drop it from the cache meanwhile. */
static struct http_entry *check(struct http_cache *cache, struct http_entry *known,
                                struct http_span path, int64_t now_ns, int *status)
{
    struct http_load loading = { .root_fd = cache->root_fd, .memory_max = cache->memory_max };
    int result, error;

    loading.name = known->key + known->key_len + 1;
    loading.known = known;
    known->checking = true;
    result = load(cache, &loading);
    error = errno;
    known->checking = false;
    if (result == 0 && loading.unchanged) {
        known->checked_ns = now_ns;
        return known;
    }
    if (result < 0 && is_shortage(error))
        return known;
    if (result < 0)
        *status = status_of(error);
    else if (loading.entry->is_file)
        insert(cache, loading.entry, path, loading.name, now_ns);
    if (known->cached && (result < 0 ? error != ECANCELED : !loading.entry->is_file))
        drop(cache, known);
    http_cache_release(known);
    return loading.entry;
}

struct http_entry *http_cache_get(struct http_cache *cache, struct http_span path, int64_t now_ns,
                                  int *status)
{
    struct http_load loading = { .root_fd = cache->root_fd, .memory_max = cache->memory_max };
    struct http_entry *entry = lookup(cache, path, hash_of(path));
    char *name;

    if (entry != NULL) {
        touch(cache, entry);
        entry->refs++;
        return is_fresh(entry, now_ns) ? entry : check(cache, entry, path, now_ns, status);
    }
    name = malloc(path.len + 2);
    *status = name != NULL ? http_path_decode(path, name) : 503;
    if (*status == 0) {
        loading.name = name;
        if (load(cache, &loading) < 0)
            *status = status_of(errno);
        else if (loading.entry->is_file)
            insert(cache, loading.entry, path, name, now_ns);
    }
    free(name);
    return loading.entry;
}
