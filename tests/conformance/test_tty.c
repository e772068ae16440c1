/* Terminals: lines, hang-ups, and waiting until all is sent. */
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>

/* The slave takes lines, and does not send them back. */
static bool make_lines(int *master, int *slave)
{
    struct termios lines;

    if (!make_pty(master, slave) || !CHECK_EQ(tcgetattr(*slave, &lines), 0))
        return false;
    lines.c_iflag |= ICRNL;
    lines.c_lflag |= ICANON;
    lines.c_lflag &= ~(tcflag_t)ECHO;
    lines.c_cc[VEOF] = 4;
    lines.c_cc[VERASE] = 127;
    return CHECK_EQ(tcsetattr(*slave, TCSANOW, &lines), 0);
}

static bool lines(struct waiting *w)
{
    return make_lines(&w->other, &w->fd);
}

/* Half a line is none. */
static bool half_a_line(struct waiting *w)
{
    return lines(w) && CHECK_EQ(write(w->other, "ab", 2), 2);
}

static void end_line(struct waiting *w)
{
    CHECK_EQ(write(w->other, "c\n", 2), 2);
}

static void end_file(struct waiting *w)
{
    CHECK_EQ(write(w->other, "\4", 1), 1);
}

static int64_t read_line(struct waiting *w)
{
    char buf[16];
    ssize_t n = dure_read(w->fd, buf, sizeof buf);

    if (n > 0)
        CHECK(buf[n - 1] == '\n');
    return n;
}

static int64_t poll_line(struct waiting *w)
{
    struct pollfd fd = { .fd = w->fd, .events = POLLIN };

    return dure_poll(&fd, 1, -1);
}

static const struct waiting_kind kinds[] = {
    { "read, a line", lines, read_line, end_line, 2, EAGAIN, 0, NULL },
    { "read, half a line", half_a_line, read_line, end_line, -1, EAGAIN, WAITING_ALONE, NULL },
    { "read, end of file", lines, read_line, end_file, 0, EAGAIN, 0, NULL },
    { "poll, half a line", half_a_line, poll_line, end_line, 1, 0, WAITING_POLL, NULL },
};

WAITING_TESTS

/* --- what lines are --- */

TEST(lines_are_edited_and_split)
{
    int master, slave;
    char buf[16];

    if (!make_lines(&master, &slave))
        return;
    CHECK_EQ(dure_write_all(master, "ax\177b\rnext\n", 10), 10);
    CHECK_EQ(dure_read(slave, buf, 2), 2); /* the rest of a line is for the next read */
    CHECK(memcmp(buf, "ab", 2) == 0);
    CHECK_EQ(dure_read(slave, buf, sizeof buf), 1);
    CHECK_EQ(dure_read(slave, buf, sizeof buf), 5);
    CHECK_EQ(dure_close(master), 0);
    CHECK_EQ(dure_close(slave), 0);
}

/* --- hang-ups --- */

static int64_t read_slave(void *arg)
{
    return dure_read(*(int *)arg, &(char){ 0 }, 1);
}

/* The master goes away: EIO or the end of file for whoever reads at that moment, as the kernel's own
   wake-ups fall; the end of file for later readers, EIO for writers. */
TEST(master_goes_away)
{
    struct background b;
    int master, slave, i;
    dure_scope scope;

    for (i = 0; i < 2; i++) {
        if (!make_lines(&master, &slave))
            return;
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i), read_slave, &slave);
        CHECK(!atomic_load(&b.done));
        CHECK_EQ(dure_close(master), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        if (b.result != 0)
            CHECK_EQ(b.error, EIO);
        CHECK_EQ(read_slave(&slave), 0);
        CHECK_FAILS(dure_write(slave, "x", 1), EIO);
        CHECK_FAILS(dure_tcdrain(slave), EIO);
        CHECK_EQ(dure_close(slave), 0);
    }
}

/* The last slave goes away: EIO for the master's reader, after what had come. */
TEST(slave_goes_away)
{
    struct background b;
    int master, slave, i;
    dure_scope scope;
    char byte;

    for (i = 0; i < 2; i++) {
        if (!make_pty(&master, &slave))
            return;
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i), read_slave, &master);
        CHECK(!atomic_load(&b.done));
        CHECK_EQ(dure_close(slave), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(b.result, -1);
        CHECK_EQ(b.error, EIO);
        slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        CHECK_EQ(dure_write(slave, "x", 1), 1);
        CHECK_EQ(dure_close(slave), 0);
        CHECK_EQ(dure_read(master, &byte, 1), 1);
        CHECK_FAILS(dure_read(master, &byte, 1), EIO);
        CHECK_EQ(dure_close(master), 0);
    }
}

/* --- until all is sent --- */

static void check_drain(void)
{
    int master, slave, fds[2];
    struct termios termios;
    dure_scope scope;

    if (!make_pty(&master, &slave))
        return;
    CHECK_EQ(write(slave, "x", 1), 1);
    CHECK_EQ(dure_tcdrain(slave), 0);
    CHECK_EQ(tcgetattr(slave, &termios), 0);
    termios.c_lflag |= ICANON;
    CHECK_EQ(dure_tcsetattr(slave, TCSADRAIN, &termios), 0);
    termios.c_lflag = 0;
    CHECK_EQ(tcgetattr(slave, &termios), 0);
    CHECK(termios.c_lflag & ICANON);
    CHECK_EQ(dure_tcsetattr(slave, TCSANOW, &termios), 0);
    CHECK_FAILS(dure_tcsetattr(slave, 77, &termios), EINVAL);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_tcdrain(slave), ECANCELED);
    CHECK_FAILS(dure_tcsetattr(slave, TCSAFLUSH, &termios), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(dure_close(master), 0);
    CHECK_EQ(dure_close(slave), 0);
    CHECK_FAILS(dure_tcdrain(-1), EBADF);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_FAILS(dure_tcdrain(fds[1]), ENOTTY);
    CHECK_FAILS(dure_tcsetattr(fds[1], TCSADRAIN, &termios), ENOTTY);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

TEST(drain_and_set)
{
    check_drain();
}

TEST_OUTSIDE(drain_and_set_outside)
{
    dure_scope scope;

    check_drain();
    dure_scope_open(&scope);
    check_drain();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(lines_are_edited_and_split),
        cmocka_unit_test(master_goes_away),
        cmocka_unit_test(slave_goes_away),
        cmocka_unit_test(drain_and_set),
        cmocka_unit_test(drain_and_set_outside),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}
