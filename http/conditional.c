/* Conditional requests. */
#include "http/conditional.h"

#include <string.h>

#include "http/date.h"

static bool same(struct http_span a, struct http_span b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool is_weak(struct http_span tag)
{
    return tag.len >= 2 && tag.data[0] == 'W' && tag.data[1] == '/';
}

static struct http_span without_weakness(struct http_span tag)
{
    if (is_weak(tag)) {
        tag.data += 2;
        tag.len -= 2;
    }
    return tag;
}

/* A comma inside a foreign tag would cut it in two; neither half then looks like ours, which
   has none. */
static bool list_has(struct http_span list, struct http_span etag, bool weakly)
{
    struct http_span item;

    while (http_span_next(&list, &item)) {
        if (item.len == 1 && item.data[0] == '*')
            return true;
        if (same(weakly ? without_weakness(item) : item, etag))
            return true;
    }
    return false;
}

int http_conditional(const struct http_conditions *conditions,
                     const struct http_validators *validators)
{
    int64_t date;

    if (conditions->if_match.data != NULL) {
        if (!list_has(conditions->if_match, validators->etag, false))
            return 412;
    } else if (conditions->if_unmodified_since.data != NULL) {
        if (http_date_read(http_span_trim(conditions->if_unmodified_since), &date) == 0 &&
            validators->modified > date)
            return 412;
    }
    if (conditions->if_none_match.data != NULL) {
        if (list_has(conditions->if_none_match, validators->etag, true))
            return 304;
    } else if (conditions->if_modified_since.data != NULL) {
        if (http_date_read(http_span_trim(conditions->if_modified_since), &date) == 0 &&
            validators->modified <= date)
            return 304;
    }
    return 0;
}

bool http_conditional_range(const struct http_conditions *conditions,
                            const struct http_validators *validators)
{
    struct http_span value;
    int64_t date;

    if (conditions->if_range.data == NULL)
        return true;
    value = http_span_trim(conditions->if_range);
    if (is_weak(value))
        return false;
    if (value.len > 0 && value.data[0] == '"')
        return same(value, validators->etag);
    return http_date_read(value, &date) == 0 && date == validators->modified;
}
