/* close: whom it wakes, and that a number used again misleads nobody. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>

TEST(results)
{
    int fds[2], file = make_file("x", 1);
    dure_scope scope;

    CHECK_FAILS(dure_close(-1), EBADF);
    CHECK_FAILS(dure_close(900), EBADF);
    CHECK_EQ(dure_close(file), 0);
    CHECK_FAILS(dure_close(file), EBADF);
    /* Never cancelled, always effective. */
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(plain_fcntl(fds[0], F_GETFD), EBADF);
    CHECK_FAILS(dure_write(fds[1], "x", 1), ECANCELED);
    CHECK_FAILS(dure_close(fds[0]), EBADF);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_FAILS(dure_write(fds[1], "x", 1), EPIPE);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- everyone who waits --- */

static int64_t wait_read(void *arg)
{
    return dure_read(*(int *)arg, &(char){ 0 }, 1);
}

static int64_t wait_recv(void *arg)
{
    return dure_recv(*(int *)arg, &(char){ 0 }, 1, 0);
}

static int64_t wait_write(void *arg)
{
    return dure_write(*(int *)arg, "x", 1);
}

static int64_t wait_poll(void *arg)
{
    struct pollfd in = { .fd = *(int *)arg, .events = POLLIN };

    CHECK_EQ(dure_poll(&in, 1, -1), 1);
    CHECK_EQ(in.revents, POLLNVAL);
    errno = EBADF;
    return -1;
}

TEST(wakes_all)
{
    int64_t (*const calls[])(void *) = { wait_read, wait_recv, wait_write, wait_poll };
    struct background b[8];
    dure_scope scope;
    int fds[2], i;

    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    fill(fds[0], fds[1]);
    dure_scope_open(&scope);
    for (i = 0; i < 8; i++)
        background_start(&b[i], &scope, DURE_LOOP(i % 2), calls[i / 2], &fds[0]);
    for (i = 0; i < 8; i++)
        CHECK(!atomic_load(&b[i].done));
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 8; i++) {
        CHECK_EQ(b[i].result, -1);
        CHECK_EQ(b[i].error, EBADF);
    }
    drain(fds[1]);
    CHECK_EQ(dure_read(fds[1], &(char){ 0 }, 1), 0); /* nobody kept the other end alive */
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- the number again --- */

/* Each round closes a pipe under a reader and has its number again at once; the new reader gets
   what the new pipe has. by_twin: else plain close, of which the runtime hears nothing. */
static void reuse(bool by_twin, int place)
{
    struct background old, new;
    dure_scope olds, news;
    int fds[2], again[2], round;

    for (round = 0; round < 10; round++) {
        CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
        dure_scope_open(&olds);
        dure_scope_open(&news);
        background_start(&old, &olds, place, wait_read, &fds[0]);
        CHECK_EQ(by_twin ? dure_close(fds[0]) : plain_close(fds[0]), 0);
        CHECK_EQ(dure_pipe2(again, O_CLOEXEC), 0);
        CHECK_EQ(again[0], fds[0]);
        background_start(&new, &news, place, wait_read, &again[0]);
        CHECK(!atomic_load(&new.done));
        CHECK_EQ(plain_write(again[1], "x", 1), 1);
        CHECK_EQ(dure_scope_close(&news), 0);
        CHECK_EQ(new.result, 1);
        dure_scope_cancel(&olds);
        dure_scope_close(&olds);
        CHECK_EQ(old.result, -1);
        CHECK(old.error == EBADF || (!by_twin && old.error == ECANCELED));
        CHECK_EQ(dure_close(again[0]), 0);
        CHECK_EQ(dure_close(again[1]), 0);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

TEST(number_again)
{
    reuse(true, DURE_THIS_LOOP);
    reuse(true, DURE_LOOP(1));
    NOT_SIMULATED("no plain close reaches its descriptors");
    reuse(false, DURE_THIS_LOOP);
    reuse(false, DURE_LOOP(1));
}

/* --- both at once --- */

static int64_t close_it(void *arg)
{
    return dure_close(*(int *)arg);
}

struct closing {
    int fd;
    atomic_uint ready, closed;
};

static int close_together(void *arg)
{
    struct closing *closing = *(struct closing **)arg;

    atomic_fetch_add(&closing->ready, 1);
    while (atomic_load(&closing->ready) < 2)
        dure_yield();
    if (dure_close(closing->fd) == 0)
        atomic_fetch_add(&closing->closed, 1);
    else
        CHECK_EQ(errno, EBADF);
    return 0;
}

/* Two loops close the same number, one of them does, and its reader hears of it. */
TEST(twice_at_once)
{
    struct closing closing, *at = &closing;
    dure_spawn_options options = { .name = "closer" };
    struct background reader;
    dure_scope scope;
    int fds[2], round, i;

    for (round = 0; round < 30; round++) {
        CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
        closing = (struct closing){ .fd = fds[0] };
        dure_scope_open(&scope);
        background_start(&reader, &scope, DURE_LOOP(round % 2), wait_read, &fds[0]);
        for (i = 0; i < 2; i++) {
            options.place = DURE_LOOP(i);
            CHECK_EQ(dure_spawn_with(&scope, &options, close_together, &at, sizeof at), 0);
        }
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(atomic_load(&closing.closed), 1);
        CHECK_EQ(reader.result, -1);
        CHECK_EQ(reader.error, EBADF);
        CHECK_EQ(dure_close(fds[1]), 0);
    }
}

/* A socket that lingers keeps its closer waiting, and nobody else. */
TEST(linger_holds_no_loop)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 60 };
    struct background closer;
    dure_scope scope;
    int fds[2];

    NOT_SIMULATED("no close waits there");
    CHECK(make_tcp_pair_small(fds, false));
    CHECK_EQ(dure_setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    fill(fds[0], fds[1]);
    dure_scope_open(&scope);
    background_start(&closer, &scope, DURE_THIS_LOOP, close_it, &fds[0]);
    CHECK(!atomic_load(&closer.done));
    drain(fds[1]);
    while (dure_read(fds[1], (char[65536]){ 0 }, 65536) > 0)
        ;
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(closer.result, 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results),
        cmocka_unit_test(wakes_all),
        cmocka_unit_test(number_again),
        cmocka_unit_test(twice_at_once),
        cmocka_unit_test(linger_holds_no_loop),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
