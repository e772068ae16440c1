/* Calls that wait, as a table: what opens the descriptor, the call, what makes it go on. One set of
   checks holds for all of them. */
#ifndef WAITING_H
#define WAITING_H

#include "conformance.h"
#include "plain.h"

#include <stdatomic.h>
#include <sys/socket.h>

struct waiting {
    int fd;      /* it waits on this one */
    int other;   /* makes it go on; or -1 */
    int more[3]; /* whatever else is to be closed; -1: none */
    struct sockaddr_storage addr;
    socklen_t addr_len;
    char path[64];
};

struct waiting_kind {
    const char *name;
    bool (*make)(struct waiting *w);
    int64_t (*call)(struct waiting *w);
    void (*release)(struct waiting *w); /* exactly one call goes on */
    int64_t result;                     /* what it then returns; -1: any that is not an error */
    int nonblock_error; /* what it fails with instead of waiting with O_NONBLOCK; 0: not for it */
    unsigned flags;
    void (*starve)(struct waiting *w); /* after a result, has the next call wait again; or NULL */
};
#define WAITING_ONCE 0x1u    /* after one result the descriptor is of no further use (connect) */
#define WAITING_NOT_FD 0x2u  /* close says nothing about it */
#define WAITING_POLL 0x4u    /* a close is an event: POLLNVAL */
#define WAITING_ALONE 0x8u   /* two at once make no sense */
#define WAITING_OBJECT 0x20u /* not for a descriptor at all: a lock, a channel */
#define WAITING_PARTS 0x80u  /* a cancel may come when a part of the result is there */
#define WAITING_REAL 0x40u   /* what it waits on is not simulated */
#define WAITING_ANON 0x10u   /* poll and select cannot tell one such description from another */

/* All of that for each kind of an array, each a test body's worth. */
void waiting_goes_on(const struct waiting_kind *kinds, size_t len);
void waiting_from_another_loop(const struct waiting_kind *kinds, size_t len);
void waiting_canceled_before(const struct waiting_kind *kinds, size_t len);
void waiting_canceled_during(const struct waiting_kind *kinds, size_t len);
void waiting_canceled_after(const struct waiting_kind *kinds, size_t len);
void waiting_deadline(const struct waiting_kind *kinds, size_t len);
void waiting_closed_here(const struct waiting_kind *kinds, size_t len);
void waiting_closed_elsewhere(const struct waiting_kind *kinds, size_t len);
void waiting_closed_by_thread(const struct waiting_kind *kinds, size_t len);
void waiting_number_reused(const struct waiting_kind *kinds, size_t len);
void waiting_nonblock(const struct waiting_kind *kinds, size_t len);
void waiting_two_tasks(const struct waiting_kind *kinds, size_t len);
void waiting_dup(const struct waiting_kind *kinds, size_t len);
void waiting_keeps_errno(const struct waiting_kind *kinds, size_t len);
/* On plain threads, outside of any run: the plain call; with a scope, its deadline. */
void waiting_outside(const struct waiting_kind *kinds, size_t len);

/* Whether preadv2 and pwritev2 take flags here: qemu-user 7.2 does not know the calls. Says so if not. */
bool waiting_flags_are_known(void);

/* The whole set as cmocka tests over `kinds`, an array in scope. */
#define WAITING_TESTS                                                   \
    TEST(goes_on)                                                       \
    {                                                                   \
        waiting_goes_on(kinds, sizeof kinds / sizeof *kinds);           \
    }                                                                   \
    TEST(from_another_loop)                                             \
    {                                                                   \
        waiting_from_another_loop(kinds, sizeof kinds / sizeof *kinds); \
    }                                                                   \
    TEST(canceled_before)                                               \
    {                                                                   \
        waiting_canceled_before(kinds, sizeof kinds / sizeof *kinds);   \
    }                                                                   \
    TEST(canceled_during)                                               \
    {                                                                   \
        waiting_canceled_during(kinds, sizeof kinds / sizeof *kinds);   \
    }                                                                   \
    TEST(canceled_after)                                                \
    {                                                                   \
        waiting_canceled_after(kinds, sizeof kinds / sizeof *kinds);    \
    }                                                                   \
    TEST(deadline)                                                      \
    {                                                                   \
        waiting_deadline(kinds, sizeof kinds / sizeof *kinds);          \
    }                                                                   \
    TEST(closed_here)                                                   \
    {                                                                   \
        waiting_closed_here(kinds, sizeof kinds / sizeof *kinds);       \
    }                                                                   \
    TEST(closed_elsewhere)                                              \
    {                                                                   \
        waiting_closed_elsewhere(kinds, sizeof kinds / sizeof *kinds);  \
    }                                                                   \
    TEST(closed_by_thread)                                              \
    {                                                                   \
        waiting_closed_by_thread(kinds, sizeof kinds / sizeof *kinds);  \
    }                                                                   \
    TEST(number_reused)                                                 \
    {                                                                   \
        waiting_number_reused(kinds, sizeof kinds / sizeof *kinds);     \
    }                                                                   \
    TEST(nonblock)                                                      \
    {                                                                   \
        waiting_nonblock(kinds, sizeof kinds / sizeof *kinds);          \
    }                                                                   \
    TEST(two_tasks)                                                     \
    {                                                                   \
        waiting_two_tasks(kinds, sizeof kinds / sizeof *kinds);         \
    }                                                                   \
    TEST(dup_stays)                                                     \
    {                                                                   \
        waiting_dup(kinds, sizeof kinds / sizeof *kinds);               \
    }                                                                   \
    TEST(keeps_errno)                                                   \
    {                                                                   \
        waiting_keeps_errno(kinds, sizeof kinds / sizeof *kinds);       \
    }                                                                   \
    TEST_OUTSIDE(outside)                                               \
    {                                                                   \
        waiting_outside(kinds, sizeof kinds / sizeof *kinds);           \
    }
#define WAITING_UNITS                                                                         \
    cmocka_unit_test(goes_on), cmocka_unit_test(from_another_loop),                           \
        cmocka_unit_test(canceled_before), cmocka_unit_test(canceled_during),                 \
        cmocka_unit_test(canceled_after), cmocka_unit_test(deadline),                         \
        cmocka_unit_test(closed_here), cmocka_unit_test(closed_elsewhere),                    \
        cmocka_unit_test(closed_by_thread), cmocka_unit_test(number_reused),                  \
        cmocka_unit_test(nonblock), cmocka_unit_test(two_tasks), cmocka_unit_test(dup_stays), \
        cmocka_unit_test(keeps_errno), cmocka_unit_test(outside)

/* --- what makes descriptors; all return true, or complain --- */

/* plain: by plain calls, foreign to dure. In a simulation nothing is foreign: there twins make it. */

bool make_tcp_pair(int fds[2]); /* by twins */
bool make_tcp_pair_plain(int fds[2]);
bool make_tcp_pair_small(int fds[2], bool plain); /* with small buffers */
int make_listener(int domain, bool plain, struct sockaddr_storage *addr, socklen_t *addr_len);
uint16_t port_of(int fd);                    /* its own address's */
bool make_pty(int *master, int *slave);      /* raw */
int make_file(const void *data, size_t len); /* unlinked, at its start */
/* All of it, or up to the file's end, in however many pieces. */
size_t read_at(int fd, void *buf, size_t len, off_t offset);
void make_name(char path[64]); /* that no file has */
bool make_folder(char path[64]);
/* Until nothing more can be written, not even a while later; not for ttys. */
void fill(int fd, int reader);
/* Until nothing more can be read; how much it was. */
size_t drain(int fd);
/* A tty that takes nothing until it is resumed, as after Ctrl-S. */
void pause_tty(int fd);
void resume_tty(int fd);

/* Has the loop look at the world once. */
void one_turn(void);
/* What was sent over the loopback is there: a simulated one takes its time. */
void on_its_way(void);
/* True with DURE_TRANSFER_MAX: large amounts take long. */
bool one_byte(void);
/* The same, or a simulation, where chance makes short counts of streams. */
bool short_counts(void);
/* This many bytes, or as many as one-byte transfers can move in a test. */
size_t amount(size_t wanted);

/* A call in a task of its own, started and waiting when `began` returns. */
struct background {
    int64_t (*fn)(void *arg);
    void *arg;
    int64_t result;
    int error;
    atomic_bool done, begun;
};
/* place: DURE_THIS_LOOP, DURE_LOOP(n). */
void background_start(struct background *b, dure_scope *scope, int place, int64_t (*fn)(void *arg),
                      void *arg);
#endif
