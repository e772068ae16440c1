/* The twins that make descriptors and ask about them; none of them waits but fcntl for a lock. */
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/un.h>

/* --- waiting for a lock --- */

/* Two descriptions of a file; the other one holds the lock. */
static bool locked(struct waiting *w)
{
    struct flock lock = { .l_type = F_WRLCK };
    char path[64];

    w->fd = make_file("x", 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", w->fd);
    w->other = open(path, O_RDWR | O_CLOEXEC);
    return CHECK(w->other >= 0) && CHECK_EQ(plain_fcntl(w->other, F_OFD_SETLK, &lock), 0);
}

static void release(struct waiting *w)
{
    struct flock lock = { .l_type = F_UNLCK };

    CHECK_EQ(plain_fcntl(w->other, F_OFD_SETLK, &lock), 0);
}

static int64_t call_lock(struct waiting *w)
{
    struct flock lock = { .l_type = F_WRLCK };

    return dure_fcntl(w->fd, F_OFD_SETLKW, &lock);
}

static bool flocked(struct waiting *w)
{
    char path[64];

    w->fd = make_file("x", 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", w->fd);
    w->other = open(path, O_RDWR | O_CLOEXEC);
    return CHECK(w->other >= 0) && CHECK_EQ(flock(w->other, LOCK_EX), 0);
}

static void unflock(struct waiting *w)
{
    CHECK_EQ(dure_flock(w->other, LOCK_UN), 0);
}

static int64_t call_flock(struct waiting *w)
{
    return dure_flock(w->fd, LOCK_EX);
}

static const struct waiting_kind kinds[] = {
    { "fcntl, lock", locked, call_lock, release, 0, 0, WAITING_ALONE | WAITING_REAL, NULL },
    { "flock", flocked, call_flock, unflock, 0, 0, WAITING_ALONE | WAITING_REAL, NULL },
};

WAITING_TESTS

/* --- the others, each beside the plain call --- */

static void close_both(int fds[2])
{
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(sockets)
{
    int value = 0, one = 1, fd, fds[2];
    socklen_t len = sizeof value;

    fd = dure_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(plain_fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK(plain_fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK_EQ(dure_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    CHECK_EQ(dure_getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &len), 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(len, sizeof value);
    CHECK_FAILS(dure_setsockopt(fd, SOL_SOCKET, 99999, &one, sizeof one), ENOPROTOOPT);
    CHECK_FAILS(dure_getsockopt(fd, SOL_SOCKET, 99999, &value, &len), ENOPROTOOPT);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_FAILS(dure_socket(AF_INET, 12345, 0), EINVAL);
    CHECK_FAILS(dure_socket(12345, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_FAILS(dure_socketpair(AF_INET, SOCK_STREAM, 0, fds), EOPNOTSUPP);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    CHECK(plain_fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(plain_fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    close_both(fds);
}

TEST(names_and_listening)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in got = { 0 };
    socklen_t len = sizeof got;
    int fd = dure_socket(AF_INET, SOCK_STREAM, 0), other = dure_socket(AF_INET, SOCK_STREAM, 0);

    CHECK_EQ(dure_bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    CHECK_FAILS(dure_bind(fd, (struct sockaddr *)&addr, sizeof addr), EINVAL);
    CHECK_EQ(dure_getsockname(fd, (struct sockaddr *)&got, &len), 0);
    CHECK_EQ(len, sizeof got);
    CHECK(got.sin_port != 0);
    CHECK_FAILS(dure_getpeername(fd, (struct sockaddr *)&got, &len), ENOTCONN);
    CHECK_EQ(dure_listen(fd, 4), 0);
    CHECK_FAILS(dure_bind(other, (struct sockaddr *)&got, sizeof got), EADDRINUSE);
    CHECK_EQ(dure_connect(other, (struct sockaddr *)&got, sizeof got), 0);
    memset(&addr, 0, sizeof addr);
    len = sizeof addr;
    CHECK_EQ(dure_getpeername(other, (struct sockaddr *)&addr, &len), 0);
    CHECK_EQ(addr.sin_port, got.sin_port);
    CHECK_EQ(dure_shutdown(other, SHUT_WR), 0);
    CHECK_FAILS(dure_send(other, "x", 1, 0), EPIPE);
    CHECK_FAILS(dure_shutdown(other, 77), EINVAL);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_close(other), 0);
}

TEST(bad_descriptors)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    struct sockaddr *any = (struct sockaddr *)&addr;
    socklen_t len = sizeof addr, value_len = sizeof(int);
    int value = 0, fds[2];

    CHECK_FAILS(dure_bind(-1, any, len), EBADF);
    CHECK_FAILS(dure_listen(-1, 1), EBADF);
    CHECK_FAILS(dure_setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &value, value_len), EBADF);
    CHECK_FAILS(dure_getsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &value, &value_len), EBADF);
    CHECK_FAILS(dure_getsockname(-1, any, &len), EBADF);
    CHECK_FAILS(dure_getpeername(-1, any, &len), EBADF);
    CHECK_FAILS(dure_shutdown(-1, SHUT_RD), EBADF);
    CHECK_FAILS(dure_fcntl(-1, F_GETFL), EBADF);
    CHECK_FAILS(dure_fcntl(-1, F_SETFL, O_NONBLOCK), EBADF);
    CHECK_FAILS(dure_fcntl(900, F_GETFD), EBADF);
    CHECK_FAILS(dure_fcntl(-1, F_OFD_SETLKW, &(struct flock){ .l_type = F_RDLCK }), EBADF);
    CHECK_FAILS(dure_dup(-1), EBADF);
    CHECK_FAILS(dure_dup(900), EBADF);
    CHECK_FAILS(dure_pipe2(fds, 0x40000000), EINVAL);
    CHECK_EQ(dure_pipe2(fds, 0), 0);
    CHECK_FAILS(dure_listen(fds[0], 1), ENOTSOCK);
    CHECK_FAILS(dure_bind(fds[0], any, len), ENOTSOCK);
    close_both(fds);
}

TEST(flags_and_duplicates)
{
    int fds[2], twin, high;
    char byte;

    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK_FAILS(dure_read(fds[0], &byte, 1), EAGAIN);
    CHECK_EQ(dure_fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(dure_fcntl(fds[0], F_SETFD, 0), 0);
    CHECK_EQ(dure_fcntl(fds[0], F_GETFD), 0);
    CHECK_EQ(dure_fcntl(fds[0], F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDONLY);
    CHECK_EQ(dure_fcntl(fds[1], F_GETPIPE_SZ), plain_fcntl(fds[1], F_GETPIPE_SZ));
    twin = dure_dup(fds[1]);
    high = dure_fcntl(fds[0], F_DUPFD_CLOEXEC, 200);
    CHECK(high >= 200);
    CHECK_EQ(dure_fcntl(high, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(dure_write(twin, "d", 1), 1);
    CHECK_EQ(dure_read(high, &byte, 1), 1);
    CHECK_EQ(byte, 'd');
    /* O_NONBLOCK belongs to the description: set by one number, it holds for the other. */
    CHECK_EQ(dure_fcntl(high, F_SETFL, 0), 0);
    CHECK_EQ(dure_fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(dure_fcntl(high, F_SETFL, O_NONBLOCK), 0);
    CHECK_FAILS(dure_read(fds[0], &byte, 1), EAGAIN);
    CHECK_FAILS(dure_read(high, &byte, 1), EAGAIN);
    CHECK_EQ(dure_close(fds[1]), 0);
    CHECK_EQ(dure_write(twin, "e", 1), 1); /* the other number still writes */
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_read(high, &byte, 1), 1);
    CHECK_EQ(dure_close(twin), 0);
    CHECK_EQ(dure_read(high, &byte, 1), 0);
    CHECK_FAILS(dure_fcntl(high, F_DUPFD, -1), EINVAL);
    CHECK_EQ(dure_close(high), 0);
}

/* A duplicate of what came from elsewhere is from elsewhere: its O_NONBLOCK is not flipped, which
   its first owner would see. */
static int64_t accept_one(void *arg)
{
    int fd = dure_accept(*(int *)arg, NULL, NULL);

    return fd < 0 ? fd : dure_close(fd);
}

TEST(duplicates_of_listeners)
{
    struct sockaddr_storage addr;
    struct background b, c;
    socklen_t len;
    dure_scope scope;
    int plain, listener, twin, client[2], i;

    for (plain = 0; plain < 2; plain++) {
        listener = make_listener(AF_INET, plain, &addr, &len);
        twin = dure_dup(listener);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_THIS_LOOP, accept_one, &twin);
        background_start(&c, &scope, DURE_LOOP(1), accept_one, &listener);
        CHECK_EQ(plain_fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
        for (i = 0; i < 2; i++) {
            client[i] = dure_socket(AF_INET, SOCK_STREAM, 0);
            CHECK_EQ(dure_connect(client[i], (struct sockaddr *)&addr, len), 0);
        }
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(b.result, 0);
        CHECK_EQ(c.result, 0);
        CHECK_EQ(plain_fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
        close_both(client);
        CHECK_EQ(dure_close(twin), 0);
        CHECK_EQ(dure_close(listener), 0);
    }
}

/* A plain thread watches a listener that dure did not make, while tasks accept from its
   duplicate: it never has O_NONBLOCK, not for an instant. */
struct watched {
    int fd;
    atomic_bool stop;
    atomic_uint looks, seen;
};

static void *watch_flags(void *arg)
{
    struct watched *watched = arg;

    while (!atomic_load(&watched->stop)) {
        atomic_fetch_add(&watched->looks, 1);
        atomic_fetch_add(&watched->seen, (plain_fcntl(watched->fd, F_GETFL) & O_NONBLOCK) != 0);
    }
    return NULL;
}

static int64_t accept_many(void *arg)
{
    int i;

    for (i = 0; i < 200; i++)
        CHECK_EQ(accept_one(arg), 0);
    return 0;
}

TEST(foreign_flags_are_never_flipped)
{
    struct sockaddr_storage addr;
    struct watched watched;
    struct background b;
    pthread_t thread;
    dure_scope scope;
    socklen_t len;
    int twin, fd, i;

    NOT_SIMULATED("nothing is foreign there");
    watched = (struct watched){ .fd = make_listener(AF_INET, true, &addr, &len) };
    twin = dure_dup(watched.fd);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), accept_many, &twin);
    CHECK_EQ(pthread_create(&thread, NULL, watch_flags, &watched), 0);
    for (i = 0; i < 200; i++) {
        fd = dure_socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(dure_connect(fd, (struct sockaddr *)&addr, len), 0);
        CHECK_EQ(dure_close(fd), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    atomic_store(&watched.stop, true);
    pthread_join(thread, NULL);
    CHECK(atomic_load(&watched.looks) > 0);
    CHECK_EQ(atomic_load(&watched.seen), 0);
    CHECK_EQ(dure_close(twin), 0);
    CHECK_EQ(dure_close(watched.fd), 0);
}

/* A cancelled scope does not keep anybody from making and asking: these calls never wait. */
TEST(no_wait_no_cancel)
{
    dure_scope scope;
    int fds[2], fd;

    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    fd = dure_dup(fds[0]);
    CHECK(fd >= 0);
    CHECK_EQ(dure_fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(dure_close(fd), 0); /* always effective */
    close_both(fds);
    CHECK_EQ(dure_scope_close(&scope), -1);
}

/* Locks are the kernel's: F_SETLK says so at once, F_GETLK tells who holds it. */
TEST(locks_at_once)
{
    struct flock lock = { .l_type = F_WRLCK };
    struct waiting w = { .more = { -1, -1, -1 } };

    NOT_SIMULATED("there is no /proc to open a file by");
    CHECK(locked(&w));
    CHECK_FAILS(dure_fcntl(w.fd, F_OFD_SETLK, &lock), EAGAIN);
    CHECK_EQ(dure_fcntl(w.fd, F_OFD_GETLK, &lock), 0);
    CHECK_EQ(lock.l_type, F_WRLCK);
    release(&w);
    CHECK_EQ(dure_fcntl(w.fd, F_OFD_SETLKW, &(struct flock){ .l_type = F_WRLCK }), 0);
    CHECK_EQ(dure_close(w.fd), 0);
    CHECK_EQ(dure_close(w.other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(sockets),
        cmocka_unit_test(names_and_listening),
        cmocka_unit_test(bad_descriptors),
        cmocka_unit_test(flags_and_duplicates),
        cmocka_unit_test(duplicates_of_listeners),
        cmocka_unit_test(foreign_flags_are_never_flipped),
        cmocka_unit_test(no_wait_no_cancel),
        cmocka_unit_test(locks_at_once),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
