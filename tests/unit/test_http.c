/* The HTTP library's pure parts: paths, ranges, conditions, dates, types, lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/conditional.h"
#include "http/date.h"
#include "http/errors.h"
#include "http/mime.h"
#include "http/path.h"
#include "http/range.h"

static struct http_span span(const char *string)
{
    return (struct http_span){ string, strlen(string) };
}

/* Paths */

static void decodes(const char *path, int status, const char *wanted)
{
    /* Exactly as large as the contract asks for, so that a sanitizer sees a byte too many. */
    char *name = malloc(strlen(path) + 2);
    char *copy = malloc(strlen(path) + 1);
    int got;

    assert_non_null(name);
    memcpy(copy, path, strlen(path));
    got = http_path_decode((struct http_span){ copy, strlen(path) }, name);
    if (got != status || (status == 0 && strcmp(name, wanted) != 0))
        fail_msg("%s: %d %s, not %d %s", path, got, got == 0 ? name : "", status, wanted);
    free(copy);
    free(name);
}

static void path_decodes_names(void **state)
{
    (void)state;
    decodes("/", 0, ".");
    decodes("/a", 0, "a");
    decodes("/a/", 0, "a/");
    decodes("/a/b.c", 0, "a/b.c");
    decodes("//a///b//", 0, "a/b/");
    decodes("/%61%2Fb", 0, "a/b");
    decodes("/a%20b%25", 0, "a b%");
    decodes("/%2541", 0, "%41");
    decodes("/\xc3\xa9", 0, "\xc3\xa9");
    decodes("/...", 0, "...");
    decodes("/.a/..b/c..", 0, ".a/..b/c..");
}

static void path_resolves_dots(void **state)
{
    (void)state;
    decodes("/.", 0, ".");
    decodes("/./", 0, ".");
    decodes("/a/.", 0, "a/");
    decodes("/a/./b", 0, "a/b");
    decodes("/a/..", 0, ".");
    decodes("/a/../b", 0, "b");
    decodes("/a/b/..", 0, "a/");
    decodes("/a/b/../../c/", 0, "c/");
    decodes("/a/b/%2e%2E/c", 0, "a/c");
}

static void path_never_leaves_the_root(void **state)
{
    (void)state;
    decodes("/..", 400, "");
    decodes("/../a", 400, "");
    decodes("//..", 400, "");
    decodes("/./..", 400, "");
    decodes("/a/../..", 400, "");
    decodes("/a/../../a", 400, "");
    decodes("/%2e%2e%2fa", 400, "");
    decodes("/..%2f", 400, "");
    decodes("a", 400, "");
    decodes("", 400, "");
}

static void path_refuses_what_is_no_name(void **state)
{
    (void)state;
    decodes("/%", 400, "");
    decodes("/%4", 400, "");
    decodes("/%4g", 400, "");
    decodes("/%00", 400, "");
    decodes("/a%00b", 400, "");
    decodes("/a\\b", 400, "");
    decodes("/%5c", 400, "");
    decodes("/\x7f", 400, "");
    decodes("/%0A", 400, "");
}

static void path_name_of_255_bytes_and_of_256(void **state)
{
    char path[300] = "/";

    (void)state;
    memset(path + 1, 'x', 255);
    decodes(path, 0, path + 1);
    path[256] = 'x';
    decodes(path, 404, "");
    path[256] = '/';
    decodes(path, 0, path + 1);
}

static void target_has_path(const char *target, int status, const char *wanted)
{
    struct http_span path = { NULL, 0 };

    assert_int_equal(http_path_of_target(span(target), &path), status);
    if (status == 0) {
        assert_int_equal(path.len, strlen(wanted));
        assert_memory_equal(path.data, wanted, path.len);
    }
}

static void path_of_each_form_of_target(void **state)
{
    (void)state;
    target_has_path("/a?b#c", 0, "/a");
    target_has_path("/a#c?b", 0, "/a");
    target_has_path("http://host/a?b", 0, "/a");
    target_has_path("http://host", 0, "/");
    target_has_path("http://host?a/b", 0, "/");
    target_has_path("http://host#/b", 0, "/");
    target_has_path("*", 400, "");
    target_has_path("host:80", 400, "");
    target_has_path("?", 400, "");
    target_has_path("", 400, "");
}

/* Ranges */

static void ranges_are(const char *header, uint64_t size, enum http_range_result result,
                       unsigned wanted_len, const uint64_t *wanted)
{
    struct http_range ranges[HTTP_RANGES_MAX];
    unsigned count, i;

    if (http_range_read(span(header), size, ranges, &count) != result)
        fail_msg("%s: another result than %d", header, result);
    if (result != HTTP_RANGE_SOME)
        return;
    assert_int_equal(count, wanted_len);
    for (i = 0; i < count; i++) {
        assert_int_equal(ranges[i].first, wanted[2 * i]);
        assert_int_equal(ranges[i].len, wanted[2 * i + 1]);
    }
}

#define RANGES(header, size, ...)                                                       \
    ranges_are(header, size, HTTP_RANGE_SOME, sizeof((uint64_t[]){ __VA_ARGS__ }) / 16, \
               (uint64_t[]){ __VA_ARGS__ })

static void range_of_each_form(void **state)
{
    (void)state;
    RANGES("bytes=0-0", 10, 0, 1);
    RANGES("bytes=0-9", 10, 0, 10);
    RANGES("bytes=0-10", 10, 0, 10);
    RANGES("bytes=9-", 10, 9, 1);
    RANGES("bytes=-1", 10, 9, 1);
    RANGES("bytes=-10", 10, 0, 10);
    RANGES("bytes=-11", 10, 0, 10);
    RANGES("BYTES= 1-2 ,\t4-5", 10, 1, 2, 4, 2);
    RANGES("bytes=0-18446744073709551615", 10, 0, 10);
    RANGES("bytes=0-99999999999999999999999999", 10, 0, 10);
}

static void range_that_overlaps_is_merged(void **state)
{
    (void)state;
    RANGES("bytes=4-5,0-1", 10, 4, 2, 0, 2);
    RANGES("bytes=4-6,0-4", 10, 0, 7);
    RANGES("bytes=0-9,2-3,8-", 10, 0, 10);
    RANGES("bytes=8-9,0-1,1-2", 10, 0, 3, 8, 2);
    RANGES("bytes=0-1,20-30,-2", 10, 0, 2, 8, 2);
}

static void range_that_cannot_be_satisfied(void **state)
{
    (void)state;
    ranges_are("bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, NULL);
    ranges_are("bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, NULL);
    ranges_are("bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, NULL);
    ranges_are("bytes=-5", 0, HTTP_RANGE_UNSATISFIABLE, 0, NULL);
}

static void range_that_is_none(void **state)
{
    static const char *const headers[] = { "",          "bytes",       "bytes=",     "bytes=,",
                                           "bytes=-",   "bytes=1",     "bytes=2-1",  "bytes=a-",
                                           "bytes=1-b", "bytes=--1",   "bytes=1-2-", "lines=1-2",
                                           "bytes=1 -", "bytes=1-2;3", "bytes=+1-2" };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof headers / sizeof headers[0]; i++)
        ranges_are(headers[i], 10, HTTP_RANGE_NONE, 0, NULL);
}

static void range_32_of_them_and_33(void **state)
{
    char header[200] = "bytes=";
    struct http_range ranges[HTTP_RANGES_MAX];
    unsigned count, i;

    (void)state;
    for (i = 0; i < 32; i++)
        strcat(header, "1-1,");
    assert_int_equal(http_range_read(span(header), 10, ranges, &count), HTTP_RANGE_SOME);
    assert_int_equal(count, 1);
    strcat(header, "1-1");
    assert_int_equal(http_range_read(span(header), 10, ranges, &count), HTTP_RANGE_NONE);
}

/* Conditions */

static const struct http_validators file = { { "\"tag\"", 5 }, 784111777 };

static void condition_precedence(void **state)
{
    const char *const same = "Sun, 06 Nov 1994 08:49:37 GMT";
    const char *const before = "Sun, 06 Nov 1994 08:49:36 GMT";
    const struct {
        const char *match, *unmodified, *none_match, *modified;
        int status;
    } cases[] = {
        { NULL, NULL, NULL, NULL, 0 },
        { "\"tag\"", NULL, NULL, NULL, 0 },
        { "W/\"tag\"", NULL, NULL, NULL, 412 },
        { "\"x\"", NULL, NULL, NULL, 412 },
        { "*", before, NULL, NULL, 0 },
        { NULL, before, NULL, NULL, 412 },
        { NULL, same, NULL, NULL, 0 },
        { NULL, "no date", NULL, NULL, 0 },
        { NULL, NULL, "\"tag\"", NULL, 304 },
        { NULL, NULL, "W/\"tag\"", before, 304 },
        { NULL, NULL, "\"x\", \"tag\"", NULL, 304 },
        { NULL, NULL, "*", NULL, 304 },
        { NULL, NULL, "\"x\"", same, 0 },
        { NULL, NULL, "\"tag", NULL, 0 },
        { NULL, NULL, "", NULL, 0 },
        { NULL, NULL, NULL, same, 304 },
        { NULL, NULL, NULL, before, 0 },
        { NULL, NULL, NULL, "no date", 0 },
        { "\"x\"", NULL, "\"tag\"", NULL, 412 },
        { "\"tag\"", NULL, "\"tag\"", NULL, 304 },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_conditions conditions = { 0 };

        if (cases[i].match != NULL)
            conditions.if_match = span(cases[i].match);
        if (cases[i].unmodified != NULL)
            conditions.if_unmodified_since = span(cases[i].unmodified);
        if (cases[i].none_match != NULL)
            conditions.if_none_match = span(cases[i].none_match);
        if (cases[i].modified != NULL)
            conditions.if_modified_since = span(cases[i].modified);
        if (http_conditional(&conditions, &file) != cases[i].status)
            fail_msg("case %u: not %d", i, cases[i].status);
    }
}

static void condition_if_range(void **state)
{
    struct http_conditions conditions = { 0 };

    (void)state;
    assert_true(http_conditional_range(&conditions, &file));
    conditions.if_range = span("\"tag\"");
    assert_true(http_conditional_range(&conditions, &file));
    conditions.if_range = span("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(http_conditional_range(&conditions, &file));
    conditions.if_range = span("W/\"tag\"");
    assert_false(http_conditional_range(&conditions, &file));
    conditions.if_range = span("Sun, 06 Nov 1994 08:49:38 GMT");
    assert_false(http_conditional_range(&conditions, &file));
    conditions.if_range = span("");
    assert_false(http_conditional_range(&conditions, &file));
}

/* Dates */

static void date_is(const char *text, int64_t wanted)
{
    int64_t seconds = -1;

    assert_int_equal(http_date_read(span(text), &seconds), 0);
    assert_int_equal(seconds, wanted);
}

static void date_in_each_form(void **state)
{
    (void)state;
    date_is("Sun, 06 Nov 1994 08:49:37 GMT", 784111777);
    date_is("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
    date_is("Sun Nov  6 08:49:37 1994", 784111777);
    date_is("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    date_is("Thu, 29 Feb 2024 23:59:59 GMT", 1709251199);
    date_is("Friday, 31-Dec-49 23:59:59 GMT", 2524607999);
}

static void date_that_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "x",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:3",
        "Sun, 06 No",
    };
    int64_t seconds;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(http_date_read(span(texts[i]), &seconds), -1);
}

/* Each day of 400 years, written and read back: a calendar's whole period. */
static void date_round_trip(void **state)
{
    char date[HTTP_DATE_LEN];
    int64_t day, seconds;

    (void)state;
    for (day = 0; day < 146097; day++) {
        http_date_write(date, day * 86400 + day % 86400);
        assert_int_equal(http_date_read((struct http_span){ date, sizeof date }, &seconds), 0);
        assert_int_equal(seconds, day * 86400 + day % 86400);
    }
    http_date_write(date, 784111777);
    assert_memory_equal(date, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LEN);
    http_date_write(date, -1);
    assert_memory_equal(date, "Thu, 01 Jan 1970 00:00:00 GMT", HTTP_DATE_LEN);
    http_date_write(date, INT64_MAX);
    assert_memory_equal(date, "Fri, 31 Dec 9999 23:59:59 GMT", HTTP_DATE_LEN);
}

/* Types, pages, lists */

static void mime_types(void **state)
{
    (void)state;
    assert_string_equal(http_mime_type("a.html"), "text/html; charset=utf-8");
    assert_string_equal(http_mime_type("dir.d/a.PNG"), "image/png");
    assert_string_equal(http_mime_type("a.b.css"), "text/css; charset=utf-8");
    assert_string_equal(http_mime_type("x.3gp"), "video/3gpp");
    assert_string_equal(http_mime_type("x.zst"), "application/zstd");
    assert_string_equal(http_mime_type("README"), "text/plain; charset=utf-8");
    assert_string_equal(http_mime_type(".html"), "application/octet-stream");
    assert_string_equal(http_mime_type("dir.html/a"), "application/octet-stream");
    assert_string_equal(http_mime_type("a."), "application/octet-stream");
    assert_string_equal(http_mime_type(""), "application/octet-stream");
}

static void mime_every_ending_is_found(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; http_mime_ending(i) != NULL; i++) {
        char name[32] = "x.";

        assert_true(i == 0 || strcmp(http_mime_ending(i - 1), http_mime_ending(i)) < 0);
        strcat(name, http_mime_ending(i));
        assert_string_not_equal(http_mime_type(name), "application/octet-stream");
    }
    assert_true(i > 90);
}

static void error_pages_fit(void **state)
{
    static const int statuses[] = { 400, 403, 404, 405, 408, 412, 413, 414,
                                    416, 417, 431, 500, 501, 503, 505 };
    char data[HTTP_ERROR_PAGE_MAX];
    struct http_text page;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        http_text_init(&page, data, sizeof data);
        http_error_page(&page, statuses[i]);
        assert_false(page.overflow);
        assert_int_equal(atoi(http_status_line(statuses[i])), statuses[i]);
    }
}

static void text_drops_what_does_not_fit(void **state)
{
    char data[4];
    struct http_text text;

    (void)state;
    http_text_init(&text, data, sizeof data);
    http_text_number(&text, 1234);
    assert_false(text.overflow);
    http_text_char(&text, 'x');
    assert_true(text.overflow);
    assert_int_equal(text.len, 4);
    assert_memory_equal(data, "1234", 4);
}

static void list_items(void **state)
{
    struct http_span rest = span(" a, ,\tb c ,"), item;
    static const char *const wanted[] = { "a", "", "b c", "" };
    unsigned i;

    (void)state;
    for (i = 0; http_span_next(&rest, &item); i++) {
        assert_true(i < 4);
        assert_int_equal(item.len, strlen(wanted[i]));
        assert_memory_equal(item.data, wanted[i], item.len);
    }
    assert_int_equal(i, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_decodes_names),
        cmocka_unit_test(path_resolves_dots),
        cmocka_unit_test(path_never_leaves_the_root),
        cmocka_unit_test(path_refuses_what_is_no_name),
        cmocka_unit_test(path_name_of_255_bytes_and_of_256),
        cmocka_unit_test(path_of_each_form_of_target),
        cmocka_unit_test(range_of_each_form),
        cmocka_unit_test(range_that_overlaps_is_merged),
        cmocka_unit_test(range_that_cannot_be_satisfied),
        cmocka_unit_test(range_that_is_none),
        cmocka_unit_test(range_32_of_them_and_33),
        cmocka_unit_test(condition_precedence),
        cmocka_unit_test(condition_if_range),
        cmocka_unit_test(date_in_each_form),
        cmocka_unit_test(date_that_is_none),
        cmocka_unit_test(date_round_trip),
        cmocka_unit_test(mime_types),
        cmocka_unit_test(mime_every_ending_is_found),
        cmocka_unit_test(error_pages_fit),
        cmocka_unit_test(text_drops_what_does_not_fit),
        cmocka_unit_test(list_items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
