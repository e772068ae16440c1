/* What only the io_uring backend can get wrong: tiny queues, overflow, cancels
   that find no entry, refusal. What every backend must do is in
   test_backend.c. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "backend/uring.h"
#include "uring_probe.h"

static void recv_waits_for_data(void **state)
{
    struct backend *backend = open_plain();
    struct probe probe;
    int pair[2];

    (void)state;
    socket_pair(pair);
    set_recv(&probe, pair[0]);
    submit(backend, &probe);
    uring->collect(backend, 0);
    assert_int_equal(probe.told, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    finish(backend, &probe);
    assert_int_equal(probe.op.result, 1);
    assert_int_equal(probe.buf[0], 'x');
    forget_pair(backend, pair);
    uring->destroy(backend);
}

/* Answers of accept that no test can bring about on a ring, as the system's table of files being full:
   the entry is made into one that gives just this result (6.10). */
static void accept_tells_what_the_kernel_says(void **state)
{
    static const int errors[] = { ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO, EPERM };
    struct uring *u = container_of(open_plain(), struct uring, base);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct io_uring_sqe *sqe;
    struct probe probe;
    size_t i;

    (void)state;
    assert_int_equal(listen(listener, 1), 0);
    for (i = 0; i < sizeof errors / sizeof *errors; i++) {
        memset(&probe, 0, sizeof probe);
        probe.op.done = note;
        probe.op.code = OP_ACCEPT;
        probe.op.fd = listener;
        submit(&u->base, &probe);
        sqe = &u->ring.sq.sqes[(u->ring.sq.sqe_tail - 1) & (*u->ring.sq.kring_entries - 1)];
        assert_int_equal(sqe->opcode, IORING_OP_ACCEPT);
        sqe->opcode = IORING_OP_NOP;
        sqe->len = (unsigned)-errors[i];
        sqe->rw_flags = 1; /* IORING_NOP_INJECT_RESULT */
        sqe->addr = sqe->addr2 = 0;
        finish(&u->base, &probe);
        if (probe.op.result == -EINVAL || probe.op.result == 0) {
            printf("# skipped: this kernel makes no results on demand\n");
            break;
        }
        assert_int_equal(probe.op.result, -errors[i]);
        assert_int_equal(probe.told, 1);
    }
    memset(&probe, 0, sizeof probe);
    set_forget(&probe, listener);
    assert_int_equal(uring->submit(&u->base, &probe.op), SUBMIT_DONE);
    assert_int_equal(close(listener), 0);
    uring->destroy(&u->base);
}

/* 4 entries to submit with, 8 to complete with: thousands of receives on one socket, half of them
   served and half cancelled, in one turn. */
static void queue_of_four_loses_nothing(void **state)
{
    enum { COUNT = 4000 };
    struct backend *backend = open_tiny();
    struct probe *probes = calloc(COUNT, sizeof *probes);
    char data[COUNT / 2];
    int pair[2];
    int i, served = 0, cancelled = 0;

    (void)state;
    assert_non_null(probes);
    socket_pair(pair);
    for (i = 0; i < COUNT; i++) {
        set_recv(&probes[i], pair[0]);
        submit(backend, &probes[i]);
    }
    uring->collect(backend, 0);
    assert_int_equal(told_in_all, 0);
    memset(data, 'x', sizeof data);
    assert_int_equal(write(pair[1], data, sizeof data), sizeof data);
    for (i = 0; i < COUNT; i += 2)
        ask_cancel(backend, &probes[i]);
    finish_all(backend, probes, 0);
    for (i = 0; i < 1000 && told_in_all < COUNT; i++) {
        uring->collect(backend, 0);
        /* Those not cancelled wait for what the cancelled did not take. */
    }
    for (i = 0; i < COUNT; i++) {
        served += probes[i].told && probes[i].op.result == 1;
        cancelled += probes[i].told && probes[i].op.result == -ECANCELED;
    }
    assert_int_equal(served, COUNT / 2);
    for (i = 1; i < COUNT; i += 2)
        if (!probes[i].told)
            ask_cancel(backend, &probes[i]);
    finish_all(backend, probes, COUNT);
    cancelled = 0;
    for (i = 0; i < COUNT; i++)
        cancelled += probes[i].op.result == -ECANCELED;
    assert_int_equal(cancelled, COUNT / 2);
    forget_pair(backend, pair);
    uring->destroy(backend);
    free(probes);
}

/* More completions at once than the queue holds. */
static void completion_overflow_loses_nothing(void **state)
{
    enum { COUNT = 1000 };
    struct backend *backend = open_tiny();
    struct probe *probes = calloc(COUNT, sizeof *probes);
    int fd = eventfd(0, EFD_CLOEXEC);
    uint64_t one = 1;
    int i;

    (void)state;
    assert_non_null(probes);
    for (i = 0; i < COUNT; i++) {
        set_poll(&probes[i], fd, POLLIN);
        submit(backend, &probes[i]);
    }
    uring->collect(backend, 0);
    assert_int_equal(told_in_all, 0);
    assert_int_equal(write(fd, &one, sizeof one), sizeof one);
    finish_all(backend, probes, COUNT);
    for (i = 0; i < COUNT; i++)
        assert_int_equal(probes[i].op.result, POLLIN);
    close(fd);
    uring->destroy(backend);
    free(probes);
}

/* Wakes go through the same full queue and still end the sleep. */
static void wake_survives_overflow(void **state)
{
    enum { COUNT = 100 };
    struct backend *backend = open_tiny();
    struct probe probes[COUNT];
    int fd = eventfd(1, EFD_CLOEXEC);
    int round, i;

    (void)state;
    for (round = 0; round < 20; round++) {
        for (i = 0; i < COUNT; i++) {
            set_poll(&probes[i], fd, POLLIN);
            submit(backend, &probes[i]);
            uring->wake(backend);
        }
        finish_all(backend, probes, COUNT);
    }
    for (i = 0; i < 100; i++)
        uring->collect(backend, 0);
    uring->wake(backend);
    uring->collect(backend, -1);
    close(fd);
    uring->destroy(backend);
}

static void cancel_before_it_was_submitted(void **state)
{
    struct backend *backend = open_plain();
    struct probe probe;
    int pair[2];

    (void)state;
    socket_pair(pair);
    set_recv(&probe, pair[0]);
    submit(backend, &probe);
    ask_cancel(backend, &probe);
    ask_cancel(backend, &probe); /* twice does no harm */
    assert_int_equal(probe.told, 0);
    finish(backend, &probe);
    assert_int_equal(probe.op.result, -ECANCELED);
    forget_pair(backend, pair);
    uring->destroy(backend);
}

/* What had happened before the cancel is the result. */
static void cancel_after_it_happened(void **state)
{
    struct backend *backend = open_plain();
    struct probe probe;
    int pair[2];

    (void)state;
    socket_pair(pair);
    set_recv(&probe, pair[0]);
    submit(backend, &probe);
    uring->collect(backend, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    ask_cancel(backend, &probe);
    finish(backend, &probe);
    if (probe.op.result == -ECANCELED) /* then the byte is still there */
        assert_int_equal(recv(pair[0], probe.buf, 1, MSG_DONTWAIT), 1);
    else
        assert_int_equal(probe.op.result, 1);
    forget_pair(backend, pair);
    uring->destroy(backend);
}

static void cancelled_send_tells_what_moved(void **state)
{
    struct backend *backend = open_plain();
    size_t len = 8 << 20;
    char *data = calloc(1, len);
    struct probe probe;
    int pair[2];

    (void)state;
    assert_non_null(data);
    socket_pair(pair);
    set_send(&probe, pair[0], data, len);
    submit(backend, &probe);
    uring->collect(backend, 0);
    assert_int_equal(probe.told, 0);
    ask_cancel(backend, &probe);
    finish(backend, &probe);
    assert_true(probe.op.result > 0);
    assert_true(probe.op.result < (int64_t)len);
    set_send(&probe, pair[0], data, len);
    submit(backend, &probe);
    uring->collect(backend, 0);
    ask_cancel(backend, &probe);
    finish(backend, &probe);
    assert_int_equal(probe.op.result, -ECANCELED);
    forget_pair(backend, pair);
    uring->destroy(backend);
    free(data);
}

static int listen_full(struct sockaddr_in *addr, int fillers[], int count)
{
    socklen_t len = sizeof *addr;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int i;

    memset(addr, 0, sizeof *addr);
    addr->sin_family = AF_INET;
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)addr, sizeof *addr), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)addr, &len), 0);
    assert_int_equal(listen(listener, 0), 0);
    for (i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)addr, sizeof *addr);
    }
    return listener;
}

/* The attempt is aborted: the socket connects elsewhere afterwards. */
static void cancelled_connect_leaves_a_usable_socket(void **state)
{
    enum { FILLERS = 4 };
    struct backend *backend = open_plain();
    struct sockaddr_in full, open_addr;
    struct probe probe;
    int fillers[FILLERS], fd, i;
    int listener = listen_full(&full, fillers, FILLERS);
    int other = listen_full(&open_addr, fillers, 0);

    (void)state;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_poll(&probe, fd, 0);
    probe.op.code = OP_CONNECT;
    probe.op.u.connect.addr = (struct sockaddr *)&full;
    probe.op.u.connect.addr_len = sizeof full;
    submit(backend, &probe);
    uring->collect(backend, 0);
    assert_int_equal(probe.told, 0);
    ask_cancel(backend, &probe);
    finish(backend, &probe);
    assert_int_equal(probe.op.result, -ECANCELED);
    set_poll(&probe, fd, 0);
    probe.op.code = OP_CONNECT;
    probe.op.u.connect.addr = (struct sockaddr *)&open_addr;
    probe.op.u.connect.addr_len = sizeof open_addr;
    submit(backend, &probe);
    finish(backend, &probe);
    assert_int_equal(probe.op.result, 0);
    for (i = 0; i < FILLERS; i++)
        close(fillers[i]);
    forget_pair(backend, (int[2]){ fd, listener });
    close(other);
    uring->destroy(backend);
}

static void collect_sleeps_as_long_as_told(void **state)
{
    struct backend *backend = open_plain();
    int64_t start = uring->now(backend), slept;

    (void)state;
    uring->collect(backend, 20 * MILLISECOND);
    slept = uring->now(backend) - start;
    assert_in_range(slept, 20 * MILLISECOND, 500 * MILLISECOND);
    start = uring->now(backend);
    uring->collect(backend, 0);
    assert_in_range(uring->now(backend) - start, 0, 10 * MILLISECOND);
    uring->destroy(backend);
}

static void *wake_later(void *arg)
{
    usleep(20000);
    uring->wake(arg);
    return NULL;
}

static void wake_ends_a_sleep(void **state)
{
    struct backend *backend = open_plain();
    pthread_t thread;
    int64_t start;
    int i;

    (void)state;
    for (i = 0; i < 3; i++) {
        uring->wake(backend); /* the next one */
        uring->collect(backend, -1);
        start = uring->now(backend);
        assert_int_equal(pthread_create(&thread, NULL, wake_later, backend), 0);
        uring->collect(backend, -1); /* the present one */
        assert_true(uring->now(backend) - start >= 10 * MILLISECOND);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    uring->destroy(backend);
}

static int polls_readable(int fd, int timeout_ms)
{
    struct pollfd poll_entry = { .fd = fd, .events = POLLIN };

    return poll(&poll_entry, 1, timeout_ms);
}

static void send_again(struct op *op)
{
    struct probe *probe = container_of(op, struct probe, op);

    probe->told++;
    if (probe->told == 1) {
        probe->op.state = 0;
        assert_int_equal(uring->submit(*(struct backend **)probe->buf, op), SUBMIT_PENDING);
    }
}

/* Another loop can own the thread: the descriptor is readable when a turn has something to do,
   operations submitted by the last turn's callbacks included. */
static void ring_descriptor_polls(void **state)
{
    struct backend *backend = open_plain();
    struct probe probe;
    int pair[2];
    int fd = uring->poll_fd(backend);

    (void)state;
    socket_pair(pair);
    set_poll(&probe, pair[0], POLLIN);
    probe.op.done = send_again;
    memcpy(probe.buf, &backend, sizeof backend);
    submit(backend, &probe);
    uring->collect(backend, 0);
    assert_int_equal(polls_readable(fd, 0), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(polls_readable(fd, 1000), 1);
    assert_int_equal(read(pair[0], probe.buf + 32, 1), 1);
    uring->collect(backend, 0);
    if (!probe.told) { /* the byte was gone again */
        assert_int_equal(write(pair[1], "x", 1), 1);
        assert_int_equal(polls_readable(fd, 1000), 1);
        uring->collect(backend, 0);
        assert_int_equal(read(pair[0], probe.buf + 32, 1), 1);
    }
    assert_int_equal(probe.told, 1);
    while (polls_readable(fd, 0))
        uring->collect(backend, 0);
    if (probe.told == 1) {
        assert_int_equal(write(pair[1], "x", 1), 1);
        assert_int_equal(polls_readable(fd, 1000), 1);
        uring->collect(backend, 0);
    }
    assert_int_equal(probe.told, 2);
    uring->wake(backend);
    assert_int_equal(polls_readable(fd, 1000), 1);
    uring->collect(backend, 0);
    forget_pair(backend, pair);
    uring->destroy(backend);
}

/* The ring's own thread submits: entries are short all the time. */
static void kernel_thread_submits(void **state)
{
    enum { COUNT = 500 };
    struct backend_config config = { .queue_entries = 4, .sqpoll = true };
    struct probe probes[COUNT];
    struct backend *backend;
    int pair[2];
    int i;

    (void)state;
    if (uring->create(&config, &backend))
        skip();
    socket_pair(pair);
    for (i = 0; i < COUNT; i++) {
        set_recv(&probes[i], pair[0]);
        submit(backend, &probes[i]);
    }
    for (i = 0; i < COUNT; i += 2)
        ask_cancel(backend, &probes[i]);
    for (i = 0; i < COUNT; i += 2) {
        finish(backend, &probes[i]);
        assert_int_equal(probes[i].op.result, -ECANCELED);
    }
    for (i = 1; i < COUNT; i += 2) {
        assert_int_equal(probes[i].told, 0);
        assert_int_equal(write(pair[1], "x", 1), 1);
    }
    for (i = 1; i < COUNT; i += 2) {
        finish(backend, &probes[i]);
        assert_int_equal(probes[i].op.result, 1);
    }
    forget_pair(backend, pair);
    uring->destroy(backend);
}

/* In a child, as a container's filter does: the call answers EPERM. Returns what create says. */
static int create_with_refused(unsigned call)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = 4, .filter = filter };
    struct backend_config config = { 0 };
    struct backend *backend;
    int status, before;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
            _exit(255);
        before = count_descriptors();
        status = -uring->create(&config, &backend);
        _exit(count_descriptors() == before ? status : 254);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void refusal_is_answered_by_create(void **state)
{
    (void)state;
    assert_int_equal(create_with_refused(__NR_io_uring_setup), EPERM);
    assert_int_equal(create_with_refused(__NR_io_uring_enter), EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(recv_waits_for_data, set_up),
        cmocka_unit_test_setup(accept_tells_what_the_kernel_says, set_up),
        cmocka_unit_test_setup(queue_of_four_loses_nothing, set_up),
        cmocka_unit_test_setup(completion_overflow_loses_nothing, set_up),
        cmocka_unit_test_setup(wake_survives_overflow, set_up),
        cmocka_unit_test_setup(cancel_before_it_was_submitted, set_up),
        cmocka_unit_test_setup(cancel_after_it_happened, set_up),
        cmocka_unit_test_setup(cancelled_send_tells_what_moved, set_up),
        cmocka_unit_test_setup(cancelled_connect_leaves_a_usable_socket, set_up),
        cmocka_unit_test_setup(collect_sleeps_as_long_as_told, set_up),
        cmocka_unit_test_setup(wake_ends_a_sleep, set_up),
        cmocka_unit_test_setup(ring_descriptor_polls, set_up),
        cmocka_unit_test_setup(kernel_thread_submits, set_up),
        cmocka_unit_test_setup(refusal_is_answered_by_create, set_up),
    };
    int before;

    if (!have_uring())
        return 77;
    before = count_descriptors();
    return status_of(cmocka_run_group_tests_name("uring", tests, NULL, NULL), before);
}
