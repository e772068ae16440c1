/* dure_poll: many descriptors, bad ones, timeouts, cancel, what is ready at once. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>

/* Stays below select's 1,024 descriptors. */
#define PAIRS 200

static void close_both(int fds[2])
{
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- waiting, as every call that waits --- */

static bool unix_pair(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool foreign_pipe(struct waiting *w)
{
    int fds[2];

    if (!CHECK_EQ(plain_pipe(fds), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static bool full_pair(struct waiting *w)
{
    if (!unix_pair(w))
        return false;
    fill(w->fd, w->other);
    return true;
}

/* Its peer sends no more, which is no event unless it is asked for (POLLRDHUP). */
static bool half_closed(struct waiting *w)
{
    return full_pair(w) && CHECK_EQ(dure_shutdown(w->other, SHUT_WR), 0);
}

/* With a file of which nothing is asked that a file could be. */
static bool beside_a_file(struct waiting *w)
{
    w->more[0] = make_file("text", 4);
    return unix_pair(w) && CHECK(w->more[0] >= 0);
}

static bool pty(struct waiting *w)
{
    return make_pty(&w->other, &w->fd);
}

/* The descriptor is the last of five; the others are never ready. */
static bool among_others(struct waiting *w)
{
    return unix_pair(w) && CHECK_EQ(dure_pipe2(w->more, O_CLOEXEC), 0);
}

static bool tcp(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made;
}

/* Data is there, which is not what is waited for. */
static bool tcp_with_data(struct waiting *w)
{
    return tcp(w) && CHECK_EQ(plain_write(w->other, "x", 1), 1);
}

static void send_urgent(struct waiting *w)
{
    struct pollfd urgent = { .fd = w->fd, .events = POLLPRI };

    CHECK_EQ(plain_send(w->other, "u", 1, MSG_OOB), 1);
    CHECK_EQ(plain_poll(&urgent, 1, 10000), 1);
}

static void write_one(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "x", 1), 1);
}

static void drain_other(struct waiting *w)
{
    drain(w->other);
}

static int64_t poll_in(struct waiting *w)
{
    struct pollfd fd = { .fd = w->fd, .events = POLLIN };

    return dure_poll(&fd, 1, -1);
}

static int64_t poll_out(struct waiting *w)
{
    struct pollfd fd = { .fd = w->fd, .events = POLLOUT };

    return dure_poll(&fd, 1, -1);
}

static int64_t poll_urgent(struct waiting *w)
{
    struct pollfd fd = { .fd = w->fd, .events = POLLPRI };
    int n = dure_poll(&fd, 1, -1);

    if (n == 1 && !(fd.revents & POLLNVAL))
        CHECK_EQ(fd.revents, POLLPRI);
    return n;
}

static int64_t poll_any_data(struct waiting *w)
{
    struct pollfd fd = { .fd = w->fd, .events = POLLIN | POLLPRI };
    int n = dure_poll(&fd, 1, -1);

    if (n == 1 && !(fd.revents & POLLNVAL))
        CHECK_EQ(fd.revents, POLLIN); /* what came is not urgent */
    return n;
}

static int64_t poll_five(struct waiting *w)
{
    struct pollfd fds[5] = {
        { .fd = w->more[0], .events = POLLIN }, { .fd = -1, .events = POLLIN },
        { .fd = w->more[0], .events = POLLIN }, { .fd = w->more[0], .events = POLLPRI },
        { .fd = w->fd, .events = POLLIN },
    };

    return dure_poll(fds, 5, 60000);
}

static int64_t poll_file_too(struct waiting *w)
{
    struct pollfd fds[2] = {
        { .fd = w->more[0], .events = POLLPRI },
        { .fd = w->fd, .events = POLLIN },
    };

    return dure_poll(fds, 2, -1);
}

static const struct waiting_kind kinds[] = {
    { "poll, AF_UNIX", unix_pair, poll_in, write_one, 1, 0, WAITING_POLL, NULL },
    { "poll, foreign pipe", foreign_pipe, poll_in, write_one, 1, 0, WAITING_POLL, NULL },
    { "poll for output, AF_UNIX", full_pair, poll_out, drain_other, 1, 0, WAITING_POLL, NULL },
    { "poll for output, peer half closed", half_closed, poll_out, drain_other, 1, 0, WAITING_POLL,
      NULL },
    { "poll beside a file", beside_a_file, poll_file_too, write_one, 1, 0, WAITING_POLL, NULL },
    { "poll, tty", pty, poll_in, write_one, 1, 0, WAITING_POLL | WAITING_REAL, NULL },
    { "poll for urgent data", tcp, poll_urgent, send_urgent, 1, 0, WAITING_POLL | WAITING_REAL,
      NULL },
    { "poll for urgent data behind data", tcp_with_data, poll_urgent, send_urgent, 1, 0,
      WAITING_POLL | WAITING_REAL, NULL },
    { "poll for data, urgent or not", unix_pair, poll_any_data, write_one, 1, 0, WAITING_POLL,
      NULL },
    { "poll for data, urgent or not, TCP", tcp, poll_any_data, write_one, 1, 0, WAITING_POLL,
      NULL },
    { "poll of five", among_others, poll_five, write_one, 1, 0, WAITING_POLL, NULL },
};

WAITING_TESTS

/* --- what it answers --- */

/* The same answer as the plain call's, at once. */
static void check_as_plain(const struct pollfd *fds, nfds_t len)
{
    struct pollfd plain[8], twin[8];
    int expected;
    nfds_t i;

    memcpy(plain, fds, len * sizeof *fds);
    memcpy(twin, fds, len * sizeof *fds);
    expected = plain_poll(plain, len, 0);
    CHECK_EQ(dure_poll(twin, len, 0), expected);
    for (i = 0; i < len; i++)
        CHECK_EQ(twin[i].revents, plain[i].revents);
    if (expected <= 0)
        return;
    memcpy(twin, fds, len * sizeof *fds);
    CHECK_EQ(dure_poll(twin, len, -1), expected);
    for (i = 0; i < len; i++)
        CHECK_EQ(twin[i].revents, plain[i].revents);
}

TEST(ready_at_once)
{
    int unix_fds[2], pipe_fds[2], file = make_file("text", 4);

    dure_socketpair(AF_UNIX, SOCK_STREAM, 0, unix_fds);
    dure_pipe2(pipe_fds, O_CLOEXEC);
    CHECK_EQ(dure_write(unix_fds[1], "x", 1), 1);
    struct pollfd fds[] = {
        { .fd = unix_fds[0], .events = POLLIN | POLLOUT, .revents = 77 },
        { .fd = unix_fds[1], .events = POLLIN | POLLOUT, .revents = 77 },
        { .fd = pipe_fds[0], .events = POLLIN, .revents = 77 },
        { .fd = pipe_fds[1], .events = POLLOUT | POLLIN, .revents = 77 },
        { .fd = -5, .events = POLLIN, .revents = 77 },
        { .fd = file, .events = POLLIN | POLLOUT, .revents = 77 },
    };

    check_as_plain(fds, 6);
    check_as_plain(fds, 1);
    check_as_plain(fds + 2, 1);
    check_as_plain(fds + 4, 1);
    check_as_plain(fds + 5, 1);
    CHECK_EQ(dure_close(file), 0);
    close_both(unix_fds);
    close_both(pipe_fds);
}

/* Nobody asked for POLLHUP and POLLERR, and they come. */
TEST(ends_and_errors)
{
    int a[2], b[2], c[2];

    dure_pipe2(a, O_CLOEXEC);
    dure_pipe2(b, O_CLOEXEC);
    dure_socketpair(AF_UNIX, SOCK_STREAM, 0, c);
    CHECK_EQ(dure_close(a[1]), 0);
    CHECK_EQ(dure_close(b[0]), 0);
    CHECK_EQ(dure_close(c[1]), 0);
    struct pollfd fds[] = {
        { .fd = a[0], .events = 0 },
        { .fd = b[1], .events = 0 },
        { .fd = c[0], .events = POLLIN | POLLRDHUP },
        { .fd = c[0], .events = POLLIN | POLLOUT },
        { .fd = c[0], .events = 0 },
    };

    check_as_plain(fds, 5);
    check_as_plain(fds + 3, 1);
    check_as_plain(fds + 4, 1);
    check_as_plain(fds, 1);
    check_as_plain(fds + 1, 1);
    CHECK_EQ(dure_close(a[0]), 0);
    CHECK_EQ(dure_close(b[1]), 0);
    CHECK_EQ(dure_close(c[0]), 0);
}

TEST(bad_descriptors)
{
    int fds[2];

    dure_pipe2(fds, O_CLOEXEC);
    struct pollfd polled[] = {
        { .fd = fds[0], .events = POLLIN },
        { .fd = 900, .events = POLLIN },
        { .fd = fds[0], .events = 0 },
        { .fd = 901, .events = 0 },
    };

    check_as_plain(polled, 4);
    CHECK_EQ(dure_poll(polled, 4, -1), 2);
    CHECK_EQ(polled[1].revents, POLLNVAL);
    CHECK_EQ(polled[3].revents, POLLNVAL);
    CHECK_EQ(polled[0].revents, 0);
    close_both(fds);
}

TEST(too_many_descriptors)
{
    /* As many as the plain call refuses: more than the limit. */
    size_t len = (size_t)sysconf(_SC_OPEN_MAX) + 1, i;
    struct pollfd *fds = calloc(len, sizeof *fds);

    for (i = 0; i < len; i++)
        fds[i].fd = -1;
    CHECK_FAILS(plain_poll(fds, len, 0), EINVAL);
    CHECK_FAILS(dure_poll(fds, len, 0), EINVAL);
    CHECK_EQ(dure_poll(fds, len - 1, 0), 0);
    free(fds);
}

/* --- time --- */

TEST(timeouts)
{
    struct pollfd fd = { .events = POLLIN };
    int64_t begun_ns;
    int fds[2];

    dure_pipe2(fds, O_CLOEXEC);
    fd.fd = fds[0];
    begun_ns = dure_now();
    CHECK_EQ(dure_poll(&fd, 1, 20), 0);
    CHECK(dure_now() - begun_ns >= 20 * DURE_MILLISECOND);
    CHECK_EQ(fd.revents, 0);
    begun_ns = dure_now();
    CHECK_EQ(dure_poll(NULL, 0, 20), 0); /* the oldest way to sleep */
    CHECK(dure_now() - begun_ns >= 20 * DURE_MILLISECOND);
    fd.fd = -1;
    CHECK_EQ(dure_poll(&fd, 1, 1), 0);
    fd.fd = fds[0];
    CHECK_EQ(dure_poll(&fd, 1, 0), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_poll(&fd, 1, 60000), 1);
    CHECK_EQ(fd.revents, POLLIN);
    close_both(fds);
}

/* Asking again and again at once lets others go first, and feels a cancel. */
static int ask_for_ever(void *arg)
{
    struct pollfd fd = { .fd = *(int *)arg, .events = POLLIN };
    int n;

    while ((n = dure_poll(&fd, 1, 0)) == 0)
        ;
    CHECK_EQ(n, -1);
    CHECK_EQ(errno, ECANCELED);
    return 0;
}

TEST_WITH(asking_in_a_circle_freezes_nobody, .loops = 1)
{
    dure_scope scope;
    int fds[2], i;

    dure_pipe2(fds, O_CLOEXEC);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, ask_for_ever, &fds[0], sizeof fds[0]), 0);
    for (i = 0; i < 10; i++)
        dure_yield();
    dure_sleep_for(DURE_MILLISECOND);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    close_both(fds);
}

/* --- many --- */

struct many {
    int fds[PAIRS][2];
    struct pollfd polled[PAIRS];
    int timeout_ms;
};

static void open_many(struct many *many)
{
    int i;

    many->timeout_ms = -1;
    for (i = 0; i < PAIRS; i++) {
        CHECK_EQ(dure_pipe2(many->fds[i], O_CLOEXEC), 0);
        many->polled[i] = (struct pollfd){ .fd = many->fds[i][0], .events = POLLIN };
    }
}

static void close_many(struct many *many)
{
    int i;

    for (i = 0; i < PAIRS; i++)
        close_both(many->fds[i]);
}

static int64_t poll_many(void *arg)
{
    struct many *many = arg;

    return dure_poll(many->polled, PAIRS, many->timeout_ms);
}

TEST(many_each_in_its_turn)
{
    struct many *many = calloc(1, sizeof *many);
    struct background b;
    dure_scope scope;
    int i;

    open_many(many);
    for (i = 0; i < PAIRS; i += 33) {
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), poll_many, many);
        CHECK(!atomic_load(&b.done));
        CHECK_EQ(dure_write(many->fds[i][1], "x", 1), 1);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(b.result, 1);
        CHECK_EQ(many->polled[i].revents, POLLIN);
        CHECK_EQ(drain(many->fds[i][0]), 1);
    }
    close_many(many);
    free(many);
}

TEST(many_ready_together)
{
    struct many *many = calloc(1, sizeof *many);
    int i;

    open_many(many);
    for (i = 0; i < PAIRS; i += 2)
        CHECK_EQ(dure_write(many->fds[i][1], "x", 1), 1);
    CHECK_EQ(dure_poll(many->polled, PAIRS, -1), PAIRS / 2);
    for (i = 0; i < PAIRS; i++)
        CHECK_EQ(many->polled[i].revents, i % 2 ? 0 : POLLIN);
    close_many(many);
    free(many);
}

/* Nothing of a poll that ended stays behind: the next waits see no event twice. */
TEST(many_canceled_and_again)
{
    struct many *many = calloc(1, sizeof *many);
    struct background b;
    dure_scope scope;
    int i;

    open_many(many);
    for (i = 0; i < 3; i++) {
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), poll_many, many);
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(b.result, -1);
        CHECK_EQ(b.error, ECANCELED);
    }
    many->timeout_ms = 1;
    CHECK_EQ(poll_many(many), 0);
    CHECK_EQ(dure_write(many->fds[PAIRS - 1][1], "x", 1), 1);
    many->timeout_ms = -1;
    CHECK_EQ(poll_many(many), 1);
    close_many(many);
    free(many);
}

/* Several tasks on both loops poll one pipe; all hear of it. */
TEST(one_descriptor_polled_by_many)
{
    struct waiting w = { .more = { -1, -1, -1 } };
    struct background b[6];
    dure_scope scope;
    int fds[2], i;

    dure_pipe2(fds, O_CLOEXEC);
    w.fd = fds[0];
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++)
        background_start(&b[i], &scope, DURE_LOOP(i % 2), (int64_t(*)(void *))poll_in, &w);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 6; i++)
        CHECK_EQ(b[i].result, 1);
    close_both(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(ready_at_once),
        cmocka_unit_test(ends_and_errors),
        cmocka_unit_test(bad_descriptors),
        cmocka_unit_test(too_many_descriptors),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(asking_in_a_circle_freezes_nobody),
        cmocka_unit_test(many_each_in_its_turn),
        cmocka_unit_test(many_ready_together),
        cmocka_unit_test(many_canceled_and_again),
        cmocka_unit_test(one_descriptor_polled_by_many),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
