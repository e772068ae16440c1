/* dure_select, dure_pselect and dure_ppoll: beside the plain calls, and beyond FD_SETSIZE. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>

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

static bool tcp_pair(struct waiting *w)
{
    int fds[2];
    bool made = make_tcp_pair(fds);

    w->fd = fds[0];
    w->other = fds[1];
    return made;
}

static bool full_pair(struct waiting *w)
{
    if (!unix_pair(w))
        return false;
    fill(w->fd, w->other);
    return true;
}

/* Another descriptor in the same set is never ready; a third has hung up, of which urgent data is
   nothing. */
static bool among_others(struct waiting *w)
{
    int fds[2];

    if (!unix_pair(w) || !CHECK_EQ(dure_pipe2(w->more, O_CLOEXEC), 0) ||
        !CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->more[2] = fds[0];
    return CHECK_EQ(dure_close(fds[1]), 0);
}

static void write_one(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "x", 1), 1);
}

static void send_urgent(struct waiting *w)
{
    struct pollfd urgent = { .fd = w->fd, .events = POLLPRI };

    CHECK_EQ(plain_send(w->other, "u", 1, MSG_OOB), 1);
    CHECK_EQ(plain_poll(&urgent, 1, 10000), 1);
}

static void drain_other(struct waiting *w)
{
    drain(w->other);
}

static fd_set set_of(int fd)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    return set;
}

static int64_t select_input(struct waiting *w)
{
    fd_set set = set_of(w->fd);
    int n = dure_select(w->fd + 1, &set, NULL, NULL, NULL);

    if (n == 1)
        CHECK(FD_ISSET(w->fd, &set));
    return n;
}

static int64_t select_output(struct waiting *w)
{
    fd_set set = set_of(w->fd);

    return dure_select(w->fd + 1, NULL, &set, NULL, &(struct timeval){ .tv_sec = 60 });
}

static int64_t select_urgent(struct waiting *w)
{
    fd_set input, urgent = set_of(w->fd);

    FD_ZERO(&input);
    return dure_pselect(w->fd + 1, &input, NULL, &urgent, &(struct timespec){ .tv_sec = 60 }, NULL);
}

static int64_t select_among(struct waiting *w)
{
    fd_set input = set_of(w->fd), urgent = set_of(w->more[2]);
    int n;

    FD_SET(w->more[0], &input);
    n = dure_pselect(FD_SETSIZE, &input, NULL, &urgent, NULL, NULL);
    if (n == 1)
        CHECK(FD_ISSET(w->fd, &input) && !FD_ISSET(w->more[0], &input) &&
              !FD_ISSET(w->more[2], &urgent));
    return n;
}

static int64_t ppoll_input(struct waiting *w)
{
    struct pollfd fd = { .fd = w->fd, .events = POLLIN };

    return dure_ppoll(&fd, 1, NULL, NULL);
}

static const struct waiting_kind kinds[] = {
    { "select, input", unix_pair, select_input, write_one, 1, 0, 0, NULL },
    { "select, output", full_pair, select_output, drain_other, 1, 0, 0, NULL },
    { "pselect, urgent", tcp_pair, select_urgent, send_urgent, 1, 0, WAITING_REAL, NULL },
    { "pselect, among others", among_others, select_among, write_one, 1, 0, 0, NULL },
    { "ppoll", unix_pair, ppoll_input, write_one, 1, 0, WAITING_POLL, NULL },
};

WAITING_TESTS

/* --- what it answers, beside the plain call --- */

struct sets {
    fd_set sets[3];
};

static void add(struct sets *sets, int fd, const char *where)
{
    for (; *where; where++)
        FD_SET(fd, &sets->sets[*where == 'i' ? 0 : *where == 'o' ? 1 : 2]);
}

/* The same answer as the plain call's, at once. */
static void check_as_plain(int len, const struct sets *sets)
{
    struct sets plain = *sets, twin = *sets;
    struct timeval none = { 0, 0 };
    int expected, error, n;

    errno = 0;
    expected = select(len, &plain.sets[0], &plain.sets[1], &plain.sets[2], &none);
    error = errno;
    n = dure_select(len, &twin.sets[0], &twin.sets[1], &twin.sets[2], &none);
    CHECK_EQ(n, expected);
    if (expected < 0)
        CHECK_EQ(errno, error);
    CHECK(memcmp(&plain, &twin, sizeof plain) == 0); /* left alone after an error */
    if (expected <= 0)
        return;
    twin = *sets;
    CHECK_EQ(dure_pselect(len, &twin.sets[0], &twin.sets[1], &twin.sets[2], NULL, NULL), expected);
    CHECK(memcmp(&plain, &twin, sizeof plain) == 0);
}

static void answers(void)
{
    int full[2], hung[2], urgent[2], idle[2], file = make_file("x", 1), len;
    struct sets none = { 0 }, sets;

    make_tcp_pair(urgent);
    dure_pipe2(full, O_CLOEXEC);
    dure_pipe2(hung, O_CLOEXEC);
    dure_pipe2(idle, O_CLOEXEC);
    fill(full[1], -1);
    CHECK_EQ(dure_close(hung[1]), 0);
    send_urgent(&(struct waiting){ .fd = urgent[0], .other = urgent[1] });
    sets = none;
    add(&sets, idle[0], "iu");
    check_as_plain(FD_SETSIZE, &sets);
    add(&sets, idle[1], "o");
    add(&sets, full[0], "iou");
    check_as_plain(full[0] + 1, &sets);
    check_as_plain(full[0], &sets); /* one less than the highest */
    add(&sets, full[1], "iou");
    add(&sets, hung[0], "iou");
    add(&sets, urgent[0], "iou");
    add(&sets, file, "iou");
    check_as_plain(FD_SETSIZE, &sets);
    check_as_plain(FD_SETSIZE, &none);
    check_as_plain(0, &sets);
    check_as_plain(-1, &sets);
    len = hung[1];
    add(&sets, len, "u");
    check_as_plain(len + 1, &sets); /* it is not open */
    CHECK_EQ(dure_close(hung[0]), 0);
    CHECK_EQ(dure_close(file), 0);
    close_both(full);
    close_both(idle);
    close_both(urgent);
}

TEST(answers_as_the_plain_call)
{
    NOT_SIMULATED("there is no plain call to compare with");
    answers();
}

TEST_OUTSIDE(answers_with_a_scope)
{
    dure_scope scope;

    dure_scope_open(&scope);
    answers();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- time --- */

static void times(void)
{
    struct timeval tv = { 0, 3000 }, bad[] = { { -1, 0 }, { 0, -1 } };
    struct timespec ts = { 0, 3000000 }, worse[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };
    int64_t begun_ns = dure_now();
    fd_set set = set_of(0);
    size_t i;

    CHECK_EQ(dure_select(0, NULL, NULL, NULL, &tv), 0);
    CHECK(dure_now() - begun_ns >= 3 * DURE_MILLISECOND);
    CHECK(tv.tv_sec == 0 && tv.tv_usec == 0); /* nothing is left of it */
    CHECK_EQ(dure_pselect(0, NULL, NULL, NULL, &ts, NULL), 0);
    CHECK_EQ(ts.tv_nsec, 3000000); /* untouched */
    CHECK_EQ(dure_ppoll(NULL, 0, &ts, NULL), 0);
    CHECK(dure_now() - begun_ns >= 9 * DURE_MILLISECOND);
    tv.tv_usec = 1500; /* and microseconds beyond a second */
    CHECK_EQ(dure_select(0, NULL, NULL, NULL, &tv), 0);
    for (i = 0; i < 2; i++)
        CHECK_FAILS(dure_select(1, &set, NULL, NULL, &bad[i]), EINVAL);
    for (i = 0; i < 3; i++) {
        CHECK_FAILS(dure_pselect(1, &set, NULL, NULL, &worse[i], NULL), EINVAL);
        CHECK_FAILS(dure_ppoll(NULL, 0, &worse[i], NULL), EINVAL);
    }
    CHECK(FD_ISSET(0, &set));
}

TEST(timeouts)
{
    times();
}

TEST_OUTSIDE(timeouts_outside)
{
    dure_scope scope;

    times();
    dure_scope_open(&scope);
    times();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* Of an hour something is left, after a result, an error and a cancel. */
TEST(the_rest_is_told)
{
    struct timeval tv = { 3600, 0 };
    int fds[2], closed;
    fd_set set;

    dure_pipe2(fds, O_CLOEXEC);
    CHECK_EQ(plain_write(fds[1], "x", 1), 1);
    set = set_of(fds[0]);
    CHECK_EQ(dure_select(fds[0] + 1, &set, NULL, NULL, &tv), 1);
    CHECK(tv.tv_sec == 3599 && tv.tv_usec > 0);
    drain(fds[0]);
    tv = (struct timeval){ 3600, 0 };
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    CHECK_FAILS(dure_select(fds[0] + 1, &set, NULL, NULL, &tv), ECANCELED);
    CHECK_EQ(tv.tv_sec, 3599);
    CHECK(FD_ISSET(fds[0], &set)); /* an error leaves the sets alone */
    closed = fds[0];
    close_both(fds);
    tv = (struct timeval){ 3600, 5000000 };
    CHECK_FAILS(dure_select(closed + 1, &set, NULL, NULL, &tv), EBADF);
    CHECK_EQ(tv.tv_sec, 3604);
}

/* --- beyond FD_SETSIZE --- */

#define MANY 3000
typedef unsigned long word;
#define WORD_BITS (8 * sizeof(word))

static bool has(const word *set, int fd)
{
    return set[(size_t)fd / WORD_BITS] >> (size_t)fd % WORD_BITS & 1;
}

static void check_far(int low, int high)
{
    word set[MANY / WORD_BITS + 1] = { 0 };
    bool is_select = dure_backend_name() && strcmp(dure_backend_name(), "select") == 0;

    set[(size_t)low / WORD_BITS] |= (word)1 << (size_t)low % WORD_BITS;
    set[(size_t)high / WORD_BITS] |= (word)1 << (size_t)high % WORD_BITS;
    if (is_select) { /* nobody is ready: to wait it would need a set of its own */
        CHECK_FAILS(dure_select(MANY, (fd_set *)set, NULL, NULL, &(struct timeval){ 0, 1 }),
                    EINVAL);
        CHECK_HAS(dure_why(), "numbers so large");
        return;
    }
    CHECK_EQ(dure_select(MANY, (fd_set *)set, NULL, NULL, &(struct timeval){ 0, 1 }), 0);
    CHECK(!has(set, high) && !has(set, low));
    set[(size_t)high / WORD_BITS] |= (word)1 << (size_t)high % WORD_BITS;
    CHECK_EQ(dure_write(low, "x", 1), 1);
    CHECK_EQ(dure_select(MANY, (fd_set *)set, NULL, NULL, NULL), 1);
    CHECK(has(set, high) && !has(set, low));
}

static void far(void)
{
    struct rlimit limit, old;
    int fds[2], high;

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    if (limit.rlim_cur < MANY)
        limit.rlim_cur = MANY;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        printf("# skipped: %d descriptors are too many\n", MANY);
        return;
    }
    dure_pipe2(fds, O_CLOEXEC);
    high = dure_fcntl(fds[0], F_DUPFD, MANY - 500);
    CHECK(high >= MANY - 500);
    check_far(fds[1], high); /* the end to write is no input, and never ready */
    CHECK_EQ(dure_close(high), 0);
    close_both(fds);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
}

TEST(beyond_the_size_of_a_set)
{
    far();
}

/* Who passes the limit of descriptors as length has shorter sets: no more of them is touched than the
   system would, which goes by what is open. */
static void check_short_sets(void)
{
    static struct {
        fd_set set;
        unsigned char behind[4096]; /* as bits: far more than are ever open */
    } space;
    size_t i;

    memset(&space, 0xff, sizeof space);
    FD_ZERO(&space.set);
    CHECK_EQ(dure_select(FD_SETSIZE + 8 * 4096, &space.set, NULL, NULL, &(struct timeval){ 0, 1 }),
             0);
    for (i = 0; i < sizeof space.behind; i++)
        CHECK_EQ(space.behind[i], 0xff);
}

static int check_short_sets_in_a_task(void *arg)
{
    (void)arg;
    check_short_sets();
    return 0;
}

/* In a process of its own, whose table is small yet. */
static void with_a_small_table(void)
{
    dure_scope scope;

    dure_scope_open(&scope);
    check_short_sets();
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_run(check_short_sets_in_a_task, NULL), 0);
}

TEST_OUTSIDE(sets_may_be_shorter_than_told)
{
    struct child child;

    conformance_child(&child, with_a_small_table);
    CHECK_CHILD_OK(&child);
}

/* --- signals --- */

static volatile sig_atomic_t hits;

static void hit(int number)
{
    (void)number;
    hits++;
}

/* On a thread a mask lets a signal in for the wait alone. */
static void masks(void)
{
    struct sigaction action = { .sa_handler = hit }, old;
    sigset_t usr1, none, before;

    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    hits = 0;
    sigaction(SIGUSR1, &action, &old);
    pthread_sigmask(SIG_BLOCK, &usr1, &before);
    raise(SIGUSR1);
    CHECK_EQ(hits, 0);
    CHECK_FAILS(dure_pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
    if (!UNDER_TSAN) /* which calls handlers later */
        CHECK_EQ(hits, 1);
    raise(SIGUSR1);
    CHECK_FAILS(dure_ppoll(NULL, 0, NULL, &none), EINTR);
    if (!UNDER_TSAN)
        CHECK_EQ(hits, 2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGUSR1, &old, NULL);
}

TEST_OUTSIDE(masks_on_a_thread)
{
    dure_scope scope;

    masks();
    dure_scope_open(&scope);
    masks();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(no_masks_in_a_task)
{
    struct pollfd fd = { .fd = -1 };
    sigset_t none;

    sigemptyset(&none);
    CHECK_FAILS(dure_pselect(0, NULL, NULL, NULL, NULL, &none), ENOTSUP);
    CHECK_HAS(dure_why(), "signal mask");
    CHECK_FAILS(dure_ppoll(&fd, 1, NULL, &none), ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(answers_as_the_plain_call),
        cmocka_unit_test(answers_with_a_scope),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(timeouts_outside),
        cmocka_unit_test(the_rest_is_told),
        cmocka_unit_test(beyond_the_size_of_a_set),
        cmocka_unit_test(sets_may_be_shorter_than_told),
        cmocka_unit_test(masks_on_a_thread),
        cmocka_unit_test(no_masks_in_a_task),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
