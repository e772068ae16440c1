/* A closed-loop load of connections: each is opened, sends one message of 64 bytes, checks the
   answer, sees the server close, and makes way for the next.

       connect_load PORT SLOTS [threads=N] [seconds=S | count=N] [warm=S] [pid=P] [http=PATH]

   With http= it asks for a file by HTTP/1.0 instead, and looks at the status. SLOTS connections are under way at any time. Much of what opening a connection costs falls to
   who connects, so there is a thread for each processor that the load may use; each is on
   io_uring, one system call a turn besides those that make and close a socket. It prints one line
   of JSON: what was done, in which time, at which CPU time of process P. */
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "bench.h"

#define MESSAGE_LEN 64
#define WORDS (MESSAGE_LEN / 8)
#define ANSWER_MAX 4096
#define THREADS_MAX 64
#define BATCH_MAX 256
/* Without an answer for so long the server is broken. */
#define SILENCE_MAX_S 10

struct connection {
    int fd;
    uint64_t sent[WORDS];
    /* More than the answer has, so that what ends the receive is the end. */
    char got[ANSWER_MAX];
};

struct side {
    pthread_t thread;
    struct io_uring ring;
    struct connection *connections;
    long slots;
    long left; /* connections still to open; negative: no end */
    uint64_t random;
    /* Read by the main thread while this one counts; nothing is published by it. */
    atomic_long done;
    char apart[64];
};

static struct sockaddr_in server = { .sin_family = AF_INET };
static struct side sides[THREADS_MAX];
static long threads;
/* What is asked by HTTP; else empty. */
static char request[256];

/* Closing resets what the server has closed already, so that nothing remains in TIME_WAIT: of
   those there is a limit, and the next connections would go through them. */
static int connect_one(void)
{
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0)
        bench_die("socket");
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        bench_die("connect");
    return fd;
}

static void fill(struct side *side, struct connection *c)
{
    int i;

    for (i = 0; i < WORDS; i++) {
        side->random ^= side->random << 13;
        side->random ^= side->random >> 7;
        side->random ^= side->random << 17;
        c->sent[i] = side->random;
    }
}

/* The kernel shakes hands within connect(): the peer is this machine. */
static void open_next(struct side *side, struct connection *c)
{
    struct io_uring_sqe *sqe;

    if (side->left == 0)
        return;
    side->left--;
    c->fd = connect_one();
    fill(side, c);
    sqe = io_uring_get_sqe(&side->ring);
    if (*request)
        io_uring_prep_send(sqe, c->fd, request, strlen(request), MSG_NOSIGNAL | MSG_WAITALL);
    else
        io_uring_prep_send(sqe, c->fd, c->sent, MESSAGE_LEN, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data(sqe, NULL);
    sqe = io_uring_get_sqe(&side->ring);
    io_uring_prep_recv(sqe, c->fd, c->got, sizeof c->got, MSG_WAITALL);
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    io_uring_sqe_set_data(sqe, c);
}

static int is_right(const struct connection *c, int len)
{
    if (*request)
        return len > 12 && memcmp(c->got, "HTTP/1.", 7) == 0 && memcmp(c->got + 9, "200", 3) == 0;
    return len == MESSAGE_LEN && memcmp(c->got, c->sent, MESSAGE_LEN) == 0;
}

static void ended(struct side *side, struct connection *c, int len)
{
    if (!c || len < 0) {
        errno = -len;
        bench_die("a connection failed");
    }
    if (!is_right(c, len)) {
        fprintf(stderr, "connect_load: a wrong answer of %d bytes\n", len);
        exit(1);
    }
    close(c->fd);
    atomic_fetch_add_explicit(&side->done, 1, memory_order_relaxed);
    open_next(side, c);
}

static void turn(struct side *side)
{
    struct __kernel_timespec silence = { .tv_sec = SILENCE_MAX_S };
    struct io_uring_cqe *cqe, *cqes[BATCH_MAX];
    unsigned n, i;

    if (io_uring_submit_and_wait_timeout(&side->ring, &cqe, 1, &silence, NULL) == -ETIME) {
        fprintf(stderr, "connect_load: no answer for %d s\n", SILENCE_MAX_S);
        exit(1);
    }
    n = io_uring_peek_batch_cqe(&side->ring, cqes, BATCH_MAX);
    for (i = 0; i < n; i++)
        ended(side, io_uring_cqe_get_data(cqes[i]), cqes[i]->res);
    io_uring_cq_advance(&side->ring, n);
}

static void *run(void *arg)
{
    struct io_uring_params params = { .flags =
                                          IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
    struct side *side = arg;
    long count = side->left, i;

    /* Two entries each. */
    errno = -io_uring_queue_init_params((unsigned)side->slots * 2, &side->ring, &params);
    if (errno)
        bench_die("io_uring_setup");
    for (i = 0; i < side->slots; i++)
        open_next(side, &side->connections[i]);
    while (count < 0 || atomic_load_explicit(&side->done, memory_order_relaxed) < count)
        turn(side);
    return NULL;
}

/* Thread i on the i-th processor that this program may use. */
static void pin(struct side *side, long number)
{
    cpu_set_t allowed, one;
    int cpu;

    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        bench_die("sched_getaffinity");
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && number-- == 0)
            break;
    if (cpu == CPU_SETSIZE)
        return;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(side->thread, sizeof one, &one);
}

static void start(long slots, long count)
{
    long i;

    for (i = 0; i < threads; i++) {
        sides[i].slots = slots / threads + (i < slots % threads);
        sides[i].left = count ? count / threads + (i < count % threads) : -1;
        sides[i].random = (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u;
        sides[i].connections = calloc((size_t)sides[i].slots, sizeof *sides[i].connections);
        if (!sides[i].connections)
            bench_die("calloc");
        errno = pthread_create(&sides[i].thread, NULL, run, &sides[i]);
        if (errno)
            bench_die("pthread_create");
        pin(&sides[i], i);
    }
}

static long done(void)
{
    long sum = 0, i;

    for (i = 0; i < threads; i++)
        sum += atomic_load_explicit(&sides[i].done, memory_order_relaxed);
    return sum;
}

static void pass(double seconds)
{
    struct timespec time = { .tv_sec = (time_t)seconds };

    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
}

static void join(void)
{
    long i;

    for (i = 0; i < threads; i++)
        pthread_join(sides[i].thread, NULL);
}

int main(int argc, char **argv)
{
    double seconds = atof(bench_text(argv, "seconds", "1")),
           warm = atof(bench_text(argv, "warm", "0.3"));
    long count = bench_number(argv, "count", 0), before = 0, pid = bench_number(argv, "pid", 0);
    long slots = argc > 2 ? atol(argv[2]) : 0;
    int64_t started, cpu;
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;

    threads = bench_number(argv, "threads", 1);
    if (slots < threads || threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: connect_load PORT SLOTS [threads=N] [seconds=S | count=N] "
                        "[warm=S] [pid=P] [http=PATH]\n");
        return 2;
    }
    if (bench_text(argv, "http", NULL))
        snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n",
                 bench_text(argv, "http", NULL));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons((uint16_t)atoi(argv[1]));
    errno = pid ? clock_getcpuclockid((pid_t)pid, &clock) : 0;
    if (errno)
        bench_die("pid");
    start(slots, count);
    if (!count) {
        pass(warm);
        before = done();
    }
    cpu = bench_clock_ns(clock);
    started = bench_clock_ns(CLOCK_MONOTONIC);
    if (count)
        join();
    else
        pass(seconds);
    printf("{\"operations\": %ld, \"wall_ns\": %lld, \"server_cpu_ns\": %lld}\n", done() - before,
           (long long)(bench_clock_ns(CLOCK_MONOTONIC) - started),
           (long long)(bench_clock_ns(clock) - cpu));
    return 0;
}
