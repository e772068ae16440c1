/* What the io_uring backend knows of descriptor numbers: forgetting one that has
   duplicates, O_NONBLOCK, numbers used again; and a random walk over it all. */
#include <poll.h>

#include "base/descriptors.h"
#include "uring_probe.h"

/* A duplicate is another number: it keeps waiting, and gets the data. */
static void forget_spares_duplicates(void **state)
{
    struct backend *backend = open_plain();
    struct probe waiter, on_duplicate, forgotten;
    int pair[2];
    int duplicate;

    (void)state;
    socket_pair(pair);
    duplicate = fcntl(pair[0], F_DUPFD_CLOEXEC, 0);
    set_recv(&waiter, pair[0]);
    set_recv(&on_duplicate, duplicate);
    set_forget(&forgotten, pair[0]);
    submit(backend, &waiter);
    submit(backend, &on_duplicate);
    uring->collect(backend, 0);
    submit(backend, &forgotten);
    assert_int_equal(waiter.told, 0);
    finish(backend, &forgotten);
    assert_int_equal(waiter.told, 1);
    assert_int_equal(waiter.op.result, -EBADF);
    assert_true(waiter.order < forgotten.order);
    assert_int_equal(forgotten.op.result, 0);
    assert_int_equal(on_duplicate.told, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    finish(backend, &on_duplicate);
    assert_int_equal(on_duplicate.op.result, 1);
    set_forget(&forgotten, duplicate);
    assert_int_equal(uring->submit(backend, &forgotten.op), SUBMIT_DONE);
    close(duplicate);
    forget_pair(backend, pair);
    uring->destroy(backend);
}

/* After the forget nothing keeps the file alive: a close is seen by the peer at once. */
static void forget_lets_the_close_close(void **state)
{
    enum { COUNT = 100 };
    struct backend *backend = open_tiny();
    struct probe probes[COUNT], forgotten, late;
    int pair[2];
    char byte;
    int i;

    (void)state;
    socket_pair(pair);
    for (i = 0; i < COUNT; i++) {
        set_recv(&probes[i], pair[0]);
        submit(backend, &probes[i]);
    }
    uring->collect(backend, 0);
    assert_true(descriptors_loops(pair[0]) & descriptors_bit(0));
    ask_cancel(backend, &probes[7]);
    set_forget(&forgotten, pair[0]);
    submit(backend, &forgotten);
    ask_cancel(backend, &probes[8]);
    set_recv(&late, pair[0]);
    assert_int_equal(uring->submit(backend, &late.op), SUBMIT_DONE);
    assert_int_equal(late.op.result, -EBADF);
    finish(backend, &forgotten);
    for (i = 0; i < COUNT; i++) {
        assert_int_equal(probes[i].told, 1);
        assert_int_equal(probes[i].op.result, i == 7 || i == 8 ? -ECANCELED : -EBADF);
    }
    assert_false(descriptors_loops(pair[0]) & descriptors_bit(0));
    close(pair[0]);
    assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
    close(pair[1]);
    uring->destroy(backend);
}

/* Foreign code closed the number under a waiter and has it again: new waits are on the new file,
   the old waiter ends by its cancel. */
static void number_reused_after_plain_close(void **state)
{
    struct backend *backend = open_plain();
    struct probe old, fresh;
    int first[2], second[2];

    (void)state;
    socket_pair(first);
    socket_pair(second);
    set_recv(&old, first[0]);
    submit(backend, &old);
    uring->collect(backend, 0);
    assert_int_equal(dup3(second[0], first[0], O_CLOEXEC), first[0]);
    set_recv(&fresh, first[0]);
    submit(backend, &fresh);
    assert_int_equal(write(second[1], "n", 1), 1);
    finish(backend, &fresh);
    assert_int_equal(fresh.op.result, 1);
    assert_int_equal(fresh.buf[0], 'n');
    assert_int_equal(old.told, 0);
    ask_cancel(backend, &old);
    finish(backend, &old);
    assert_int_equal(old.op.result, -ECANCELED);
    forget_pair(backend, first);
    forget_pair(backend, second);
    uring->destroy(backend);
}

/* io_uring itself waits on O_NONBLOCK descriptors. */
static void nonblocking_descriptor_answers_at_once(void **state)
{
    struct backend *backend = open_plain();
    struct probe probe;
    int pair[2];

    (void)state;
    socket_pair(pair);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK), 0);
    set_recv(&probe, pair[0]);
    assert_int_equal(uring->submit(backend, &probe.op), SUBMIT_DONE);
    assert_int_equal(probe.op.result, -EAGAIN);
    /* Taken off by plain fcntl: it waits again. */
    assert_int_equal(fcntl(pair[0], F_SETFL, O_RDWR), 0);
    set_recv(&probe, pair[0]);
    submit(backend, &probe);
    assert_int_equal(write(pair[1], "x", 1), 1);
    finish(backend, &probe);
    assert_int_equal(probe.op.result, 1);
    /* Put on again: known as soon as the number is. */
    assert_int_equal(fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK), 0);
    uring->born(backend, pair[0]);
    set_recv(&probe, pair[0]);
    assert_int_equal(uring->submit(backend, &probe.op), SUBMIT_DONE);
    assert_int_equal(probe.op.result, -EAGAIN);
    forget_pair(backend, pair);
    uring->destroy(backend);
}

/* Foreign code sets O_NONBLOCK by a plain fcntl on a number that is known, before a wait or under
   it: noticed when the wait has grown long. */
static void plain_fcntl_is_noticed_in_time(void **state)
{
    enum { PAIRS = 100 };
    struct backend *backend = open_plain();
    struct probe probes[PAIRS];
    int pairs[PAIRS][2];
    int64_t start;
    int i;

    (void)state;
    for (i = 0; i < PAIRS; i++) {
        socket_pair(pairs[i]);
        set_recv(&probes[i], pairs[i][0]);
        submit(backend, &probes[i]);
        if (i % 2)
            assert_int_equal(fcntl(pairs[i][0], F_SETFL, O_RDWR | O_NONBLOCK), 0);
    }
    start = uring->now(backend);
    for (i = 1; i < PAIRS; i += 2) {
        finish(backend, &probes[i]);
        assert_int_equal(probes[i].op.result, -EAGAIN);
    }
    assert_in_range(uring->now(backend) - start, 0, 500 * MILLISECOND);
    /* When all are checked, an idle loop sleeps through. */
    for (i = 0; i < 20; i++)
        uring->collect(backend, 5 * MILLISECOND);
    start = uring->now(backend);
    uring->collect(backend, 50 * MILLISECOND);
    assert_true(uring->now(backend) - start >= 50 * MILLISECOND);
    for (i = 0; i < PAIRS; i += 2) {
        assert_int_equal(probes[i].told, 0);
        ask_cancel(backend, &probes[i]);
        finish(backend, &probes[i]);
        assert_int_equal(probes[i].op.result, -ECANCELED);
    }
    for (i = 0; i < PAIRS; i++)
        forget_pair(backend, pairs[i]);
    uring->destroy(backend);
}

/* --- a long random walk, with memory that is given back as soon as it may be --- */

enum { WALK_PAIRS = 8, WALK_OPS = 64, WALK_STEPS = 20000 };

struct walk {
    struct backend *backend;
    struct probe *probes[WALK_OPS];
    int pairs[WALK_PAIRS][2];
    size_t written, read; /* bytes by plain calls into the pairs, by operations out of them */
    unsigned seed;
};

static struct walk walk;

static unsigned walk_random(unsigned below)
{
    walk.seed = walk.seed * 1103515245u + 12345u;
    return (walk.seed >> 16) % below;
}

static void walk_done(struct op *op)
{
    struct probe *probe = container_of(op, struct probe, op);

    assert_ptr_equal(walk.probes[probe->order], probe);
    if (op->code == OP_RECV && op->result > 0)
        walk.read += (size_t)op->result;
    else if (op->code != OP_FORGET)
        assert_true(op->result == POLLIN || op->result == -ECANCELED || op->result == -EBADF);
    walk.probes[probe->order] = NULL;
    free(probe);
}

static bool walk_start(int slot, enum op_code code, int fd)
{
    struct probe *probe = malloc(sizeof *probe);

    assert_non_null(probe);
    set_recv(probe, fd);
    probe->op.done = walk_done;
    probe->op.code = (uint8_t)code;
    probe->order = slot;
    if (code == OP_POLL)
        probe->op.u.poll.events = POLLIN;
    walk.probes[slot] = probe;
    if (uring->submit(walk.backend, &probe->op) == SUBMIT_PENDING)
        return true;
    walk.probes[slot] = NULL;
    free(probe);
    return false;
}

/* As dure_close does: forget, wait for it, close; then the numbers serve again. */
static void walk_renew(int slot, int pair)
{
    char byte;

    if (walk_start(slot, OP_FORGET, walk.pairs[pair][0]))
        while (walk.probes[slot])
            uring->collect(walk.backend, MILLISECOND);
    while (recv(walk.pairs[pair][0], &byte, 1, MSG_DONTWAIT) == 1)
        walk.read++;
    close_pair(walk.pairs[pair]);
    socket_pair(walk.pairs[pair]);
    uring->born(walk.backend, walk.pairs[pair][0]);
}

static void walk_step(void)
{
    int slot = (int)walk_random(WALK_OPS), pair = (int)walk_random(WALK_PAIRS);
    struct probe *probe = walk.probes[slot];

    switch (walk_random(8)) {
    case 0:
    case 1:
    case 2:
        if (!probe)
            walk_start(slot, walk_random(4) ? OP_RECV : OP_POLL, walk.pairs[pair][0]);
        break;
    case 3:
    case 4:
        assert_int_equal(write(walk.pairs[pair][1], "x", 1), 1);
        walk.written++;
        break;
    case 5:
        if (probe)
            ask_cancel(walk.backend, probe);
        break;
    case 6:
        if (!probe && walk_random(8) == 0)
            walk_renew(slot, pair);
        break;
    default:
        if (walk_random(4) == 0)
            uring->wake(walk.backend);
        uring->collect(walk.backend, 0);
    }
}

static void random_walk_loses_nothing(void **state)
{
    const char *seed = getenv("DURE_TEST_SEED");
    int i;

    (void)state;
    walk.seed = seed ? (unsigned)strtoul(seed, NULL, 0) : (unsigned)getpid();
    printf("DURE_TEST_SEED=%u\n", walk.seed);
    walk.backend = open_tiny();
    for (i = 0; i < WALK_PAIRS; i++)
        socket_pair(walk.pairs[i]);
    for (i = 0; i < WALK_STEPS; i++)
        walk_step();
    for (i = 0; i < WALK_OPS; i++) {
        if (walk.probes[i])
            ask_cancel(walk.backend, walk.probes[i]);
        while (walk.probes[i])
            uring->collect(walk.backend, MILLISECOND);
    }
    for (i = 0; i < WALK_PAIRS; i++) {
        walk_renew(0, i);
        close_pair(walk.pairs[i]);
    }
    assert_int_equal(walk.read, walk.written);
    uring->destroy(walk.backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(forget_spares_duplicates, set_up),
        cmocka_unit_test_setup(forget_lets_the_close_close, set_up),
        cmocka_unit_test_setup(number_reused_after_plain_close, set_up),
        cmocka_unit_test_setup(nonblocking_descriptor_answers_at_once, set_up),
        cmocka_unit_test_setup(plain_fcntl_is_noticed_in_time, set_up),
        cmocka_unit_test_setup(random_walk_loses_nothing, set_up),
    };
    int before;

    if (!have_uring())
        return 77;
    before = count_descriptors();
    return status_of(cmocka_run_group_tests_name("uring numbers", tests, NULL, NULL), before);
}
