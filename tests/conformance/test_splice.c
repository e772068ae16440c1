/* splice and tee: what they wait on, and what they answer. */
#include "waiting.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <termios.h>

/* --- the waits: `fd` is the end that they wait on, more[0] and more[1] are a pipe --- */

static bool with_pipe(struct waiting *w)
{
    return CHECK_EQ(dure_pipe2(w->more, O_CLOEXEC), 0);
}

static bool with_full_pipe(struct waiting *w)
{
    if (!with_pipe(w))
        return false;
    fill(w->more[1], w->more[0]);
    return true;
}

static bool pipe_in(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return with_pipe(w);
}

static bool pipe_out(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->fd = fds[1];
    w->other = fds[0];
    fill(w->fd, w->other);
    return with_full_pipe(w);
}

static bool tcp_in(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made && with_pipe(w);
}

static bool foreign_tcp_in(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair_plain(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made && with_pipe(w);
}

static bool unix_in(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return with_pipe(w);
}

static bool tcp_out(struct waiting *w, bool plain)
{
    int fds[2];
    bool made = make_tcp_pair_small(fds, plain);

    w->fd = fds[0];
    w->other = fds[1];
    if (!made || !with_full_pipe(w))
        return false;
    fill(w->fd, w->other);
    return true;
}

static bool our_tcp_out(struct waiting *w)
{
    return tcp_out(w, false);
}

static bool foreign_tcp_out(struct waiting *w)
{
    return tcp_out(w, true);
}

static bool tty_in(struct waiting *w)
{
    return make_pty(&w->other, &w->fd) && with_pipe(w);
}

static bool file_to_full_pipe(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->fd = fds[1];
    w->other = fds[0];
    fill(w->fd, w->other);
    w->more[0] = make_file("text", 4);
    return true;
}

static void write_one(struct waiting *w)
{
    CHECK_EQ(write(w->other, "x", 1), 1);
}

static void drain_other(struct waiting *w)
{
    drain(w->other);
}

static void fill_again(struct waiting *w)
{
    fill(w->fd, w->other);
}

static int64_t from_fd(struct waiting *w)
{
    return dure_splice(w->fd, NULL, w->more[1], NULL, 100, 0);
}

static int64_t to_fd(struct waiting *w)
{
    return dure_splice(w->more[0], NULL, w->fd, NULL, 100, SPLICE_F_MOVE);
}

static int64_t tee_fd(struct waiting *w)
{
    int64_t n = dure_tee(w->fd, w->more[1], 100, 0);
    char byte;

    if (n == 1)
        CHECK_EQ(read(w->fd, &byte, 1), 1); /* it is still there */
    return n;
}

static int64_t file_to_fd(struct waiting *w)
{
    CHECK_EQ(lseek(w->more[0], 0, SEEK_SET), 0);
    return dure_splice(w->more[0], NULL, w->fd, NULL, 4, 0);
}

static const struct waiting_kind kinds[] = {
    { "splice, from pipe", pipe_in, from_fd, write_one, 1, EAGAIN, 0, NULL },
    { "splice, to pipe", pipe_out, to_fd, drain_other, -1, EAGAIN, 0, fill_again },
    { "splice, from TCP", tcp_in, from_fd, write_one, 1, EAGAIN, 0, NULL },
    { "splice, from foreign TCP", foreign_tcp_in, from_fd, write_one, 1, EAGAIN, 0, NULL },
    { "splice, from AF_UNIX", unix_in, from_fd, write_one, 1, EAGAIN, 0, NULL },
    { "splice, to TCP", our_tcp_out, to_fd, drain_other, -1, EAGAIN, WAITING_ALONE, fill_again },
    { "splice, to foreign TCP", foreign_tcp_out, to_fd, drain_other, -1, EAGAIN, WAITING_ALONE,
      fill_again },
    { "splice, from tty", tty_in, from_fd, write_one, 1, 0, 0, NULL },
    { "splice, file to pipe", file_to_full_pipe, file_to_fd, drain_other, 4, 0, WAITING_ALONE,
      NULL },
    { "tee", pipe_in, tee_fd, write_one, 1, EAGAIN, WAITING_ALONE, NULL },
};

WAITING_TESTS

/* --- the other end is closed --- */

static int64_t from_fd_of(void *arg)
{
    return from_fd(arg);
}

/* A close of the pipe that is waited for as room, too. */
TEST(closed_at_its_other_end)
{
    struct waiting w = { .fd = -1, .other = -1, .more = { -1, -1, -1 } };
    struct background b;
    dure_scope scope;
    char byte;

    if (!unix_in(&w))
        return;
    write_one(&w);
    fill(w.more[1], w.more[0]);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), from_fd_of, &w);
    CHECK_EQ(dure_close(w.more[1]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, EBADF);
    CHECK_EQ(dure_read(w.fd, &byte, 1), 1); /* nothing was taken */
    CHECK_EQ(dure_close(w.more[0]), 0);
    CHECK_EQ(dure_close(w.fd), 0);
    CHECK_EQ(dure_close(w.other), 0);
}

/* --- what it answers, beside the plain call --- */

static int64_t plain_tee(int in, int out)
{
    return tee(in, out, 10, 0);
}

static int64_t twin_tee(int in, int out)
{
    return dure_tee(in, out, 10, 0);
}

static int64_t plain_splice(int in, int out)
{
    return splice(in, NULL, out, NULL, 10, 0);
}

static int64_t twin_splice(int in, int out)
{
    return dure_splice(in, NULL, out, NULL, 10, 0);
}

static int64_t plain_offsets(int in, int out)
{
    return splice(in, &(off_t){ 0 }, out, &(off_t){ 0 }, 10, 0);
}

static int64_t twin_offsets(int in, int out)
{
    return dure_splice(in, &(off_t){ 0 }, out, &(off_t){ 0 }, 10, 0);
}

static int64_t plain_flags(int in, int out)
{
    return splice(in, NULL, out, NULL, 10, 1u << 20);
}

static int64_t twin_flags(int in, int out)
{
    return dure_splice(in, NULL, out, NULL, 10, 1u << 20);
}

static int64_t plain_nothing(int in, int out)
{
    return splice(in, NULL, out, NULL, 0, 0);
}

static int64_t twin_nothing(int in, int out)
{
    return dure_splice(in, NULL, out, NULL, 0, 0);
}

static void compare(int64_t (*plain)(int, int), int64_t (*twin)(int, int), int in, int out)
{
    int64_t expected, n;
    int error;

    errno = 0;
    expected = plain(in, out);
    error = errno;
    errno = 0;
    n = twin(in, out);
    CHECK_EQ(n, expected);
    if (expected < 0)
        CHECK_EQ(errno, error);
}

/* Calls that fail at once do so in a twin, ready or not. */
static void check_refusals(void)
{
    int file = make_file("text", 4), empty[2], pair[2], all[8], i, j;

    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CHECK_EQ(pipe2(empty, O_CLOEXEC), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    memcpy(all,
           (int[]){ -1, empty[0], empty[1], file, pair[0], 1000, dure_eventfd(0, EFD_CLOEXEC),
                    open(path, O_RDWR | O_APPEND | O_CLOEXEC) },
           sizeof all);
    for (i = 0; i < 8; i++) {
        for (j = 0; j < 8; j++) {
            bool waits = (all[i] == empty[0] || all[j] == empty[1]) && i > 0 && j > 0;

            compare(plain_flags, twin_flags, all[i], all[j]);
            compare(plain_nothing, twin_nothing, all[i], all[j]);
            compare(plain_offsets, twin_offsets, all[i], all[j]);
            if (!(all[i] == empty[0] && all[j] == empty[1]))
                compare(plain_tee, twin_tee, all[i], all[j]);
            if (!waits || all[i] == empty[1] || all[j] == empty[0] || i == 5 || j == 5 ||
                (i == 1 && j == 7))
                compare(plain_splice, twin_splice, all[i], all[j]);
        }
    }
    close(all[6]);
    close(all[7]);
    close(file);
    close(empty[0]);
    close(empty[1]);
    close(pair[0]);
    close(pair[1]);
}

TEST(refusals_as_the_plain_call)
{
    check_refusals();
}

TEST_OUTSIDE(refusals_with_a_scope)
{
    dure_scope scope;

    dure_scope_open(&scope);
    check_refusals();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

static void moves(void)
{
    int from = make_file("0123456789", 10), to = make_file("", 0), fds[2], pair[2];
    off_t in = 2, out = 1;
    char text[20] = "";

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    CHECK_EQ(dure_splice(from, &in, fds[1], NULL, 5, 0), 5);
    CHECK_EQ(in, 7);
    CHECK_EQ(dure_splice(fds[0], NULL, to, &out, 100, 0), 5);
    CHECK_EQ(out, 6);
    CHECK_EQ(pread(to, text, 20, 1), 5);
    CHECK_STR(text, "23456");
    CHECK_EQ(dure_splice(from, &in, fds[1], NULL, 100, 0), 3);
    CHECK_EQ(dure_splice(from, &in, fds[1], NULL, 100, 0), 0); /* the end of the file */
    CHECK_EQ(dure_splice(fds[0], NULL, pair[0], NULL, 100, SPLICE_F_MORE), 3);
    CHECK_EQ(dure_splice(pair[1], NULL, fds[1], NULL, 100, 0), 3);
    CHECK_EQ(dure_read_full(fds[0], text, 3), 3);
    CHECK(memcmp(text, "789", 3) == 0);
    CHECK_FAILS(dure_splice(fds[0], NULL, to, &out, 100, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_splice(fds[0], NULL, pair[0], NULL, 100, 0), 0); /* nobody writes any more */
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(pair[0]), 0);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_splice(pair[1], NULL, fds[1], NULL, 100, 0), 0);
    CHECK_EQ(dure_close(pair[1]), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_close(from), 0);
    CHECK_EQ(dure_close(to), 0);
}

TEST(moves_what_is_there)
{
    moves();
}

TEST_OUTSIDE(moves_on_a_thread)
{
    dure_scope scope;

    moves();
    dure_scope_open(&scope);
    moves();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* A broken pipe is EPIPE, and no signal. */
TEST(nobody_reads_any_more)
{
    int in[2], out[2];

    dure_pipe2(in, O_CLOEXEC);
    dure_pipe2(out, O_CLOEXEC);
    CHECK_EQ(dure_write(in[1], "x", 1), 1);
    CHECK_EQ(dure_close(out[0]), 0);
    CHECK_FAILS(dure_splice(in[0], NULL, out[1], NULL, 1, 0), EPIPE);
    CHECK_FAILS(dure_tee(in[0], out[1], 1, 0), EPIPE);
    CHECK_EQ(dure_close(in[0]), 0);
    CHECK_EQ(dure_close(in[1]), 0);
    CHECK_EQ(dure_close(out[1]), 0);
}

/* --- all of it: a proxy --- */

struct way {
    int in, out;
    size_t len;
    bool plain_out;
};

static int relay(void *arg)
{
    struct way *way = arg;
    size_t moved = 0, passed;
    int fds[2];
    ssize_t n, m;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    while ((n = dure_splice(way->in, NULL, fds[1], NULL, 65536, 0)) > 0) {
        for (passed = 0; passed < (size_t)n; passed += (size_t)m) {
            m = dure_splice(fds[0], NULL, way->out, NULL, (size_t)n - passed, 0);
            if (!CHECK(m > 0))
                return -1;
        }
        moved += (size_t)n;
    }
    CHECK_EQ(n, 0);
    CHECK_EQ(moved, way->len);
    CHECK_EQ(dure_shutdown(way->out, SHUT_WR), 0);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    return 0;
}

static int pour(void *arg)
{
    struct way *way = arg;
    char *data = malloc(way->len);
    size_t i;

    for (i = 0; i < way->len; i++)
        data[i] = (char)(i % 251);
    CHECK_EQ(dure_write_all(way->out, data, way->len), (ssize_t)way->len);
    CHECK_EQ(dure_shutdown(way->out, SHUT_WR), 0);
    free(data);
    return 0;
}

static void check_proxy(bool plain)
{
    size_t len = amount(1000000), i;
    char *back = calloc(1, len + 1);
    int client[2], server[2];
    dure_scope scope;
    struct way way = { .len = len };

    make_tcp_pair_small(client, plain);
    make_tcp_pair_small(server, plain);
    dure_scope_open(&scope);
    way.out = client[0];
    CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(1) }, pour, &way,
                             sizeof way),
             0);
    way.in = client[1];
    way.out = server[0];
    CHECK_EQ(dure_spawn(&scope, relay, &way, sizeof way), 0);
    CHECK_EQ(dure_read_full(server[1], back, len + 1), (ssize_t)len);
    for (i = 0; i < len && back[i] == (char)(i % 251); i++)
        ;
    CHECK_EQ(i, len);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++) {
        CHECK_EQ(dure_close(client[i]), 0);
        CHECK_EQ(dure_close(server[i]), 0);
    }
    free(back);
}

TEST(a_proxy_moves_all)
{
    check_proxy(false);
    check_proxy(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(closed_at_its_other_end),
        cmocka_unit_test(refusals_as_the_plain_call),
        cmocka_unit_test(refusals_with_a_scope),
        cmocka_unit_test(moves_what_is_there),
        cmocka_unit_test(moves_on_a_thread),
        cmocka_unit_test(nobody_reads_any_more),
        cmocka_unit_test(a_proxy_moves_all),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
