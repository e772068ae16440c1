/* Locks that belong to a process: another one holds them. */
#include "waiting.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

/* What the holder does: nothing that is unsafe after a fork of one thread of many. */
static void hold(const char *path, int told, int asked)
{
    struct flock lock = { .l_type = F_WRLCK };
    int fd = open(path, O_RDWR);
    char byte = 'l';

    if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || write(told, &byte, 1) != 1)
        _exit(1);
    if (read(asked, &byte, 1) == 1) { /* else nobody wants it any more */
        lock.l_type = F_UNLCK;
        fcntl(fd, F_SETLK, &lock);
        _exit(write(told, &byte, 1) != 1);
    }
    _exit(0);
}

/* The holder's parent ends at once, so that nobody has to wait for it. */
static bool locked_elsewhere(struct waiting *w)
{
    int told[2], asked[2];
    char byte;
    pid_t pid;

    strcpy(w->path, "/tmp/dure-conformance-XXXXXX");
    w->fd = mkostemp(w->path, O_CLOEXEC);
    if (!CHECK(w->fd >= 0) || !CHECK_EQ(pipe2(told, O_CLOEXEC), 0) ||
        !CHECK_EQ(pipe2(asked, O_CLOEXEC), 0))
        return false;
    pid = fork();
    if (pid == 0) {
        close(asked[1]);
        if (fork() == 0)
            hold(w->path, told[1], asked[0]);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    close(told[1]);
    close(asked[0]);
    w->more[0] = told[0];
    w->other = asked[1];
    return CHECK_EQ(read(told[0], &byte, 1), 1);
}

static void let_go(struct waiting *w)
{
    char byte = 'u';

    if (write(w->other, &byte, 1) == 1)
        CHECK_EQ(read(w->more[0], &byte, 1), 1);
}

static int64_t call_fcntl(struct waiting *w)
{
    struct flock lock = { .l_type = F_WRLCK };

    return dure_fcntl(w->fd, F_SETLKW, &lock);
}

static int64_t call_lockf(struct waiting *w)
{
    return dure_lockf(w->fd, F_LOCK, 0);
}

static const struct waiting_kind kinds[] = {
    { "fcntl, a process's lock", locked_elsewhere, call_fcntl, let_go, 0, 0, WAITING_ALONE, NULL },
    { "lockf", locked_elsewhere, call_lockf, let_go, 0, 0, WAITING_ALONE, NULL },
};

WAITING_TESTS

/* --- what does not wait --- */

static void check_answers(void)
{
    int fd = make_file("0123456789", 10);
    struct waiting w = { .fd = -1, .other = -1, .more = { -1, -1, -1 } };

    CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
    CHECK_EQ(dure_lockf(fd, F_LOCK, 2), 0); /* from its position on */
    CHECK_EQ(dure_lockf(fd, F_TEST, 0), 0); /* its own is no obstacle */
    CHECK_EQ(dure_lockf(fd, F_TLOCK, -5), 0);
    CHECK_EQ(dure_lockf(fd, F_ULOCK, 0), 0);
    CHECK_FAILS(dure_lockf(fd, 77, 0), EINVAL);
    CHECK_FAILS(dure_lockf(fd, F_LOCK, -6), EINVAL);
    CHECK_FAILS(dure_lockf(-1, F_LOCK, 0), EBADF);
    CHECK_FAILS(dure_fcntl(fd, F_SETLKW, NULL), EFAULT);
    CHECK_EQ(dure_close(fd), 0);
    if (!locked_elsewhere(&w))
        return;
    CHECK_FAILS(dure_lockf(w.fd, F_TLOCK, 0), EAGAIN);
    CHECK_FAILS(dure_lockf(w.fd, F_TEST, 0), EACCES);
    let_go(&w);
    CHECK_EQ(dure_lockf(w.fd, F_TLOCK, 0), 0);
    CHECK_EQ(dure_close(w.fd), 0);
    CHECK_EQ(dure_close(w.other), 0);
    CHECK_EQ(dure_close(w.more[0]), 0);
    unlink(w.path);
}

TEST(answers)
{
    check_answers();
}

TEST_OUTSIDE(answers_outside)
{
    dure_scope scope;

    check_answers();
    dure_scope_open(&scope);
    check_answers();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* An unlock is always effective. */
static void check_unlock(void)
{
    struct flock lock = { .l_type = F_WRLCK }, none = { .l_type = F_UNLCK };
    int fd = make_file("x", 1), other;
    char path[64];
    dure_scope scope;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    other = open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(dure_fcntl(fd, F_OFD_SETLKW, &lock), 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_fcntl(fd, F_OFD_SETLKW, &lock), ECANCELED);
    CHECK_FAILS(dure_lockf(fd, F_LOCK, 0), ECANCELED);
    CHECK_EQ(dure_fcntl(fd, F_OFD_SETLKW, &none), 0);
    CHECK_EQ(dure_lockf(fd, F_ULOCK, 0), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(fcntl(other, F_OFD_SETLK, &lock), 0);
    CHECK_EQ(dure_close(other), 0);
    CHECK_EQ(dure_close(fd), 0);
}

TEST(unlock_is_never_canceled)
{
    check_unlock();
}

TEST_OUTSIDE(unlock_on_a_thread)
{
    check_unlock();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_outside),
        cmocka_unit_test(unlock_is_never_canceled),
        cmocka_unit_test(unlock_on_a_thread),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
