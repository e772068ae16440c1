/* The growing text of the dump. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

static void empty_text_writes_nothing(void **state)
{
    struct text text = { 0 };

    (void)state;
    assert_int_equal(text_write_fd(&text, -1), 0);
    text_fini(&text);
}

static void grows_over_every_size(void **state)
{
    struct text text = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        text_printf(&text, "%zu", i % 10);
        assert_int_equal(text.len, i + 1);
        assert_int_equal(text.data[i], '0' + i % 10);
        assert_int_equal(text.data[i + 1], 0);
    }
    text_add(&text, "a\0b", 3);
    assert_int_equal(text.len, 100003);
    assert_memory_equal(text.data + 100000, "a\0b", 4);
    text_fini(&text);
    assert_null(text.data);
}

/* Just what fits beside the NUL, and one byte more. */
static void one_piece_of_the_size_and_one_more(void **state)
{
    char piece[1024];
    size_t len;

    (void)state;
    memset(piece, 'x', sizeof piece);
    for (len = 1022; len <= 1024; len++) {
        struct text text = { 0 };

        text_printf(&text, "%.*s", (int)len, piece);
        assert_int_equal(text.len, len);
        assert_int_equal(strlen(text.data), len);
        text_fini(&text);
    }
}

static void written_as_a_whole_also_to_a_full_pipe(void **state)
{
    char buffer[4096];
    struct text text = { 0 };
    size_t total = 0;
    ssize_t n;
    int ends[2];
    pid_t child;

    (void)state;
    while (text.len < 300000)
        text_printf(&text, "line %zu\n", text.len);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(text_write_fd(&text, ends[1]) == 0 ? 0 : 1);
    close(ends[1]);
    while ((n = read(ends[0], buffer, sizeof buffer)) > 0) {
        assert_memory_equal(buffer, text.data + total, (size_t)n);
        total += (size_t)n;
    }
    assert_int_equal(total, text.len);
    close(ends[0]);
    text_fini(&text);
}

static void a_failing_write_is_told(void **state)
{
    struct text text = { 0 };

    (void)state;
    text_printf(&text, "lost");
    assert_int_equal(text_write_fd(&text, -1), -EBADF);
    text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_text_writes_nothing),
        cmocka_unit_test(grows_over_every_size),
        cmocka_unit_test(one_piece_of_the_size_and_one_more),
        cmocka_unit_test(written_as_a_whole_also_to_a_full_pipe),
        cmocka_unit_test(a_failing_write_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
