/* Reading Range headers. */
#include "http/range.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits only; a number beyond 2^64 becomes the largest one, which is beyond any file. */
static bool read_number(struct http_span text, uint64_t *number)
{
    size_t i;

    *number = 0;
    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (*number > (UINT64_MAX - 9) / 10)
            *number = UINT64_MAX / 10 - 1;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0;
}

/* Reads one of "5-9", "5-", "-5". A range outside the file has the length 0.
   Returns: false when it is none of these. */
static bool read_range(struct http_span item, uint64_t size, struct http_range *range)
{
    const char *dash = memchr(item.data, '-', item.len);
    struct http_span before, after;
    uint64_t first, last;

    if (dash == NULL)
        return false;
    before = (struct http_span){ item.data, (size_t)(dash - item.data) };
    after = (struct http_span){ dash + 1, item.len - before.len - 1 };
    if (before.len == 0) {
        if (!read_number(after, &last))
            return false;
        range->len = last < size ? last : size;
        range->first = size - range->len;
        return true;
    }
    if (!read_number(before, &first))
        return false;
    if (after.len == 0)
        last = UINT64_MAX;
    else if (!read_number(after, &last) || last < first)
        return false;
    range->first = first;
    range->len = first >= size ? 0 : (last < size ? last + 1 : size) - first;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct http_range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static unsigned merge(struct http_range *ranges, unsigned count)
{
    unsigned i, kept = 0;
    uint64_t end;

    qsort(ranges, count, sizeof *ranges, compare);
    for (i = 1; i < count; i++) {
        end = ranges[kept].first + ranges[kept].len;
        if (ranges[i].first > end) {
            ranges[++kept] = ranges[i];
            continue;
        }
        if (ranges[i].first + ranges[i].len > end)
            ranges[kept].len = ranges[i].first + ranges[i].len - ranges[kept].first;
    }
    return kept + 1;
}

/* All pairs: at most HTTP_RANGES_MAX squared, and rarely more than one. */
static bool any_overlap(const struct http_range *ranges, unsigned count)
{
    unsigned i, j;

    for (i = 0; i < count; i++)
        for (j = i + 1; j < count; j++)
            if (ranges[i].first < ranges[j].first + ranges[j].len &&
                ranges[j].first < ranges[i].first + ranges[i].len)
                return true;
    return false;
}

enum http_range_result http_range_read(struct http_span header, uint64_t size,
                                       struct http_range *ranges, unsigned *count)
{
    static const char unit[] = "bytes=";
    struct http_span rest = http_span_trim(header), item;
    unsigned asked = 0;
    struct http_range range;

    *count = 0;
    if (rest.len < sizeof unit - 1 || strncasecmp(rest.data, unit, sizeof unit - 1) != 0)
        return HTTP_RANGE_NONE;
    rest.data += sizeof unit - 1;
    rest.len -= sizeof unit - 1;
    while (http_span_next(&rest, &item)) {
        if (item.len == 0)
            continue;
        if (++asked > HTTP_RANGES_MAX || !read_range(item, size, &range))
            return HTTP_RANGE_NONE;
        if (range.len > 0)
            ranges[(*count)++] = range;
    }
    if (asked == 0)
        return HTTP_RANGE_NONE;
    if (*count == 0)
        return HTTP_RANGE_UNSATISFIABLE;
    if (any_overlap(ranges, *count))
        *count = merge(ranges, *count);
    return HTTP_RANGE_SOME;
}
