/* The io_uring backend: the ring itself. One io_uring_enter a turn submits what
   was prepared and takes in a batch of completions. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "backend/uring.h"
#include "base/assert.h"

/* Entries by default: two for each completion of a usual turn. */
#define ENTRIES 512
#define COMPLETIONS_PER_ENTRY 4
/* The kernel refused an entry for want of memory: it is asked again after this long. */
#define REFUSED_NS 1000000
/* How often some of the waits are checked for an O_NONBLOCK set by foreign code: a wait that has
   grown this long is worth a system call. */
#define CHECK_NS 10000000

static struct uring *uring_of(struct backend *backend)
{
    return container_of(backend, struct uring, base);
}

bool uring_room(struct uring *u)
{
    if (likely(io_uring_sq_space_left(&u->ring)))
        return true;
    if (u->refused)
        return false;
    u->refused = io_uring_submit(&u->ring) < 0 || !io_uring_sq_space_left(&u->ring);
    return !u->refused;
}

struct io_uring_sqe *uring_entry_after_submit(struct uring *u)
{
    return uring_room(u) ? io_uring_get_sqe(&u->ring) : NULL;
}

/* A multishot poll on an eventfd completes for each write: no read, nothing to start again. */
static void arm_wake(struct uring *u)
{
    struct io_uring_sqe *sqe = uring_entry(u);

    u->wake_unarmed = !sqe;
    if (!sqe)
        return;
    io_uring_prep_poll_multishot(sqe, u->wake_fd, POLLIN);
    sqe->user_data = TAG_WAKE;
}

void uring_woken(struct uring *u, const struct io_uring_cqe *cqe)
{
    uint64_t count;

    if (cqe->flags & IORING_CQE_F_MORE)
        return;
    /* It ends when the completion queue is full. What is left in the counter would count as a
       wake at once. */
    while (read(u->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    arm_wake(u);
}

static bool kernel_has_work(const struct uring *u)
{
    return IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* Submits, and waits unless completions are there. Returns 0 or more, or -errno. */
static int enter(struct uring *u, int64_t wait_ns)
{
    struct __kernel_timespec timeout;
    struct io_uring_cqe *cqe;

    if (wait_ns != 0 && io_uring_cq_ready(&u->ring))
        wait_ns = 0;
    if (wait_ns < 0)
        return io_uring_submit_and_wait(&u->ring, 1);
    if (wait_ns > 0) {
        timeout.tv_sec = wait_ns / 1000000000;
        timeout.tv_nsec = wait_ns % 1000000000;
        return io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &timeout, NULL);
    }
    if (u->config.sqpoll && !kernel_has_work(u))
        return io_uring_submit(&u->ring);
    if (!io_uring_sq_ready(&u->ring) && !kernel_has_work(u))
        return 0;
    return io_uring_submit_and_get_events(&u->ring);
}

/* Entries are waiting and the kernel takes none. */
static void wait_for_room(struct uring *u)
{
    struct timespec pause = { .tv_nsec = REFUSED_NS };

    if (u->config.sqpoll)
        (void)io_uring_sqring_wait(&u->ring);
    else
        (void)nanosleep(&pause, NULL);
}

/* Bounds a sleep by the next check that is due, or does it. */
static int64_t check_numbers(struct uring *u, int64_t wait_ns)
{
    struct timespec time;
    int64_t now_ns;

    /* The coarse clock (4 ms) is good enough for this, and costs a fifth. */
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    now_ns = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    if (now_ns - u->checked_ns >= CHECK_NS) {
        u->checked_ns = now_ns;
        numbers_check(u);
    }
    return wait_ns >= 0 && wait_ns < CHECK_NS ? wait_ns : CHECK_NS;
}

static void collect(struct backend *backend, int64_t wait_ns)
{
    struct uring *u = uring_of(backend);
    bool waiting;
    int err;

    u->refused = false;
    u->nudged = false;
    u->collecting = true;
    if (u->unchecked)
        wait_ns = check_numbers(u, wait_ns);
    waiting = uring_retry(u);
    if (unlikely(u->wake_unarmed))
        arm_wake(u);
    if (waiting || u->wake_unarmed || !list_empty(&u->ended))
        wait_ns = 0;
    err = enter(u, wait_ns);
    ASSERT(err != -EBADF && err != -EBADFD && err != -EINVAL && err != -EEXIST);
    if (uring_reap(u) == 0 && waiting && list_empty(&u->ended))
        wait_for_room(u);
    uring_tell_ended(u);
    /* Someone else's loop sleeps next, on the ring's descriptor: the kernel has to know all that may
       end that sleep, the poll on wake_fd first. */
    if (unlikely(u->polled) && unlikely(u->wake_unarmed))
        arm_wake(u);
    if (u->polled && io_uring_sq_ready(&u->ring))
        (void)io_uring_submit(&u->ring);
    u->collecting = false;
    if (unlikely(u->polled) && (io_uring_sq_ready(&u->ring) || !list_empty(&u->ended)))
        uring_nudge(u);
}

static void wake(struct backend *backend)
{
    int saved = errno;
    uint64_t one = 1;

    /* The counter, which nobody needs to read, is full after 2^64 wakes; it cannot fail else. */
    while (write(uring_of(backend)->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void uring_nudge(struct uring *u)
{
    if (u->collecting || u->nudged)
        return;
    u->nudged = true;
    wake(&u->base);
}

static void born(struct backend *backend, int fd)
{
    struct number *number = numbers_find(uring_of(backend), fd);

    if (number)
        number->flags &= (uint16_t) ~(NUMBER_KNOWN | NUMBER_NONBLOCK | NUMBER_KIND);
}

static int poll_fd(struct backend *backend)
{
    struct uring *u = uring_of(backend);

    u->polled = true;
    return u->ring.ring_fd;
}

static int64_t now(struct backend *backend)
{
    struct timespec time;

    (void)backend;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Sets the ring up with the best that the kernel knows. Returns 0 or -errno. */
static int set_up(struct uring *u)
{
    static const unsigned best_first[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
            IORING_SETUP_SUBMIT_ALL,                                                     /* 6.1 */
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL, /* 5.19 */
        0,                                                                               /* 5.15 */
    };
    static const unsigned sqpoll_best_first[] = { IORING_SETUP_SQPOLL | IORING_SETUP_SUBMIT_ALL,
                                                  IORING_SETUP_SQPOLL };
    const unsigned *flags = u->config.sqpoll ? sqpoll_best_first : best_first;
    size_t count = u->config.sqpoll ? 2 : 3, i;
    unsigned entries = u->config.queue_entries ? u->config.queue_entries : ENTRIES;
    unsigned per_entry = u->config.queue_entries ? 2 : COMPLETIONS_PER_ENTRY;
    int err = -EINVAL;

    /* With deferred task work nothing runs, and wakes who polls the ring's descriptor, as long as
       the thread sleeps elsewhere: see the example in tests/conformance/test_loop_turn.c. */
    i = u->config.embedded && !u->config.sqpoll ? 1 : 0;
    for (; i < count && err == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = flags[i] | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
            .cq_entries = entries * per_entry,
        };

        err = io_uring_queue_init_params(entries, &u->ring, &params);
    }
    return err;
}

/* Whether the ring can do what is asked of it. Returns 0 or -ENOSYS. */
static int check_abilities(struct uring *u)
{
    static const uint8_t needed[] = {
        IORING_OP_READ,   IORING_OP_WRITE,   IORING_OP_READV,    IORING_OP_WRITEV,
        IORING_OP_RECV,   IORING_OP_SEND,    IORING_OP_RECVMSG,  IORING_OP_SENDMSG,
        IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_POLL_ADD, IORING_OP_OPENAT,
        IORING_OP_CLOSE,  IORING_OP_FSYNC,   IORING_OP_STATX,    IORING_OP_ASYNC_CANCEL,
    };
    const unsigned features = IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG |
                              IORING_FEAT_RW_CUR_POS | IORING_FEAT_SUBMIT_STABLE |
                              IORING_FEAT_NATIVE_WORKERS;
    struct io_uring_probe *probe;
    int err = 0;
    size_t i;

    if ((u->ring.features & features) != features)
        return -ENOSYS;
    probe = io_uring_get_probe_ring(&u->ring);
    if (!probe)
        return -ENOSYS;
    for (i = 0; i < sizeof needed; i++)
        if (!io_uring_opcode_supported(probe, needed[i]))
            err = -ENOSYS;
    io_uring_free_probe(probe);
    return err;
}

static int create(const struct backend_config *config, struct backend **out)
{
    struct uring *u = calloc(1, sizeof *u);
    int err;

    if (!u)
        return -ENOMEM;
    u->base.ops = &backend_uring;
    u->config = *config;
    list_init(&u->unsent);
    list_init(&u->cancels_unsent);
    list_init(&u->ended);
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->wake_fd < 0) {
        err = -errno;
        goto err_free;
    }
    err = set_up(u);
    if (err)
        goto err_close_wake;
    err = check_abilities(u);
    if (err)
        goto err_exit_ring;
    /* Saves a look-up in each enter; a loss of nothing else where there is none (before 5.18). */
    (void)io_uring_register_ring_fd(&u->ring);
    /* A forked child that went on here would write into the parent's queues. */
    (void)io_uring_ring_dontfork(&u->ring);
    arm_wake(u);
    /* A filter may let a ring be made and refuse its use. */
    err = io_uring_submit(&u->ring);
    if (err < 0)
        goto err_exit_ring;
    *out = &u->base;
    return 0;

err_exit_ring:
    io_uring_queue_exit(&u->ring);
err_close_wake:
    close(u->wake_fd);
err_free:
    free(u);
    return err;
}

static void destroy(struct backend *backend)
{
    struct uring *u = uring_of(backend);

    ASSERT(list_empty(&u->unsent));
    ASSERT(list_empty(&u->cancels_unsent));
    io_uring_queue_exit(&u->ring);
    close(u->wake_fd);
    numbers_fini(u);
    free(u);
}

const struct backend_ops backend_uring = {
    .name = "io_uring",
    .world = &world_kernel,
    .create = create,
    .destroy = destroy,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .collect = collect,
    .wake = wake,
    .born = born,
    .poll_fd = poll_fd,
    .now = now,
};
