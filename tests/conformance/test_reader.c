/* Readers: lines and pieces from any descriptor. */
#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>

static dure_reader reader;
static char buffer[64];

static void check_line(const char *expected)
{
    size_t len = 99;
    char *line;

    if (!CHECK_EQ(dure_reader_line(&reader, &line, &len), 1))
        return;
    CHECK_STR(line, expected);
    CHECK_EQ(len, strlen(expected));
}

static void check_end(void)
{
    char *line;

    CHECK_EQ(dure_reader_line(&reader, &line, NULL), 0);
    CHECK_EQ(dure_reader_line(&reader, &line, NULL), 0);
}

/* --- the checks of all calls that wait --- */

/* Some checks have two at once, and put one under another number before its first call. */
static struct {
    dure_reader reader;
    char buffer[64];
    int other, fd;
} made[2];
static unsigned made_len;

static bool make(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    CHECK_EQ(plain_write(w->other, "half ", 5), 5);
    if (made[made_len % 2].other == w->other)
        made[made_len % 2].other = -1; /* of a check that is over */
    made[++made_len % 2].other = w->other;
    made[made_len % 2].fd = -1;
    return true;
}

static dure_reader *reader_of(const struct waiting *w)
{
    int i = made[1].other == w->other;

    if (made[i].fd != w->fd)
        CHECK_EQ(dure_reader_init(&made[i].reader, w->fd, made[i].buffer, 64), 0);
    made[i].fd = w->fd;
    return &made[i].reader;
}

static void write_rest(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "a line\n", 7), 7);
}

static int64_t line(struct waiting *w)
{
    char *text;
    int result = dure_reader_line(reader_of(w), &text, NULL);

    if (result == 1)
        CHECK_STR(text, "half a line");
    return result;
}

static int64_t until(struct waiting *w)
{
    size_t len;
    char *data;
    int result = dure_reader_until(reader_of(w), 'n', &data, &len);

    if (result == 1)
        CHECK(len == 10 && memcmp(data, "half a lin", 10) == 0);
    return result;
}

static int64_t peek(struct waiting *w)
{
    char *data;
    ssize_t n = dure_reader_peek(reader_of(w), 12, &data);

    if (n >= 0)
        CHECK(memcmp(data, "half a line\n", 12) == 0);
    return n;
}

/* No O_NONBLOCK: a reader waits all the same. */
static const struct waiting_kind kinds[] = {
    { "reader_line", make, line, write_rest, 1, 0, WAITING_ALONE, NULL },
    { "reader_until", make, until, write_rest, 1, 0, WAITING_ALONE, NULL },
    { "reader_peek", make, peek, write_rest, 12, 0, WAITING_ALONE, NULL },
};

WAITING_TESTS

/* --- what is in a file --- */

static int open_text(const char *text, size_t len, size_t size)
{
    int fd = make_file(text, len);

    CHECK_EQ(dure_reader_init(&reader, fd, buffer, size), 0);
    return fd;
}

TEST(lines)
{
    static const char text[] = "one\n\ntwo\r\nthree\nand no newline";
    int fd = open_text(text, sizeof text - 1, sizeof buffer);

    check_line("one");
    check_line("");
    check_line("two\r");
    check_line("three");
    check_line("and no newline");
    check_end();
    CHECK_EQ(dure_close(fd), 0);
}

TEST(zero_bytes_are_bytes)
{
    int fd = open_text("a\0b\nc", 5, sizeof buffer);
    size_t len;
    char *text;

    CHECK_EQ(dure_reader_line(&reader, &text, &len), 1);
    CHECK_EQ(len, 3);
    CHECK(memcmp(text, "a\0b", 4) == 0);
    check_line("c");
    check_end();
    CHECK_EQ(dure_close(fd), 0);
}

TEST(an_empty_file_has_no_line)
{
    int fd = open_text("", 0, sizeof buffer);

    check_end();
    CHECK_EQ(dure_reader_buffered(&reader, NULL), 0);
    CHECK_EQ(dure_close(fd), 0);
}

/* A buffer of 8: 7 with the newline are just possible, 8 are not. */
TEST(the_limit_loses_nothing)
{
    int fd = open_text("123456\n1234567\nrest\n1234567", 27, 8);
    char *text, out[8] = { 0 };

    check_line("123456");
    CHECK_FAILS(dure_reader_line(&reader, &text, NULL), EMSGSIZE);
    CHECK_FAILS(dure_reader_line(&reader, &text, NULL), EMSGSIZE);
    CHECK_EQ(dure_reader_buffered(&reader, &text), 7);
    CHECK(memcmp(text, "1234567", 7) == 0);
    CHECK_EQ(dure_reader_skip(&reader, 3), 3);
    check_line("4567");
    check_line("rest");
    CHECK_FAILS(dure_reader_peek(&reader, 8, NULL), EMSGSIZE);
    CHECK_EQ(dure_reader_peek(&reader, 7, &text), 7);
    CHECK_EQ(dure_reader_read_full(&reader, out, 8), 7);
    CHECK_STR(out, "1234567");
    check_end();
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_reader_init(&reader, fd, buffer, 1), EINVAL);
}

/* The last line may fill the buffer, and is not cut. */
TEST(a_last_line_at_the_limit)
{
    int fd = open_text("1234567", 7, 8);

    CHECK_EQ(dure_reader_peek(&reader, 7, NULL), 7);
    buffer[7] = 'x';
    CHECK_EQ(dure_reader_buffered(&reader, NULL), 7);
    dure_reader_skip(&reader, 7);
    check_end();
    CHECK_EQ(dure_close(fd), 0);
    fd = open_text("123456", 6, 8);
    check_line("123456");
    check_end();
    CHECK_EQ(dure_close(fd), 0);
}

TEST(until_any_delimiter)
{
    int fd = open_text("a;bc;;d", 7, sizeof buffer);
    static const char *const expected[] = { "a;", "bc;", ";", "d" };
    size_t len, i;
    char *data;

    for (i = 0; i < 4; i++) {
        CHECK_EQ(dure_reader_until(&reader, ';', &data, &len), 1);
        CHECK_EQ(len, strlen(expected[i]));
        CHECK(memcmp(data, expected[i], len) == 0);
    }
    CHECK_EQ(dure_reader_until(&reader, ';', &data, &len), 0);
    CHECK_EQ(dure_close(fd), 0);
}

/* A header of lines, then a body of a known length, then what belongs to somebody else. */
TEST(pieces_follow_each_other)
{
    int fd = open_text("length 10\n\n0123456789next", 25, 32);
    char body[11] = { 0 }, rest[8] = { 0 }, *data;

    check_line("length 10");
    check_line("");
    CHECK(dure_reader_peek(&reader, 2, &data) >= 2);
    CHECK(memcmp(data, "01", 2) == 0);
    CHECK_EQ(dure_reader_read_full(&reader, body, 10), 10);
    CHECK_STR(body, "0123456789");
    CHECK_EQ(dure_reader_read(&reader, NULL, 0), 0);
    CHECK(dure_reader_read(&reader, rest, 1) == 1 && rest[0] == 'n');
    CHECK_EQ(dure_reader_read_full(&reader, rest, sizeof rest), 3);
    CHECK_STR(rest, "ext");
    CHECK_EQ(dure_reader_read(&reader, rest, sizeof rest), 0);
    CHECK_EQ(dure_reader_peek(&reader, 1, NULL), 0);
    CHECK_EQ(dure_close(fd), 0);
}

/* More than the buffer holds goes straight to the caller's. */
TEST(large_reads)
{
    static char in[1000], out[1000];
    size_t i, len = amount(sizeof in);
    int fd;

    for (i = 0; i < sizeof in; i++)
        in[i] = (char)('a' + i % 23);
    fd = open_text(in, len, 16);
    CHECK(dure_reader_peek(&reader, 5, NULL) >= 5);
    CHECK_EQ(dure_reader_read_full(&reader, out, len), len);
    CHECK_EQ(memcmp(in, out, len), 0);
    CHECK_EQ(dure_close(fd), 0);
}

/* Lines of every length against every size of buffer, in transfers that end anywhere. */
TEST(all_lengths)
{
    char text[40 * 20], *at;
    size_t len, size;
    int i, fd;

    for (size = 22; size < 60; size += 7) {
        for (at = text, i = 0; i < 40; i++) {
            memset(at, 'a' + i % 26, (size_t)(i % 20));
            at += i % 20;
            *at++ = '\n';
        }
        fd = open_text(text, (size_t)(at - text), size);
        for (i = 0; i < 40; i++) {
            CHECK_EQ(dure_reader_line(&reader, &at, &len), 1);
            CHECK_EQ(len, i % 20);
            CHECK(len == 0 || (at[0] == 'a' + i % 26 && at[len - 1] == 'a' + i % 26));
            CHECK_EQ(at[len], '\0');
        }
        check_end();
        CHECK_EQ(dure_close(fd), 0);
    }
}

/* --- errors and cancels keep what is buffered --- */

TEST(errors_keep_what_is_buffered)
{
    int fds[2];
    char *text;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_reader_init(&reader, fds[0], buffer, sizeof buffer), 0);
    CHECK_EQ(dure_write(fds[1], "part", 4), 4);
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    CHECK_FAILS(dure_reader_line(&reader, &text, NULL), ECANCELED);
    CHECK_EQ(dure_reader_buffered(&reader, NULL), 4);
    DURE_WITHIN(dure_at(1))
    CHECK_FAILS(dure_reader_peek(&reader, 1, NULL), ECANCELED); /* ready or not */
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_reader_line(&reader, &text, NULL), EBADF);
    CHECK_EQ(dure_reader_buffered(&reader, &text), 4);
    CHECK(memcmp(text, "part", 4) == 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static int write_slowly(void *arg)
{
    static const char text[] = "first\nsecond\n";
    int fd = *(int *)arg;
    size_t i;

    for (i = 0; i < sizeof text - 1; i++) {
        CHECK_EQ(dure_write(fd, text + i, 1), 1);
        dure_yield();
    }
    return dure_close(fd);
}

/* With O_NONBLOCK too it waits, byte after byte. */
TEST(nonblocking_descriptors_are_waited_for)
{
    dure_scope scope;
    int fds[2];

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK_EQ(dure_reader_init(&reader, fds[0], buffer, sizeof buffer), 0);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, write_slowly, &fds[1], sizeof fds[1]), 0);
    check_line("first");
    check_line("second");
    check_end();
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(lines),
        cmocka_unit_test(zero_bytes_are_bytes),
        cmocka_unit_test(an_empty_file_has_no_line),
        cmocka_unit_test(the_limit_loses_nothing),
        cmocka_unit_test(a_last_line_at_the_limit),
        cmocka_unit_test(until_any_delimiter),
        cmocka_unit_test(pieces_follow_each_other),
        cmocka_unit_test(large_reads),
        cmocka_unit_test(all_lengths),
        cmocka_unit_test(errors_keep_what_is_buffered),
        cmocka_unit_test(nonblocking_descriptors_are_waited_for),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
