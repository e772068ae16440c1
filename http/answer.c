/* Answers: which one a request gets, and how its head and body are put together. */
#include <errno.h>
#include <string.h>

#include "http/cache.h"
#include "http/conditional.h"
#include "http/connection.h"
#include "http/errors.h"
#include "http/path.h"
#include "http/range.h"

/* Up to here copying the body behind its head is cheaper than a second piece to send: 8 KiB
   are copied in some 200 ns, and four such answers still share a buffer. */
#define COPY_MAX ((size_t)8 * 1024)
/* A head that is made here, its fields from the request aside. */
#define HEAD_MAX ((size_t)1024)
/* The head of a part: boundary, type and range. */
#define PART_MAX ((size_t)256)
#define BOUNDARY_LEN 32

static bool is_head(const struct http_connection *c)
{
    return c->request.parser.method == HTTP_HEAD;
}

static struct http_span field(const struct http_connection *c, enum http_field field)
{
    return http_request_field(&c->request, &c->input, field);
}

static void add_connection(const struct http_connection *c, struct http_text *text)
{
    if (!c->keep_alive)
        http_text_string(text, "Connection: close\r\n");
    else if (c->request.parser.http_minor == 0)
        http_text_string(text, "Connection: keep-alive\r\n");
}

/* Starts a head in the output. Returns: false when the connection is over. */
static bool start_head(struct http_connection *c, struct http_text *text, size_t len_max,
                       int status)
{
    char *at = http_output_room(&c->output, len_max);

    if (at == NULL)
        return false;
    c->status = status;
    http_text_init(text, at, len_max);
    http_text_string(text, "HTTP/1.1 ");
    http_text_string(text, http_status_line(status));
    http_text_string(text, "\r\nServer: dure\r\nDate: ");
    http_text_add(text, c->loop->date, HTTP_DATE_LEN);
    http_text_string(text, "\r\n");
    return true;
}

static void end_head(struct http_connection *c, struct http_text *text)
{
    add_connection(c, text);
    http_text_string(text, "\r\n");
    http_output_added(&c->output, text->len);
}

static void add_length(struct http_connection *c, struct http_text *text, uint64_t len)
{
    c->body_sent = is_head(c) ? 0 : len;
    http_text_string(text, "Content-Length: ");
    http_text_number(text, len);
    http_text_string(text, "\r\n");
}

static int answer_page(struct http_connection *c, int status, const char *extra,
                       struct http_span extra_value)
{
    char page_data[HTTP_ERROR_PAGE_MAX];
    struct http_text page, text;

    http_text_init(&page, page_data, sizeof page_data);
    http_error_page(&page, status);
    if (!start_head(c, &text, HEAD_MAX + extra_value.len + page.len, status))
        return -1;
    http_text_string(&text, "Content-Type: text/html; charset=utf-8\r\n");
    add_length(c, &text, page.len);
    if (extra != NULL) {
        http_text_string(&text, extra);
        http_text_add(&text, extra_value.data, extra_value.len);
        http_text_string(&text, "\r\n");
    }
    add_connection(c, &text);
    http_text_string(&text, "\r\n");
    if (!is_head(c))
        http_text_add(&text, page.data, page.len);
    http_output_added(&c->output, text.len);
    return 0;
}

int http_answer_error(struct http_connection *c, int status)
{
    if (status == 405)
        return answer_page(c, status, "Allow: GET, HEAD", HTTP_SPAN(""));
    return answer_page(c, status, NULL, HTTP_SPAN(""));
}

/* Adds the slash. Slashes at the start become one: "//host" would lead elsewhere. */
static int answer_redirect(struct http_connection *c, struct http_span path, struct http_span query)
{
    char location[HTTP_HEADER_MAX + 2];
    struct http_text text;

    while (path.len > 1 && path.data[1] == '/') {
        path.data++;
        path.len--;
    }
    http_text_init(&text, location, sizeof location);
    http_text_add(&text, path.data, path.len);
    http_text_char(&text, '/');
    http_text_add(&text, query.data, query.len);
    return answer_page(c, 301, "Location: ", (struct http_span){ text.data, text.len });
}

static int send_piece(struct http_connection *c, const struct http_entry *entry, uint64_t first,
                      uint64_t len, bool more)
{
    const char *data;
    char *room;

    if (!entry->in_memory)
        return http_output_file(&c->output, entry->fd, first, len);
    data = entry->block + entry->head_len + first;
    if (len > COPY_MAX)
        return http_output_memory(&c->output, data, (size_t)len, more);
    room = http_output_room(&c->output, (size_t)len);
    if (room == NULL)
        return -1;
    memcpy(room, data, (size_t)len);
    http_output_added(&c->output, (size_t)len);
    return 0;
}

/* The common answer: the block as it is, but for its date. */
static int answer_block(struct http_connection *c, const struct http_entry *entry)
{
    size_t len = entry->head_len + (size_t)entry->body_len;
    char *room = http_output_room(&c->output, len);

    if (room == NULL)
        return -1;
    memcpy(room, entry->block, len);
    memcpy(room + HTTP_HEAD_DATE_AT, c->loop->date, HTTP_DATE_LEN);
    http_output_added(&c->output, len);
    c->status = 200;
    c->body_sent = entry->body_len;
    return 0;
}

static int answer_whole(struct http_connection *c, const struct http_entry *entry)
{
    struct http_text text;
    char *room = http_output_room(&c->output, HEAD_MAX);

    if (room == NULL)
        return -1;
    http_text_init(&text, room, HEAD_MAX);
    http_text_add(&text, entry->block, entry->head_len - 2);
    memcpy(room + HTTP_HEAD_DATE_AT, c->loop->date, HTTP_DATE_LEN);
    end_head(c, &text);
    c->status = 200;
    if (is_head(c))
        return 0;
    c->body_sent = entry->body_len;
    return entry->body_len > 0 ? send_piece(c, entry, 0, entry->body_len, false) : 0;
}

static void add_validators(struct http_text *text, const struct http_entry *entry)
{
    http_text_string(text, "Last-Modified: ");
    http_text_add(text, entry->modified, HTTP_DATE_LEN);
    http_text_string(text, "\r\nETag: ");
    http_text_add(text, entry->etag, entry->etag_len);
    http_text_string(text, "\r\nAccept-Ranges: bytes\r\n");
}

static int answer_not_modified(struct http_connection *c, const struct http_entry *entry)
{
    struct http_text text;

    if (!start_head(c, &text, HEAD_MAX, 304))
        return -1;
    add_validators(&text, entry);
    end_head(c, &text);
    return 0;
}

static void add_range(struct http_text *text, const struct http_range *range, uint64_t size)
{
    http_text_string(text, "Content-Range: bytes ");
    http_text_number(text, range->first);
    http_text_char(text, '-');
    http_text_number(text, range->first + range->len - 1);
    http_text_char(text, '/');
    http_text_number(text, size);
    http_text_string(text, "\r\n");
}

static int answer_range(struct http_connection *c, const struct http_entry *entry,
                        const struct http_range *range)
{
    struct http_text text;

    if (!start_head(c, &text, HEAD_MAX, 206))
        return -1;
    http_text_string(&text, "Content-Type: ");
    http_text_string(&text, entry->type);
    http_text_string(&text, "\r\n");
    add_length(c, &text, range->len);
    add_range(&text, range, entry->body_len);
    add_validators(&text, entry);
    end_head(c, &text);
    return send_piece(c, entry, range->first, range->len, false);
}

static void write_part(struct http_text *text, const char *boundary, const char *type,
                       const struct http_range *range, uint64_t size)
{
    http_text_string(text, "\r\n--");
    http_text_add(text, boundary, BOUNDARY_LEN);
    http_text_string(text, "\r\nContent-Type: ");
    http_text_string(text, type);
    http_text_string(text, "\r\n");
    add_range(text, range, size);
    http_text_string(text, "\r\n");
}

/* Two numbers that a file's writer cannot know beforehand. */
static void make_boundary(const struct http_connection *c, char boundary[BOUNDARY_LEN])
{
    uint64_t seeds[2] = { (uint64_t)dure_now(), (uint64_t)(uintptr_t)c };
    unsigned i;

    for (i = 0; i < BOUNDARY_LEN; i++) {
        seeds[i % 2] = (seeds[i % 2] ^ seeds[(i + 1) % 2] >> 29) * 0x9e3779b97f4a7c15u;
        boundary[i] = "0123456789abcdef"[seeds[i % 2] >> 60];
    }
}

static int answer_ranges(struct http_connection *c, const struct http_entry *entry,
                         const struct http_range *ranges, unsigned count)
{
    const uint64_t ending = sizeof "\r\n--" - 1 + BOUNDARY_LEN + sizeof "--\r\n" - 1;
    char boundary[BOUNDARY_LEN], part[PART_MAX];
    struct http_text text;
    uint64_t len = ending;
    char *room;
    unsigned i;

    make_boundary(c, boundary);
    for (i = 0; i < count; i++) {
        http_text_init(&text, part, sizeof part);
        write_part(&text, boundary, entry->type, &ranges[i], entry->body_len);
        len += text.len + ranges[i].len;
    }
    if (!start_head(c, &text, HEAD_MAX, 206))
        return -1;
    http_text_string(&text, "Content-Type: multipart/byteranges; boundary=");
    http_text_add(&text, boundary, BOUNDARY_LEN);
    http_text_string(&text, "\r\n");
    add_length(c, &text, len);
    add_validators(&text, entry);
    end_head(c, &text);
    for (i = 0; i < count; i++) {
        room = http_output_room(&c->output, PART_MAX);
        if (room == NULL)
            return -1;
        http_text_init(&text, room, PART_MAX);
        write_part(&text, boundary, entry->type, &ranges[i], entry->body_len);
        http_output_added(&c->output, text.len);
        if (send_piece(c, entry, ranges[i].first, ranges[i].len, true) < 0)
            return -1;
    }
    room = http_output_room(&c->output, (size_t)ending);
    if (room == NULL)
        return -1;
    http_text_init(&text, room, (size_t)ending);
    http_text_string(&text, "\r\n--");
    http_text_add(&text, boundary, BOUNDARY_LEN);
    http_text_string(&text, "--\r\n");
    http_output_added(&c->output, text.len);
    return 0;
}

static int answer_unsatisfiable(struct http_connection *c, const struct http_entry *entry)
{
    char digits[24];
    struct http_text text;

    http_text_init(&text, digits, sizeof digits);
    http_text_number(&text, entry->body_len);
    return answer_page(c, 416, "Content-Range: bytes */", (struct http_span){ digits, text.len });
}

/* A file: the conditions first, then the ranges, as RFC 9110 section 13.2.2 orders them. */
static int answer_file(struct http_connection *c, const struct http_entry *entry)
{
    const struct http_conditions conditions = {
        .if_match = field(c, HTTP_FIELD_IF_MATCH),
        .if_unmodified_since = field(c, HTTP_FIELD_IF_UNMODIFIED_SINCE),
        .if_none_match = field(c, HTTP_FIELD_IF_NONE_MATCH),
        .if_modified_since = field(c, HTTP_FIELD_IF_MODIFIED_SINCE),
        .if_range = field(c, HTTP_FIELD_IF_RANGE),
    };
    struct http_validators validators = http_entry_validators(entry);
    struct http_span range = field(c, HTTP_FIELD_RANGE);
    struct http_range ranges[HTTP_RANGES_MAX];
    enum http_range_result result = HTTP_RANGE_NONE;
    unsigned count = 0;

    switch (http_conditional(&conditions, &validators)) {
    case 304:
        return answer_not_modified(c, entry);
    case 412:
        return http_answer_error(c, 412);
    }
    if (range.data != NULL && !is_head(c) && http_conditional_range(&conditions, &validators))
        result = http_range_read(range, entry->body_len, ranges, &count);
    if (result == HTTP_RANGE_UNSATISFIABLE)
        return answer_unsatisfiable(c, entry);
    if (result == HTTP_RANGE_NONE)
        return answer_whole(c, entry);
    return count == 1 ? answer_range(c, entry, ranges) : answer_ranges(c, entry, ranges, count);
}

static int answer_path(struct http_connection *c, struct http_span target)
{
    struct http_entry *entry;
    struct http_span path, query;
    int status = http_path_of_target(target, &path);
    int result;

    if (status != 0)
        return http_answer_error(c, status);
    entry = http_cache_get(&c->loop->cache, path, c->loop->now_ns, &status);
    http_loop_tick(c->loop);
    if (entry == NULL && status == 301) {
        query = (struct http_span){ path.data + path.len,
                                    (size_t)(target.data + target.len - path.data) - path.len };
        return answer_redirect(c, path, query);
    }
    if (entry == NULL)
        return status > 0 ? http_answer_error(c, status) : -1;
    result = entry->is_file ? answer_file(c, entry) : answer_whole(c, entry);
    http_cache_release(entry);
    return result;
}

static bool expects_the_impossible(const struct http_connection *c)
{
    struct http_span expect = field(c, HTTP_FIELD_EXPECT);

    return expect.data != NULL && !http_span_is(http_span_trim(expect), "100-continue");
}

int http_answer(struct http_connection *c)
{
    struct http_span target = http_request_target(&c->request, &c->input);
    struct http_entry *entry;

    if (c->request.plain && c->keep_alive) {
        entry = http_cache_find(&c->loop->cache, target, c->loop->now_ns);
        if (entry != NULL && entry->in_memory && entry->body_len <= COPY_MAX)
            return answer_block(c, entry);
    }
    if (c->request.parser.method != HTTP_GET && !is_head(c))
        return http_answer_error(c, 405);
    if (expects_the_impossible(c))
        return http_answer_error(c, 417);
    return answer_path(c, target);
}
