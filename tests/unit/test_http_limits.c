/* The time limits of a connection, made short; and its parser fed in every possible cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dure.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "http/http.h"
#include "http/request.h"

#define SHORT_NS (100 * DURE_MILLISECOND)
#define LONG_NS (20 * DURE_SECOND)

static char directory[] = "/tmp/dure-http-XXXXXX";
static int root_fd;
static http_site *site;

/* What a peer does with its end. Returns: 0, or -1 with a complaint printed. */
typedef int peer_fn(int fd);

struct plan {
    http_options options;
    peer_fn *peer;
};

static int connection(void *arg)
{
    return http_connection(site, *(int *)arg);
}

static int run(void *arg)
{
    struct plan *plan = arg;
    dure_scope scope;
    int fds[2], result = -1;

    dure_scope_open_with(
        &scope, &(dure_scope_options){ .deadline = dure_after(LONG_NS), .flags = DURE_KEEP_GOING });
    plan->options.root_fd = root_fd;
    plan->options.log_fd = -1;
    plan->options.scope = &scope;
    if (http_site_open(&site, &plan->options) == 0 &&
        dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 &&
        dure_spawn(&scope, connection, &fds[0], sizeof fds[0]) == 0) {
        result = plan->peer(fds[1]);
        dure_close(fds[1]);
    }
    dure_scope_close(&scope);
    http_site_close(site);
    return result;
}

static void *connection_of_thread(void *fd)
{
    http_connection(site, *(int *)fd);
    return NULL;
}

/* The same without a run: the connection has a thread. */
static int run_outside(struct plan *plan)
{
    int fds[2], result = -1;
    pthread_t thread;

    plan->options.scope = NULL;
    if (http_site_open(&site, &plan->options) < 0)
        return -1;
    if (dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 &&
        pthread_create(&thread, NULL, connection_of_thread, &fds[0]) == 0) {
        DURE_WITHIN(dure_after(LONG_NS))
        result = plan->peer(fds[1]);
        dure_close(fds[1]);
        pthread_join(thread, NULL);
    }
    http_site_close(site);
    return result;
}

static void passes(http_options options, peer_fn *peer)
{
    struct plan plan = { options, peer };

    assert_int_equal(dure_run(run, &plan), 0);
    assert_int_equal(run_outside(&plan), 0);
}

static int say(int fd, const char *text)
{
    return dure_write_all(fd, text, strlen(text)) < 0 ? -1 : 0;
}

/* Reads all until the peer closes, and compares the start; "" wants nothing at all. */
static int hears(int fd, const char *wanted)
{
    char got[8192];
    ssize_t len = dure_read_full(fd, got, sizeof got - 1);

    if (len < 0)
        len = 0;
    got[len] = '\0';
    if (wanted[0] == '\0' ? len == 0 : strncmp(got, wanted, strlen(wanted)) == 0)
        return 0;
    fprintf(stderr, "heard \"%s\", not \"%s\"\n", got, wanted);
    return -1;
}

static int took(int64_t start_ns, int64_t least_ns, int64_t most_ns)
{
    int64_t took_ns = dure_now() - start_ns;

    if (took_ns >= least_ns && took_ns <= most_ns)
        return 0;
    fprintf(stderr, "took %lld ms\n", (long long)(took_ns / DURE_MILLISECOND));
    return -1;
}

static int says_nothing(int fd)
{
    int64_t start_ns = dure_now();

    return hears(fd, "") < 0 ? -1 : took(start_ns, SHORT_NS * 9 / 10, 10 * SHORT_NS);
}

static void idle_connection_is_closed_silently(void **state)
{
    (void)state;
    passes((http_options){ .idle_timeout_ns = SHORT_NS }, says_nothing);
}

/* Empty lines are allowed before a request, and are none. */
static int sends_empty_lines(int fd)
{
    while (dure_send(fd, "\r\n", 2, MSG_NOSIGNAL) == 2) /* fails when the peer has closed */
        if (dure_sleep_for(SHORT_NS / 10) < 0)
            return -1;
    return 0;
}

static void empty_lines_keep_no_connection_open(void **state)
{
    (void)state;
    passes((http_options){ .idle_timeout_ns = SHORT_NS }, sends_empty_lines);
}

/* A byte each tenth of the limit: none of the waits is long. */
static int trickles(int fd)
{
    int64_t start_ns = dure_now();
    int i;

    for (i = 0; i < 9; i++) {
        if (say(fd, i == 0 ? "GET / HTTP/1.1\r\nHost: " : "x") < 0 ||
            dure_sleep_for(SHORT_NS / 10) < 0)
            return -1;
    }
    return hears(fd, "HTTP/1.1 408 ") < 0 ? -1 : took(start_ns, SHORT_NS * 9 / 10, 30 * SHORT_NS);
}

static void slow_header_is_answered_408(void **state)
{
    (void)state;
    passes((http_options){ .header_timeout_ns = SHORT_NS }, trickles);
}

static int keeps_the_body(int fd)
{
    return say(fd, "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabc") < 0
               ? -1
               : hears(fd, "HTTP/1.1 408 ");
}

static void slow_body_is_answered_408(void **state)
{
    (void)state;
    passes((http_options){ .body_timeout_ns = SHORT_NS }, keeps_the_body);
}

static int never_reads(int fd)
{
    char request[2000] = "";
    int64_t start_ns = dure_now();
    int i;

    for (i = 0; i < 40; i++)
        strcat(request, "GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
    if (say(fd, request) < 0)
        return -1;
    while (dure_send(fd, "x", 1, MSG_NOSIGNAL) == 1) /* fails when the peer has closed */
        if (dure_sleep_for(10 * DURE_MILLISECOND) < 0)
            return -1;
    return took(start_ns, SHORT_NS * 9 / 10, 30 * SHORT_NS);
}

static void reader_that_never_reads_is_cut_off(void **state)
{
    (void)state;
    passes((http_options){ .write_timeout_ns = SHORT_NS }, never_reads);
    passes((http_options){ .write_timeout_ns = SHORT_NS, .cached_file_max = 1000 }, never_reads);
}

static int is_slow_between_requests(int fd)
{
    char answer[2000];
    int i;

    for (i = 0; i < 3; i++) {
        if (say(fd, "GET /none HTTP/1.1\r\nHost: t\r\n\r\n") < 0 ||
            dure_recv(fd, answer, sizeof answer, 0) <= 0 || dure_sleep_for(2 * SHORT_NS) < 0)
            return -1;
    }
    return 0;
}

static void header_limit_does_not_hold_between_requests(void **state)
{
    (void)state;
    passes((http_options){ .header_timeout_ns = SHORT_NS }, is_slow_between_requests);
}

static int open_wrongly(void *arg)
{
    http_options options = { .root_fd = root_fd, .log_fd = -1 };

    (void)arg;
    options.header_max = HTTP_HEADER_MAX + 1;
    if (http_site_open(&site, &options) == 0 || errno != EINVAL)
        return -1;
    options.header_max = HTTP_HEADER_MAX;
    options.idle_timeout_ns = -1;
    return http_site_open(&site, &options) < 0 && errno == EINVAL ? 0 : -1;
}

static void options_out_of_range_are_refused(void **state)
{
    http_options options = { .root_fd = root_fd, .log_fd = -1 };

    (void)state;
    assert_int_equal(dure_run(open_wrongly, NULL), 0);
    assert_int_equal(open_wrongly(NULL), 0);
    assert_int_equal(http_site_open(&site, &options), 0);
    http_site_close(site);
}

/* The parser: two requests, cut in two at every place, parse alike. */
static void parse_is_the_same_for_every_cut(void **state)
{
    static const char stream[] =
        "\r\nPOST /a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        "Range: bytes=0-1\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "GET /second HTTP/1.0\r\nUser-Agent: u\r\n\r\n";
    const struct http_limits limits = { 16384, 8192, 1000, 100 };
    size_t cut, fed, requests, len = sizeof stream - 1;
    char data[1024];

    (void)state;
    for (cut = 0; cut <= len; cut++) {
        struct http_input input = { .data = data, .size = sizeof data };
        struct http_request request;
        enum http_parsed parsed = HTTP_PARSED_MORE;

        http_request_init(&request, &limits);
        for (fed = requests = 0; fed < len || parsed != HTTP_PARSED_MORE;) {
            parsed = http_request_parse(&request, &input);
            assert_int_not_equal(parsed, HTTP_PARSED_ERROR);
            if (parsed == HTTP_PARSED_MORE && fed < len) {
                size_t n = fed < cut ? cut - fed : len - fed;

                http_input_make_room(&input);
                memcpy(data + input.end, stream + fed, n);
                input.end += n;
                fed += n;
                parsed = HTTP_PARSED_HEAD; /* go on */
            } else if (parsed == HTTP_PARSED_REQUEST) {
                struct http_span target = http_request_target(&request, &input);
                struct http_span range = http_request_field(&request, &input, HTTP_FIELD_RANGE);

                requests++;
                assert_int_equal(target.len, requests == 1 ? 4 : 7);
                assert_memory_equal(target.data, requests == 1 ? "/a?b" : "/second", target.len);
                assert_int_equal(request.keep_alive, requests == 1);
                assert_int_equal(range.len, requests == 1 ? 9 : 0);
            }
        }
        assert_int_equal(requests, 2);
    }
}

static int set_up(void **state)
{
    char path[64];
    FILE *file;
    int i;

    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/big", directory);
    file = fopen(path, "w");
    if (root_fd < 0 || file == NULL)
        return -1;
    for (i = 0; i < 60000; i++)
        putc('x', file);
    return fclose(file);
}

static int tear_down(void **state)
{
    char path[64];

    (void)state;
    close(root_fd);
    snprintf(path, sizeof path, "%s/big", directory);
    return unlink(path) | rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_connection_is_closed_silently),
        cmocka_unit_test(empty_lines_keep_no_connection_open),
        cmocka_unit_test(slow_header_is_answered_408),
        cmocka_unit_test(slow_body_is_answered_408),
        cmocka_unit_test(reader_that_never_reads_is_cut_off),
        cmocka_unit_test(header_limit_does_not_hold_between_requests),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(parse_is_the_same_for_every_cut),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
