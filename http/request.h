/* Requests: from the bytes of a connection to one request after another, strictly. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "http/text.h"

/* The header fields that the server acts on or logs. */
enum http_field {
    HTTP_FIELD_OTHER,
    HTTP_FIELD_HOST,
    HTTP_FIELD_RANGE,
    HTTP_FIELD_IF_RANGE,
    HTTP_FIELD_IF_MATCH,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_IF_MODIFIED_SINCE,
    HTTP_FIELD_IF_UNMODIFIED_SINCE,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_REFERER,
    HTTP_FIELD_USER_AGENT,
    HTTP_FIELDS,
};

/* A piece of the head, counted from its first byte: the buffer may move. */
struct http_piece {
    uint32_t at, len;
};

enum http_stage {
    HTTP_STAGE_IDLE, /* nothing of the next request has come */
    HTTP_STAGE_HEAD,
    HTTP_STAGE_BODY,
    HTTP_STAGES, /* none of them */
};

struct http_limits {
    size_t header_max, target_max, body_max;
    unsigned fields_max;
};

/* What came in: bytes [head, end) of data; those before next have been parsed.

       data            head              next          end              size
       | answered ...  | this request    | not parsed  | free           |
*/
struct http_input {
    char *data;
    size_t size;
    size_t head, next, end;
};

struct http_request {
    llhttp_t parser;
    const struct http_limits *limits;
    const char *base; /* where the head starts, while parsing */
    enum http_stage stage;
    int error;              /* the status to refuse with, found by a callback */
    bool keep_alive;        /* as the request has it */
    bool plain;             /* HTTP/1.1 GET, kept alive, no field that changes the answer */
    bool complete;          /* head and body have been read */
    enum http_field field;  /* the one being read */
    struct http_piece name; /* its name */
    unsigned fields_len;    /* how many there were */
    uint32_t fields_seen;   /* a bit each enum http_field */
    size_t head_len;        /* once it is complete */
    size_t body_len;        /* bytes of the body so far, with its framing */
    struct http_piece target;
    struct http_piece fields[HTTP_FIELDS];
};

enum http_parsed {
    HTTP_PARSED_MORE,    /* all bytes are used up; read more */
    HTTP_PARSED_HEAD,    /* the head is complete and a body follows: parse on for it */
    HTTP_PARSED_REQUEST, /* a request is complete */
    HTTP_PARSED_ERROR,   /* request->error says what; nothing after it can be trusted */
};

/* limits: used, not copied. */
void http_request_init(struct http_request *request, const struct http_limits *limits);

/* Parses on. After HTTP_PARSED_REQUEST the request can be read until the next call. */
enum http_parsed http_request_parse(struct http_request *request, struct http_input *input);

/* Moves what is not answered yet to the start of the buffer, so that there is room to read.
   Pieces of the request stay right; spans made of them do not. */
void http_input_make_room(struct http_input *input);

/* The target, and a field's value; data is NULL when the field was not sent. */
struct http_span http_request_target(const struct http_request *request,
                                     const struct http_input *input);
struct http_span http_request_field(const struct http_request *request,
                                    const struct http_input *input, enum http_field field);

/* "GET / HTTP/1.1" as it came, for the log; what there is of it when it is broken. */
struct http_span http_request_line(const struct http_request *request,
                                   const struct http_input *input);

#endif
