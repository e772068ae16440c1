/* llhttp and the limits around it.

   llhttp must be compiled with LLHTTP_STRICT_MODE=1. What it lets through all the same is
   refused here: folded lines, bare CR, protocols other than HTTP, repeated fields whose
   meaning would depend on the reader. */
#include "http/request.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static struct http_request *of(llhttp_t *parser)
{
    return (struct http_request *)parser->data;
}

static int refuse(struct http_request *request, int status)
{
    request->error = status;
    return HPE_USER;
}

/* A piece comes in parts when it straddles two reads; the parts lie side by side, because the
   buffer keeps a head in one place. Returns: false when they do not: a folded line. */
static bool extend(struct http_request *request, struct http_piece *piece, const char *at,
                   size_t len)
{
    uint32_t offset = (uint32_t)(at - request->base);

    if (piece->len == 0)
        piece->at = offset;
    else if (piece->at + piece->len != offset)
        return false;
    piece->len += (uint32_t)len;
    return true;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = of(parser);

    if (!extend(request, &request->target, at, len))
        return refuse(request, 400);
    return request->target.len > request->limits->target_max ? refuse(request, 414) : 0;
}

static int on_field_name(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = of(parser);

    if (request->stage == HTTP_STAGE_HEAD && !extend(request, &request->name, at, len))
        return refuse(request, 400);
    return 0;
}

/* The length tells most names apart; two share 13 and 10. */
static enum http_field field_of(const char *name, size_t len)
{
    static const struct {
        enum http_field field;
        const char *name;
    } known[][2] = {
        [4] = { { HTTP_FIELD_HOST, "host" } },
        [5] = { { HTTP_FIELD_RANGE, "range" } },
        [6] = { { HTTP_FIELD_EXPECT, "expect" } },
        [7] = { { HTTP_FIELD_REFERER, "referer" } },
        [8] = { { HTTP_FIELD_IF_RANGE, "if-range" }, { HTTP_FIELD_IF_MATCH, "if-match" } },
        [10] = { { HTTP_FIELD_USER_AGENT, "user-agent" } },
        [13] = { { HTTP_FIELD_IF_NONE_MATCH, "if-none-match" } },
        [17] = { { HTTP_FIELD_IF_MODIFIED_SINCE, "if-modified-since" } },
        [19] = { { HTTP_FIELD_IF_UNMODIFIED_SINCE, "if-unmodified-since" } },
    };
    unsigned i;

    if (len >= sizeof known / sizeof known[0])
        return HTTP_FIELD_OTHER;
    for (i = 0; i < 2 && known[len][i].name != NULL; i++)
        if (strncasecmp(name, known[len][i].name, len) == 0)
            return known[len][i].field;
    return HTTP_FIELD_OTHER;
}

static int on_field_name_complete(llhttp_t *parser)
{
    struct http_request *request = of(parser);
    uint32_t bit;

    if (request->stage != HTTP_STAGE_HEAD)
        return 0; /* a trailer: dropped with the body */
    if (request->name.len == 0)
        return refuse(request, 400);
    if (++request->fields_len > request->limits->fields_max)
        return refuse(request, 431);
    request->field = field_of(request->base + request->name.at, request->name.len);
    request->name.len = 0;
    bit = 1u << request->field;
    if (request->field != HTTP_FIELD_OTHER && (request->fields_seen & bit) != 0)
        return refuse(request, 400);
    request->fields_seen |= bit;
    request->fields[request->field] = (struct http_piece){ 0, 0 };
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http_request *request = of(parser);

    if (request->stage == HTTP_STAGE_HEAD &&
        !extend(request, &request->fields[request->field], at, len))
        return refuse(request, 400);
    return 0;
}

static int on_head_complete(llhttp_t *parser)
{
    const uint32_t harmless = 1u << HTTP_FIELD_OTHER | 1u << HTTP_FIELD_HOST |
                              1u << HTTP_FIELD_REFERER | 1u << HTTP_FIELD_USER_AGENT;
    struct http_request *request = of(parser);
    const char *target = request->base + request->target.at;

    /* The bytes around the target: llhttp takes several blanks before it, and RTSP and ICE
       behind it, as well. The shortest method leaves two bytes before a target. */
    if (target[-2] == ' ' || memcmp(target + request->target.len, " HTTP/", 6) != 0)
        return refuse(request, 400);
    if (parser->http_major != 1)
        return refuse(request, 505);
    if (parser->http_minor >= 1 && (request->fields_seen & 1u << HTTP_FIELD_HOST) == 0)
        return refuse(request, 400);
    parser->upgrade = 0; /* an offer that is not taken up; CONNECT is answered as any method */
    request->keep_alive = llhttp_should_keep_alive(parser) != 0;
    request->plain = parser->method == HTTP_GET && parser->http_minor == 1 && request->keep_alive &&
                     (request->fields_seen & ~harmless) == 0;
    request->stage = HTTP_STAGE_BODY;
    if ((parser->flags & F_CHUNKED) == 0 && parser->content_length == 0)
        return 0;
    if (parser->content_length > request->limits->body_max)
        return refuse(request, 413);
    return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *parser)
{
    of(parser)->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field_name,
    .on_header_field_complete = on_field_name_complete,
    .on_header_value = on_value,
    .on_headers_complete = on_head_complete,
    .on_message_complete = on_message_complete,
};

void http_request_init(struct http_request *request, const struct http_limits *limits)
{
    memset(request, 0, sizeof *request);
    llhttp_init(&request->parser, HTTP_REQUEST, &settings);
    request->parser.data = request;
    request->limits = limits;
}

static bool is_token(const char *at, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (at[i] <= ' ' || at[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", at[i]) != NULL)
            return false;
    return len > 0;
}

/* Finds the status for what llhttp refused. A method it does not know is one that this server
   does not, as long as it looks like one. */
static int status_of_error(const struct http_request *request, const struct http_input *input,
                           llhttp_errno_t error)
{
    const char *head = input->data + input->head;
    size_t len = input->end - input->head;
    const char *blank = memchr(head, ' ', len);

    if (request->error != 0)
        return request->error;
    switch (error) {
    case HPE_INVALID_METHOD:
        return is_token(head, blank != NULL ? (size_t)(blank - head) : len) ? 501 : 400;
    case HPE_PAUSED_H2_UPGRADE:
        return 505;
    case HPE_INVALID_VERSION:
        /* llhttp knows 0.9, 1.0, 1.1 and 2.0; digits it does not know are a version all the
           same, anything else is none. */
        return strcmp(request->parser.reason, "Invalid HTTP version") == 0 ? 505 : 400;
    default:
        return 400;
    }
}

/* llhttp 8.1.0 takes a CR as the end of a line without looking for the LF, which others read
   differently (CVE-2023-30589), and old clients' bare LF. Both are refused: one pass over the
   CRs, one over the LFs. */
static bool lines_are_whole(const char *head, size_t len)
{
    const char *end = head + len, *cr, *at;

    for (at = head; at < end; at = cr + 2) {
        cr = memchr(at, '\r', (size_t)(end - at));
        if (memchr(at, '\n', (size_t)((cr != NULL ? cr : end) - at)) != NULL)
            return false;
        if (cr == NULL)
            return true;
        if (cr + 1 == end || cr[1] != '\n')
            return false;
    }
    return true;
}

static enum http_parsed fail(struct http_request *request, int status)
{
    request->error = status;
    request->keep_alive = false;
    return HTTP_PARSED_ERROR;
}

/* Empty lines before a request are allowed, and dropped before they count. */
static void skip_empty_lines(struct http_input *input)
{
    while (input->head < input->end &&
           (input->data[input->head] == '\r' || input->data[input->head] == '\n'))
        input->head++;
    input->next = input->head;
}

/* Forgets the request before; its method too, which decides whether an error has a body. */
static void begin(struct http_request *request)
{
    request->stage = HTTP_STAGE_HEAD;
    request->error = 0;
    request->fields_len = 0;
    request->fields_seen = 0;
    request->head_len = 0;
    request->body_len = 0;
    request->target.len = 0;
    request->name.len = 0;
    request->parser.method = HTTP_GET;
}

static enum http_parsed head_completed(struct http_request *request, struct http_input *input)
{
    request->head_len = input->next - input->head;
    if (request->head_len > request->limits->header_max)
        return fail(request, 431);
    if (!lines_are_whole(request->base, request->head_len))
        return fail(request, 400);
    return request->complete ? HTTP_PARSED_REQUEST : HTTP_PARSED_HEAD;
}

static enum http_parsed need_more(struct http_request *request, struct http_input *input)
{
    size_t target_end = request->target.at + request->target.len;

    assert(input->next == input->end);
    if (request->stage == HTTP_STAGE_HEAD &&
        input->end - input->head >= request->limits->header_max)
        return fail(request, 431);
    if (request->stage == HTTP_STAGE_HEAD && request->target.len > 0 &&
        input->head + target_end < input->end && input->data[input->head + target_end] == '\r')
        return fail(request, 505); /* "GET /" and no version: HTTP/0.9 */
    if (request->stage == HTTP_STAGE_BODY)
        input->next = input->end = input->head + request->head_len;
    return HTTP_PARSED_MORE;
}

enum http_parsed http_request_parse(struct http_request *request, struct http_input *input)
{
    llhttp_errno_t error;
    const char *from;

    if (request->complete) {
        request->complete = false;
        request->stage = HTTP_STAGE_IDLE;
        input->head = input->next;
    }
    if (request->stage == HTTP_STAGE_IDLE)
        skip_empty_lines(input);
    if (input->next == input->end)
        return need_more(request, input);
    if (request->stage == HTTP_STAGE_IDLE)
        begin(request);

    request->base = input->data + input->head;
    from = input->data + input->next;
    if (request->parser.error == HPE_PAUSED)
        llhttp_resume(&request->parser);
    error = llhttp_execute(&request->parser, from, input->end - input->next);
    if (error != HPE_OK && error != HPE_PAUSED)
        return fail(request, status_of_error(request, input, error));
    input->next = error == HPE_OK ? input->end : (size_t)(request->parser.error_pos - input->data);
    if (error == HPE_PAUSED && request->head_len == 0)
        return head_completed(request, input);
    if (request->stage == HTTP_STAGE_BODY) {
        request->body_len += (size_t)(input->data + input->next - from);
        if (request->body_len > request->limits->body_max)
            return fail(request, 413);
        if (request->complete)
            return HTTP_PARSED_REQUEST;
    }
    return need_more(request, input);
}

void http_input_make_room(struct http_input *input)
{
    if (input->head == 0)
        return;
    memmove(input->data, input->data + input->head, input->end - input->head);
    input->next -= input->head;
    input->end -= input->head;
    input->head = 0;
}

static struct http_span span_of(const struct http_input *input, struct http_piece piece)
{
    return (struct http_span){ input->data + input->head + piece.at, piece.len };
}

struct http_span http_request_target(const struct http_request *request,
                                     const struct http_input *input)
{
    return span_of(input, request->target);
}

struct http_span http_request_field(const struct http_request *request,
                                    const struct http_input *input, enum http_field field)
{
    if ((request->fields_seen & 1u << field) == 0)
        return (struct http_span){ NULL, 0 };
    return span_of(input, request->fields[field]);
}

struct http_span http_request_line(const struct http_request *request,
                                   const struct http_input *input)
{
    const char *head = input->data + input->head;
    size_t len = request->head_len > 0 ? request->head_len : input->end - input->head;
    const char *cr = memchr(head, '\r', len);

    return (struct http_span){ head, cr != NULL ? (size_t)(cr - head) : len };
}
