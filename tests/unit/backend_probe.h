/* Raw operations on a raw backend, for tests: no tasks, no loop. */
#ifndef DURE_TESTS_UNIT_BACKEND_PROBE_H
#define DURE_TESTS_UNIT_BACKEND_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/attempt.h"
#include "backend/backend.h"
#include "base/descriptors.h"

#define MS INT64_C(1000000)

/* The backend under test; one that limits transfers or queues is made by the test itself. */
static const struct backend_ops *ops;
static struct backend *backend;
static bool inside_backend; /* in submit or cancel, where nothing may be told */

struct probe {
    struct op op;
    int told;
    bool offloaded;
    char buf[64];
};

static void probe_done(struct op *op)
{
    struct probe *probe = container_of(op, struct probe, op);

    assert_false(inside_backend);
    probe->told++;
}

/* Starts an operation; what wants a thread gets this one. */
static void start(struct probe *probe)
{
    enum submitted submitted;

    probe->op.done = probe_done;
    do {
        probe->told = 0;
        probe->op.since_ns = ops->now(backend);
        inside_backend = true;
        submitted = ops->submit(backend, &probe->op);
        inside_backend = false;
        if (submitted == SUBMIT_OFFLOAD) {
            probe->offloaded = true;
            probe->op.result = perform(&probe->op);
        }
    } while (submitted == SUBMIT_OFFLOAD && probe->op.result == -ERESTART);
    probe->told = submitted != SUBMIT_PENDING;
}

static void cancel(struct probe *probe)
{
    probe->op.flags |= OP_CANCEL_ASKED;
    inside_backend = true;
    ops->cancel(backend, &probe->op);
    inside_backend = false;
}

/* Turns until it is told, five seconds at the most. */
static int64_t finish(struct probe *probe)
{
    int64_t until_ns = ops->now(backend) + 5000 * MS;

    while (!probe->told && ops->now(backend) < until_ns)
        ops->collect(backend, 100 * MS);
    assert_int_equal(probe->told, 1);
    return probe->op.result;
}

static void turns(int64_t ns)
{
    int64_t until_ns = ops->now(backend) + ns, left_ns;

    while ((left_ns = until_ns - ops->now(backend)) > 0)
        ops->collect(backend, left_ns);
}

static void assert_waiting(const struct probe *probe)
{
    turns(3 * MS);
    assert_int_equal(probe->told, 0);
}

static int64_t run(struct probe *probe)
{
    start(probe);
    return finish(probe);
}

static void set(struct probe *probe, enum op_code code, int fd)
{
    memset(probe, 0, sizeof *probe);
    probe->op.code = (uint8_t)code;
    probe->op.fd = fd;
}

static void set_io(struct probe *probe, enum op_code code, int fd, void *buf, size_t len)
{
    set(probe, code, fd);
    probe->op.u.io.buf = buf;
    probe->op.u.io.len = len;
    if (code == OP_READ || code == OP_WRITE)
        probe->op.u.io.offset = -1;
    if (code == OP_SEND)
        probe->op.u.io.flags = MSG_NOSIGNAL;
}

/* Starts to receive into the probe's own buffer. */
static void start_recv(struct probe *probe, int fd)
{
    set_io(probe, OP_RECV, fd, probe->buf, sizeof probe->buf);
    start(probe);
}

static void start_poll(struct probe *probe, int fd, unsigned events)
{
    set(probe, OP_POLL, fd);
    probe->op.u.poll.events = events;
    start(probe);
}

static void forget(int fd)
{
    struct probe probe;

    set(&probe, OP_FORGET, fd);
    assert_int_equal(run(&probe), 0);
}

/* Closes as dure_close does. */
static void close_all(const int *fds, int count)
{
    struct probe probe;

    for (int i = 0; i < count; i++) {
        forget(fds[i]);
        set(&probe, OP_CLOSE, fds[i]);
        assert_int_equal(run(&probe), 0);
        descriptors_set_ours(fds[i], false);
    }
}

static int make_listener(struct sockaddr_in *addr)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *addr =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_return_code(fd, errno);
    assert_return_code(bind(fd, (struct sockaddr *)addr, sizeof *addr), errno);
    assert_return_code(listen(fd, 100), errno);
    assert_return_code(getsockname(fd, (struct sockaddr *)addr, &len), errno);
    descriptors_set_ours(fd, true);
    ops->born(backend, fd);
    return fd;
}

/* Two connected TCP sockets, both blocking. */
static void make_pair(int pair[2])
{
    struct sockaddr_in addr;
    int listener = make_listener(&addr);

    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(pair[0], errno);
    assert_return_code(connect(pair[0], (struct sockaddr *)&addr, sizeof addr), errno);
    pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_return_code(pair[1], errno);
    close_all(&listener, 1);
    ops->born(backend, pair[0]);
    ops->born(backend, pair[1]);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void assert_got(struct probe *probe, const char *text)
{
    assert_int_equal(finish(probe), strlen(text));
    assert_memory_equal(probe->buf, text, strlen(text));
}

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* --- running --- */

static int descriptors_before;

static int set_up(void **state)
{
    *state = NULL;
    descriptors_before = count_descriptors();
    return ops->create(&(struct backend_config){ .loop = 5 }, &backend);
}

static int tear_down(void **state)
{
    int after;

    (void)state;
    ops->destroy(backend);
    after = count_descriptors();
    if (after != descriptors_before)
        print_error("%s: %d descriptors before, %d after\n", ops->name, descriptors_before, after);
    return after != descriptors_before;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Runs the tests over every backend, or over the one that the command line names. One that the
   kernel refuses is skipped aloud. */
static int run_over_backends(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    struct rlimit limit;
    int failed = 0, error;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 4096 && limit.rlim_max >= 4096)
        limit.rlim_cur = 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; backends[i]; i++) {
        if (backends[i]->world->simulated)
            continue; /* these tests make their descriptors by plain calls */
        ops = backends[i];
        if (argc > 1 && strcmp(argv[1], ops->name) != 0)
            continue;
        error = ops->create(&(struct backend_config){ 0 }, &backend);
        if (error) {
            printf("%s: skipped: %s\n", ops->name, strerror(-error));
            continue;
        }
        ops->destroy(backend);
        failed += _cmocka_run_group_tests(ops->name, tests, count, NULL, NULL);
    }
    return failed != 0;
}

#endif
