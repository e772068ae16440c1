/* Directory listings. */
#include "http/listing.h"

#include <dure.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "http/file.h"

/* The page's bound: some 300 bytes an item, so about 3 MB. A longer list says that it is cut. */
#define ITEMS_MAX 10000

struct item {
    char *name;
    struct stat stat;
};

struct items {
    struct item *items;
    size_t len, len_max;
    int cut;
};

static int is_directory(const struct item *item)
{
    return S_ISDIR(item->stat.st_mode);
}

static int compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = is_directory(y) - is_directory(x);

    if (order == 0)
        order = strcasecmp(x->name, y->name);
    return order != 0 ? order : strcmp(x->name, y->name);
}

/* Looks at an item as a request for it would: a link counts as what it points to, and not at
   all when that is outside or missing. */
static int look_at(int root_fd, int directory_fd, const char *directory, const char *name,
                   struct stat *stat)
{
    char path[8192];
    int fd, result;

    if (dure_fstatat(directory_fd, name, stat, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (!S_ISLNK(stat->st_mode))
        return S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode) ? 0 : -1;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        return -1;
    fd = http_file_open(root_fd, path, O_PATH);
    if (fd < 0)
        return -1;
    result = dure_fstat(fd, stat);
    dure_close(fd);
    return result;
}

static int add(struct items *items, const char *name, const struct stat *stat)
{
    size_t len_max = items->len_max > 0 ? items->len_max * 2 : 64;
    struct item *grown;

    if (items->len == items->len_max) {
        grown = realloc(items->items, len_max * sizeof *grown);
        if (grown == NULL)
            return -1;
        items->items = grown;
        items->len_max = len_max;
    }
    items->items[items->len].name = strdup(name);
    items->items[items->len].stat = *stat;
    return items->items[items->len].name != NULL ? (items->len++, 0) : -1;
}

static void free_items(struct items *items)
{
    size_t i;

    for (i = 0; i < items->len; i++)
        free(items->items[i].name);
    free(items->items);
}

/* The next entry; NULL at the end, or with the error: half a directory is none. */
static const struct dirent *next_entry(dure_dir *dir, int *error)
{
    const struct dirent *entry;

    errno = 0;
    entry = dure_readdir(dir);
    *error = entry != NULL ? 0 : errno;
    return entry;
}

static int read_items(struct items *items, int root_fd, int directory_fd, const char *directory)
{
    int fd = dure_openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dure_dir *dir = fd >= 0 ? dure_fdopendir(fd) : NULL;
    const struct dirent *entry;
    struct stat stat;
    int result = 0, error = 0;

    if (dir == NULL) {
        if (fd >= 0)
            dure_close(fd);
        return -1;
    }
    while (result == 0 && (entry = next_entry(dir, &error)) != NULL) {
        if (entry->d_name[0] == '.' ||
            look_at(root_fd, directory_fd, directory, entry->d_name, &stat) < 0)
            continue;
        if (items->len == ITEMS_MAX) {
            items->cut = 1;
            break;
        }
        result = add(items, entry->d_name, &stat);
    }
    dure_closedir(dir);
    if (error == 0)
        return result;
    errno = error;
    return -1;
}

/* The stream is this task's alone: its lock is not taken for each byte. */
static void put_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            putc_unlocked(*text, out);
        }
    }
}

/* Percent-encodes all but what RFC 3986 calls unreserved. */
static void put_link(FILE *out, const char *name)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *name != '\0'; name++) {
        if (strchr(kept, *name) != NULL)
            putc_unlocked(*name, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*name);
    }
}

static void put_size(FILE *out, uint64_t size)
{
    static const char *units[] = { "B", "KB", "MB", "GB", "TB", "PB" };
    double shown = (double)size;
    unsigned unit = 0;

    while (shown >= 1000 && unit < 5) {
        shown /= 1000;
        unit++;
    }
    fprintf(out, unit == 0 || shown >= 100 ? "%.0f %s" : "%.1f %s", shown, units[unit]);
}

static void put_item(FILE *out, const struct item *item)
{
    char date[sizeof "2026-01-31 23:59"];
    struct tm tm;
    const char *slash = is_directory(item) ? "/" : "";

    fputs("<tr><td><a href=\"./", out);
    put_link(out, item->name);
    fprintf(out, "%s\">", slash);
    put_html(out, item->name);
    fprintf(out, "%s</a><td>", slash);
    if (!is_directory(item))
        put_size(out, (uint64_t)item->stat.st_size);
    if (gmtime_r(&item->stat.st_mtim.tv_sec, &tm) != NULL &&
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm) > 0)
        fprintf(out, "<td>%s\n", date);
    else
        fputs("<td>\n", out);
}

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:56rem;margin:2.5rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem;font-weight:600;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}"
    "th{font-weight:600;font-size:.85rem}"
    "td:first-child{overflow-wrap:anywhere}"
    "td+td,th+th{white-space:nowrap;text-align:right;font-variant-numeric:tabular-nums}"
    "a{text-decoration:none}a:hover{text-decoration:underline}"
    "tr:hover td{background:#8881}"
    "footer{font-size:.85rem;opacity:.7;margin-top:1rem}";

static void put_page(FILE *out, const struct items *items, const char *name)
{
    int at_root = strcmp(name, ".") == 0;
    size_t i;

    fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n<title>/",
          out);
    put_html(out, at_root ? "" : name);
    fprintf(out, "</title>\n<style>%s</style>\n<h1>/", style);
    put_html(out, at_root ? "" : name);
    fputs("</h1>\n<table>\n<tr><th>Name<th>Size<th>Modified (UTC)\n", out);
    if (!at_root)
        fputs("<tr><td><a href=\"../\">../</a><td><td>\n", out);
    for (i = 0; i < items->len; i++)
        put_item(out, &items->items[i]);
    fputs("</table>\n<footer>", out);
    if (items->cut)
        fprintf(out, "Only %d items are shown. ", ITEMS_MAX);
    fputs("dure</footer>\n", out);
}

char *http_listing(int root_fd, int directory_fd, const char *name, size_t *len)
{
    struct items items = { 0 };
    char *page = NULL;
    FILE *out;

    if (read_items(&items, root_fd, directory_fd, name) < 0)
        goto done;
    if (items.len > 0)
        qsort(items.items, items.len, sizeof *items.items, compare);
    out = open_memstream(&page, len);
    if (out == NULL)
        goto done;
    put_page(out, &items, name);
    if (fclose(out) != 0) {
        free(page);
        page = NULL;
    }
done:
    free_items(&items);
    return page;
}
