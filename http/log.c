/* The access log. */
#include "http/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A line's parts are cut here, so that the longest line is one that a pipe takes whole. */
#define REQUEST_LINE_MAX 2048
#define FIELD_MAX 896
#define LINE_MAX_BYTES ((size_t)PIPE_BUF)

/* A pipe takes so much without anybody else's bytes in between; a file takes all. */
static size_t find_write_max(int fd)
{
    struct stat stat;

    return dure_fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) ? SIZE_MAX : (size_t)PIPE_BUF;
}

int http_log_init(struct http_log *log, int fd, dure_scope *scope)
{
    *log = (struct http_log){ .fd = fd, .scope = scope };
    if (fd < 0)
        return 0;
    log->filling = malloc(HTTP_LOG_SIZE);
    log->writing = malloc(HTTP_LOG_SIZE);
    log->write_max = find_write_max(fd);
    if (log->filling != NULL && log->writing != NULL)
        return 0;
    free(log->filling);
    free(log->writing);
    log->fd = -1;
    return -1;
}

/* Writes even when the scopes around have ended: what was answered is logged. A log that cannot
   be written (a full disk, a closed pipe) does not stop the server. */
static void write_out(const struct http_log *log, const char *data, size_t len)
{
    ssize_t written = 0;
    size_t piece;

    DURE_SHIELD(DURE_SECOND)
    for (; len > 0 && written >= 0; data += piece, len -= piece) {
        piece = len;
        if (len > log->write_max)
            piece = (size_t)((const char *)memrchr(data, '\n', log->write_max) + 1 - data);
        written = dure_write_all(log->fd, data, piece);
    }
}

static void write_filled(struct http_log *log)
{
    char *filled = log->filling;
    size_t len = log->len;

    if (log->busy || len == 0)
        return;
    log->filling = log->writing;
    log->writing = filled;
    log->len = 0;
    log->busy = true;
    write_out(log, filled, len);
    log->busy = false;
}

void http_log_flush(struct http_log *log)
{
    log->due_ns = 0;
    write_filled(log);
}

void http_log_fini(struct http_log *log)
{
    if (log->fd < 0)
        return;
    write_filled(log);
    free(log->filling);
    free(log->writing);
}

/* Waits a second, less when the server stops, and writes. Until then lines that come while
   another task writes are this one's to care for. */
static int write_in_a_second(void *arg)
{
    struct http_log *log = *(struct http_log **)arg;
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_ENDS_FIRST });
    while (dure_sleep_for(DURE_SECOND) == 0 && log->busy)
        ;
    dure_scope_close(&scope);
    log->timed = false;
    write_filled(log);
    return 0;
}

static void start_timer(struct http_log *log)
{
    const dure_spawn_options options = { .name = "access log",
                                         .place = DURE_THIS_LOOP,
                                         .flags = DURE_NO_WAIT };

    log->timed = dure_spawn_with(log->scope, &options, write_in_a_second, &log, sizeof log) == 0;
}

/* What could end the line or the quotes, or move a terminal's cursor, is written \xHH.
   len_max: of what is written. */
static void add_escaped(struct http_text *text, struct http_span span, size_t len_max)
{
    static const char digits[] = "0123456789abcdef";
    size_t i, plain = 0, end;

    if (span.data == NULL || span.len == 0) {
        http_text_char(text, '-');
        return;
    }
    end = text->len + len_max;
    for (i = 0; i < span.len && text->len + (i - plain) < end; i++) {
        unsigned char c = (unsigned char)span.data[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            continue;
        http_text_add(text, span.data + plain, i - plain);
        if (end - text->len < 4)
            return;
        http_text_add(text, (char[]){ '\\', 'x', digits[c >> 4], digits[c & 15] }, 4);
        plain = i + 1;
    }
    http_text_add(text, span.data + plain, i - plain);
}

static void write_line(struct http_text *text, const struct http_log_record *record)
{
    http_text_add(text, record->peer.data, record->peer.len);
    http_text_string(text, " - - ");
    http_text_add(text, record->date.data, record->date.len);
    http_text_string(text, " \"");
    add_escaped(text, record->line, REQUEST_LINE_MAX);
    http_text_string(text, "\" ");
    http_text_number(text, (uint64_t)record->status);
    http_text_char(text, ' ');
    http_text_number(text, record->bytes);
    http_text_string(text, " \"");
    add_escaped(text, record->referer, FIELD_MAX);
    http_text_string(text, "\" \"");
    add_escaped(text, record->user_agent, FIELD_MAX);
    http_text_string(text, "\"\n");
}

/* Both buffers are full: this task waits for the disk, and nothing is lost. A function of its
   own, so that the line is on the stack only then. */
static __attribute__((noinline)) void write_now(const struct http_log *log,
                                                const struct http_log_record *record)
{
    char line[LINE_MAX_BYTES];
    struct http_text text;

    http_text_init(&text, line, sizeof line);
    write_line(&text, record);
    write_out(log, line, text.len);
}

void http_log_add(struct http_log *log, const struct http_log_record *record)
{
    struct http_text text;

    if (HTTP_LOG_SIZE - log->len < LINE_MAX_BYTES)
        write_filled(log);
    if (HTTP_LOG_SIZE - log->len < LINE_MAX_BYTES) {
        write_now(log, record);
        return;
    }
    http_text_init(&text, log->filling + log->len, HTTP_LOG_SIZE - log->len);
    write_line(&text, record);
    log->len += text.len;
    if (log->scope == NULL && log->due_ns == 0)
        log->due_ns = dure_now() + DURE_SECOND;
    else if (log->scope != NULL && !log->timed)
        start_timer(log);
}
