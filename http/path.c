/* Decoding paths. What this lets through is still not trusted: the file is opened by a call
   that stays below the root (http/file.c). */
#include "http/path.h"

#include <limits.h>
#include <string.h>

int http_path_of_target(struct http_span target, struct http_span *path)
{
    const char *end = target.data + target.len, *at = target.data, *stop;

    if (target.len > 0 && *at != '/') {
        at = memmem(target.data, target.len, "://", 3);
        if (at == NULL)
            return 400;
        at += 3;
        while (at < end && *at != '/' && *at != '?' && *at != '#')
            at++;
        if (at == end || *at != '/') {
            *path = HTTP_SPAN("/");
            return 0;
        }
    }
    for (stop = at; stop < end && *stop != '?' && *stop != '#'; stop++)
        ;
    *path = (struct http_span){ at, (size_t)(stop - at) };
    return path->len > 0 ? 0 : 400;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes one character off the path, an escape decoded. Returns: it, or -1 when it may not be
   in a path. A backslash separates names for some clients and not for us; nobody needs one. */
static int next_char(const char **at, const char *end)
{
    int c = (unsigned char)*(*at)++;
    int high, low;

    if (c == '%') {
        if (end - *at < 2)
            return -1;
        high = hex_digit((*at)[0]);
        low = hex_digit((*at)[1]);
        if (high < 0 || low < 0)
            return -1;
        c = high * 16 + low;
        *at += 2;
    }
    return c < 0x20 || c == 0x7f || c == '\\' ? -1 : c;
}

/* Ends the name that started at start: drops "." and, with the name before it, "..".
   Returns: the new end, or NULL when ".." leads above the root. */
static char *end_name(char *root, char *start, char *end)
{
    size_t len = (size_t)(end - start);

    if (len == 0 || (len == 1 && start[0] == '.'))
        return start;
    if (len == 2 && start[0] == '.' && start[1] == '.') {
        if (start == root)
            return NULL;
        for (start--; start > root && start[-1] != '/'; start--)
            ;
        return start;
    }
    return end;
}

int http_path_decode(struct http_span path, char *name)
{
    const char *at = path.data, *end = path.data + path.len;
    char *out = name, *start = name, *kept;
    int c;

    if (path.len == 0 || *at++ != '/')
        return 400;
    for (;;) {
        c = at < end ? next_char(&at, end) : 0;
        if (c < 0)
            return 400;
        if (c != '/' && c != 0) {
            *out++ = (char)c;
            continue;
        }
        if (out - start > NAME_MAX)
            return 404;
        kept = end_name(name, start, out);
        if (kept == NULL)
            return 400;
        if (kept == out && kept > start && c == '/')
            *kept++ = '/';
        out = start = kept;
        if (c == 0)
            break;
    }
    if (out == name)
        *out++ = '.';
    *out = '\0';
    return 0;
}
