/* The life of a connection, from top to bottom in http_connection. */
#include "http/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "http/log.h"

/* After an error the peer may still be sending. Closing at once would make the kernel reset the
   connection, and the peer might lose the answer: it is read on, for so long and so much. */
#define LINGER_NS (2 * DURE_SECOND)
#define LINGER_BYTES ((size_t)1024 * 1024)

static void find_peer(struct http_connection *c, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
    } addr;
    socklen_t addr_len = sizeof addr;
    const void *number = &addr.in.sin_addr;

    c->peer_len = 0;
    if (c->loop->log.fd < 0 || dure_getpeername(fd, &addr.any, &addr_len) < 0)
        return;
    if (addr.any.sa_family == AF_INET6)
        number = &addr.in6.sin6_addr;
    if (inet_ntop(addr.any.sa_family, number, c->peer, sizeof c->peer) != NULL)
        c->peer_len = strlen(c->peer);
}

static void open_connection(struct http_connection *c, const http_site *site,
                            struct http_loop *loop, int fd)
{
    c->site = site;
    c->loop = loop;
    c->input = (struct http_input){ .data = c->bytes, .size = sizeof c->bytes };
    c->output = (struct http_output){ .fd = fd,
                                      .loop = c->loop,
                                      .deadline = &c->deadline,
                                      .limit_ns = site->options.write_timeout_ns };
    http_request_init(&c->request, &site->limits);
    http_loop_tick(c->loop);
    find_peer(c, fd);
    http_deadline_open(&c->deadline, c->loop->now_ns, site->options.idle_timeout_ns);
}

/* A wait for bytes. Outside the loops a signal may end it, and it has to end when the log is due,
   which nobody else writes. */
static ssize_t await_bytes(const struct http_connection *c, void *buf, size_t len)
{
    struct http_log *log = &c->loop->log;
    ssize_t n = -1;

    for (;;) {
        if (log->due_ns == 0) {
            n = dure_recv(c->output.fd, buf, len, 0);
        } else {
            DURE_WITHIN(dure_at(log->due_ns))
            n = dure_recv(c->output.fd, buf, len, 0);
        }
        if (n >= 0 || (errno != EINTR && errno != ETIMEDOUT))
            return n;
        if (errno == ETIMEDOUT)
            http_log_flush(log);
    }
}

/* Receives into the input. Between requests a stop of the server ends the wait at once; the rest
   of a request that has begun is waited for as long as its limit and the grace allow. Those
   limits run from the request's (or its body's) first bytes, whatever trickles in, and so does the
   idle limit, whatever empty lines do: each is set when its stage begins.
   timed: the stage that has its limit.
   Returns: as dure_recv. */
static ssize_t receive(struct http_connection *c, enum http_stage *timed)
{
    const http_options *options = &c->site->options;
    struct http_input *input = &c->input;
    dure_scope idle;
    ssize_t n;

    http_input_make_room(input);
    if (c->request.stage != *timed)
        http_deadline_set(&c->deadline, c->loop->now_ns,
                          c->request.stage == HTTP_STAGE_IDLE   ? options->idle_timeout_ns
                          : c->request.stage == HTTP_STAGE_HEAD ? options->header_timeout_ns
                                                                : options->body_timeout_ns);
    *timed = c->request.stage;
    if (c->request.stage == HTTP_STAGE_IDLE)
        dure_scope_open_with(&idle, &(dure_scope_options){ .flags = DURE_ENDS_FIRST });
    n = await_bytes(c, input->data + input->end, input->size - input->end);
    if (c->request.stage == HTTP_STAGE_IDLE)
        dure_scope_close(&idle);
    if (n > 0)
        input->end += (size_t)n;
    http_loop_tick(c->loop);
    return n;
}

/* Invites the body that the peer waits with, if it said so and the body is not here yet. */
static int invite_body(struct http_connection *c)
{
    struct http_span expect = http_request_field(&c->request, &c->input, HTTP_FIELD_EXPECT);
    const struct http_span answer = HTTP_SPAN("HTTP/1.1 100 Continue\r\n\r\n");
    char *room;

    if (expect.data == NULL || !http_span_is(http_span_trim(expect), "100-continue") ||
        c->request.parser.http_minor == 0 || c->input.next < c->input.end)
        return 0;
    room = http_output_room(&c->output, answer.len);
    if (room == NULL)
        return -1;
    memcpy(room, answer.data, answer.len);
    http_output_added(&c->output, answer.len);
    return 0;
}

static void log_answer(struct http_connection *c)
{
    struct http_log_record record = {
        .peer = { c->peer, c->peer_len },
        .date = { c->loop->log_date, HTTP_LOG_DATE_LEN },
        .line = http_request_line(&c->request, &c->input),
        .status = c->status,
        .bytes = c->body_sent,
    };

    if (c->loop->log.fd < 0)
        return;
    if (c->request.head_len > 0) {
        record.referer = http_request_field(&c->request, &c->input, HTTP_FIELD_REFERER);
        record.user_agent = http_request_field(&c->request, &c->input, HTTP_FIELD_USER_AGENT);
    }
    http_log_add(&c->loop->log, &record);
}

static int answer(struct http_connection *c)
{
    int result;

    c->keep_alive = c->request.keep_alive && !dure_stopping();
    c->status = 0;
    c->body_sent = 0;
    result = http_answer(c);
    if (c->status != 0)
        log_answer(c);
    return result;
}

static int refuse(struct http_connection *c, int status)
{
    int result;

    c->keep_alive = false;
    result = http_answer_error(c, status);
    log_answer(c);
    return result == 0 ? http_output_flush(&c->output, false) : -1;
}

static void linger(struct http_connection *c)
{
    size_t left = LINGER_BYTES;
    ssize_t n = 1;

    dure_shutdown(c->output.fd, SHUT_WR);
    DURE_WITHIN(dure_after(LINGER_NS))
    while (n > 0 && left > 0) {
        n = dure_recv(c->output.fd, c->bytes, sizeof c->bytes, 0);
        left -= n > 0 && (size_t)n < left ? (size_t)n : left;
    }
}

int http_connection(http_site *site, int fd)
{
    struct http_loop *loop = http_site_take_loop(site);
    struct http_connection c;
    enum http_stage timed = HTTP_STAGE_IDLE;
    ssize_t received;
    int refused = 0, result;

    if (loop == NULL) {
        dure_close(fd);
        errno = ENOMEM;
        return -1;
    }
    open_connection(&c, site, loop, fd);
    for (;;) {
        switch (http_request_parse(&c.request, &c.input)) {
        case HTTP_PARSED_REQUEST:
            timed = HTTP_STAGES;
            if (answer(&c) < 0)
                goto close;
            if (c.keep_alive)
                continue; /* the next request may be here already: its answer joins this one */
            http_output_flush(&c.output, false);
            goto close;

        case HTTP_PARSED_HEAD:
            if (invite_body(&c) < 0)
                goto close;
            continue;

        case HTTP_PARSED_MORE:
            if (http_output_flush(&c.output, false) < 0)
                goto close;
            received = receive(&c, &timed);
            if (received > 0)
                continue;
            /* The peer closed, or reset; or a limit passed. */
            if (received < 0 && errno == ECANCELED && timed != HTTP_STAGE_IDLE)
                refused = 408;
            goto close;

        case HTTP_PARSED_ERROR:
            refused = c.request.error;
            goto close;
        }
    }

close:
    http_deadline_close(&c.deadline);
    if (refused != 0) {
        http_deadline_open(&c.deadline, dure_now(), LINGER_NS);
        if (refuse(&c, refused) == 0)
            linger(&c);
        http_deadline_close(&c.deadline);
    }
    http_output_drop(&c.output);
    result = dure_close(fd);
    http_site_return_loop(site, loop);
    return result;
}
