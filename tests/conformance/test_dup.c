/* dup2 and dup3: what they answer, and what becomes of those who wait on the number. */
#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>

static int64_t read_one(void *arg)
{
    char byte = 0;
    ssize_t n = dure_read(*(int *)arg, &byte, 1);

    return n == 1 ? byte : n;
}

static int64_t accept_one(void *arg)
{
    return dure_accept(*(int *)arg, NULL, NULL);
}

static void close_both(const int fds[2])
{
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

static void check_answers(void)
{
    struct pollfd writer = { .events = POLLOUT };
    int a[2], b[2], free_one;

    CHECK_EQ(dure_pipe2(a, O_CLOEXEC), 0);
    CHECK_EQ(dure_pipe2(b, O_CLOEXEC), 0);
    writer.fd = b[1];
    CHECK_EQ(dure_write(a[1], "ab", 2), 2);
    CHECK_EQ(dure_write(b[1], "x", 1), 1);
    CHECK_EQ(dure_dup2(a[0], b[0]), b[0]);
    CHECK_EQ(dure_fcntl(b[0], F_GETFD), 0);
    CHECK_EQ(read_one(&b[0]), 'a');
    CHECK_EQ(dure_dup3(a[0], b[0], O_CLOEXEC), b[0]);
    CHECK_EQ(dure_fcntl(b[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(read_one(&b[0]), 'b');
    CHECK_EQ(dure_poll(&writer, 1, 0), 1);
    CHECK(writer.revents & POLLERR); /* nobody reads there any more */
    /* A number that stands for nothing. */
    free_one = dure_dup(a[1]);
    CHECK_EQ(dure_close(free_one), 0);
    CHECK_EQ(dure_dup2(a[1], free_one), free_one);
    CHECK_EQ(dure_write(free_one, "c", 1), 1);
    CHECK_EQ(read_one(&a[0]), 'c');
    CHECK_EQ(dure_close(free_one), 0);
    /* The same number twice. */
    CHECK_EQ(dure_dup2(a[0], a[0]), a[0]);
    CHECK_EQ(dure_fcntl(a[0], F_GETFD), FD_CLOEXEC);
    CHECK_FAILS(dure_dup3(a[0], a[0], 0), EINVAL);
    CHECK_FAILS(dure_dup2(free_one, free_one), EBADF);
    close_both(a);
    close_both(b);
}

TEST(dup2_answers_as_the_plain_call)
{
    check_answers();
}

TEST_OUTSIDE(dup2_on_a_thread)
{
    dure_scope scope;

    check_answers();
    dure_scope_open(&scope);
    check_answers();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* What fails leaves the number, and who waits on it, alone. */
TEST(dup2_that_fails_changes_nothing)
{
    struct background b;
    dure_scope scope;
    int a[2];

    CHECK_EQ(dure_pipe2(a, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, read_one, &a[0]);
    CHECK_FAILS(dure_dup2(-1, a[0]), EBADF);
    CHECK_FAILS(dure_dup2(900, a[0]), EBADF);
    CHECK_FAILS(dure_dup3(a[1], a[0], O_APPEND), EINVAL);
    CHECK_FAILS(dure_dup2(a[0], -1), EBADF);
    CHECK_FAILS(dure_dup2(a[0], 1 << 30), EBADF);
    one_turn();
    CHECK(!atomic_load(&b.done));
    CHECK_EQ(dure_write(a[1], "w", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(b.result, 'w');
    close_both(a);
}

/* --- over a number that others wait on --- */

static void make_waited(int fds[2], int kind)
{
    struct sockaddr_storage addr;
    socklen_t len;

    switch (kind) {
    case 0:
        CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
        break;
    case 1:
        make_tcp_pair(fds);
        break;
    case 2:
        make_tcp_pair_plain(fds);
        break;
    default:
        fds[0] = make_listener(AF_INET, kind == 4, &addr, &len);
        fds[1] = dure_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
}
#define WAITED 5

/* They hear EBADF, as of a close; the next ones wait on the new description, and nothing of the old one
   reaches them. */
static void check_waiters(int kind, int place, int next_place)
{
    struct background b, next;
    int fds[2], new[2];
    dure_scope scope;

    make_waited(fds, kind);
    CHECK_EQ(dure_pipe2(new, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, place, kind < 3 ? read_one : accept_one, &fds[0]);
    CHECK_EQ(dure_dup2(new[0], fds[0]), fds[0]);
    YIELD_UNTIL(atomic_load(&b.done));
    CHECK_EQ(b.result, -1);
    CHECK_EQ(b.error, EBADF);
    background_start(&next, &scope, next_place, read_one, &fds[0]);
    CHECK(!atomic_load(&next.done));
    if (kind == 0)
        CHECK_FAILS(dure_write(fds[1], "o", 1), EPIPE); /* no wait keeps the old one open */
    else if (kind < 3)
        CHECK_EQ(read_one(&fds[1]), 0);
    CHECK_EQ(dure_write(new[1], "n", 1), 1);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(next.result, 'n');
    close_both(fds);
    close_both(new);
}

TEST(dup2_ends_the_waits_on_what_was_there)
{
    int kind, place;

    for (kind = 0; kind < WAITED; kind++)
        for (place = 0; place < 4; place++)
            check_waiters(kind, DURE_LOOP(place / 2), DURE_LOOP(place % 2));
}

/* Never cancelled: in a scope that has ended too. */
TEST(dup2_is_always_effective)
{
    struct background b;
    dure_scope scope, waits;
    int fds[2], new[2];

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_pipe2(new, O_CLOEXEC), 0);
    dure_scope_open(&waits);
    background_start(&b, &waits, DURE_LOOP(1), read_one, &fds[0]);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_dup2(new[0], fds[0]), fds[0]);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_scope_close(&waits), 0);
    CHECK_EQ(b.error, EBADF);
    close_both(fds);
    close_both(new);
}

struct pair {
    int from, to;
};

static void *dup2_it(void *arg)
{
    const struct pair *pair = arg;

    CHECK_EQ(dure_dup2(pair->from, pair->to), pair->to);
    return NULL;
}

TEST(dup2_by_a_thread_ends_waits)
{
    struct background b;
    dure_scope scope;
    pthread_t thread;
    int fds[2], new[2], i;

    NOT_SIMULATED("plain threads do not know its descriptors");
    for (i = 0; i < 2; i++) {
        CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
        CHECK_EQ(dure_pipe2(new, O_CLOEXEC), 0);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i), read_one, &fds[0]);
        CHECK_EQ(pthread_create(&thread, NULL, dup2_it, &(struct pair){ new[0], fds[0] }), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        pthread_join(thread, NULL);
        CHECK_EQ(b.result, -1);
        CHECK_EQ(b.error, EBADF);
        close_both(fds);
        close_both(new);
    }
}

/* Two at once over one number: each is done, or is told EBUSY; the number stands for one of the two. */
static int64_t dup2_many(void *arg)
{
    const struct pair *pair = arg;
    int64_t n = 0, i;
    int to;

    for (i = 0; i < 200; i++) {
        to = dure_dup2(pair->from, pair->to);
        CHECK(to == pair->to || errno == EBUSY);
        n += to == pair->to;
        dure_yield();
    }
    return n;
}

TEST(two_dup2_at_once)
{
    struct background b;
    int fds[2], a[2], c[2];
    dure_scope scope;
    int64_t done;
    ssize_t n;
    char byte;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_pipe2(a, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK_EQ(dure_pipe2(c, O_CLOEXEC | O_NONBLOCK), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), dup2_many, &(struct pair){ c[0], fds[0] });
    done = dup2_many(&(struct pair){ a[0], fds[0] });
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(done > 0 && b.result > 0);
    CHECK_EQ(dure_write(a[1], "a", 1), 1);
    CHECK_EQ(dure_write(c[1], "c", 1), 1);
    n = dure_read(fds[0], &byte, 1);
    CHECK_EQ(n, 1);
    CHECK(byte == 'a' || byte == 'c');
    close_both(fds);
    close_both(a);
    close_both(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dup2_answers_as_the_plain_call),
        cmocka_unit_test(dup2_on_a_thread),
        cmocka_unit_test(dup2_that_fails_changes_nothing),
        cmocka_unit_test(dup2_ends_the_waits_on_what_was_there),
        cmocka_unit_test(dup2_is_always_effective),
        cmocka_unit_test(dup2_by_a_thread_ends_waits),
        cmocka_unit_test(two_dup2_at_once),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
