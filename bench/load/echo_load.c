/* A closed-loop load for echo servers: each connection keeps a number of messages of 64 bytes in
   flight and checks every byte that comes back.

       echo_load PORT CONNECTIONS IN_FLIGHT [seconds=S | count=N] [warm=S] [pid=P]

   It is on io_uring, one receive and one send entry an answer and one system call a turn, because
   it must be cheaper than any server that it is to keep busy. It prints one line of JSON: what was
   done, in which time, at which CPU time of process P, and the latencies of a sample. count=N is
   N messages in all, exactly. */
#include <liburing.h>
#include <unistd.h>

#include "bench.h"

#define MESSAGE_LEN 64
#define WORDS (MESSAGE_LEN / 8)
/* Below the sampling interval, so that at most one sampled message is under way. */
#define IN_FLIGHT_MAX 16
/* As many as the floors take in a turn. */
#define BATCH_MAX 512
#define ENTRIES 1024
#define COMPLETIONS 32768
/* Every 16th message is timed: reading the clock for each would make the load slower by 1 %. */
#define SAMPLE_MASK 15
/* Without an answer for so long the server is broken. */
#define SILENCE_MAX_S 10

struct message {
    uint64_t words[WORDS];
};

struct connection {
    int fd;
    uint32_t number;
    uint64_t sent;
    uint64_t received;
    uint64_t send_max;
    int64_t sampled_at_ns;
    size_t partial; /* bytes of an incomplete message at the start of in */
    char *in;
    struct message *out;
};

static struct io_uring ring;

static struct {
    unsigned port;
    uint32_t connections;
    uint32_t in_flight;
    double seconds;
    double warm;
    uint64_t count;
    clockid_t server_clock;
    int has_server;
} config = { .seconds = 1, .warm = 0.3 };

static struct connection *connections;
static uint64_t done;
static int recording;
/* Latencies by steps of 2 % or less: 64 linear steps in each power of two. */
static uint64_t histogram[64 * 64];

static void parse(int argc, char **argv)
{
    int i;

    if (argc < 4) {
        fprintf(stderr, "usage: echo_load PORT CONNECTIONS IN_FLIGHT [seconds=S | count=N] "
                        "[warm=S] [pid=P]\n");
        exit(2);
    }
    config.port = (unsigned)atoi(argv[1]);
    config.connections = (uint32_t)atoi(argv[2]);
    config.in_flight = (uint32_t)atoi(argv[3]);
    for (i = 4; i < argc; i++) {
        if (strncmp(argv[i], "seconds=", 8) == 0) {
            config.seconds = atof(argv[i] + 8);
        } else if (strncmp(argv[i], "warm=", 5) == 0) {
            config.warm = atof(argv[i] + 5);
        } else if (strncmp(argv[i], "count=", 6) == 0) {
            config.count = strtoull(argv[i] + 6, NULL, 10);
        } else if (strncmp(argv[i], "pid=", 4) == 0) {
            errno = clock_getcpuclockid(atoi(argv[i] + 4), &config.server_clock);
            if (errno)
                bench_die("pid");
            config.has_server = 1;
        }
    }
    if (config.connections == 0 || config.in_flight == 0 || config.in_flight > IN_FLIGHT_MAX) {
        fprintf(stderr, "echo_load: a number is out of range\n");
        exit(2);
    }
}

static unsigned bucket(uint64_t ns)
{
    unsigned power;

    if (ns < 64)
        return (unsigned)ns;
    power = 63 - (unsigned)__builtin_clzll(ns);
    return (power - 5) * 64 + (unsigned)(ns >> (power - 6) & 63);
}

static double percentile_us(double part)
{
    uint64_t total = 0, seen = 0;
    unsigned i, power;

    for (i = 0; i < sizeof histogram / sizeof histogram[0]; i++)
        total += histogram[i];
    for (i = 0; i < sizeof histogram / sizeof histogram[0]; i++) {
        seen += histogram[i];
        if (total && (double)seen >= part * (double)total)
            break;
    }
    if (i < 64)
        return i / 1e3;
    power = i / 64 + 5;
    return (double)((uint64_t)(64 + i % 64) << (power - 6)) / 1e3;
}

static void fill(struct message *message, uint32_t connection, uint64_t sequence)
{
    int i;

    message->words[0] = (uint64_t)connection << 40 | sequence;
    for (i = 1; i < WORDS; i++)
        message->words[i] = message->words[0] * 0x9e3779b97f4a7c15u + (uint64_t)i;
}

static void check(const char *bytes, uint32_t connection, uint64_t sequence)
{
    struct message expected;

    fill(&expected, connection, sequence);
    if (memcmp(bytes, &expected, sizeof expected) != 0) {
        fprintf(stderr, "echo_load: connection %u got wrong bytes in message %llu\n", connection,
                (unsigned long long)sequence);
        exit(1);
    }
}

static struct io_uring_sqe *entry(struct connection *c)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    while (!sqe) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    io_uring_sqe_set_data(sqe, c);
    return sqe;
}

/* Its success is of no interest: the answer tells it, and that the buffer is free again. */
static void send_messages(struct connection *c, uint64_t n)
{
    struct io_uring_sqe *sqe;
    uint64_t i;

    if (n > c->send_max - c->sent)
        n = c->send_max - c->sent;
    if (n == 0)
        return;
    for (i = 0; i < n; i++) {
        if (((c->sent + c->number) & SAMPLE_MASK) == 0)
            c->sampled_at_ns = bench_clock_ns(CLOCK_MONOTONIC);
        fill(&c->out[i], c->number, c->sent++);
    }
    sqe = entry(c);
    io_uring_prep_send(sqe, c->fd, c->out, n * sizeof c->out[0], MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

/* The answer cannot be there yet: waiting first saves the kernel a look. */
static void start_receive(struct connection *c)
{
    struct io_uring_sqe *sqe = entry(c);

    io_uring_prep_recv(sqe, c->fd, c->in + c->partial, config.in_flight * MESSAGE_LEN - c->partial,
                       0);
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

static void received(struct connection *c, int len)
{
    uint64_t n, i;

    if (len <= 0) {
        errno = -len;
        bench_die("a connection ended");
    }
    c->partial += (size_t)len;
    n = c->partial / MESSAGE_LEN;
    for (i = 0; i < n; i++) {
        if (recording && ((c->received + c->number) & SAMPLE_MASK) == 0)
            histogram[bucket((uint64_t)(bench_clock_ns(CLOCK_MONOTONIC) - c->sampled_at_ns))]++;
        check(c->in + i * MESSAGE_LEN, c->number, c->received++);
    }
    c->partial -= n * MESSAGE_LEN;
    if (n && c->partial)
        memmove(c->in, c->in + n * MESSAGE_LEN, c->partial);
    done += n;
    send_messages(c, n);
    if (c->received < c->send_max)
        start_receive(c);
}

static void open_one(struct connection *c, uint32_t number)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    /* Closing resets, so that thousands of connections leave nothing behind in TIME_WAIT. */
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    int one = 1;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons((uint16_t)config.port);
    c->number = number;
    c->send_max = config.count ? config.count / config.connections +
                                     (number < config.count % config.connections)
                               : UINT64_MAX;
    c->in = malloc(config.in_flight * MESSAGE_LEN);
    c->out = malloc(config.in_flight * MESSAGE_LEN);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!c->in || !c->out || c->fd < 0)
        bench_die("socket");
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        bench_die("connect");
}

/* Turns until the time or the number of messages has been reached. */
static void run(int64_t until_ns, uint64_t until_done)
{
    static struct io_uring_cqe *cqes[BATCH_MAX];
    struct __kernel_timespec silence = { .tv_sec = SILENCE_MAX_S };
    struct io_uring_cqe *cqe;
    unsigned n, i;

    while (done < until_done && bench_clock_ns(CLOCK_MONOTONIC) < until_ns) {
        if (io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &silence, NULL) == -ETIME) {
            fprintf(stderr, "echo_load: no answer for %d s, %llu messages done\n", SILENCE_MAX_S,
                    (unsigned long long)done);
            exit(1);
        }
        n = io_uring_peek_batch_cqe(&ring, cqes, BATCH_MAX);
        for (i = 0; i < n; i++)
            received(io_uring_cqe_get_data(cqes[i]), cqes[i]->res);
        io_uring_cq_advance(&ring, n);
    }
}

static int64_t server_cpu_ns(void)
{
    return config.has_server ? bench_clock_ns(config.server_clock) : 0;
}

static void measure(void)
{
    int64_t started, cpu, load_cpu;
    uint64_t before;

    if (!config.count)
        run(bench_clock_ns(CLOCK_MONOTONIC) + (int64_t)(config.warm * 1e9), UINT64_MAX);
    recording = 1;
    before = done;
    cpu = server_cpu_ns();
    load_cpu = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    started = bench_clock_ns(CLOCK_MONOTONIC);
    if (config.count)
        run(INT64_MAX, config.count);
    else
        run(started + (int64_t)(config.seconds * 1e9), UINT64_MAX);
    printf("{\"operations\": %llu, \"wall_ns\": %lld, \"server_cpu_ns\": %lld, "
           "\"load_cpu_ns\": %lld, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
           (unsigned long long)(done - before),
           (long long)(bench_clock_ns(CLOCK_MONOTONIC) - started),
           (long long)(server_cpu_ns() - cpu),
           (long long)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - load_cpu), percentile_us(0.5),
           percentile_us(0.99));
}

int main(int argc, char **argv)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    uint32_t i;

    parse(argc, argv);
    connections = calloc(config.connections, sizeof *connections);
    if (!connections)
        bench_die("calloc");
    errno = -io_uring_queue_init_params(ENTRIES, &ring, &params);
    if (errno)
        bench_die("io_uring_setup");
    for (i = 0; i < config.connections; i++)
        open_one(&connections[i], i);
    for (i = 0; i < config.connections; i++) {
        send_messages(&connections[i], config.in_flight);
        start_receive(&connections[i]);
    }
    measure();
    return 0;
}
