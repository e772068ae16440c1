/* What operations do, on every backend that is compiled in. */
#include "backend_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static void recv_waits_for_data(void **state)
{
    struct probe probe;
    int pair[2];

    (void)state;
    make_pair(pair);
    for (int i = 0; i < 3; i++) {
        start_recv(&probe, pair[0]);
        assert_waiting(&probe);
        put(pair[1], "hello");
        assert_got(&probe, "hello");
    }
    put(pair[1], "there already");
    start_recv(&probe, pair[0]);
    assert_got(&probe, "there already");
    close_all(pair, 2);
}

static void a_burst_larger_than_the_buffer_is_read_in_pieces(void **state)
{
    struct probe probe;
    int pair[2];
    char burst[200];

    (void)state;
    memset(burst, 'x', sizeof burst);
    make_pair(pair);
    start_recv(&probe, pair[0]);
    assert_waiting(&probe);
    assert_int_equal(send(pair[1], burst, sizeof burst, 0), sizeof burst);
    assert_int_equal(finish(&probe), 64);
    for (size_t left = sizeof burst - 64; left > 0; left -= (size_t)probe.op.result) {
        start_recv(&probe, pair[0]);
        assert_in_range(finish(&probe), 1, 64);
    }
    start_recv(&probe, pair[0]);
    assert_waiting(&probe);
    put(pair[1], "again");
    assert_got(&probe, "again");
    close_all(pair, 2);
}

static void data_and_end_together_are_two_results(void **state)
{
    struct probe probe;
    int pair[2];

    (void)state;
    make_pair(pair);
    start_recv(&probe, pair[0]);
    assert_waiting(&probe);
    put(pair[1], "first");
    assert_got(&probe, "first");
    put(pair[1], "last words");
    shutdown(pair[1], SHUT_WR);
    start_recv(&probe, pair[0]);
    assert_got(&probe, "last words");
    start_recv(&probe, pair[0]);
    assert_int_equal(finish(&probe), 0);
    start_recv(&probe, pair[0]);
    assert_int_equal(finish(&probe), 0);
    close_all(pair, 2);
}

static void read_and_write_on_a_pipe(void **state)
{
    static char big[100000], sink[100000];
    struct probe probe, writer;
    int pipes[2];

    (void)state;
    assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
    for (int i = 0; i < 3; i++) {
        set_io(&probe, OP_READ, pipes[0], probe.buf, sizeof probe.buf);
        start(&probe);
        assert_waiting(&probe);
        set_io(&writer, OP_WRITE, pipes[1], (char *)"line", 4);
        assert_int_equal(run(&writer), 4);
        assert_got(&probe, "line");
    }
    set_io(&writer, OP_WRITE, pipes[1], big, 65536);
    assert_int_equal(run(&writer), 65536);
    set_io(&writer, OP_WRITE, pipes[1], big, 10);
    start(&writer);
    assert_waiting(&writer);
    assert_in_range(read(pipes[0], sink, sizeof sink), 1, sizeof sink);
    assert_int_equal(finish(&writer), 10);
    assert_int_equal(read(pipes[0], sink, sizeof sink), 10);
    close_all(pipes + 1, 1);
    set_io(&probe, OP_READ, pipes[0], probe.buf, sizeof probe.buf);
    assert_int_equal(run(&probe), 0);
    close_all(pipes, 1);
}

static void vectors_and_messages(void **state)
{
    char a[3], b[10];
    struct iovec out[] = { { (char *)"abc", 3 }, { (char *)"defg", 4 } };
    struct iovec in[] = { { a, sizeof a }, { b, sizeof b } };
    struct msghdr header = { .msg_iov = in, .msg_iovlen = 2 };
    struct probe probe;
    int pair[2];

    (void)state;
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
    set(&probe, OP_WRITEV, pair[0]);
    probe.op.u.vec.iov = out;
    probe.op.u.vec.len = 2;
    probe.op.u.vec.offset = -1;
    assert_int_equal(run(&probe), 7);
    set(&probe, OP_READV, pair[1]);
    probe.op.u.vec.iov = in;
    probe.op.u.vec.len = 2;
    probe.op.u.vec.offset = -1;
    assert_int_equal(run(&probe), 7);
    assert_memory_equal(a, "abc", 3);
    assert_memory_equal(b, "defg", 4);
    set(&probe, OP_RECVMSG, pair[1]);
    probe.op.u.msg.header = &header;
    start(&probe);
    assert_waiting(&probe);
    put(pair[0], "xyz!");
    assert_int_equal(finish(&probe), 4);
    assert_memory_equal(a, "xyz", 3);
    close_all(pair, 2);
}

static void accept_waits_and_takes_one_each(void **state)
{
    struct sockaddr_in addr, peer;
    socklen_t peer_len = sizeof peer;
    struct probe first, second;
    int fds[5];

    (void)state;
    fds[0] = make_listener(&addr);
    set(&first, OP_ACCEPT, fds[0]);
    first.op.u.accept.addr = (struct sockaddr *)&peer;
    first.op.u.accept.addr_len = &peer_len;
    first.op.u.accept.flags = SOCK_CLOEXEC;
    start(&first);
    set(&second, OP_ACCEPT, fds[0]);
    second.op.u.accept.flags = SOCK_CLOEXEC;
    start(&second);
    assert_waiting(&first);
    for (int i = 1; i <= 2; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_return_code(connect(fds[i], (struct sockaddr *)&addr, sizeof addr), errno);
        fds[i + 2] = (int)finish(i == 1 ? &first : &second);
        assert_return_code(fds[i + 2], -fds[i + 2]);
        if (i == 1)
            assert_waiting(&second);
    }
    assert_int_equal(peer.sin_family, AF_INET);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    close_all(fds, 5);
}

static int make_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    descriptors_set_ours(fd, true);
    ops->born(backend, fd);
    return fd;
}

static void start_connect(struct probe *probe, int fd, const struct sockaddr_in *addr)
{
    set(probe, OP_CONNECT, fd);
    probe->op.u.connect.addr = (const struct sockaddr *)addr;
    probe->op.u.connect.addr_len = sizeof *addr;
    start(probe);
}

static void connect_succeeds_or_is_refused(void **state)
{
    struct sockaddr_in addr;
    struct probe probe;
    int fds[3];

    (void)state;
    fds[0] = make_listener(&addr);
    fds[1] = make_socket();
    start_connect(&probe, fds[1], &addr);
    assert_int_equal(finish(&probe), 0);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    start_connect(&probe, fds[1], &addr);
    assert_int_equal(finish(&probe), -EISCONN);
    close_all(fds, 1);
    fds[2] = make_socket();
    start_connect(&probe, fds[2], &addr);
    assert_int_equal(finish(&probe), -ECONNREFUSED);
    close_all(fds + 1, 2);
}

/* Nobody answers when the backlog is full. */
static void cancelled_connect_leaves_a_usable_socket(void **state)
{
    struct sockaddr_in full, addr;
    struct probe probe, fillers[3];
    int fds[6];

    (void)state;
    fds[0] = make_listener(&full);
    assert_return_code(listen(fds[0], 0), errno);
    fds[1] = make_listener(&addr);
    for (int i = 0; i < 3; i++) {
        fds[2 + i] = make_socket();
        start_connect(&fillers[i], fds[2 + i], &full);
        turns(2 * MS);
    }
    fds[5] = make_socket();
    start_connect(&probe, fds[5], &full);
    assert_waiting(&probe);
    cancel(&probe);
    assert_int_equal(finish(&probe), -ECANCELED);
    start_connect(&probe, fds[5], &addr);
    assert_int_equal(finish(&probe), 0);
    for (int i = 0; i < 3; i++)
        if (!fillers[i].told)
            cancel(&fillers[i]);
    for (int i = 0; i < 3; i++)
        finish(&fillers[i]);
    close_all(fds, 6);
}

static void poll_reports_what_it_was_asked_for(void **state)
{
    struct probe reader, both, hangup;
    int pair[2];

    (void)state;
    make_pair(pair);
    start_poll(&both, pair[0], POLLIN | POLLOUT);
    assert_int_equal(finish(&both), POLLOUT);
    start_poll(&reader, pair[0], POLLIN);
    start_poll(&hangup, pair[0], POLLRDHUP);
    assert_waiting(&reader);
    put(pair[1], "x");
    assert_int_equal(finish(&reader), POLLIN);
    assert_waiting(&hangup);
    shutdown(pair[1], SHUT_WR);
    assert_true(finish(&hangup) & POLLRDHUP);
    start_poll(&reader, 900, POLLIN);
    if (finish(&reader) != -EBADF)
        assert_int_equal(reader.op.result, POLLNVAL);
    close_all(pair, 2);
}

static void poll_does_not_stand_in_a_readers_way(void **state)
{
    struct probe urgent, reader;
    int pair[2];

    (void)state;
    make_pair(pair);
    start_poll(&urgent, pair[0], POLLPRI);
    start_recv(&reader, pair[0]);
    assert_waiting(&reader);
    put(pair[1], "x");
    assert_got(&reader, "x");
    assert_int_equal(urgent.told, 0);
    cancel(&urgent);
    assert_int_equal(finish(&urgent), -ECANCELED);
    close_all(pair, 2);
}

static void eventfd_and_timerfd_wait(void **state)
{
    struct itimerspec soon = { .it_value.tv_nsec = 5 * MS };
    uint64_t count = 3;
    struct probe probe;
    int fds[2];

    (void)state;
    fds[0] = eventfd(0, EFD_CLOEXEC);
    fds[1] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    for (int i = 0; i < 2; i++) {
        set_io(&probe, OP_READ, fds[0], &count, sizeof count);
        start(&probe);
        assert_waiting(&probe);
        assert_return_code(eventfd_write(fds[0], 7), errno);
        assert_int_equal(finish(&probe), 8);
        assert_int_equal(count, 7);
    }
    assert_return_code(timerfd_settime(fds[1], 0, &soon, NULL), errno);
    set_io(&probe, OP_READ, fds[1], &count, sizeof count);
    start(&probe);
    assert_int_equal(finish(&probe), 8);
    assert_int_equal(count, 1);
    close_all(fds, 2);
}

/* From a file that is not in memory, as far as the kernel drops it, to a peer that reads slowly, on
   a socket of ours and on a foreign one. */
static void sendfile_sends_all(void **state)
{
    static char out[300000], in[sizeof out];
    bool ours = *state != NULL;
    char path[] = "/tmp/dure-test-XXXXXX";
    int pair[2], file = mkstemp(path);
    size_t sent = 0, got = 0;
    off_t offset = 0;
    struct probe probe = { .told = 1 };

    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 7 + i / 251);
    unlink(path);
    assert_int_equal(write(file, out, sizeof out), sizeof out);
    fdatasync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    make_pair(pair);
    descriptors_set_ours(pair[0], ours);
    while (got < sizeof in) {
        if (probe.told && sent < sizeof out) {
            set(&probe, OP_SENDFILE, pair[0]);
            probe.op.u.sendfile.in_fd = file;
            probe.op.u.sendfile.offset = &offset;
            probe.op.u.sendfile.len = sizeof out - sent;
            start(&probe);
        }
        if (!probe.told) {
            got += (size_t)recv(pair[1], in + got, 1000, 0);
            ops->collect(backend, 0);
        }
        if (probe.told && sent < sizeof out) {
            assert_in_range(probe.op.result, 1, sizeof out - sent);
            sent += (size_t)probe.op.result;
        }
        if (sent == sizeof out)
            got += (size_t)recv(pair[1], in + got, sizeof in - got, 0);
    }
    assert_memory_equal(in, out, sizeof out);
    assert_int_equal(offset, sizeof out);
    assert_int_equal(fcntl(pair[0], F_GETFL) & O_NONBLOCK, 0);
    close(file);
    close_all(pair, 2);
}

static void sendfile_sends_all_on_ours(void **state)
{
    bool ours = true;
    void *flag = &ours;

    (void)state;
    sendfile_sends_all(&flag);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(recv_waits_for_data),
        TEST(a_burst_larger_than_the_buffer_is_read_in_pieces),
        TEST(data_and_end_together_are_two_results),
        TEST(read_and_write_on_a_pipe),
        TEST(vectors_and_messages),
        TEST(accept_waits_and_takes_one_each),
        TEST(connect_succeeds_or_is_refused),
        TEST(cancelled_connect_leaves_a_usable_socket),
        TEST(poll_reports_what_it_was_asked_for),
        TEST(poll_does_not_stand_in_a_readers_way),
        TEST(eventfd_and_timerfd_wait),
        TEST(sendfile_sends_all),
        TEST(sendfile_sends_all_on_ours),
    };

    return run_over_backends(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
