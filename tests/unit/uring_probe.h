/* Raw operations on the raw io_uring backend, for its own tests. */
#ifndef DURE_TESTS_UNIT_URING_PROBE_H
#define DURE_TESTS_UNIT_URING_PROBE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/backend.h"

#define MILLISECOND 1000000

/* An operation that counts how often it was told. */
struct probe {
    struct op op;
    int told;
    int order;
    char buf[64];
};

static const struct backend_ops *uring;
static int told_in_all;

static inline void note(struct op *op)
{
    struct probe *probe = container_of(op, struct probe, op);

    probe->told++;
    probe->order = ++told_in_all;
}

static inline struct backend *open_backend(const struct backend_config *config)
{
    struct backend *backend;

    assert_int_equal(uring->create(config, &backend), 0);
    return backend;
}

static inline struct backend *open_plain(void)
{
    return open_backend(&(struct backend_config){ 0 });
}

static inline struct backend *open_tiny(void)
{
    return open_backend(&(struct backend_config){ .queue_entries = 4 });
}

static inline void set_recv(struct probe *probe, int fd)
{
    memset(probe, 0, sizeof *probe);
    probe->op.done = note;
    probe->op.code = OP_RECV;
    probe->op.fd = fd;
    probe->op.u.io.buf = probe->buf;
    probe->op.u.io.len = 1;
}

static inline void set_poll(struct probe *probe, int fd, unsigned events)
{
    memset(probe, 0, sizeof *probe);
    probe->op.done = note;
    probe->op.code = OP_POLL;
    probe->op.fd = fd;
    probe->op.u.poll.events = events;
}

static inline void set_send(struct probe *probe, int fd, const void *data, size_t len)
{
    set_recv(probe, fd);
    probe->op.code = OP_SEND;
    probe->op.u.io.buf = (void *)(uintptr_t)data;
    probe->op.u.io.len = len;
    probe->op.u.io.flags = MSG_NOSIGNAL;
}

static inline void set_forget(struct probe *probe, int fd)
{
    memset(probe, 0, sizeof *probe);
    probe->op.done = note;
    probe->op.code = OP_FORGET;
    probe->op.fd = fd;
}

static inline void submit(struct backend *backend, struct probe *probe)
{
    assert_int_equal(uring->submit(backend, &probe->op), SUBMIT_PENDING);
}

static inline void ask_cancel(struct backend *backend, struct probe *probe)
{
    probe->op.flags |= OP_CANCEL_ASKED;
    uring->cancel(backend, &probe->op);
}

/* Collects until the probe was told; a second without an end fails the test. */
static inline void finish(struct backend *backend, struct probe *probe)
{
    int64_t end = uring->now(backend) + 1000 * MILLISECOND;

    while (!probe->told && uring->now(backend) < end)
        uring->collect(backend, 10 * MILLISECOND);
    assert_int_equal(probe->told, 1);
}

static inline void finish_all(struct backend *backend, struct probe *probes, int count)
{
    int i;

    for (i = 0; i < count; i++)
        finish(backend, &probes[i]);
}

static inline void socket_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static inline void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* Closing a number by plain close(2), as foreign code does, leaves knowledge behind; tests that
   follow would inherit the mark. */
static inline void forget_pair(struct backend *backend, const int pair[2])
{
    struct probe probe;
    int i;

    for (i = 0; i < 2; i++) {
        set_forget(&probe, pair[i]);
        if (uring->submit(backend, &probe.op) == SUBMIT_PENDING)
            finish(backend, &probe);
    }
    close_pair(pair);
}

static inline int count_descriptors(void)
{
    int fd, count = 0;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static inline int set_up(void **state)
{
    (void)state;
    told_in_all = 0;
    return 0;
}

static inline bool have_uring(void)
{
    struct backend_config config = { 0 };
    struct backend *backend;
    size_t i;

    for (i = 0; backends[i] && strcmp(backends[i]->name, "io_uring") != 0; i++)
        ;
    uring = backends[i];
    if (uring && uring->create(&config, &backend) == 0) {
        uring->destroy(backend);
        return true;
    }
    printf("io_uring is not to be had here\n");
    return false;
}

/* The exit status of a test program. */
static inline int status_of(int failed, int descriptors_before)
{
    int after = count_descriptors();

    if (after == descriptors_before)
        return failed;
    fprintf(stderr, "descriptors: %d before, %d after\n", descriptors_before, after);
    return 1;
}

#endif
