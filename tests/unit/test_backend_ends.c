/* How operations end before their time, and what must not confuse a backend: cancels, closes,
   numbers that are used again, limits. On every backend that is compiled in. */
#include "backend_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

static void cancel_before_anything_happened(void **state)
{
    struct probe probe;
    int pair[2];

    (void)state;
    make_pair(pair);
    start_recv(&probe, pair[0]);
    assert_waiting(&probe);
    cancel(&probe);
    cancel(&probe);
    assert_int_equal(finish(&probe), -ECANCELED);
    put(pair[1], "kept");
    start_recv(&probe, pair[0]);
    assert_got(&probe, "kept");
    cancel(&probe);
    turns(MS);
    assert_int_equal(probe.told, 1);
    close_all(pair, 2);
}

/* Whoever is faster: the data are in the result or still in the socket. */
static void cancel_races_with_data(void **state)
{
    struct probe probe;
    int pair[2];
    int64_t result;

    (void)state;
    make_pair(pair);
    for (int i = 0; i < 100; i++) {
        start_recv(&probe, pair[0]);
        if (i % 2)
            ops->collect(backend, 0);
        put(pair[1], "data");
        cancel(&probe);
        result = finish(&probe);
        if (result == -ECANCELED) {
            start_recv(&probe, pair[0]);
            result = finish(&probe);
        }
        assert_int_equal(result, 4);
    }
    close_all(pair, 2);
}

static void forget_ends_all_waiters(void **state)
{
    struct probe reader, next, poller, other;
    int pair[2];

    (void)state;
    make_pair(pair);
    start_recv(&reader, pair[0]);
    start_recv(&next, pair[0]);
    start_poll(&poller, pair[0], POLLPRI);
    start_recv(&other, pair[1]);
    assert_waiting(&reader);
    assert_true(descriptors_loops(pair[0]) & descriptors_bit(5));
    forget(pair[0]);
    assert_int_equal(finish(&reader), -EBADF);
    assert_int_equal(finish(&next), -EBADF);
    assert_int_equal(finish(&poller), -EBADF);
    assert_int_equal(descriptors_loops(pair[0]) & descriptors_bit(5), 0);
    assert_int_equal(other.told, 0);
    close_all(pair, 1);
    assert_int_equal(finish(&other), 0);
    close_all(pair + 1, 1);
}

/* Puts other sockets under the numbers of a pair, as foreign code does. */
static void replace(int pair[2])
{
    int fresh[2];

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fresh), errno);
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        assert_int_equal(fcntl(fresh[i], F_DUPFD_CLOEXEC, pair[i]), pair[i]);
        close(fresh[i]);
    }
}

static void new_waits_after_a_plain_close_are_right(void **state)
{
    struct probe probe;
    int pair[2];

    (void)state;
    make_pair(pair);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            start_recv(&probe, pair[0]);
            turns(MS);
            put(pair[1], "data");
            assert_got(&probe, "data");
        }
        replace(pair);
    }
    start_recv(&probe, pair[0]);
    turns(50 * MS); /* time to notice */
    assert_int_equal(probe.told, 0);
    put(pair[1], "right");
    assert_got(&probe, "right");
    close_all(pair, 2);
}

static void an_old_waiter_gets_nothing_of_the_new(void **state)
{
    bool told_born = *state != NULL;
    struct probe old, probe;
    int pair[2];

    make_pair(pair);
    start_recv(&old, pair[0]);
    assert_waiting(&old);
    replace(pair);
    if (told_born)
        ops->born(backend, pair[0]);
    start_recv(&probe, pair[0]);
    put(pair[1], "new");
    assert_got(&probe, "new");
    if (!old.told) /* the ring holds the old socket, whose peer has closed */
        cancel(&old);
    assert_in_range(-finish(&old), 0, ECANCELED);
    close_all(pair, 2);
}

static void an_old_waiter_gets_nothing_of_the_born(void **state)
{
    void *flag = &flag;

    (void)state;
    an_old_waiter_gets_nothing_of_the_new(&flag);
}

static void nonblocking_descriptors_answer_eagain(void **state)
{
    struct probe probe;
    int pair[2];

    (void)state;
    make_pair(pair);
    set_io(&probe, OP_RECV, pair[0], probe.buf, 10);
    probe.op.flags = OP_DONT_WAIT;
    probe.op.u.io.flags = MSG_DONTWAIT;
    assert_int_equal(run(&probe), -EAGAIN);
    start_recv(&probe, pair[0]);
    assert_waiting(&probe);
    put(pair[1], "x");
    assert_got(&probe, "x");
    assert_int_equal(descriptors_set_flags(pair[0], O_RDWR | O_NONBLOCK), 0);
    start_recv(&probe, pair[0]);
    assert_int_equal(finish(&probe), -EAGAIN);
    put(pair[1], "y");
    start_recv(&probe, pair[0]);
    assert_got(&probe, "y");
    start_poll(&probe, pair[0], POLLIN);
    assert_waiting(&probe);
    put(pair[1], "z");
    assert_int_equal(finish(&probe), POLLIN);
    assert_int_equal(descriptors_set_flags(pair[0], O_RDWR), 0);
    start_recv(&probe, pair[0]);
    assert_got(&probe, "z");
    start_recv(&probe, pair[0]);
    assert_waiting(&probe);
    cancel(&probe);
    finish(&probe);
    close_all(pair, 2);
}

/* By foreign code, which tells nobody: noticed when the wait grows long. */
static void a_plain_o_nonblock_is_noticed(void **state)
{
    struct probe probe;
    int pair[2];

    (void)state;
    make_pair(pair);
    for (int i = 0; i < 2; i++) {
        start_recv(&probe, pair[0]);
        turns(MS);
        put(pair[1], "data");
        assert_got(&probe, "data");
    }
    assert_return_code(fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK), errno);
    do {
        start_recv(&probe, pair[0]);
    } while (finish(&probe) == -ERESTART);
    assert_int_equal(probe.op.result, -EAGAIN);
    close_all(pair, 2);
}

static void a_duplicate_is_a_number_of_its_own(void **state)
{
    struct probe first, second;
    int pair[2], copy;

    (void)state;
    make_pair(pair);
    copy = fcntl(pair[0], F_DUPFD_CLOEXEC, 0);
    start_recv(&first, pair[0]);
    start_recv(&second, copy);
    assert_waiting(&first);
    close_all(pair, 1);
    assert_int_equal(finish(&first), -EBADF);
    assert_waiting(&second);
    put(pair[1], "still");
    assert_got(&second, "still");
    close_all(&copy, 1);
    close_all(pair + 1, 1);
}

/* Which one is the kernel's choice; the readiness backends serve the first. */
static void a_byte_serves_one_of_several_waiters(void **state)
{
    bool in_order = strcmp(ops->name, "io_uring") != 0;
    struct probe probes[3];
    int pair[2], told;

    (void)state;
    make_pair(pair);
    for (int i = 0; i < 3; i++) {
        set_io(&probes[i], OP_RECV, pair[0], probes[i].buf, 1);
        start(&probes[i]);
    }
    for (int i = 0; i < 3; i++) {
        put(pair[1], "x");
        turns(5 * MS);
        told = 0;
        for (int j = 0; j < 3; j++)
            told += probes[j].told;
        assert_int_equal(told, i + 1);
        if (in_order)
            assert_got(&probes[i], "x");
    }
    close_all(pair, 2);
}

static void reader_and_writer_wait_on_one_socket(void **state)
{
    static char big[8 << 20];
    struct probe reader, writer;
    int pair[2];
    int64_t sent = 0, got = 0;

    (void)state;
    make_pair(pair);
    start_recv(&reader, pair[0]);
    do {
        set_io(&writer, OP_SEND, pair[0], big, sizeof big);
        start(&writer);
        turns(10 * MS); /* the peer's buffer grows by itself for a while */
        sent += writer.told ? writer.op.result : 0;
    } while (writer.told);
    put(pair[1], "through");
    assert_got(&reader, "through");
    while (!writer.told) {
        got += recv(pair[1], big, sizeof big, 0);
        turns(MS);
    }
    assert_true(writer.op.result > 0);
    sent += writer.op.result;
    while (got < sent)
        got += recv(pair[1], big, sizeof big, 0);
    assert_int_equal(got, sent);
    close_all(pair, 2);
}

static void replace_backend(const struct backend_config *config)
{
    ops->destroy(backend);
    assert_int_equal(ops->create(config, &backend), 0);
}

static void transfers_can_be_limited(void **state)
{
    struct probe probe;
    int pair[2];

    (void)state;
    replace_backend(&(struct backend_config){ .transfer_max = 1 });
    make_pair(pair);
    set_io(&probe, OP_SEND, pair[1], (char *)"ab", 2);
    assert_int_equal(run(&probe), 1);
    assert_int_equal(run(&probe), 1);
    start_recv(&probe, pair[0]);
    assert_int_equal(finish(&probe), 1);
    start_recv(&probe, pair[0]);
    assert_int_equal(finish(&probe), 1);
    start_recv(&probe, pair[0]);
    assert_waiting(&probe);
    put(pair[1], "c");
    assert_int_equal(finish(&probe), 1);
    close_all(pair, 2);
}

#define MANY 300

static void a_thousand_operations_in_a_queue_of_four(void **state)
{
    static struct probe readers[2 * MANY], pollers[2 * MANY];
    static int pairs[MANY][2];

    (void)state;
    replace_backend(&(struct backend_config){ .queue_entries = 4 });
    for (int i = 0; i < 2 * MANY; i++) {
        if (i % 2 == 0)
            assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i / 2]),
                               errno);
        start_recv(&readers[i], pairs[i / 2][i % 2]);
        start_poll(&pollers[i], pairs[i / 2][i % 2], POLLRDHUP);
    }
    turns(MS);
    for (int i = 0; i < 2 * MANY; i++)
        put(pairs[i / 2][!(i % 2)], "data");
    for (int i = 0; i < 2 * MANY; i++)
        assert_got(&readers[i], "data");
    for (int i = 0; i < 2 * MANY; i++)
        cancel(&pollers[i]);
    for (int i = 0; i < 2 * MANY; i++)
        assert_int_equal(finish(&pollers[i]), -ECANCELED);
    for (int i = 0; i < MANY; i++)
        close_all(pairs[i], 2);
}

static void numbers_beyond_1024(void **state)
{
    struct probe probe;
    int pair[2], high;

    (void)state;
    make_pair(pair);
    high = fcntl(pair[0], F_DUPFD_CLOEXEC, 1500);
    assert_return_code(high, errno);
    start_recv(&probe, high);
    if (strcmp(ops->name, "select") == 0) {
        assert_int_equal(finish(&probe), -EINVAL);
        put(pair[1], "x");
        start_recv(&probe, high);
    } else {
        assert_waiting(&probe);
        put(pair[1], "x");
    }
    assert_got(&probe, "x");
    close_all(&high, 1);
    close_all(pair, 2);
}

static void *wake_soon(void *arg)
{
    (void)arg;
    usleep(20000);
    ops->wake(backend);
    return NULL;
}

static void wake_ends_a_sleep(void **state)
{
    pthread_t thread;
    int64_t before_ns = ops->now(backend);

    (void)state;
    ops->collect(backend, 0);
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, NULL), 0);
    while (ops->now(backend) - before_ns < 15 * MS)
        ops->collect(backend, -1);
    pthread_join(thread, NULL);
    ops->wake(backend);
    ops->collect(backend, -1);
    assert_in_range(ops->now(backend) - before_ns, 15 * MS, 2000 * MS);
}

static void sleep_ends_in_time(void **state)
{
    int64_t before_ns = ops->now(backend);

    (void)state;
    turns(20 * MS + 300000);
    assert_in_range(ops->now(backend) - before_ns, 20 * MS, 100 * MS);
}

static void bad_descriptors_are_results(void **state)
{
    struct probe probe;

    (void)state;
    start_recv(&probe, -1);
    assert_int_equal(finish(&probe), -EBADF);
    start_recv(&probe, 900);
    assert_int_equal(finish(&probe), -EBADF);
}

static void the_descriptor_shows_that_there_is_something_to_do(void **state)
{
    struct pollfd pollfd = { .fd = ops->poll_fd(backend), .events = POLLIN };
    struct probe probe;
    int pair[2];

    (void)state;
    if (pollfd.fd == -ENOTSUP)
        skip();
    make_pair(pair);
    turns(MS);
    start_recv(&probe, pair[0]);
    while (poll(&pollfd, 1, 5) > 0)
        ops->collect(backend, 0);
    put(pair[1], "x");
    assert_int_equal(poll(&pollfd, 1, 2000), 1);
    assert_got(&probe, "x");
    start_recv(&probe, pair[0]);
    while (poll(&pollfd, 1, 5) > 0)
        ops->collect(backend, 0);
    cancel(&probe);
    assert_int_equal(poll(&pollfd, 1, 2000), 1);
    assert_int_equal(finish(&probe), -ECANCELED);
    close_all(pair, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(cancel_before_anything_happened),
        TEST(cancel_races_with_data),
        TEST(forget_ends_all_waiters),
        TEST(new_waits_after_a_plain_close_are_right),
        TEST(an_old_waiter_gets_nothing_of_the_new),
        TEST(an_old_waiter_gets_nothing_of_the_born),
        TEST(nonblocking_descriptors_answer_eagain),
        TEST(a_plain_o_nonblock_is_noticed),
        TEST(a_duplicate_is_a_number_of_its_own),
        TEST(a_byte_serves_one_of_several_waiters),
        TEST(reader_and_writer_wait_on_one_socket),
        TEST(transfers_can_be_limited),
        TEST(a_thousand_operations_in_a_queue_of_four),
        TEST(numbers_beyond_1024),
        TEST(wake_ends_a_sleep),
        TEST(sleep_ends_in_time),
        TEST(bad_descriptors_are_results),
        TEST(the_descriptor_shows_that_there_is_something_to_do),
    };

    return run_over_backends(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
